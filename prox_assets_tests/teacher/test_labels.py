import math
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prox_assets.chunking import Chunk
from prox_assets.config import DocumentLabels
from prox_assets.errors import InputError
from prox_assets.programs import Program, Rails, Stage, execute_chunks, parse
from prox_assets.teacher.annotations import Marks, chunk_programs
from prox_assets.teacher.interface import CHUNK_ANNOTATIONS, DOC_ANNOTATIONS
from prox_assets.teacher.label_files import label_table, read_line_labels
from prox_assets.teacher.labels import LabelsTeacher
from prox_assets_tests.teacher.seeds import seed_table

Row = dict[str, Any]
NO_RAILS = Rails(max_removed_share=1.0, min_kept_chars=0, max_added_share=1.0)


def labels_file(folder: Path, rows: list[Row]) -> Path:
    path = folder / "lines.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def executed(text: str, rows: list[Row]) -> str:
    """The text after the stored programs ran, as a later stage would run them."""
    programs: list[tuple[Chunk, Program, None]] = []
    for row in rows:
        chunk = Chunk(*(row[k] for k in ("chunk_index", "line_start", "line_stop", "start", "stop")))
        programs.append((chunk, parse(row["program"], Stage.CHUNK), None))
    return execute_chunks(text, programs, NO_RAILS).text


def annotated(folder: Path, text: str, label: Row, chunk_chars: int = 6_000) -> list[Row]:
    path = labels_file(folder, [{"id": "d", "lines": text.split("\n"), **label}])
    table = LabelsTeacher(path, None, chunk_chars).annotate_chunks(seed_table({"d": text}))
    assert table.schema.equals(CHUNK_ANNOTATIONS)
    rows: list[Row] = table.to_pylist()
    return rows


def test_noise_lines_and_spans_go_and_nothing_else(tmp_path: Path) -> None:
    text = "Menu\nThe text. Share this\nMore of it.\nFooter\n© 2020"
    spans = [{"line": 1, "start": 9, "stop": 20}]
    label = {"is_noise": [True, False, False, True, True], "spans": spans}
    rows = annotated(tmp_path, text, label)
    assert [row["program"] for row in rows] == [
        "remove_lines(line_start=0, line_end=0)\nremove_lines(line_start=3, line_end=4)\n"
        'normalize(source_str=" Share this", target_str="")'
    ]
    assert executed(text, rows) == "The text.\nMore of it."
    assert (rows[0]["status"], rows[0]["refused"]) == ("annotated", [])


def test_a_span_whose_words_stand_elsewhere_rewrites_its_line_only(tmp_path: Path) -> None:
    text = "Home\nGo Home now\nHome is good."
    label = {"is_noise": [False] * 3, "spans": [{"line": 1, "start": 3, "stop": 8}]}
    assert executed(text, annotated(tmp_path, text, label)) == "Home\nGo now\nHome is good."


def test_a_span_that_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    text = "Go Home now\nGo Home now"
    label = {"is_noise": [False] * 2, "spans": [{"line": 1, "start": 3, "stop": 8}]}
    rows = annotated(tmp_path, text, label)
    assert executed(text, rows) == text
    assert [refused["code"] for refused in rows[0]["refused"]] == ["ambiguous"]


line = st.text(alphabet="ab .中é", max_size=12)
documents = st.lists(st.tuples(line, st.booleans()), min_size=1, max_size=25)


@example([("a", False), ("", True)], 1)
@settings(max_examples=150)
@given(documents, st.integers(1, 40))
def test_executing_the_programs_removes_exactly_the_noise_lines(
    lines: list[tuple[str, bool]], chunk_chars: int
) -> None:
    text = "\n".join(content for content, _ in lines)
    noise = frozenset(number for number, (_, flag) in enumerate(lines) if flag)
    pieces = chunk_programs(text, Marks(noise), chunk_chars)
    result = execute_chunks(text, [(p.chunk, p.validated.program, None) for p in pieces], NO_RAILS)
    assert result.text == "\n".join(content for content, flag in lines if not flag)


@settings(max_examples=150)
@given(st.lists(line, min_size=1, max_size=8), st.data())
def test_a_program_deletes_no_character_outside_of_its_marks(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    start = data.draw(st.integers(0, len(text)))
    end = text.find("\n", start)
    stop = data.draw(st.integers(start, end if end >= 0 else len(text)))
    spans = ((start, stop),) if start < stop else ()
    (piece,) = chunk_programs(text, Marks(spans=spans), 1_000)
    result = execute_chunks(text, [(piece.chunk, piece.validated.program, None)], NO_RAILS)
    assert result.text in (text, text[:start] + text[stop:])
    assert result.text != text or start == stop or piece.validated.refused or text[start:stop].isspace()


def test_ambiguous_and_unlabelled_lines_are_ignored_not_removed(tmp_path: Path) -> None:
    label = {"is_noise": [True, True, None], "ambiguous": [False, True, False]}
    (row,) = annotated(tmp_path, "a\nb\nc", label)
    assert row["ignored_lines"] == [1, 2]
    assert row["program"] == "remove_lines(line_start=0, line_end=0)"


def test_chunks_number_lines_by_the_document_and_keep_their_own_ignored_lines(tmp_path: Path) -> None:
    text = "\n".join(f"line {number:02d} of it" for number in range(20))
    flags = [number in (3, 15) for number in range(20)]
    ambiguous = [number in (4, 16) for number in range(20)]
    rows = annotated(tmp_path, text, {"is_noise": flags, "ambiguous": ambiguous}, chunk_chars=150)
    assert len(rows) > 1 and "".join(text[r["start"] : r["stop"]] for r in rows) == text
    assert [r["ignored_lines"] for r in rows if r["ignored_lines"]] == [[4], [16]]
    assert executed(text, rows).split("\n") == [
        line for line, flag in zip(text.split("\n"), flags, strict=True) if not flag
    ]


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ({"lines": ["a", "b"], "is_noise": [True, False]}, "3 lines, the labels are for 2"),
        ({"lines": ["a", "b", "x"], "is_noise": [True] * 3}, "line 2 of the text is not the labelled line 2"),
        ({"lines": ["a", "b", "c"], "is_noise": [True]}, "3 labelled lines with 1 labels"),
        (
            {
                "lines": ["a", "b", "c"],
                "is_noise": [False] * 3,
                "spans": [{"line": 1, "start": 0, "stop": 9}],
            },
            r"span \[0, 9\) does not lie in line 1",
        ),
    ],
)
def test_labels_for_another_text_fail_with_the_reason(tmp_path: Path, label: Row, reason: str) -> None:
    path = labels_file(tmp_path, [{"id": "d", **label}])
    (row,) = LabelsTeacher(path, None).annotate_chunks(seed_table({"d": "a\nb\nc"})).to_pylist()
    assert (row["status"], row["program"]) == ("failed", "")
    assert re.search(reason, row["error"])


def test_every_seed_has_an_answer(tmp_path: Path) -> None:
    path = labels_file(tmp_path, [{"id": "b", "lines": ["x"], "is_noise": [True]}])
    table = LabelsTeacher(path, None).annotate_chunks(seed_table({"a": "x", "b": "x", "c": ""}))
    assert table["status"].to_pylist() == ["unlabelled", "annotated", "unlabelled"]
    documents = LabelsTeacher(path, None).annotate_documents(seed_table({"a": "x"}))
    assert documents["status"].to_pylist() == ["unlabelled"]


def document_labels(folder: Path, rows: list[Row], **settings: Any) -> list[Row]:
    path = folder / "documents.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    teacher = LabelsTeacher(None, DocumentLabels(path=path, **settings))
    table = teacher.annotate_documents(seed_table(dict.fromkeys("abcd", "text")))
    assert table.schema.equals(DOC_ANNOTATIONS)
    answers: list[Row] = table.to_pylist()
    return answers


def test_document_labels_keep_from_a_bound_on_and_are_filtered_by_a_column(tmp_path: Path) -> None:
    rows = [
        {"n": "a", "label": 2.0, "kind": "edu"},
        {"n": "b", "label": 1.0, "kind": "edu"},
        {"n": "c", "label": None, "kind": "edu"},
        {"n": "d", "label": 5.0, "kind": "other"},
    ]
    settings = {"id_column": "n", "column": "label", "keep_at_least": 2, "where": {"kind": "edu"}}
    answers = document_labels(tmp_path, rows, **settings)
    assert [row["keep"] for row in answers] == [True, False, None, None]
    assert [row["status"] for row in answers] == ["annotated", "annotated", "unlabelled", "unlabelled"]


def test_ids_that_are_numbers_meet_their_documents(tmp_path: Path) -> None:
    path = tmp_path / "documents.parquet"
    pq.write_table(pa.table({"id": [7], "keep": [False]}), path)
    teacher = LabelsTeacher(None, DocumentLabels(path=path))
    assert teacher.annotate_documents(seed_table({"7": "text"}))["keep"].to_pylist() == [False]


def test_labels_that_disagree_are_a_failure_of_that_seed(tmp_path: Path) -> None:
    answers = document_labels(tmp_path, [{"id": "a", "keep": True}, {"id": "a", "keep": False}])
    assert (answers[0]["status"], answers[0]["keep"]) == ("failed", None)


def test_a_file_that_is_not_as_described_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keep_at_least"):
        document_labels(tmp_path, [{"id": "a", "keep": 3}])
    with pytest.raises(InputError, match="no column 'keep'"):
        document_labels(tmp_path, [{"id": "a", "other": True}])
    with pytest.raises(InputError, match="there is no such"):
        LabelsTeacher(tmp_path / "none.parquet", None).annotate_chunks(seed_table({"a": "x"}))
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="not a Parquet file"):
        LabelsTeacher(tmp_path / "text.parquet", None).annotate_chunks(seed_table({"a": "x"}))


def test_the_hash_follows_the_labels(tmp_path: Path) -> None:
    row = {"id": "d", "lines": ["x"], "is_noise": [True]}
    one = LabelsTeacher(labels_file(tmp_path, [row]), None).prompt_hash
    assert LabelsTeacher(labels_file(tmp_path, [row]), None).prompt_hash == one
    assert LabelsTeacher(labels_file(tmp_path, [row]), None, chunk_chars=9).prompt_hash != one
    assert LabelsTeacher(labels_file(tmp_path, [row | {"is_noise": [False]}]), None).prompt_hash != one


def ids_of_every_type() -> dict[str, tuple[pa.Array, str]]:
    when = datetime(2026, 1, 2, 3, 4, 5)
    return {
        "text view": (pa.array(["x"], pa.string_view()), "x"),
        "dictionary": (pa.array(["x"]).dictionary_encode(), "x"),
        "float": (pa.array([1.0]), "1.0"),
        "boolean": (pa.array([True]), "true"),
        "binary": (pa.array([b"\x00\xff"], pa.binary(2)), "00ff"),
        "timestamp": (pa.array([when], pa.timestamp("us")), "2026-01-02T03:04:05"),
        "uuid": (pa.array([UUID(int=1).bytes], pa.uuid()), str(UUID(int=1))),
        "decimal": (pa.array([Decimal("1.50")]), "1.50"),
    }


@pytest.mark.parametrize("kind", ids_of_every_type())
def test_ids_of_every_type_meet_their_documents(tmp_path: Path, kind: str) -> None:
    ids, text = ids_of_every_type()[kind]
    path = tmp_path / "labels.parquet"
    pq.write_table(
        pa.table({"id": ids, "lines": [["a", "b"]], "is_noise": [[True, False]], "keep": [False]}), path
    )
    said: list[str] = []
    teacher = LabelsTeacher(path, DocumentLabels(path=path), report=said.append)
    seeds = seed_table({text: "a\nb", "stranger": "a"})
    assert teacher.annotate_documents(seeds)["keep"].to_pylist() == [False, None]
    assert teacher.annotate_chunks(seeds)["status"].to_pylist() == ["annotated", "unlabelled"]
    assert said[0].endswith("1 rows, 1 of them of documents that were asked for")


NO_LABELS = [
    pa.array(["False"]),
    pa.array([0.1]),
    pa.array([math.nan]),
    pa.array([2]),
    pa.array([-1], pa.int8()),
]


@pytest.mark.parametrize("value", NO_LABELS, ids=str)
@pytest.mark.parametrize("column", ["is_noise", "ambiguous", "keep"])
def test_what_is_no_label_is_refused_with_its_place(tmp_path: Path, column: str, value: pa.Array) -> None:
    path = tmp_path / "labels.parquet"
    columns = {"id": ["d"], "lines": [["a"]], "is_noise": [[True]], "ambiguous": [[False]], "keep": [True]}
    inside = value if column == "keep" else pa.array([value.to_pylist()], pa.list_(value.type))
    pq.write_table(pa.table({**columns, column: inside}), path)
    with pytest.raises(InputError) as refused:
        label_table(path)
    assert all(part in str(refused.value) for part in (str(path), "row 0", "'d'", repr(column)))
    if column == "keep":
        with pytest.raises(InputError, match="where true or false"):
            LabelsTeacher(None, DocumentLabels(path=path)).annotate_documents(seed_table({"d": "a"}))


@pytest.mark.parametrize("kind", [pa.bool_(), pa.int8(), pa.uint8(), pa.int64(), pa.uint64()], ids=str)
def test_booleans_and_integers_of_any_width_are_labels(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "labels.parquet"
    flags = pa.array([[True, False, None]]).cast(pa.list_(kind))
    keep = pa.array([True]).cast(kind)
    pq.write_table(pa.table({"id": ["d"], "lines": [["a", "b", "c"]], "is_noise": flags, "keep": keep}), path)
    (row,) = label_table(path).to_pylist()
    assert (row["is_noise"], row["ambiguous"], row["keep"]) == (
        [True, False, False],
        [False, False, True],
        True,
    )


def test_nulls_and_nan_are_no_labels_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    pq.write_table(
        pa.table({"id": ["a", "b"], "keep": pa.array([None, True]), "score": [math.nan, 1.0]}), path
    )
    seeds = seed_table({"a": "x", "b": "x"})
    for asked in ({}, {"column": "score", "keep_at_least": 0.5}):
        said: list[str] = []
        teacher = LabelsTeacher(None, DocumentLabels(path=path, **asked), report=said.append)
        rows = teacher.annotate_documents(seeds).to_pylist()
        assert [row["keep"] for row in rows] == [None, True]
        assert (rows[0]["status"], rows[0]["error"]) == ("unlabelled", "the label is null")
        assert "1 of these without a label" in said[0]
    pq.write_table(pa.table({"id": ["a"], "lines": [["x"]], "is_noise": pa.nulls(1)}), path)
    assert read_line_labels(path, None).n_open == 1


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"lines": ["a", "b"], "is_noise": [True]}], "2 labelled lines with 1 labels"),
        ([{"lines": ["a"], "is_noise": [True], "ambiguous": [True, False]}], "1 labelled lines with 2 flags"),
        ([{"lines": ["a\nb"], "is_noise": [True]}], "line 0 is more than one line"),
        (
            [{"lines": ["a"], "is_noise": [True], "spans": [{"line": 0, "start": 0, "stop": 2}]}],
            "does not lie in line 0",
        ),
        (
            [{"lines": ["a"], "is_noise": [True]}, {"lines": ["a"], "is_noise": [False]}],
            "2 rows of labels that disagree",
        ),
    ],
)
def test_labels_that_contradict_themselves_are_no_truth(
    tmp_path: Path, rows: list[Row], problem: str
) -> None:
    path = labels_file(tmp_path, [{"id": "d", **row} for row in rows])
    with pytest.raises(InputError, match=f"'d': .*{problem}"):
        label_table(path)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"id": ["d"], "lines": ["a"], "is_noise": [[True]]}, "not a list"),
        ({"id": ["d"], "lines": [[1]], "is_noise": [[True]]}, "not a text"),
        ({"id": [None], "lines": [["a"]], "is_noise": [[True]]}, "row 0: column 'id' holds no id"),
        ({"id": ["d"], "lines": [["a"]], "is_noise": [[True]], "spans": [["0-1"]]}, "not a span"),
        ({"id": ["d"], "is_noise": [[True]]}, "no column 'lines'"),
    ],
)
def test_columns_of_other_types_are_refused(tmp_path: Path, table: dict[str, Any], reason: str) -> None:
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table(table), path)
    with pytest.raises(InputError, match=reason):
        label_table(path)


def test_a_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    lines = pa.array([[b"\xff"]], pa.list_(pa.binary())).view(pa.list_(pa.string()))
    pq.write_table(pa.table({"id": ["d"], "lines": lines, "is_noise": [[True]]}), path)
    with pytest.raises(InputError, match="cannot be read"):
        label_table(path)


def test_rows_without_line_labels_are_counted_when_a_table_is_made_of_them(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    table = {"id": ["a", "b", "c"], "lines": [["x"], None, ["z"]], "is_noise": [[True], [True], None]}
    pq.write_table(pa.table(table), path)
    said: list[str] = []
    assert label_table(path, report=said.append)["id"].to_pylist() == ["a"]
    assert said == [f"{path}: 3 rows, 3 of them of documents that were asked for, 2 of these without a label"]
