"""What the refined corpus is compared with: published filter rules, and tiny models of each corpus."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain, compress
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from prox_assets.config import Domain
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.assets.evaluation import held_out_labels
from prox_assets.defs.assets.refinement import chunk_refined_corpus, doc_refined_corpus
from prox_assets.defs.assets.training import CHECKPOINT, doc_refiner
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import Device, domain_asset
from prox_assets.defs.runs.multi_partition import ShardRun, shard_asset
from prox_assets.defs.ui import artifact_result, log_parts, shard_result, table_of
from prox_assets.documents.files import read_json, write_json
from prox_assets.documents.schema import RULE_FILTERED
from prox_assets.documents.store import FinishedShard, ShardKey, Store
from prox_assets.refining.driver import PartResult, map_parts
from prox_assets.teacher.sampling import Holdout

COMPARISON_FILE = "comparison.json"
CORPORA = {
    "raw": "raw_documents",
    "rules": "rule_filtered_corpus",
    "doc-refined": "doc_refined_corpus",
    "chunk-refined": "chunk_refined_corpus",
}

_RULES_CODE, _COMPARISON_CODE = "2", "1"


@shard_asset(
    deps=[raw_documents],
    group="baselines",
    code_version=_RULES_CODE,
    kinds={"polars", "parquet"},
    schema=RULE_FILTERED,
)
def rule_filtered_corpus(at: ShardRun) -> dg.MaterializeResult[Any]:
    """The same documents after published filter rules (Gopher, C4, FineWeb), with a reason for each loss."""
    from prox_assets.baselines.rules import filtered_table

    ruleset = at.catalogue.domain(at.domain).baseline
    raw = at.finished("raw_documents")
    configuration = {
        "asset": "rule_filtered_corpus",
        "code": _RULES_CODE,
        "raw": raw.fingerprint,
        "ruleset": ruleset,
    }
    writer = at.store.writer(ShardKey(at.domain, "rule_filtered_corpus", at.shard), configuration)
    judge = partial(filtered_table, ruleset)
    finished = map_parts((raw,), writer, lambda table: PartResult(judge(table)), log_parts(at.context))
    reasons: Counter[str] = Counter()
    for batch in finished.batches(["reason"]):
        reasons.update(batch["reason"].to_pylist())
    kept = reasons.pop("", 0)
    return shard_result(
        finished,
        ruleset=ruleset,
        documents_kept=kept,
        document_keep_ratio=kept / finished.rows if finished.rows else 0.0,
        reasons=table_of([{"reason": reason, "documents": count} for reason, count in reasons.most_common()]),
    )


@domain_asset(
    deps=[raw_documents, rule_filtered_corpus, doc_refined_corpus, chunk_refined_corpus, doc_refiner],
    group="baselines",
    kinds={"pytorch"},
    code_version=_COMPARISON_CODE,
    device=Device.GPU,
)
def pretraining_comparison(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Tiny language models, one for each corpus, compared on clean held-out text."""
    from prox_assets.baselines.pretraining import compare_corpora
    from prox_assets.baselines.pretraining_model import PretrainingSettings

    domain = context.partition_key
    section = catalogue.domain(domain)
    store = catalogue.store()
    corpora = {name: store.shards(domain, asset) for name, asset in CORPORA.items()}
    tokenizer = store.artifact(domain, "doc_refiner")

    def build(folder: Path) -> None:
        labels = held_out_labels(section, corpora["raw"])
        reference = [] if labels is None else clean_texts(labels)
        texts = {name: _documents(shards, section) for name, shards in corpora.items()}
        begun = {name: _begun(documents) for name, documents in texts.items()}
        present = {name: documents for name, documents in begun.items() if documents is not None}
        result: dict[str, Any] = {"without_documents": [name for name in begun if name not in present]}
        if reference and present:
            settings = PretrainingSettings.of(section.pretraining, catalogue.load().inference.threads or 2)
            compared = compare_corpora(
                present, reference, tokenizer.folder / CHECKPOINT, settings, context.log.info
            )
            result |= compared.to_json()
        write_json(result, folder / COMPARISON_FILE)

    configuration = {
        "asset": "pretraining_comparison",
        "code": _COMPARISON_CODE,
        "corpora": {name: [shard.fingerprint for shard in shards] for name, shards in corpora.items()},
        "tokenizer": tokenizer.fingerprint,
        "settings": section.pretraining.model_dump(mode="json"),
    }
    artifact = store.publish(domain, "pretraining_comparison", configuration, build)
    return artifact_result(artifact, **_figures(read_comparison(store, domain)))


def read_comparison(store: Store, domain: str) -> dict[str, Any]:
    """The figures of a domain's comparison; none where it has no held-out labels or no documents."""
    return read_json(store.artifact(domain, "pretraining_comparison").folder / COMPARISON_FILE)


def clean_texts(labels: pa.Table) -> list[str]:
    """The clean lines of the labelled documents that are to be kept: the reference text."""
    return [
        "\n".join(compress(row["lines"], (not noise for noise in row["is_noise"])))
        for row in labels.to_pylist()
        if row.get("keep") is not False
    ]


def _documents(shards: tuple[FinishedShard, ...], section: Domain) -> Iterator[str]:
    """The texts of a corpus without held-out documents, so that the reference is in none."""
    holdout = Holdout.of(section.seeds.holdout) if section.seeds.holdout else None
    for shard in shards:
        for batch in shard.batches(["text", "url", "source", "metadata", "doc_id"]):
            for row in batch.to_pylist():
                held = holdout and holdout.holds(row["url"], row["source"], row["metadata"], row["doc_id"])
                if row["text"] and not held:
                    yield row["text"]


def _begun(documents: Iterator[str]) -> Iterator[str] | None:
    """The same documents, or None where there are none: rules can drop a whole domain."""
    first = next(documents, None)
    return None if first is None else chain([first], documents)


def _figures(comparison: dict[str, Any]) -> dict[str, Any]:
    return {"comparison": dg.MetadataValue.json(comparison)}
