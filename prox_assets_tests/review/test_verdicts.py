"""Verdicts as people's editors save them: every line is read, or the line that cannot be is named."""

import json
import re
from pathlib import Path

import pytest

from prox_assets.errors import InputError
from prox_assets.review.labels import read_verdicts

VERDICT = {
    "domain": "web",
    "shard": "part-0",
    "row": 1,
    "doc_id": "a",
    "digest": "0" * 16,
    "keep": True,
    "lines": None,
}
# What str.splitlines takes for the end of a line, and JSON does not.
INSIDE = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def exported(*notes: str, end: str = "\n") -> str:
    """Lines as the report exports them; browsers write U+2028 and its like as they are."""
    return "".join(json.dumps(VERDICT | {"note": note}, ensure_ascii=False) + end for note in notes)


@pytest.mark.parametrize("sign", [sign for sign in INSIDE if sign >= "\x7f"])
@pytest.mark.parametrize("field", ["note", "doc_id"])
def test_only_a_newline_ends_a_line(sign: str, field: str, tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    file.write_text(json.dumps(VERDICT | {field: f"a{sign}b"}, ensure_ascii=False) + "\n", encoding="utf-8")
    (verdict,) = read_verdicts(file)
    assert getattr(verdict, field) == f"a{sign}b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_encodings_with_a_byte_order_mark_are_read(encoding: str, end: str, tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    file.write_bytes(exported("é", "日本", end=end).encode(encoding))
    assert [verdict.note for verdict in read_verdicts(file)] == ["é", "日本"]


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    file.write_bytes(exported("fine", "café").encode("latin-1"))
    with pytest.raises(InputError, match="line 2: this is not utf-8 text; save the file as UTF-8"):
        read_verdicts(file)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "this is not JSON"),
        ("[]", "this is not a JSON object"),
        (json.dumps(VERDICT | {"row": -1}), "row: write a number of at least 0"),
        (json.dumps(VERDICT | {"keep": "yes"}), "keep: write true or false"),
        (json.dumps(VERDICT | {"note": 1}), "note: write a text"),
        (json.dumps(VERDICT | {"more": 1}), "more: an unknown key"),
        (
            json.dumps(VERDICT | {"lines": [{"line": 0, "verdict": "dirty"}]}),
            "lines.0.verdict: write one of clean, noise, part, unsure",
        ),
        ("{}", "domain: this key is missing; add it"),
    ],
)
def test_a_line_that_is_no_verdict_is_named(line: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    file.write_text(exported("fine") + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(f"line 2 is no verdict ({words}")):
        read_verdicts(file)


@pytest.mark.parametrize("content", ["", "\n", " \n\n", "\ufeff"])
def test_a_file_without_verdicts_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="there are no verdicts in it"):
        read_verdicts(file)


def test_a_folder_is_no_file_of_verdicts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder; name the file"):
        read_verdicts(tmp_path)
