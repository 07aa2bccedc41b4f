from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prox_assets.cli import main
from prox_assets.errors import InputError
from prox_assets.evaluation.report import read_labels


def test_a_labels_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"id": ["a"]}), file)
    with pytest.raises(InputError, match="no column 'lines', 'is_noise'"):
        read_labels(file, {"a"}, 10)
    with pytest.raises(InputError, match="no such labels file"):
        read_labels(file.with_name("absent"), {"a"}, 10)


def test_only_wanted_rows_are_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.parquet"
    rows = [{"id": name, "lines": ["x"], "is_noise": [True]} for name in "abcd"]
    pq.write_table(pa.Table.from_pylist(rows), file)
    assert read_labels(file, {"b", "c", "d"}, 2)["id"].to_pylist() == ["b", "c"]


def test_documents_of_one_id_with_texts_that_differ_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prox.json").touch()  # a refiner is found here, and loaded only after the labels were read
    documents = tmp_path / "documents.parquet"
    table = {"id": ["a", "b", "a"], "keep": [True, False, True], "text": ["one", "two", "three"]}
    pq.write_table(pa.table(table), documents)
    assert main(["evaluate", "--documents", str(documents), "--doc-refiner", str(tmp_path)]) == 1
    assert f"{documents}, id 'a': texts that differ" in capsys.readouterr().err
