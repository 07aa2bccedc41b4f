import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from prox_assets.errors import StoreError
from prox_assets.sample import SampleFiles, generate_pages, write_sample
from prox_assets.sample.write import MATH_COLUMNS, WEB_COLUMNS


def _write(folder: Path) -> SampleFiles:
    return write_sample(folder, pages_per_shard=12, train_shards=3, eval_shards=1, seed=5)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return _write(tmp_path_factory.mktemp("sample"))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _json_text(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompress(data)
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return data.decode()


def test_the_files_are_those_of_two_teams(sample: SampleFiles):
    assert sorted(_bytes(sample.folder)) == [
        "math/heldout-000.jsonl.gz",
        "math/part-000.jsonl.zst",
        "math/part-001.jsonl",
        "math/part-002.jsonl.zst",
        "sample.json",
        "truth/math.parquet",
        "truth/web.parquet",
        "web/heldout-000.parquet",
        "web/part-000.parquet",
        "web/part-001.parquet",
        "web/part-002.parquet",
    ]
    assert pq.read_schema(sample.of("web", "train")[0]).names == list(WEB_COLUMNS)
    assert tuple(json.loads(_json_text(sample.of("math", "eval")[0]).split("\n")[0])) == MATH_COLUMNS


def test_the_truth_has_every_page_as_it_stands_in_its_shard(sample: SampleFiles):
    held = {page.doc_id: page for page in generate_pages("web", 12, 5, "eval")}
    rows = pq.read_table(sample.of("web", "eval")[0]).to_pylist()
    assert {row["url_hash"]: row["raw_content"] for row in rows} == {i: page.text for i, page in held.items()}
    truth = {row["id"]: row for row in pq.read_table(sample.folder / "truth/web.parquet").to_pylist()}
    assert len(truth) == 48
    for doc_id, page in held.items():
        row = truth[doc_id]
        assert "\n".join(row["lines"]) == page.text
        assert (tuple(row["is_noise"]), row["keep"]) == (page.is_noise, page.keep)
        assert [(s["line"], s["start"], s["stop"]) for s in row["spans"]] == list(page.spans)
        assert (row["language"], row["page_kind"], row["templates"]) == (
            page.language,
            page.page_kind,
            "eval",
        )


def test_one_shard_of_each_domain_has_rows_to_reject(sample: SampleFiles):
    web = pq.read_table(sample.of("web", "train")[1]).to_pylist()
    assert len(web) == 16
    assert [row["url_hash"] for row in web if not row["raw_content"]] == ["bad-null-text", "bad-empty-text"]
    identities = [row["url_hash"] for row in web]
    assert identities.count(None) == 1
    assert len(set(identities)) == len(identities) - 1
    lines = _json_text(sample.of("math", "train")[1]).removesuffix("\n").split("\n")
    assert len(lines) == 17
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[-1])
    assert [s.rows - s.documents for s in sample.shards] == [0, 4, 0, 0, 0, 5, 0, 0]


def test_writing_again_gives_the_same_bytes(sample: SampleFiles, tmp_path: Path):
    _write(tmp_path)
    assert _bytes(tmp_path) == _bytes(sample.folder)


def test_what_is_there_is_left_alone_and_what_is_damaged_is_written_again(tmp_path: Path):
    first = _write(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = _write(tmp_path)
    assert (first.written, again.written) == (True, False)
    assert again.shards == first.shards
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    first.shards[0].path.write_bytes(b"cut")
    assert _write(tmp_path).written
    assert pq.read_table(first.shards[0].path).num_rows == 12


def test_another_corpus_takes_the_place_of_the_first_and_of_nothing_else(tmp_path: Path):
    _write(tmp_path)
    (tmp_path / "web" / "mine.parquet").write_bytes(b"kept")
    write_sample(tmp_path, pages_per_shard=4, train_shards=1, eval_shards=1)
    names = {path.name for path in (tmp_path / "web").iterdir()}
    assert names == {"part-000.parquet", "heldout-000.parquet", "mine.parquet"}


def test_progress_counts_to_the_end(tmp_path: Path):
    seen: list[tuple[int, int]] = []
    write_sample(tmp_path, 3, 2, 1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3 * step, 18) for step in range(1, 7)]


def test_no_pages_are_refused(tmp_path: Path):
    with pytest.raises(StoreError, match="ask for one page"):
        write_sample(tmp_path, pages_per_shard=0)
    assert not list(tmp_path.iterdir())
