"""What the checks of a shard cost beside the stages they check.

    python benchmarks/checks_cost.py --storage .prox/storage --domain web [--pages 4000]

Takes the refiners of a storage, refines one shard of the embedded corpus with them, and validates each asset
of it twice: the first time pays for importing Great Expectations, as the first check of a process does.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from prox_assets.baselines.rules import filtered_table
from prox_assets.config.loading import load_catalogue
from prox_assets.documents.ingest import ingest
from prox_assets.documents.sources import list_shards
from prox_assets.documents.store import FinishedShard, ShardKey, Store
from prox_assets.programs import Rails
from prox_assets.quality.checks.expectations import UPSTREAM, validate
from prox_assets.quality.checks.outcomes import DataDocsSite
from prox_assets.quality.checks.rules import CheckLimits, Conservation
from prox_assets.refining import stages as shards
from prox_assets.refining.driver import PartResult, map_parts
from prox_assets.refining.models import engine_settings, load_chunk_refiner, load_document_refiner
from prox_assets.sample import write_sample

RESULT = Path(__file__).parent / "results" / "checks_cost.json"
GROUPS = {
    "reading": ("raw_documents",),
    "document refining": ("doc_programs", "doc_refined_corpus"),
    "chunk refining": ("chunk_programs", "chunk_refined_corpus"),
    "rule baseline": ("rule_filtered_corpus",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--domain", default="web")
    parser.add_argument("--pages", type=int, default=4_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prox-checks-cost-") as folder:
        os.environ["PROX_HOME"] = folder
        finished, stages = refined(Path(folder), options)
        site = DataDocsSite(Path(folder) / "docs")
        first = validated(finished, site)
        again = validated(finished, site)
    result = {
        "pages": options.pages,
        "cores": os.cpu_count(),
        "importing_great_expectations_seconds": round(sum(first.values()) - sum(again.values()), 2),
        "assets": {
            name: {"stage_seconds": round(stages[name], 2), "check_seconds": round(again[name], 2)}
            for name in stages
        },
        "groups": {
            group: round(sum(again[name] for name in names) / sum(stages[name] for name in names), 4)
            for group, names in GROUPS.items()
        },
        "whole": round(sum(again.values()) / sum(stages.values()), 4),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


def refined(home: Path, options: argparse.Namespace) -> tuple[dict[str, FinishedShard], dict[str, float]]:
    """Every stage of one shard, and the seconds each took."""
    write_sample(home / "sample", pages_per_shard=options.pages, train_shards=1)
    catalogue = load_catalogue()
    source = list_shards(catalogue.domain(options.domain).inputs)[-1]
    given, store = Store(options.storage.absolute()), Store(home / "storage")
    settings = engine_settings(catalogue.inference)
    documents = load_document_refiner(
        given.artifact(options.domain, "doc_refiner").folder / "checkpoint", settings
    )
    chunks = load_chunk_refiner(
        given.artifact(options.domain, "chunk_refiner").folder / "checkpoint", settings
    )
    seconds: dict[str, float] = {}
    found: dict[str, FinishedShard] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - started

    def silent(progress: object) -> None:
        """Nobody watches."""

    with timed("raw_documents"):
        found["raw_documents"] = ingest(source, store, options.domain, 1024, silent)
    raw = found["raw_documents"]
    with timed("doc_programs"):
        found["doc_programs"] = shards.write_doc_programs(store, raw, documents, silent)
    with timed("doc_refined_corpus"):
        found["doc_refined_corpus"] = shards.write_doc_refined(
            store, raw, found["doc_programs"], None, silent
        )
    refined_documents = found["doc_refined_corpus"]
    with timed("chunk_programs"):
        found["chunk_programs"] = shards.write_chunk_programs(store, refined_documents, chunks, silent)
    with timed("chunk_refined_corpus"):
        found["chunk_refined_corpus"] = shards.write_chunk_refined(
            store, refined_documents, found["chunk_programs"], documents.checkpoint, Rails(), None, silent
        )
    with timed("rule_filtered_corpus"):
        writer = store.writer(
            ShardKey(options.domain, "rule_filtered_corpus", raw.key.shard), {"ruleset": "all"}
        )
        judge = partial(filtered_table, "all")
        found["rule_filtered_corpus"] = map_parts(
            (raw,), writer, lambda table: PartResult(judge(table)), silent
        )
    return found, seconds


def validated(finished: dict[str, FinishedShard], site: DataDocsSite) -> dict[str, float]:
    """The seconds that validating each asset takes, its page in the Data Docs included."""
    seconds = {}
    for asset, shard in finished.items():
        upstream = finished[UPSTREAM[asset]].paths() if asset in UPSTREAM else ()
        rejected = shard.paths("rejected") if asset == "raw_documents" else ()
        started = time.perf_counter()
        conservation = Conservation(upstream=upstream, rejected=rejected)
        validate(asset, shard.paths(), conservation, CheckLimits(), "web|all", site)
        seconds[asset] = time.perf_counter() - started
    return seconds


if __name__ == "__main__":
    main()
