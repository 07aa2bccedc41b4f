"""What `rule_filtered_corpus` holds: the text that each rule set leaves."""

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.baselines.rules import MIN_SENTENCES, RULESETS, filtered_table, kept_text
from prox_assets.documents.schema import RAW, RULE_FILTERED
from prox_assets.quality.checks.expectations import checked_tables
from prox_assets.quality.checks.rules import CheckLimits, Conservation

SENTENCE = "The grey animal that we have seen before sat with everybody on the carpet of the house."
# Every character that Unicode calls white space but the newline, which ends a line.
SPACES = "\t\x0b\x0c\r \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"


def documents(*texts: str) -> pa.Table:
    rows = [{"row": n, "doc_id": f"d{n}", "text": text, "metadata": "{}"} for n, text in enumerate(texts)]
    return pa.Table.from_pylist(rows, schema=RAW)


@pytest.mark.parametrize("ruleset", RULESETS)
def test_kept_documents_have_the_text_that_the_rules_leave(ruleset: str) -> None:
    text = (
        "Home\n"
        + "\n".join(f"{SENTENCE[:-1]} too{'[7]' * (n == 3)} {'abcdefghi'[n]}." for n in range(9))
        + "\nShare this"
    )
    table = filtered_table(ruleset, documents(text, "Menu"))
    assert table.schema.equals(RULE_FILTERED)
    kept, dropped = table.to_pylist()
    assert (kept["status"], dropped["status"], dropped["text"]) == ("kept", "dropped", "")
    removes_lines = ruleset in ("c4", "all")
    sentences = text.removeprefix("Home\n").removesuffix("\nShare this").replace("[7]", "")
    assert kept["text"] == (sentences if removes_lines else text)


LINES = st.text(alphabet=f"ab.{SPACES}", max_size=12) | st.sampled_from(
    [SENTENCE, f"{SENTENCE[:-1]}[12].", "[edit]", "Uses cookies here, it does.", "日本語の文です。", ""]
)


@settings(max_examples=25, deadline=None)
@given(st.lists(LINES, max_size=8).map("\n".join), st.lists(st.sampled_from(SPACES), min_size=2, max_size=2))
def test_the_check_agrees_that_the_text_is_of_the_source(
    tmp_path_factory: pytest.TempPathFactory, text: str, spaces: list[str]
) -> None:
    raw = documents(text + f"\n{spaces[0]}{SENTENCE}{spaces[1]}" * MIN_SENTENCES, text)
    filtered = filtered_table("c4", raw)
    assert set(identities(tmp_path_factory.mktemp("rules"), raw, filtered)) <= {"same", "lines"}


@pytest.mark.parametrize("invented", ["The cat sat.", f"{SENTENCE} x", SENTENCE.lower(), SENTENCE[1:]])
def test_the_check_refuses_lines_that_the_source_does_not_have(tmp_path: Path, invented: str) -> None:
    raw = documents(f"{SENTENCE}\n" * MIN_SENTENCES)
    filtered = filtered_table("c4", raw)
    texts = pa.array([f"{SENTENCE}\n{invented}"], RULE_FILTERED.field("text").type)
    spoilt = filtered.set_column(filtered.column_names.index("text"), RULE_FILTERED.field("text"), texts)
    assert identities(tmp_path, raw, spoilt) == ["other"]


def identities(folder: Path, raw: pa.Table, filtered: pa.Table) -> list[str]:
    """The `text_identity` of the kept rows, as the expectations see it."""
    for name, table in (("raw", raw), ("filtered", filtered)):
        pq.write_table(table, folder / f"{name}.parquet")
    conservation = Conservation(upstream=(folder / "raw.parquet",))
    files = (folder / "filtered.parquet",)
    with checked_tables("rule_filtered_corpus", files, conservation, CheckLimits()) as checked:
        connection = duckdb.connect(str(checked.database), read_only=True)
        rows = connection.execute("SELECT text_identity FROM checked WHERE status = 'kept'").fetchall()
        connection.close()
    return [identity for (identity,) in rows]


def test_kept_text_is_never_longer_than_the_source() -> None:
    texts = [f"{SENTENCE}\n" * 6, "short", f"  {SENTENCE}[edit]\n" * 7]
    frame = pl.DataFrame({"text": texts})
    for ruleset in RULESETS:
        lengths = frame.select(kept_text(ruleset).str.len_chars())["text"].to_list()
        assert all(length <= len(text) for length, text in zip(lengths, texts, strict=True))
