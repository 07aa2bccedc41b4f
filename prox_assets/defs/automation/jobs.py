"""Jobs for what people do: over partitions, asking for a backfill, trying refiners."""

from typing import Any, Literal

import dagster as dg
from pydantic import Field, PositiveInt

from prox_assets.config.loading import load_catalogue
from prox_assets.defs.automation.backfills import REFINED, device_seconds, plan, request_backfill, state_of
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import GPU_POOL, leased_device
from prox_assets.defs.ui import finite_metadata, table_of
from prox_assets.documents.store import Store
from prox_assets.errors import InputError, ProxError, redacted_errors
from prox_assets.review.comparison import compare_refiners, other_pair, present_pair


class RefineNew(dg.Config):
    """What to ask for. The defaults ask for what the night would, whatever the hour."""

    domain: str = Field("", description="One domain; empty: all of them.")
    which: Literal["missing", "missing_and_stale"] = "missing"
    max_shards: PositiveInt = Field(200, description="At most so many of each domain, newest first.")


class CompareRefiners(dg.Config):
    """Which refiners to try, and on what. By default the newest that are trained and not in use."""

    domain: str = Field("", description="Empty: the catalogue's first.")
    shard: str = Field("", description="Empty: the last by name.")
    doc_refiner: str = Field("", description="A checkpoint folder; empty: the newest that is not in use.")
    chunk_refiner: str = Field("", description="A checkpoint folder; empty: the newest that is not in use.")
    sample: PositiveInt = Field(200, description="Documents of the shard.")


@dg.op(description="Asks the daemon for the shards that are to be refined, as a backfill of each domain.")
@redacted_errors()
def request_shards(context: dg.OpExecutionContext, config: RefineNew, catalogue: CatalogueResource) -> None:
    """Plan as the night does, and ask."""
    loaded = catalogue.load()
    for domain in [config.domain] if config.domain else list(loaded.domains):
        section = loaded.domain(domain)
        again = config.which == "missing_and_stale"
        budget = section.backfill.model_copy(
            update={"max_shards": config.max_shards, "gpu_hours": None, "refine_again": again}
        )
        store = catalogue.store()
        state = state_of(context.instance, store, domain, section)
        found = plan(state, budget, device_seconds(context.instance, store, state))
        context.log.info(found.sentence())
        shards = [shard for one in found.ranges for shard in one.shards]
        if shards:
            made = request_backfill(context.instance, domain, shards, f"refine what is new of {domain}", {})
            context.log.info(f"{domain}: backfill {made}")


@dg.op(
    description="Refines a sample with two pairs of refiners and compares what each removes.", pool=GPU_POOL
)
@redacted_errors()
def try_refiners(
    context: dg.OpExecutionContext, config: CompareRefiners, catalogue: CatalogueResource
) -> dg.Output[str]:
    """Write a page and a DuckDB file; the domain's own corpus stays as it is."""
    loaded, store = catalogue.load(), catalogue.store()
    domain = config.domain or next(iter(loaded.domains))
    loaded.domain(domain)
    try:
        shard = config.shard or _last_shard(store, domain)
        pairs = (
            present_pair(store, domain),
            other_pair(store, domain, config.doc_refiner, config.chunk_refiner),
        )
        folder = store.root / domain / "trials" / context.run.run_id
        with leased_device(loaded.inference):
            found = compare_refiners(loaded, domain, shard, pairs, config.sample, folder)
    except ProxError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    return dg.Output(
        str(found.page),
        metadata=finite_metadata(
            {
                "page": dg.MetadataValue.path(str(found.page)),
                "database": dg.MetadataValue.path(str(found.database)),
                "refiners": table_of(
                    [
                        {"side": pair.name, "document": str(pair.document), "chunk": str(pair.chunk)}
                        for pair in pairs
                    ]
                ),
                "summary": table_of(
                    [{"figure": name, "value": value} for name, value in found.summary.items()]
                ),
            }
        ),
    )


@dg.job(description="Refine what is new: asks for shards that are read and not refined, a backfill a domain.")
def refine_new() -> None:
    """See its description."""
    request_shards()


@dg.job(
    description="Compare refiners on a sample before switching: the present ones and others refine the same "
    "documents; a page shows what only one of them removes. The corpus stays as it is."
)
def compare_refiners_on_sample() -> None:
    """See its description."""
    try_refiners()


op_jobs = [refine_new, compare_refiners_on_sample]


def _last_shard(store: Store, domain: str) -> str:
    shards = store.shards(domain, "raw_documents")
    if not shards:
        raise InputError(f"{domain} has no raw documents; materialize raw_documents of a shard first.")
    return shards[-1].key.shard


MAX_RUNTIME = "dagster/max_runtime"
_LONGEST = {MAX_RUNTIME: str(int(load_catalogue().nightly.max_hours * 3600))}


def _job(name: str, selection: Any, description: str) -> Any:
    return dg.define_asset_job(name, selection=selection, description=description, tags=_LONGEST)


def _assets(*names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*names)


ingest_job = _job("ingest_shard", "key:raw_documents", "Read shards of the user's files.")
teach_job = _job(
    "teach_and_train",
    dg.AssetSelection.groups("annotation", "training") | _assets("refining_estimate"),
    "Sample seeds, annotate them, train both refiners of one domain, evaluate and time them.",
)
retrain_job = _job(
    "retrain_refiners",
    _assets("sft_dataset", "doc_refiner", "chunk_refiner", "refiner_evaluation"),
    "Train both refiners of one domain on what is annotated, and evaluate them. What is refined goes stale, "
    "and stays until it is asked for.",
)
refine_job = _job(
    "refine_shard", _assets(*REFINED), "Write and execute the programs of shards, and count what happened."
)
execute_job = _job(
    "execute_programs",
    _assets("doc_refined_corpus", "chunk_refined_corpus", "corpus_statistics"),
    "Execute the stored programs of shards again, with the catalogue's present thresholds and guard rails; "
    "no model writes anything.",
)
report_job = _job(
    "rebuild_reports", _assets("quality_report"), "Check a domain's corpora and build its report."
)
database_job = _job(
    "build_database",
    _assets("statistics_database"),
    "Build the DuckDB file from the statistics of all shards; reports read it.",
)
publish_job = _job(
    "publish_corpus",
    _assets("published_corpus"),
    "Write a domain's refined corpus as a dataset with a card and a manifest.",
)
pretraining_job = _job(
    "compare_pretraining",
    _assets("pretraining_comparison"),
    "Train a tiny language model on each corpus of a domain and compare them.",
)

jobs = [
    ingest_job,
    teach_job,
    retrain_job,
    refine_job,
    execute_job,
    database_job,
    pretraining_job,
    report_job,
    publish_job,
    *op_jobs,
]
