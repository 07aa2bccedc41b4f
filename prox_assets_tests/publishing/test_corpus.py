import json
from pathlib import Path

import pytest
import yaml

from prox_assets.cli import main
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.quality.outcomes import ExpectationOutcome
from prox_assets.quality.rules import Severity
from prox_assets.quality.stored_outcomes import store_outcomes
from prox_assets_tests.quality.shards import PAGES, REJECTED, tables

CATALOGUE = """
storage: {storage}
domains:
  web:
    inputs: [{{path: nowhere}}]
    teacher: {{kind: rules, licence: none needed}}
    publishing: {{licence: odc-by, origin: Pages of a test.}}
"""
PUBLISHED = ("raw_documents", "doc_refined_corpus", "chunk_refined_corpus")
KEPT = ["web-0", "web-2", "web-3", "web-5", "web-6", "web-8"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A storage with the stages of one shard and what the refiners' checkpoints say of themselves."""
    store, stages = Store(tmp_path / "storage"), tables(PAGES, REJECTED)
    for asset in PUBLISHED:
        writer = store.writer(ShardKey("web", asset, "part-0"), {"asset": asset})
        ranges = (RowRange(0, 4), RowRange(4, len(PAGES) + len(REJECTED)))
        for rows in ranges:
            sides = {"rejected": stages["rejected"].slice(0, 0 if rows.start == 0 else None)}
            table = stages[asset].slice(rows.start, rows.stop - rows.start)
            writer.commit(rows, table, sides if asset == "raw_documents" else None)
        writer.finish()
    for name in ("doc_refiner", "chunk_refiner"):
        store.publish("web", name, {"name": name}, _checkpoint)
    (tmp_path / "catalogue.yaml").write_text(CATALOGUE.format(storage=tmp_path / "storage"))
    return tmp_path


def _checkpoint(folder: Path) -> None:
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "prox.json").write_text(json.dumps({"thresholds": {"keep": 0.5}, "window": 256}))


def publish(home: Path) -> int:
    arguments = ["publish", "web", "--catalogue", str(home / "catalogue.yaml")]
    return main([*arguments, "--output", str(home / "out")])


def refined(home: Path) -> tuple[Store, FinishedShard]:
    store = Store(home / "storage")
    return store, store.shard(ShardKey("web", "chunk_refined_corpus", "part-0"))


def test_datasets_loads_both_configurations_offline(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert publish(home) == 0
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    def loaded(*name: str) -> list[dict[str, object]]:
        return load_dataset(str(home / "out"), *name, split="train", cache_dir=str(home / "cache")).to_list()

    kept, dropped = loaded("refined"), loaded("dropped")
    assert [row["id"] for row in kept] == KEPT and loaded() == kept
    assert kept[0]["text"] == PAGES[0].refined and kept[0]["n_tokens"] == PAGES[0].tokens_out
    assert kept[0]["edits"] == {
        "times": 2,
        "characters_removed": 39,
        "tokens_removed": 8,
        "calls": [{"call": "remove_lines", "times": 2, "characters_removed": 39}],
    }
    assert {(row["id"], row["stage"], row["reason"]) for row in dropped} == {
        ("web-1", "doc_refined_corpus", "drop_doc"),
        ("web-7", "doc_refined_corpus", "refiner_failed"),
        ("web-4", "chunk_refined_corpus", "too_little_left"),
        *((doc_id, "raw_documents", reason) for doc_id, reason in REJECTED),
    }
    assert next(row["text"] for row in dropped if row["id"] == "web-1") == PAGES[1].text


def test_the_card_says_what_one_must_know(home: Path) -> None:
    store, shard = refined(home)
    warned = ExpectationOutcome(
        "keep_ratio", False, Severity.WARNING, "0.2 | low", None, "It is in its band."
    )
    store_outcomes(store, shard, [warned])
    assert publish(home) == 0
    _, front, body = (home / "out" / "README.md").read_text().split("---\n", 2)
    matter = yaml.safe_load(front)
    assert (matter["license"], matter["language"]) == ("odc-by", ["ar", "de", "en", "zh"])
    assert [one["config_name"] for one in matter["configs"]] == ["refined", "dropped"]
    for words in (
        "6 documents with 45 tokens, refined from 9 documents with\n70: a keep ratio of 64.3%",
        "Origin: Pages of a test.",
        "Teacher: `rules`; its licence: none needed; its labels are not published",
        "| lost at doc refined corpus: drop doc | −1 | −6 |",
        "| edited away | | −14 |",
        "- keep threshold of the checkpoint, line and span thresholds of the checkpoint; guard rails: ",
        "0 of 1 checks hold on every shard. Not checked as they are: raw_documents of part-0",
        "| chunk refined corpus | It is in its band. | 0 of 1 | 0.2 \\| low |",
    ):
        assert words in body, words


def test_verifying_finds_what_is_not_as_it_was(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish(home) == 0
    out = home / "out"
    assert main(["publish", "--verify", str(out)]) == 0
    assert "3 files are as they were published" in capsys.readouterr().out
    (out / "refined" / "part-0.parquet").write_bytes(b"other")
    (out / "dropped" / "part-0.parquet").unlink()
    (out / "more.txt").write_text("x")
    (out / ".gitattributes").write_text("x")
    assert main(["publish", "--verify", str(out)]) == 1
    message = capsys.readouterr().err
    for fault in (
        "dropped/part-0.parquet is missing",
        "more.txt is not of it",
        "refined/part-0.parquet was changed",
    ):
        assert fault in message
    assert ".gitattributes" not in message


def test_nothing_is_published_while_a_critical_check_fails(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, shard = refined(home)
    store_outcomes(
        store, shard, [ExpectationOutcome("schema", False, Severity.CRITICAL, "1 of 2", None, "It is sound.")]
    )
    assert publish(home) == 1
    assert "chunk_refined_corpus of part-0: schema (1 of 2)" in capsys.readouterr().err
    assert not (home / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a DOMAIN and --output FOLDER, or --verify FOLDER"),
        (["--verify", "."], "is no published corpus"),
    ],
)
def test_mistakes_are_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_that_is_there_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "out").mkdir()
    assert publish(home) == 1
    assert "exists already" in capsys.readouterr().err
