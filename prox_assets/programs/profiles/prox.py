"""The ProX profile: what the code released with ProX does with a program, its defects included.

For reproducing corpora that were published with it, and for measuring the difference. It gives the released
executor's texts without its cost: a range of 30 million lines takes no time here. docs/prox_profile.md lists
where it and the default part. Behaviour of GAIR-NLP/ProX at b3fcbb2; `benchmarks/programs_reference.py`
compares the two.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from prox_assets.chunking import Chunk
from prox_assets.programs.executor import Execution
from prox_assets.programs.program import Reason, Status

_FEW_WORDS = 10


@dataclass(frozen=True, slots=True)
class ReleasedLimits:
    """The released thresholds, in words of `str.split()` and in errors a document."""

    removed_share: float = 0.95
    kept_share: float = 0.0
    errors: int = 2


class ReleasedRun(NamedTuple):
    """The text after all calls, and how many of the program's lines counted as errors."""

    text: str
    errors: int


def keep_as_released(program: str) -> bool:
    """Decide by a document program: anything with "drop" in it drops."""
    return "drop" not in program


def joined_as_released(outputs: Iterable[str]) -> str:
    """Make one program of the texts that the model wrote for a document's chunks."""
    return "\n".join(output.strip(" ") for output in outputs)


def execute_as_released(text: str, program: str, limits: ReleasedLimits | None = None) -> str:
    """Execute the joined programs of a document; "" means that the document is given up.

    Raises ZeroDivisionError for a document of white space only, as the released code does.
    """
    limits = limits or ReleasedLimits()
    run = run_as_released(text, program)
    words = len(run.text.split())
    share = words / len(text.split())
    believed = run.errors < limits.errors
    if (believed and share <= 1 - limits.removed_share) or words <= _FEW_WORDS:
        return ""
    return run.text if believed and share >= limits.kept_share else text


def execution_as_released(text: str, outputs: Iterable[str]) -> Execution:
    """Do the same for the pipeline: a status in place of an exception; there is no edit record."""
    if not text.strip():
        return Execution(text, (), Status.KEPT, Reason.DIVISION_BY_ZERO)
    refined = execute_as_released(text, joined_as_released(outputs))
    if refined:
        return Execution(refined, (), Status.KEPT, Reason.NONE)
    return Execution("", (), Status.EMPTIED, Reason.RELEASED_RULE)


def run_as_released(text: str, program: str) -> ReleasedRun:
    """Run every line of a program in order, without the thresholds."""
    run = _Run(text)
    for line in program.strip(" ").split("\n"):
        if line.startswith("normalize"):
            run.normalize(line)
        elif line.startswith("remove_lines"):
            run.remove(line)
    return run.result()


class _Run:
    """The state of one execution: normalizing acts at once on the whole document, removing at the end."""

    def __init__(self, text: str) -> None:
        self._text, self._errors, self._everything = text, 0, False
        self._ranges: list[tuple[int, int]] = []

    def normalize(self, line: str) -> None:
        inside = self._inside(line)
        if inside is None:
            return
        arguments = [_after_equals(part) for part in inside.split(",")]
        if len(arguments) > 2:
            return
        if None in arguments:
            self._errors += 1
            return
        source, *target = [argument.strip('"') for argument in arguments if argument is not None]
        if not target or source not in ("", " "):
            self._text = self._text.replace(source, target[0] if target else "")

    def remove(self, line: str) -> None:
        if "all=True" in line:
            self._everything = True
            return
        inside = self._inside(line)
        if inside is None:
            return
        first, last, *_ = [*(_number(part) for part in inside.split(",")), None, None]
        if first is None or last is None:
            self._errors += 1
        else:
            self._ranges.append((first, last))

    def _inside(self, line: str) -> str | None:
        """What stands in the brackets; without a closing one, all but the last character."""
        opening, closing = line.find("("), line.find(")")
        if opening < 0 or closing < 0:
            self._errors += 1
        return None if opening < 0 else line[opening + 1 : closing]

    def result(self) -> ReleasedRun:
        lines = self._text.split("\n")
        gone = bytearray(len(lines))
        for first, last in _merged(self._ranges):
            self._errors += last >= len(lines) or first >= len(lines)
        for first, last in self._ranges:
            begin, end = max(first, 0), min(last + 1, len(lines))
            if begin < end:
                gone[begin:end] = b"\x01" * (end - begin)
        kept = (
            []
            if self._everything
            else [line for line, removed in zip(lines, gone, strict=True) if not removed]
        )
        return ReleasedRun("\n".join(kept), self._errors)


def _after_equals(part: str) -> str | None:
    """What stands between the first "=" and the second, if there is one."""
    pieces = part.split("=")
    return pieces[1] if len(pieces) > 1 else None


def _number(part: str) -> int | None:
    value = _after_equals(part)
    try:
        return None if value is None else int(value)
    except ValueError:
        return None


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge ranges that overlap or touch, in order of their starts, reversed ones as they are."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges, key=lambda pair: pair[0]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def chunks_as_released(text: str, count: Callable[[str], int], window: int = 1500) -> list[Chunk]:
    """Cut a document as the released code does, with one call of `count` (tokens, BOS included) a line.

    Lines are counted with their label and without their newline; a line over the window is a chunk by itself.
    `chunking.numbered` writes such a chunk as the released code shows it.
    """
    chunks: list[Chunk] = []
    first = start = at = tokens = 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        needed = count(f"[{number:03d}]{line}")
        if number > first and tokens + needed > window:
            chunks.append(Chunk(len(chunks), first, number, start, at))
            first, start, tokens = number, at, 0
        tokens += needed
        at += len(line) + 1
    chunks.append(Chunk(len(chunks), first, len(lines), start, len(text)))
    return chunks
