import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest

from prox_assets.definitions import defs
from prox_assets.defs.assets.evaluation import read_agreement, read_evaluation
from prox_assets.defs.assets.reporting import STAGES, database_path, read_removal, report_folder, report_path
from prox_assets.defs.checks import CHECKED
from prox_assets.defs.partitions import SHARDS, partition_key
from prox_assets.documents.store import ShardKey
from prox_assets.quality.checks.expectations import expectation_names
from prox_assets_tests.conftest import PAGES_PER_SHARD, Graph
from prox_assets_tests.spoiled import CHECK, spoiled

PER_SHARD = (*STAGES, "rule_filtered_corpus", "corpus_statistics")
PER_DOMAIN = (
    "seed_documents",
    "doc_annotations",
    "chunk_annotations",
    "teacher_agreement",
    "sft_dataset",
    "doc_refiner",
    "chunk_refiner",
    "hard_examples",
    "refiner_evaluation",
    "refining_estimate",
    "quality_report",
    "pretraining_comparison",
    "published_corpus",
)
DOMAINS = ("web", "math")


def test_every_partition_of_every_asset_is_materialized(graph: Graph) -> None:
    shards = graph.instance.get_dynamic_partitions(SHARDS)
    assert len(shards) == 4
    for asset in PER_SHARD:
        expected = {str(partition_key(domain, shard)) for domain in DOMAINS for shard in shards}
        assert graph.instance.get_materialized_partitions(dg.AssetKey(asset)) == expected, asset
    for asset in PER_DOMAIN:
        assert graph.instance.get_materialized_partitions(dg.AssetKey(asset)) == set(DOMAINS), asset
    assert {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()} == {
        *PER_SHARD,
        *PER_DOMAIN,
        "statistics_database",
    }


def test_every_check_ran_on_every_shard(graph: Graph) -> None:
    expected = sum(len(expectation_names(asset)) for asset in CHECKED) * len(DOMAINS) * 4
    expected += 3 * len(DOMAINS)  # what the teacher failed on, twice, and its refused calls
    expected += 2 * 2 * len(DOMAINS)  # the gates of both refiners
    expected += 1 + 2 * len(DOMAINS)  # that database, reports and published corpora are of all shards
    assert graph.tally.checks.total() == expected
    assert graph.tally.failed == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_row_of_the_source_has_one_row_at_every_stage(graph: Graph, domain: str) -> None:
    for raw in graph.store.shards(domain, "raw_documents"):
        shard = raw.key.shard
        rows = [pq.read_table(path, columns=["row"])["row"].to_pylist() for path in raw.paths()]
        rejected = [pq.read_table(path, columns=["row"])["row"].to_pylist() for path in raw.paths("rejected")]
        everything = sorted(row for part in (*rows, *rejected) for row in part)
        assert everything == list(range(raw.ranges[-1].stop))
        assert sum(map(len, rows)) == PAGES_PER_SHARD
        for stage in ("doc_programs", "doc_refined_corpus", "chunk_refined_corpus", "rule_filtered_corpus"):
            later = graph.store.shard(ShardKey(domain, stage, shard))
            assert [pq.read_table(path, columns=["row"])["row"].to_pylist() for path in later.paths()] == rows


def test_every_shard_tells_its_ingest_report(graph: Graph) -> None:
    told = 0
    for record in graph.instance.fetch_materializations(dg.AssetKey("raw_documents"), limit=100).records:
        assert record.asset_materialization is not None
        metadata = record.asset_materialization.metadata
        rows, accepted, rejected = (
            metadata[name].value for name in ("source_rows", "dagster/partition_row_count", "rejected")
        )
        assert rows == accepted + rejected
        reasons = [entry.data for entry in metadata["reasons"].records]
        assert sum(reason["rows"] for reason in reasons) == rejected
        assert all(reason["examples"].startswith("row ") for reason in reasons)
        told += len(reasons)
    assert told, "the sample has rows that must be rejected"


@pytest.mark.parametrize("domain", DOMAINS)
def test_refined_texts_are_rebuilt_from_source_and_record(graph: Graph, domain: str) -> None:
    """Rule 3 of the design: apart from stated targets, no character appears that was not there."""
    edited = 0
    for refined in graph.store.shards(domain, "chunk_refined_corpus"):
        raw = graph.store.shard(ShardKey(domain, "raw_documents", refined.key.shard))
        for part in refined.ranges:
            sources = raw.read(part)["text"].to_pylist()
            for source, row in zip(sources, refined.read(part).to_pylist(), strict=True):
                if row["status"] == "dropped":
                    assert row["text"] == ""
                    continue
                applied = sorted(
                    (edit["start"], edit["stop"], edit["replacement"])
                    for edit in row["edits"]
                    if edit["outcome"] == "applied"
                )
                text, at = "", 0
                for start, stop, replacement in applied:
                    text, at = text + source[at:start] + replacement, stop
                assert row["text"] == text + source[at:]
                removed = sum(edit["n_tokens"] for edit in row["edits"] if edit["outcome"] == "applied")
                assert row["n_tokens_in"] - row["n_tokens_out"] == removed
                edited += bool(applied)
    assert edited > 0


def test_the_database_says_why_a_document_went_and_what_each_call_removed(graph: Graph) -> None:
    with duckdb.connect(str(database_path(graph.store)), read_only=True) as database:
        dropped = database.execute(
            "SELECT doc_id, reason FROM documents WHERE status = 'dropped' AND domain = 'web'"
        ).fetchall()
        removed = dict(
            database.execute("SELECT call, sum(tokens_removed) FROM calls GROUP BY call").fetchall()
        )
        source, accounted = database.execute(
            "SELECT sum(tokens_raw), sum(tokens_raw) FILTER (lost_at IS NOT NULL) + sum(tokens_chunk) "
            "+ (SELECT sum(tokens_removed) FROM calls WHERE stage = 'chunk_refined_corpus') FROM documents "
            "WHERE status <> 'rejected'"
        ).fetchone() or (0, 1)
    assert dropped
    assert all(reason == "drop_doc" for _, reason in dropped)
    assert removed["remove_lines"] > 0
    assert source > 0
    assert accounted == source


def test_the_refiners_learn_something_even_when_small(graph: Graph) -> None:
    for domain in DOMAINS:
        scores = read_evaluation(graph.store, domain)
        assert scores["labelled_documents"] == 40
        assert (
            scores["lines"]["average_precision"]
            > scores["lines"]["n_noise_lines"] / scores["lines"]["n_lines"]
        )
        assert 0 < read_removal(graph.store, domain)["f1"] < 1


def test_no_seed_is_held_out(graph: Graph) -> None:
    for domain in DOMAINS:
        seeds = pq.read_table(graph.store.artifact(domain, "seed_documents").folder / "seeds.parquet")
        assert seeds.num_rows == 150
        assert not any('"eval"' in metadata for metadata in seeds["metadata"].to_pylist())


def test_teachers_are_compared_with_others_and_with_themselves(graph: Graph) -> None:
    others = {"web": ["labels", "rules"], "math": ["rules", "rules (run 2)"]}
    for domain, names in others.items():
        found = read_agreement(graph.store, domain)
        (pair,) = found["pairs"]
        assert pair["judges"] == names
        assert pair["keep"]["n"] == found["seeds"] == 40
        assert pair["lines"]["n"] > 500
        assert 0.3 < pair["lines"]["f1"] <= 1
        assert len(found["disagreements"]) <= 20
        assert "Agreement" in report_path(graph.store, domain).read_text()


def test_the_report_and_the_data_docs_are_there(graph: Graph) -> None:
    for domain in DOMAINS:
        page = report_path(graph.store, domain).read_text()
        assert domain in page
        assert "<svg" in page
        docs = report_folder(graph.store, domain) / "data_docs"
        assert len(list(docs.rglob("*.html"))) > len(CHECKED) * 4


def test_materializing_again_makes_nothing_anew(graph: Graph) -> None:
    """The same configuration gives the same fingerprints: nothing is written or trained twice."""
    checkpoint = graph.store.artifact("web", "doc_refiner").folder / "checkpoint" / "model.safetensors"
    shard = graph.store.shard(ShardKey("web", "doc_programs", "part-000"))
    before = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in (checkpoint, *shard.paths())]
    for job, key in (("teach_and_train", "web"), ("refine_shard", str(partition_key("web", "part-000")))):
        result = defs.resolve_job_def(job).execute_in_process(instance=graph.instance, partition_key=key)
        assert result.success
    assert [(path.stat().st_mtime_ns, path.stat().st_ino) for path in (checkpoint, *shard.paths())] == before


def test_a_check_fails_on_bad_data_blocks_and_passes_after_the_repair(graph: Graph) -> None:
    key = partition_key("math", "part-000")
    raw = graph.store.shard(ShardKey("math", "raw_documents", "part-000"))
    with spoiled(raw):
        result = defs.resolve_job_def("ingest_shard").execute_in_process(
            instance=graph.instance, partition_key=str(key), raise_on_error=False
        )
        failed = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
        assert failed == {CHECK}
        assert not result.success
    repaired = defs.resolve_job_def("ingest_shard").execute_in_process(
        instance=graph.instance, partition_key=str(key)
    )
    assert repaired.success
