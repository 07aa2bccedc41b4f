"""Verdicts of people on documents, as the report exports them: one JSON object a line."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from prox_assets.errors import InputError


class LineVerdict(BaseModel):
    """What a line of the source is; `spans` are the noise in one that is noise in part, in its characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: NonNegativeInt
    verdict: Literal["clean", "noise", "part", "unsure"]
    spans: tuple[tuple[NonNegativeInt, NonNegativeInt], ...] = ()


class Verdict(BaseModel):
    """What a person says of a document; `lines`: None where not judged, and without those not shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: str
    shard: str
    row: NonNegativeInt
    doc_id: str
    digest: str
    keep: bool | None
    lines: tuple[LineVerdict, ...] | None
    note: str = ""


def read_verdicts(file: Path) -> list[Verdict]:
    """Read an exported file.

    Raises:
        InputError: there is no such file, or a line of it is no verdict.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; export verdicts from the report first.")
    texts = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return [_verdict(file, number, text) for number, text in texts if text.strip()]


def _verdict(file: Path, number: int, text: str) -> Verdict:
    try:
        return Verdict.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{file}, line {number} is no verdict ({_first(error)}); export the file again."
        ) from error


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return ": ".join(filter(None, (".".join(map(str, found["loc"])), found["msg"])))
