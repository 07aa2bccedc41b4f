"""Shards that hold nothing: empty files, files without rows, files whose rows are all rejected."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from prox_assets.config.loading import catalogue_path, load_catalogue
from prox_assets.config.yaml_tree import read_yaml
from prox_assets.definitions import defs
from prox_assets.defs.automation.backfills import ShardRange
from prox_assets.defs.checks import CHECKED
from prox_assets.defs.partitions import CatalogueResource, register_shards
from prox_assets.documents.store import ShardKey, Store
from prox_assets.quality.checks.expectations import expectation_names
from prox_assets_tests.conftest import Graph

EMPTY = ("empty", "norows", "rejected")
SHARDS = {"web": ("rejected", "some"), "math": EMPTY}
TRAINED = (
    "seed_documents",
    "doc_annotations",
    "chunk_annotations",
    "teacher_agreement",
    "sft_dataset",
    "doc_refiner",
    "chunk_refiner",
)
REJECTED_ROWS = 5


def write_nothing(folder: Path, shards: list[str]) -> None:
    """Write shards that hold no document."""
    folder.mkdir(parents=True)
    if "empty" in shards:
        (folder / "empty.jsonl").touch()
    if "norows" in shards:
        columns = {"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}
        pq.write_table(pa.table(columns), folder / "norows.parquet")
    if "rejected" in shards:
        write_rows(folder / "rejected.jsonl", [{"id": f"r{n}", "text": None} for n in range(REJECTED_ROWS)])


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@dataclass(frozen=True)
class Deployment:
    """The domain web has a shard with documents and one without; math has three without."""

    instance: dg.DagsterInstance
    store: Store
    catalogue: CatalogueResource

    def run(self, job: str, **where: Any) -> dg.ExecuteInProcessResult:
        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, resources={"catalogue": self.catalogue}, raise_on_error=False, **where
        )

    def metadata(self, job: str, domain: str | None, asset: str) -> dict[str, Any]:
        result = self.run(job, partition_key=domain)
        return metadata_of(result, asset)

    def materialize(self, asset: str, domain: str) -> dict[str, Any]:
        result = dg.materialize(
            [definition for definition in defs.assets or () if isinstance(definition, dg.AssetsDefinition)],
            selection=[asset],
            partition_key=domain,
            instance=self.instance,
            resources={"catalogue": self.catalogue},
            raise_on_error=False,
        )
        return metadata_of(result, asset)


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    assert result.success, failures(result)
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return [f"{data.user_failure_data or ''} {data.error}" for data in failed]


@pytest.fixture(scope="module")
def deployment(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("nothing")
    values = read_yaml(catalogue_path().read_bytes()).value
    values["storage"] = str(home / "storage")
    for domain, section in values["domains"].items():
        write_nothing(home / domain, [shard for shard in SHARDS[domain] if shard in EMPTY])
        section["inputs"] = [{"path": str(home / domain), "settle_seconds": 0, "columns": COLUMNS}]
        section["hard_examples"] = {"rounds": 3, "pool": 20, "size": 5, "min_gain": -1.0}
        for asset in TRAINED:
            shutil.copytree(graph.store.root / domain / asset, home / "storage" / domain / asset)
    pages = [{"id": f"d{n}", "text": f"Page {n} is about rivers.\nIt has two lines."} for n in range(8)]
    write_rows(home / "web" / "some.jsonl", pages)
    path = home / "catalogue.yaml"
    path.write_text(yaml.safe_dump(values))
    with dg.DagsterInstance.ephemeral() as instance:
        register_shards(instance, load_catalogue(path))
        yield Deployment(instance, Store(home / "storage"), CatalogueResource(path=str(path)))


COLUMNS = {"doc_id": "id", "text": "text"}


@pytest.fixture(scope="module")
def evaluations(deployment: Deployment) -> list[dg.AssetCheckEvaluation]:
    """The results of all checks of all shards, each domain refined in runs over a range."""
    found = []
    for domain, shards in SHARDS.items():
        for job in ("ingest_shard", "refine_shard"):
            result = deployment.run(job, tags=ShardRange(domain, shards).tags)
            assert result.success, failures(result)
            found += result.get_asset_check_evaluations()
    return found


def test_every_asset_of_shards_without_documents_is_made(
    deployment: Deployment, evaluations: list[dg.AssetCheckEvaluation]
) -> None:
    keys = {f"{domain}|{shard}" for domain, shards in SHARDS.items() for shard in shards}
    for asset in (*CHECKED, "corpus_statistics"):
        assert deployment.instance.get_materialized_partitions(dg.AssetKey(asset)) >= keys, asset
    for asset in CHECKED:
        assert all(deployment.store.shard(ShardKey("math", asset, shard)).rows == 0 for shard in EMPTY), asset


def test_checks_of_nothing_pass_and_say_so_but_the_share_of_rejected_rows(
    evaluations: list[dg.AssetCheckEvaluation],
) -> None:
    of_empty = [check for check in evaluations if str(check.partition).split("|")[1] in EMPTY]
    shards = {check.partition for check in of_empty}
    assert len(of_empty) == sum(len(expectation_names(asset)) for asset in CHECKED) * len(shards)
    failed = {(check.partition, check.check_name, check.severity) for check in of_empty if not check.passed}
    warning = dg.AssetCheckSeverity.WARN
    assert failed == {(f"{domain}|rejected", "rejected_share", warning) for domain in ("web", "math")}
    passed = [check for check in of_empty if check.passed and check.check_name != "schema"]
    said = {str(check.metadata["observed"].value) for check in passed}
    assert said <= {"no such rows", "nothing to measure", "0, expected 0"}


def test_domains_with_and_of_shards_without_documents_have_all_their_assets(
    deployment: Deployment, evaluations: list[dg.AssetCheckEvaluation]
) -> None:
    database = deployment.metadata("build_database", None, "statistics_database")
    assert (database["shards"], database["documents"]) == (5, 8 + 2 * REJECTED_ROWS)
    assert database["shards_missing"] == []
    for domain, shards in (("web", 2), ("math", 3)):
        assert deployment.materialize("refiner_evaluation", domain)["labelled_documents"] == 0
        assert deployment.materialize("refining_estimate", domain)["documents_left"] == 0
        assert deployment.materialize("hard_examples", domain)["rounds"] >= 0
        report = deployment.materialize("quality_report", domain)
        assert domain in Path(report["report"]).read_text()
        assert len(report["shards_included"]) == shards
        assert deployment.materialize("published_corpus", domain)["shards"] == shards
        empty = deployment.materialize("pretraining_comparison", domain)["comparison"]["without_documents"]
        assert ("raw" in empty) == (domain == "math")
