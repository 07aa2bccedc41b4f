"""Verdicts of people on documents, as the report exports them: one JSON object a line."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, StrictBool, ValidationError

from prox_assets.config.mistakes import remedy_of_value
from prox_assets.documents.manifests import marked_encoding
from prox_assets.errors import InputError, one_line

_LONGEST_KEY = 80


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
    keep: StrictBool | None
    lines: tuple[LineVerdict, ...] | None
    note: str = ""


def read_verdicts(file: Path) -> list[Verdict]:
    """Read an exported file.

    Raises:
        InputError: there is no such file, it is not text of a known encoding, has no verdicts, or a line of
            it is no verdict.
    """
    if file.is_dir():
        raise InputError(f"{file}: this is a folder; name the file that the report exported.")
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; export verdicts from the report first.")
    # Only a newline ends a line: notes may hold U+2028 and other characters that end lines elsewhere.
    lines = enumerate(_text(file).split("\n"), 1)
    verdicts = [_verdict(file, number, line) for number, line in lines if line.strip()]
    if not verdicts:
        raise InputError(f"{file}: there are no verdicts in it; judge documents in the report, then export.")
    return verdicts


def _text(file: Path) -> str:
    """Decode UTF-8, or the encoding that a byte order mark names: editors save exports in those."""
    content = file.read_bytes()
    marked = marked_encoding(content)
    try:
        return content.decode(marked)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file}, line {number}: this is not {marked} text; save the file as UTF-8, or export it again."
        ) from error


def _verdict(file: Path, number: int, text: str) -> Verdict:
    try:
        return Verdict.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{file}, line {number} is no verdict ({_first(error)}); export the file again."
        ) from error


def _first(error: ValidationError) -> str:
    """Say where the first mistake of a verdict is and what it is, in the project's own words."""
    detail = error.errors(include_url=False)[0]
    place = one_line(".".join(map(str, detail["loc"])), _LONGEST_KEY)
    match detail["type"]:
        case "json_invalid":
            problem = "this is not JSON"
        case "model_type":
            problem = "this is not a JSON object"
        case "extra_forbidden":
            problem = "an unknown key"
        case _:
            problem = remedy_of_value(detail)
    return f"{place}: {problem}" if place else problem
