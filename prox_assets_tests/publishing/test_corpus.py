import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from prox_assets.cli import main
from prox_assets.documents.store import FinishedShard, RowRange, ShardKey, Store
from prox_assets.publishing.card import hub_languages
from prox_assets.quality.checks.outcomes import ExpectationOutcome, store_outcomes
from prox_assets.quality.checks.rules import Severity
from prox_assets_tests.quality.shards import PAGES, REJECTED, Page, tables

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


def publish(home: Path, *options: str) -> int:
    arguments = ["publish", "web", "--catalogue", str(home / "catalogue.yaml")]
    return main([*arguments, "--output", str(home / "out"), *options])


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
        "The inputs could not be listed",
    ):
        assert words in body.replace("\\_", "_"), words


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


EVIL_NAMES = ("../secret", "/etc/passwd", "a/../../b", "", ".", "a//b", "a\x00b", "a\x1b[31m", "a\\b")


@pytest.mark.parametrize(
    "files",
    [
        *({name: {"sha256": "0" * 64}} for name in EVIL_NAMES),
        {"refined/part-0.parquet": {}},
        {"refined/part-0.parquet": {"sha256": 7}},
        {"refined/part-0.parquet": {"sha256": "../x"}},
        {"refined/part-0.parquet": []},
        [],
        None,
    ],
    ids=repr,
)
def test_a_hostile_manifest_is_one_line(
    files: object, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(home) == 0
    manifest = home / "out" / "manifest.json"
    manifest.write_text(json.dumps({"files": files}))
    assert main(["publish", "--verify", str(home / "out")]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and str(manifest) in message and message.rstrip("\n").isprintable()
    assert "materialize" not in message, "who verifies a corpus has no assets"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_manifest_is_one_line(
    content: bytes, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(home) == 0
    (home / "out" / "manifest.json").write_bytes(content)
    assert main(["publish", "--verify", str(home / "out")]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "get the published corpus again" in message


def test_a_link_out_of_the_folder_is_not_followed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish(home) == 0
    published = home / "out" / "refined" / "part-0.parquet"
    published.rename(home / "elsewhere")
    published.symlink_to(home / "elsewhere")
    assert main(["publish", "--verify", str(home / "out")]) == 1
    assert "a symbolic link leads out of" in capsys.readouterr().err


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


def shard(home: Path, name: str, *assets: str, pages: Sequence[Page] = ()) -> None:
    """Write one more shard at some of its stages; without pages it has no rows."""
    store, stages = Store(home / "storage"), tables(pages)
    for asset in assets:
        writer = store.writer(ShardKey("web", asset, name), {"asset": asset})
        sides = {"rejected": stages["rejected"]} if asset == "raw_documents" else None
        for rows in (RowRange(0, 4), RowRange(4, 9)) if pages else (RowRange(0, 2),):
            writer.commit(rows, stages[asset].slice(rows.start, rows.stop - rows.start), sides)
        writer.finish()


KEPT_ONLY = tuple(replace(page, doc_reason="", chunk_reason="", failed=False) for page in PAGES)
DROPPED_ONLY = tuple(replace(page, doc_reason="drop_doc", chunk_reason="") for page in PAGES)


@pytest.mark.parametrize(
    "shards",
    [
        {"a": KEPT_ONLY},
        {"a": DROPPED_ONLY},
        {"a": (), "b": KEPT_ONLY},
        {"a": DROPPED_ONLY, "b": KEPT_ONLY, "c": ()},
    ],
    ids=["nothing dropped", "nothing kept", "one without rows", "one of each"],
)
def test_datasets_loads_shards_without_rows(
    shards: dict[str, Sequence[Page]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, pages in shards.items():
        shard(tmp_path, name, *PUBLISHED, pages=pages)
    for name in ("doc_refiner", "chunk_refiner"):
        Store(tmp_path / "storage").publish("web", name, {"name": name}, _checkpoint)
    (tmp_path / "catalogue.yaml").write_text(CATALOGUE.format(storage=tmp_path / "storage"))
    assert publish(tmp_path) == 0
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    for configuration, is_kept in (("refined", True), ("dropped", False)):
        expected = sum(page.kept is is_kept for pages in shards.values() for page in pages)
        if expected:
            name = (str(tmp_path / "out"), configuration)
            loaded = load_dataset(*name, split="train", cache_dir=str(tmp_path / "cache"))
            assert len(loaded) == expected
        else:
            assert f"no configuration `{configuration}`" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("path: s3://bucket/raw/*.parquet", "\\*.parquet"),
        ("path: s3://bucket/raw/", "raw"),
        ("manifest: s3://bucket/lists/files.txt", "files\\.txt"),
        ("manifest: {home}/files.txt", "files\\.txt"),
        ("path: {home}/nowhere", "nowhere"),
    ],
)
def test_every_kind_of_input_has_a_name_in_the_card(
    source: str, name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prox_assets.publishing.corpus.unrefined_shards", lambda *_: None)  # no S3 here
    catalogue = home / "catalogue.yaml"
    catalogue.write_text(catalogue.read_text().replace("path: nowhere", source.format(home=home)))
    assert publish(home) == 0
    assert f"- Inputs: {name}\n" in (home / "out" / "README.md").read_text()


def test_a_domain_that_is_refined_in_part_is_refused_or_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shard(home, "part-1", "raw_documents")
    inputs = home / "inputs"
    inputs.mkdir()
    for name in ("part-0", "part-1", "part-2"):
        (inputs / f"{name}.jsonl").write_text('{"id": "a", "text": "b"}\n')
    catalogue = home / "catalogue.yaml"
    catalogue.write_text(catalogue.read_text().replace("path: nowhere", f"path: {inputs}"))
    assert publish(home) == 1
    assert "1 of 3 shards of web are refined; not part-1, part-2." in capsys.readouterr().err
    assert not (home / "out").exists()
    assert publish(home, "--partial") == 0
    missing = "Not refined, and so not published: part-1, part-2."
    assert missing in capsys.readouterr().out
    card = (home / "out" / "README.md").read_text()
    assert f"Shards: 1. **This is not the whole domain**: 2 shards are missing. {missing}" in card.replace(
        "\\", ""
    )
    assert json.loads((home / "out" / "manifest.json").read_text())["unrefined"] == ["part-1", "part-2"]


def test_a_domain_without_rows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard(tmp_path, "a", *PUBLISHED)
    for name in ("doc_refiner", "chunk_refiner"):
        Store(tmp_path / "storage").publish("web", name, {"name": name}, _checkpoint)
    (tmp_path / "catalogue.yaml").write_text(CATALOGUE.format(storage=tmp_path / "storage"))
    assert publish(tmp_path) == 1
    assert "web has no rows to publish" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_stages_of_other_rows_are_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(home / "storage")
    writer = store.writer(ShardKey("web", "raw_documents", "part-0"), {"asset": "read again"})
    writer.commit(RowRange(0, 3), tables(PAGES)["raw_documents"].slice(0, 3))
    writer.finish()
    assert publish(home) == 1
    assert "doc_refined_corpus of web|part-0 was made of other rows" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (["eng_Latn", "en", "en-GB", "eng"], ["en"]),
        (["zho_Hans", "cmn_Hani", "zh"], ["zh"]),
        (["fil", "sr_Cyrl"], ["fil", "sr"]),
        (["", "und", "English", "zz", "../x", "a" * 300, "none"], []),
    ],
)
def test_languages_are_those_that_hubs_know(names: list[str], codes: list[str]) -> None:
    assert hub_languages(names) == codes


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        (None, {"license": "unknown"}),
        ("odc-by", {"license": "odc-by"}),
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        ("Our own: ask us", {"license": "other", "license_name": "Our own: ask us"}),
    ],
)
def test_a_licence_is_an_identifier_or_the_name_of_another(
    licence: str | None, expected: dict[str, str], home: Path
) -> None:
    catalogue = home / "catalogue.yaml"
    catalogue.write_text(
        catalogue.read_text().replace("licence: odc-by, ", f"licence: {json.dumps(licence)}, ")
    )
    assert publish(home) == 0
    _, front, _ = (home / "out" / "README.md").read_text().split("---\n", 2)
    matter = yaml.safe_load(front)
    assert {name: value for name, value in matter.items() if name.startswith("license")} == expected


def test_text_from_documents_is_no_markup_in_the_card(home: Path) -> None:
    store, shard = refined(home)
    hostile = "![x](http://evil.example/p.png) <img src=x>\r~~~"
    outcome = ExpectationOutcome("language", False, Severity.WARNING, hostile, None, "It is known.")
    store_outcomes(store, shard, [outcome])
    assert publish(home) == 0
    body = (home / "out" / "README.md").read_text()
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    kinds = {leaf.type for token in tokens for leaf in (token.children or [token])}
    assert not kinds & {"image", "html_inline", "html_block"}
    assert "evil" in body
