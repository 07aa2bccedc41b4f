"""What the schedule asks for, night after night, on shards that are recorded as done without a model."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
import yaml

from prox_assets.cli import main
from prox_assets.definitions import defs
from prox_assets.defs.assets.reporting import quality_report, statistics_database
from prox_assets.defs.automation.backfills import REFINED, ShardRange, requested_shards
from prox_assets.defs.automation.schedule import coverage_result, nightly_refining, shards_metadata
from prox_assets.defs.partitions import SHARDS, CatalogueResource
from prox_assets.documents.schema import RAW
from prox_assets.documents.store import RowRange, ShardKey, Store
from prox_assets.errors import InputError
from prox_assets.inference import Task
from prox_assets.programs import Rails
from prox_assets.quality.checks.outcomes import ExpectationOutcome, store_outcomes
from prox_assets.quality.checks.rules import Severity
from prox_assets.refiner.checkpoint import CheckpointInfo, ChunkThresholds, DocumentThresholds
from prox_assets.refining.models import rails_configuration
from prox_assets.refining.staleness import present_settings
from prox_assets.review.comparison import other_pair, present_pair

ROWS = 10


@dataclass(frozen=True)
class Night:
    """A deployment of one domain, and what it does at night."""

    home: Path
    instance: dg.DagsterInstance

    @property
    def store(self) -> Store:
        return Store(self.home / "storage")

    def catalogue(self, **backfill: object) -> CatalogueResource:
        values = {
            "storage": str(self.home / "storage"),
            "domains": {
                "web": {
                    "inputs": [{"path": str(self.home / "incoming")}],
                    "teacher": {"kind": "rules"},
                    "backfill": backfill,
                }
            },
        }
        path = self.home / "catalogue.yaml"
        path.write_text(yaml.safe_dump(values))
        return CatalogueResource(path=str(path))

    def train(self, name: str = "first") -> None:
        for asset, task in (("doc_refiner", Task.DOCUMENT), ("chunk_refiner", Task.CHUNK)):
            thresholds = DocumentThresholds(0.5) if task is Task.DOCUMENT else ChunkThresholds(0.5, 0.9, 3)
            info = CheckpointInfo(task, 256, thresholds, {}, {"name": name})

            def build(folder: Path, info: CheckpointInfo = info) -> None:
                (folder / "checkpoint").mkdir()
                info.write(folder / "checkpoint")

            self.store.publish("web", asset, {"asset": asset, "name": name}, build)

    def read(self, *shards: str) -> None:
        self.instance.add_dynamic_partitions(SHARDS, list(shards))
        for shard in shards:
            self._write("raw_documents", shard, {})
            self.record("raw_documents", f"web|{shard}")

    def refine(self, *shards: str, seconds: float = 1.0) -> None:
        catalogue = self.catalogue().load()
        now = present_settings(self.store, "web", catalogue.domain("web")).values
        for shard in shards:
            raw = self.store.shard(ShardKey("web", "raw_documents", shard)).fingerprint
            self._write(
                "doc_programs",
                shard,
                {"upstreams": {"raw_documents": raw}, "checkpoint": now["doc_refiner"]},
                seconds,
            )
            self._write("doc_refined_corpus", shard, {"keep_threshold": None})
            self._write("chunk_programs", shard, {"checkpoint": now["chunk_refiner"]}, seconds)
            self._write(
                "chunk_refined_corpus", shard, {"thresholds": None, "rails": rails_configuration(Rails())}
            )
            for asset in REFINED:
                self.record(asset, f"web|{shard}")

    def tick(self, **backfill: object) -> list[dg.RunRequest]:
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=datetime(2026, 11, 21, 2, tzinfo=UTC),
            resources={"catalogue": self.catalogue(**backfill)},
        )
        answer = nightly_refining(context)
        if isinstance(answer, dg.SkipReason):
            raise NothingAskedError(answer.skip_message)
        return list(answer)

    def run(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        if status is dg.DagsterRunStatus.STARTED:
            job = defs.resolve_job_def("refine_shard")
            return self.instance.create_run_for_job(job, tags=request.tags, status=status)
        return self.instance.add_run(_run(request, status))

    def add_file(self, shard: str) -> None:
        folder = self.home / "incoming"
        folder.mkdir(exist_ok=True)
        (folder / f"{shard}.jsonl").write_text('{"id": "1", "text": "a page"}\n')
        os.utime(folder / f"{shard}.jsonl", (0, 0))  # settled long ago

    def record(
        self, asset: str, partition: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> None:
        event = dg.AssetMaterialization(asset, partition=partition, metadata=metadata)
        self.instance.report_runless_asset_event(event)

    def _write(self, asset: str, shard: str, configuration: dict[str, object], seconds: float = 0.0) -> None:
        writer = self.store.writer(ShardKey("web", asset, shard), {"asset": asset, **configuration})
        table = RAW.empty_table() if asset != "raw_documents" else _rows()
        writer.commit(RowRange(0, ROWS), table, cost={"device_seconds": seconds})
        writer.finish()


class NothingAskedError(Exception):
    """The tick asked for nothing."""


def _rows() -> pa.Table:
    rows = [{"row": n, "doc_id": str(n), "text": "t", "metadata": "{}"} for n in range(ROWS)]
    return pa.Table.from_pylist(rows, RAW)


def _run(request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    from dagster._core.utils import make_new_run_id

    return dg.DagsterRun("refine_shard", run_id=make_new_run_id(), status=status, tags=request.tags)


def asked(requests: Sequence[dg.RunRequest]) -> list[tuple[str, str]]:
    return [
        (
            request.tags["dagster/asset_partition_range_start"],
            request.tags["dagster/asset_partition_range_end"],
        )
        for request in requests
    ]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with dg.instance_for_test() as instance:
        made = Night(tmp_path, instance)
        made.train()
        yield made


def test_missing_shards_are_asked_for_newest_first_as_ranges(night: Night) -> None:
    night.read("s0", "s1", "s2", "s3", "s4", "s5")
    night.refine("s3")
    assert asked(night.tick()) == [("web|s4", "web|s5"), ("web|s0", "web|s2")]
    assert asked(night.tick(order="oldest_first"))[0] == ("web|s0", "web|s2")
    assert asked(night.tick(shards_per_run=2)) == [
        ("web|s4", "web|s5"),
        ("web|s2", "web|s2"),
        ("web|s0", "web|s1"),
    ]
    (first, *_) = night.tick()
    assert first.tags["dagster/priority"] == "-10"
    assert first.tags["dagster/max_runtime"] == "86400"


def test_a_night_keeps_to_its_budget_and_the_next_goes_on(night: Night) -> None:
    night.read("s0", "s1", "s2", "s3")
    assert asked(night.tick(max_shards=2)) == [("web|s2", "web|s3")]
    night.refine("s2", "s3")
    assert asked(night.tick(max_shards=2)) == [("web|s0", "web|s1")]
    night.refine("s0", "s1")
    with pytest.raises(NothingAskedError, match=r"0 shards asked for in 0 runs.*; 4 done"):
        night.tick(max_shards=2)


def test_device_hours_are_counted_by_what_shards_have_cost(night: Night) -> None:
    night.read("s0", "s1", "s2", "s3")
    night.refine("s0", seconds=1800.0)
    assert asked(night.tick(gpu_hours=2.5)) == [("web|s2", "web|s3")]


def test_device_hours_come_from_the_estimate_before_any_shard_is_refined(night: Night) -> None:
    night.read("s0", "s1", "s2", "s3")
    assert asked(night.tick(gpu_hours=1.0)) == [("web|s0", "web|s3")]
    metadata = {"device_hours": 4.0, "documents_left": 4 * ROWS}
    night.instance.report_runless_asset_event(
        dg.AssetMaterialization("refining_estimate", partition="web", metadata=metadata)
    )
    assert asked(night.tick(gpu_hours=1.0)) == [("web|s3", "web|s3")]


def test_no_partition_is_asked_for_twice(night: Night) -> None:
    night.read("s0", "s1", "s2", "s3")
    (request,) = night.tick(max_shards=2)
    night.run(request, dg.DagsterRunStatus.STARTING)
    assert asked(night.tick()) == [("web|s0", "web|s1")]
    (rest,) = night.tick()
    night.run(rest, dg.DagsterRunStatus.STARTED)
    with pytest.raises(NothingAskedError, match="4 in progress"):
        night.tick()


def test_what_fails_is_tried_again_until_it_is_given_up(night: Night) -> None:
    night.read("s0", "s1")
    for _ in range(3):
        (request,) = night.tick()
        assert asked([request]) == [("web|s0", "web|s1")]
        night.run(request, dg.DagsterRunStatus.FAILURE)
    night.refine("s0")
    with pytest.raises(NothingAskedError, match="given up after too many tries: s1"):
        night.tick()
    assert asked(night.tick(max_attempts=4)) == [("web|s1", "web|s1")]


def test_stale_shards_are_shown_and_asked_for_only_where_the_catalogue_says_so(night: Night) -> None:
    night.read("s0", "s1")
    night.refine("s0", "s1")
    with pytest.raises(NothingAskedError, match="0 stale"):
        night.tick(refine_again=True)
    night.train("second")
    with pytest.raises(NothingAskedError, match=r"2 stale \(doc_refiner: 2, chunk_refiner: 2\)"):
        night.tick()
    assert asked(night.tick(refine_again=True)) == [("web|s0", "web|s1")]


def test_a_shard_that_a_blocking_check_found_bad_waits(night: Night) -> None:
    night.read("s0", "s1")
    raw = night.store.shard(ShardKey("web", "raw_documents", "s1"))
    bad = ExpectationOutcome("row_conservation", False, Severity.CRITICAL, "9 of 10 rows", None, "")
    store_outcomes(night.store, raw, [bad])
    assert asked(night.tick()) == [("web|s0", "web|s0")]
    night.refine("s0")
    with pytest.raises(NothingAskedError, match="stopped by a blocking check: s1"):
        night.tick()


def test_shards_of_other_domains_do_not_divide_a_range(night: Night) -> None:
    night.read("s0")
    night.instance.add_dynamic_partitions(SHARDS, ["of-another-domain"])
    night.read("s1")
    assert asked(night.tick()) == [("web|s0", "web|s1")]


def test_a_domain_without_refiners_says_what_to_do(tmp_path: Path) -> None:
    with dg.instance_for_test() as instance:
        night = Night(tmp_path, instance)
        night.read("s0")
        with pytest.raises(NothingAskedError, match="materialize doc_refiner for web first"):
            night.tick()


def test_a_range_names_its_ends() -> None:
    assert ShardRange("web", ("a", "b", "c")).ends == ("web|a", "web|c")


def test_people_ask_for_shards_by_hand_and_the_night_leaves_them_alone(
    night: Night, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROX_CATALOGUE", night.catalogue().path)
    night.read("s0", "s1", "s2", "s3")
    night.refine("s1")
    assert main(["backfill", "web", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "web: 3 shards in 2 runs, about 0.00 device hours" in said
    assert "web|s2 … web|s3 (2)" in said
    assert night.instance.get_backfills() == []
    assert main(["backfill", "web", "--max-shards", "2"]) == 0
    (asked_for,) = night.instance.get_backfills()
    assert requested_shards(night.instance, "web") == {"s2", "s3"}
    assert set(asked_for.asset_selection or ()) == {dg.AssetKey(asset) for asset in REFINED}
    assert asked(night.tick()) == [("web|s0", "web|s0")]
    assert main(["backfill", "web", "--shards", "s9"]) == 1
    assert "web has read no shard 's9'; it has s0, s1" in capsys.readouterr().err


def test_the_status_names_what_is_stale_and_why(
    night: Night, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROX_CATALOGUE", night.catalogue().path)
    night.read("s0", "s1")
    night.refine("s0")
    night.train("second")
    assert main(["status"]) == 0
    assert "web: s0 is stale: doc_refiner, chunk_refiner" in capsys.readouterr().out
    assert main(["backfill", "web", "--stale", "--dry-run"]) == 0
    assert "web|s0 (1)" in capsys.readouterr().out


def test_shards_that_another_instance_made_are_named(
    night: Night, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROX_CATALOGUE", night.catalogue().path)
    night.read("s0", "s1")
    assert main(["status"]) == 0
    assert "outside of this Dagster instance" not in capsys.readouterr().out
    monkeypatch.setattr("prox_assets.cli.deployment.deployed_instance", dg.DagsterInstance.ephemeral)
    for command in (["status"], ["backfill", "web", "--dry-run"]):
        assert main(command) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "2 shards of the store were made outside of this Dagster instance, first s" in said


def follow(night: Night, cursor: Any) -> tuple[set[str], Any]:
    """What a tick of the sensor `follow_refining` asks for: assets with their partitions, and checks."""
    ticked = dg.evaluate_automation_conditions(defs, night.instance, cursor=cursor)
    requested = [one.key for one in ticked.results if one.true_subset.size]
    names = {
        " ".join([key.to_user_string(), *sorted(filter(None, ticked.get_requested_partitions(key)))])
        for key in requested
        if isinstance(key, dg.AssetKey)
    }
    checks = {key.to_user_string() for key in requested if isinstance(key, dg.AssetCheckKey)}
    return names | checks, ticked.cursor


def test_database_and_report_follow_the_night_and_nothing_else(night: Night) -> None:
    night.read("s0", "s1", "s2", "s3")
    night.refine("s0", "s1")
    asked_for, cursor = follow(night, None)
    assert asked_for == set()
    (request,) = night.tick()
    run = night.run(request, dg.DagsterRunStatus.STARTED)
    night.refine("s2")
    asked_for, cursor = follow(night, cursor)
    assert asked_for == set(), "the night is not over"
    night.instance.report_run_canceled(run)
    asked_for, cursor = follow(night, cursor)
    assert asked_for == {"statistics_database"}
    asked_for, cursor = follow(night, cursor)
    assert asked_for == set(), "the report is of the new database"
    night.record("statistics_database")
    asked_for, cursor = follow(night, cursor)
    assert asked_for == {"quality_report web", "statistics_database:all_shards"}
    night.record("quality_report", "web")
    asked_for, cursor = follow(night, cursor)
    assert asked_for == {"quality_report:all_shards"}, "publishing is asked for in the catalogue alone"
    assert follow(night, cursor)[0] == set()


def test_what_lacks_a_shard_says_so_until_it_has_it(night: Night) -> None:
    night.read("s0", "s1", "s2", "s3")
    catalogue = night.catalogue()

    def covered(included: list[str]) -> dg.AssetCheckResult:
        metadata = shards_metadata(catalogue.load(), night.store, {"web": included})
        night.record("statistics_database", metadata=metadata)
        night.record("quality_report", "web", metadata=metadata)
        results = [
            coverage_result(night.instance, catalogue, asset)
            for asset in (statistics_database, quality_report)
        ]
        assert len({(result.passed, result.description) for result in results}) == 1
        return results[0]

    for shard in ("s0", "s1", "s2", "s3"):
        night.add_file(shard)
    assert coverage_result(night.instance, catalogue, quality_report).passed, "no report, nothing to lack"
    some = covered(["s0", "s1", "s2"])
    assert (some.passed, some.description) == (False, "web lacks 1 of 4 shards: s3")
    assert covered(["s0", "s1", "s2", "s3"]).passed
    night.add_file("s4")
    assert covered(["s0", "s1", "s2", "s3"]).description == "web lacks 1 of 5 shards: s4"


def test_no_age_makes_what_lacks_a_shard_pass() -> None:
    graph = defs.resolve_asset_graph()
    assert not any(graph.get(key).freshness_policy for key in graph.get_all_asset_keys())


def test_refiners_to_try_are_the_newest_that_are_not_in_use(night: Night) -> None:
    with pytest.raises(InputError, match="train some, or name a checkpoint folder"):
        other_pair(night.store, "web")
    first = present_pair(night.store, "web")
    night.train("second")
    tried = other_pair(night.store, "web")
    assert (tried.document, tried.chunk) == (first.document, first.chunk)
