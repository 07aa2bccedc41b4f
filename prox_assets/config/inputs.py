"""Which files a domain reads, and which of their documents become seeds."""

from pathlib import Path

from pydantic import PositiveInt, field_validator, model_validator

from prox_assets.config.section import Section, Share


class Columns(Section):
    """Which columns of the user's files hold what. `metadata` columns travel along as a JSON object."""

    doc_id: str = "id"
    text: str = "text"
    url: str | None = None
    source: str | None = None
    language: str | None = None
    metadata: tuple[str, ...] = ()


class Input(Section):
    """Files of one layout: a file, a folder, or a glob of Parquet or JSONL (plain, .gz, .zst) files."""

    path: Path
    columns: Columns = Columns()
    prefix: str = ""
    rows_per_shard: PositiveInt | None = None
    max_chars: PositiveInt = 10_000_000


class Holdout(Section):
    """Groups of documents that never become seeds, so that evaluation is on sites not trained on.

    `by` is `url_host`, `source`, `doc_id` or `metadata.<column>`; a group is held out when its value is
    listed in `values`, or when its hash falls into `fraction`.
    """

    by: str
    fraction: Share | None = None
    values: tuple[str, ...] = ()
    seed: int = 0

    @field_validator("by")
    @classmethod
    def _known_group(cls, by: str) -> str:
        if by not in ("url_host", "source", "doc_id") and not by.startswith("metadata."):
            raise ValueError("use url_host, source, doc_id or metadata.<column>")
        return by

    @model_validator(mode="after")
    def _one_way(self) -> "Holdout":
        if (self.fraction is None) == (not self.values):
            raise ValueError("give either fraction or values")
        return self


class Seeds(Section):
    """The sample that the teacher annotates."""

    size: PositiveInt = 5_000
    seed: int = 0
    holdout: Holdout | None = None
