"""Verdicts of people on documents, as the report exports them: one JSON object a line."""

import codecs
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, StrictBool, ValidationError

from prox_assets.errors import InputError

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


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
        InputError: there is no such file, it is not text of a known encoding, or a line of it is no verdict.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; export verdicts from the report first.")
    # Only a newline ends a line: notes may hold U+2028 and other characters that end lines elsewhere.
    lines = enumerate(_text(file).split("\n"), 1)
    return [_verdict(file, number, line) for number, line in lines if line.strip()]


def _text(file: Path) -> str:
    """Decode UTF-8, or the encoding that a byte order mark names: editors save exports in those."""
    content = file.read_bytes()
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
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
    found = error.errors()[0]
    return ": ".join(filter(None, (".".join(map(str, found["loc"])), found["msg"])))
