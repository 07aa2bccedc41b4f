"""A domain's refiner may start from that of another domain, and is another version when that one is."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from prox_assets.defs.assets.training import doc_refiner
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.documents.files import write_table
from prox_assets.documents.schema import SFT_CHUNKS
from prox_assets.documents.store import Artifact
from prox_assets.errors import CatalogueError
from prox_assets_tests.refiner.generative.conftest import some_pages
from prox_assets_tests.refiner.tables import document_table

_TINY = {"hidden": 32, "layers": 1, "heads": 2, "intermediate": 32, "vocab_size": 600}
_TRAINING = {"epochs": 1, "max_steps": 2, "batch_tokens": 2048, "threads": 1}


def _catalogue(folder: Path, base: str = "web", **changes: object) -> CatalogueResource:
    (folder / "texts.jsonl").write_text('{"id": "a", "text": "b"}\n')
    training = _TRAINING | changes
    recipes = {
        "web": {"window": 128, "architecture": _TINY, "training": training},
        "math": {"window": 128, "base": {"domain": base}, "training": _TRAINING},
    }
    domains = {
        name: {
            "inputs": [{"path": "texts.jsonl"}],
            "teacher": {"kind": "rules"},
            # Two steps teach it nothing, and its quality is not what these tests look at.
            "refiner": {"when_unreliable": "use", "document": one},
        }
        for name, one in recipes.items()
    }
    file = folder / "catalogue.yaml"
    file.write_text(yaml.safe_dump({"storage": "storage", "domains": domains}))
    catalogue = CatalogueResource(path=str(file))
    for domain in domains:
        catalogue.store().publish(domain, "sft_dataset", {"by": "hand"}, _write_dataset)
    return catalogue


def _write_dataset(folder: Path) -> None:
    write_table(document_table(some_pages(80)), folder / "documents.parquet")
    write_table(SFT_CHUNKS.empty_table(), folder / "chunks.parquet")


def _trained(domain: str, catalogue: CatalogueResource) -> Artifact:
    dg.materialize([doc_refiner], partition_key=domain, resources={"catalogue": catalogue})
    return catalogue.store().artifact(domain, "doc_refiner")


def test_a_refiner_goes_on_from_that_of_another_domain(tmp_path: Path) -> None:
    catalogue = _catalogue(tmp_path)
    with pytest.raises(dg.Failure, match="materialize doc_refiner for web first"):
        _trained("math", catalogue)
    web, math = _trained("web", catalogue), _trained("math", catalogue)
    tokenizers = [(one.folder / "checkpoint" / "tokenizer.json").read_bytes() for one in (web, math)]
    assert tokenizers[0] == tokenizers[1]
    named = catalogue.store().configuration(math)["recipe"]["base"]
    assert named == f"web/doc_refiner/{web.fingerprint}", "no path: a store that moves keeps its versions"
    assert _trained("math", catalogue).fingerprint == math.fingerprint
    other = _catalogue(tmp_path, seed=1)
    _trained("web", other)
    assert _trained("math", other).fingerprint != math.fingerprint


def test_a_domain_does_not_start_from_itself(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"base\.domain: this refiner would be made from itself"):
        _catalogue(tmp_path, base="math")
