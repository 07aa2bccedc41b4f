"""A set of disjoint half-open ranges, to know what is already taken."""

from bisect import bisect_left, bisect_right


class Cover:
    """Ranges of integers in order; adding and asking take logarithmic time (and a move of memory)."""

    __slots__ = ("_starts", "_stops")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def add(self, start: int, stop: int) -> None:
        """Take a range that touches none of those taken."""
        if not self._stops or start >= self._stops[-1]:
            self._starts.append(start)
            self._stops.append(stop)
            return
        at = bisect_left(self._starts, start)
        self._starts.insert(at, start)
        self._stops.insert(at, stop)

    def free(self, start: int, stop: int) -> list[tuple[int, int]]:
        """List the parts of a range that are not taken."""
        starts, stops = self._starts, self._stops
        if not stops or start >= stops[-1]:
            return [(start, stop)]
        parts, begin = [], start
        at = bisect_right(stops, start)
        while at < len(starts) and starts[at] < stop:
            if begin < starts[at]:
                parts.append((begin, starts[at]))
            begin = stops[at]
            at += 1
        if begin < stop:
            parts.append((begin, stop))
        return parts

    def touches(self, start: int, stop: int) -> bool:
        """Say whether any of a range is taken; an empty range is where it lies inside of a taken one."""
        at = bisect_right(self._stops, start)
        return at < len(self._starts) and self._starts[at] < stop

    def holds(self, start: int, stop: int) -> bool:
        """Say whether all of a range is taken by one taken range."""
        at = bisect_right(self._stops, start)
        return at < len(self._starts) and self._starts[at] <= start and stop <= self._stops[at]
