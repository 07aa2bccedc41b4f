"""The catalogue's `kind: generative` makes the same assets, and the UI says how each refiner is asked."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from prox_assets import config
from prox_assets.config.catalogue import Domain
from prox_assets.defs.assets.training import doc_refiner
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.documents.files import write_table
from prox_assets.documents.schema import SFT_CHUNKS
from prox_assets.documents.store import Store
from prox_assets.inference import Task
from prox_assets.refiner.checkpoint import read_info
from prox_assets_tests.refiner.generative.conftest import some_pages
from prox_assets_tests.refiner.tables import document_table

_TINY = {"hidden": 32, "layers": 1, "heads": 2, "intermediate": 32, "vocab_size": 1200, "positions": 256}
_TRAINING = {"epochs": 1, "batch_size": 16, "micro_batch": 16, "threads": 1}


def _catalogue(folder: Path, **training: object) -> Path:
    (folder / "texts.jsonl").write_text('{"id": "a", "text": "b"}\n')
    recipe = {
        "window": 128,
        "layout": "llama2",
        "architecture": _TINY,
        "training": _TRAINING | training,
    }
    domain = {
        "inputs": [{"path": "texts.jsonl"}],
        "teacher": {"kind": "rules"},
        # A few steps teach it nothing, and its quality is not what these tests look at.
        "refiner": {"kind": "generative", "when_unreliable": "use", "document": recipe},
    }
    file = folder / "catalogue.yaml"
    file.write_text(yaml.safe_dump({"storage": "storage", "domains": {"web": domain}}))
    return file


def test_a_generative_refiner_is_an_asset_like_the_other(tmp_path: Path) -> None:
    catalogue = CatalogueResource(path=str(_catalogue(tmp_path)))
    store: Store = catalogue.store()
    _publish_dataset(store, 80)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            [doc_refiner], partition_key="web", instance=instance, resources={"catalogue": catalogue}
        )
        observed = instance.fetch_observations(doc_refiner.key, limit=5).records
    (event,) = done.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["prompt_layout"].value == "llama2"
    assert "validation_f1" in metadata
    assert len(observed) == _TRAINING["epochs"]
    assert observed[0].asset_observation is not None
    assert {"learning_rate", "training_loss", "curves"} <= set(observed[0].asset_observation.metadata)
    artifact = store.artifact("web", "doc_refiner")
    assert read_info(artifact.folder / "checkpoint", Task.DOCUMENT).kind == "generative"
    assert [path.name for path in artifact.folder.parent.iterdir() if path.suffix == ".partial"] == []


def test_a_changed_recipe_or_dataset_is_another_version(tmp_path: Path) -> None:
    """Staleness follows from the data version; one that is there already is taken up, not trained again."""

    def version(pages: int, **training: object) -> str:
        catalogue = CatalogueResource(path=str(_catalogue(tmp_path, max_steps=1, **training)))
        _publish_dataset(catalogue.store(), pages)
        done = dg.materialize([doc_refiner], partition_key="web", resources={"catalogue": catalogue})
        (event,) = done.get_asset_materialization_events()
        assert event.materialization.tags is not None
        folder = catalogue.store().artifact("web", "doc_refiner").folder
        found = event.materialization.tags["dagster/data_version"]
        assert found == folder.name
        written.append((folder / "checkpoint" / "model.safetensors").stat().st_mtime_ns)
        return found

    written: list[int] = []
    first = version(80)
    faster, others = version(80, peak_learning_rate=1e-3), version(90)
    assert len({first, faster, others}) == 3
    assert version(80, checkpoint_steps=7) == first, "how often a state is saved decides nothing"
    assert written[3] == written[0]


def _publish_dataset(store: Store, pages: int) -> None:
    def build(folder: Path) -> None:
        write_table(document_table(some_pages(pages)), folder / "documents.parquet")
        write_table(SFT_CHUNKS.empty_table(), folder / "chunks.parquet")

    store.publish("web", "sft_dataset", {"by": "hand", "pages": pages}, build)


def test_the_kind_is_scoring_unless_the_catalogue_says_so(tmp_path: Path) -> None:
    given = {"inputs": [{"path": "a"}], "teacher": {"kind": "rules"}}
    assert isinstance(Domain(**given, refiner={"validation_share": 0.2}).refiner, config.ScoringRefiner)
    assert isinstance(Domain(**given).refiner, config.ScoringRefiner)
    with pytest.raises(ValueError, match="generative"):
        Domain(**given, refiner={"kind": "magic"})
    both = {"kind": "generative", "chunk": {"base": "a", "checkpoint": "b"}}
    with pytest.raises(ValueError, match="give base, which is trained, or checkpoint"):
        Domain(**given, refiner=both)
