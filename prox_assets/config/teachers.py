"""Who annotates the seeds."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from prox_assets.config.section import Section


class RulesTeacher(Section):
    """Published filter rules as a teacher; no model."""

    kind: Literal["rules"]
    keep_educational: float = 3.0
    rescue_educational: float = 2.0
    rescue_format: float = 4.0
    chunk_chars: PositiveInt = 6_000


class DocumentLabels(Section):
    """Document labels in a Parquet file: `column` is a boolean, or a number and `keep_at_least` its bound."""

    path: Path
    id_column: str = "id"
    column: str = "keep"
    keep_at_least: float | None = None
    where: dict[str, str] = Field(default_factory=dict)


class LabelsTeacher(Section):
    """Annotations that people or another system made, imported from files."""

    kind: Literal["labels"]
    lines: Path | None = None
    documents: DocumentLabels | None = None
    chunk_chars: PositiveInt = 6_000

    @model_validator(mode="after")
    def _some_labels(self) -> "LabelsTeacher":
        if self.lines is None and self.documents is None:
            raise ValueError("give lines, documents, or both")
        return self


AnyTeacher = Annotated[RulesTeacher | LabelsTeacher, Field(discriminator="kind")]
