"""The refined corpus of a domain as a dataset that others can load and verify."""

from typing import Any

import dagster as dg

from prox_assets.config.loading import load_catalogue
from prox_assets.defs.assets.corpus import raw_documents
from prox_assets.defs.assets.refinement import chunk_refined_corpus
from prox_assets.defs.assets.report import quality_report
from prox_assets.defs.coverage import coverage_check, follows, shards_metadata
from prox_assets.defs.guarded import guarded
from prox_assets.defs.metadata import artifact_result
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.publishing.card import FRONT_MATTER_END
from prox_assets.publishing.corpus import CARD, Corpus
from prox_assets.publishing.files import verify


@dg.asset(
    partitions_def=domains,
    deps=[chunk_refined_corpus, quality_report],
    group_name="publishing",
    kinds={"parquet", "huggingface"},
    owners=["team:data"],
    code_version="1",
    automation_condition=follows("quality_report") if load_catalogue().nightly.publish else None,
)
@guarded
def published_corpus(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Parquet with a card and a manifest, as `datasets.load_dataset` reads it; refused while checks fail."""
    domain = context.partition_key
    store = catalogue.store()
    loaded = catalogue.load()
    corpus = Corpus.of(store, domain, catalogue.domain(domain))
    artifact = store.publish(domain, "published_corpus", corpus.configuration, corpus.build)
    files = verify(artifact.folder)
    _, _, body = (artifact.folder / CARD).read_text(encoding="utf-8").partition(FRONT_MATTER_END)
    return artifact_result(
        artifact,
        files=files,
        shards=len(corpus.shards),
        **shards_metadata(loaded, store, {domain: [shard.name for shard in corpus.shards]}),
        completeness=corpus.completeness,
        card=dg.MetadataValue.md(body),
    )


publication_covers_all_shards = coverage_check(published_corpus, raw_documents)
