"""One generated page and its truth."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SamplePage:
    """A page as an extractor would leave it, with what the generator knows about each line.

    `is_noise` has one flag per line. `spans` are (line, start, stop): characters inside a clean line that
    are noise, as half-open offsets in that line. Every line of a page that should be dropped is noise.
    """

    doc_id: str
    url: str
    source: str
    language: str
    page_kind: str
    templates: str
    lines: tuple[str, ...]
    is_noise: tuple[bool, ...]
    spans: tuple[tuple[int, int, int], ...]
    keep: bool

    @property
    def text(self) -> str:
        """The document as it stands in a shard."""
        return "\n".join(self.lines)
