from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
import yaml

from prox_assets.config.loading import catalogue_path
from prox_assets.defs.assets.annotation import chunk_annotations, doc_annotations
from prox_assets.defs.assets.corpus import raw_documents, seed_documents
from prox_assets.defs.assets.hard_examples import POOL_FILE, hard_examples
from prox_assets.defs.assets.training import chunk_refiner, doc_refiner, sft_dataset
from prox_assets.defs.partitions import CatalogueResource, partition_key, shards
from prox_assets.defs.training_data import finished_rounds, trained_on
from prox_assets.documents.store import Store
from prox_assets.sample import write_sample
from prox_assets.teacher.hard_examples import with_examples

DOMAIN, SHARD = "math", "part-000"
TAUGHT = [seed_documents, doc_annotations, chunk_annotations, sft_dataset, doc_refiner, chunk_refiner]
Materialize = Callable[..., dict[str, Any]]


@pytest.fixture
def materialize(tmp_path: Path) -> Materialize:
    """Materialize assets of a domain with settings for its hard examples; gives the last one's metadata."""
    write_sample(tmp_path / "sample", pages_per_shard=220)
    catalogue = yaml.safe_load(catalogue_path().read_text().replace("${PROX_HOME}", str(tmp_path)))
    instance = dg.DagsterInstance.ephemeral()
    instance.add_dynamic_partitions(shards.name or "", [SHARD])

    def run(assets: list[dg.AssetsDefinition], key: Any = DOMAIN, **settings: Any) -> dict[str, Any]:
        catalogue["domains"][DOMAIN]["seeds"]["size"] = 130
        # So few seeds are no measure of quality, and a round asks for none.
        catalogue["domains"][DOMAIN]["refiner"]["when_unreliable"] = "use"
        catalogue["domains"][DOMAIN]["hard_examples"] = {"pool": 20, "size": 6, **settings}
        file = tmp_path / "catalogue.yaml"
        file.write_text(yaml.safe_dump(catalogue))
        result = dg.materialize(
            assets,
            selection=dg.AssetSelection.assets(*assets),
            partition_key=key,
            instance=instance,
            resources={"catalogue": CatalogueResource(path=str(file))},
        )
        found = result.asset_materializations_for_node(assets[-1].op.name)[-1].metadata
        return {name: value.value for name, value in found.items()}

    return run


def splits(store: Store) -> dict[str, str]:
    folder = store.artifact(DOMAIN, "sft_dataset").folder
    table = pq.read_table(folder / "documents.parquet")
    return dict(zip(table["doc_id"].to_pylist(), table["split"].to_pylist(), strict=True))


def test_rounds_go_on_until_validation_stops_rising(materialize: Materialize, tmp_path: Path) -> None:
    store = Store(tmp_path / "storage")
    materialize([raw_documents], key=partition_key(DOMAIN, SHARD))
    off = materialize([*TAUGHT, hard_examples])
    assert (off["rounds"], off["next"]) == (0, "hard_examples.rounds is 0 in the catalogue")
    without = splits(store)

    first = materialize([hard_examples], rounds=3, min_gain=-1)
    assert first["rounds"] == 1
    waiting = materialize([hard_examples], rounds=3, min_gain=-1)
    assert waiting["rounds"] == 1
    assert "train on the last round first" in waiting["next"]
    second = materialize([*TAUGHT, hard_examples], rounds=3, min_gain=-1)
    assert second["rounds"] == 2
    one, two = finished_rounds(store, DOMAIN)
    assert trained_on(store, DOMAIN) == [one.fingerprint]

    pools = [set(pq.read_table(entry.folder / POOL_FILE)["doc_id"].to_pylist()) for entry in (one, two)]
    added = [pq.read_table(entry.folder / "seeds.parquet") for entry in (one, two)]
    chosen = [set(table["doc_id"].to_pylist()) for table in added]
    seeds = pq.read_table(store.artifact(DOMAIN, "seed_documents").folder / "seeds.parquet")
    assert [len(ids) for ids in (*pools, *chosen)] == [20, 20, 6, 6]
    assert not pools[0] & pools[1]
    assert not (pools[0] | pools[1]) & set(seeds["doc_id"].to_pylist())
    assert not any('"eval"' in metadata for table in added for metadata in table["metadata"].to_pylist())
    table = pq.read_table(one.folder / POOL_FILE)
    totals = {row["doc_id"]: (row["document"] or 0) + (row["lines"] or 0) for row in table.to_pylist()}
    assert min(totals[doc_id] for doc_id in chosen[0]) >= max(totals[d] for d in pools[0] - chosen[0])

    ended = materialize([*TAUGHT, hard_examples], rounds=3, min_gain=1)
    assert ended["next"] == "validation F1 has stopped rising"
    *made, end = finished_rounds(store, DOMAIN)
    assert made == [one, two]
    assert end.record.stopped.startswith("round 2 took validation F1 from")
    assert [entry.record.number for entry in with_examples((*made, end))] == [1, 2]
    rows = splits(store)
    assert {doc_id: rows[doc_id] for doc_id in without} == without
    assert {rows[doc_id] for doc_id in chosen[0] | chosen[1]} == {"train"}
    again = materialize([*TAUGHT, hard_examples], rounds=3, min_gain=-1)
    assert (again["rounds"], again["next"]) == (2, "validation F1 has stopped rising")
    assert len(finished_rounds(store, DOMAIN)) == 3
