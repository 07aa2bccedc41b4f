"""The refined corpus of a domain as a dataset that others can load and verify."""

from typing import Any

import dagster as dg

from prox_assets.defs.assets.refinement import chunk_refined_corpus
from prox_assets.defs.assets.report import quality_report
from prox_assets.defs.guarded import guarded
from prox_assets.defs.metadata import artifact_result
from prox_assets.defs.partitions import domains
from prox_assets.defs.resources import CatalogueResource
from prox_assets.publishing.card import FRONT_MATTER_END
from prox_assets.publishing.corpus import CARD, Corpus
from prox_assets.publishing.manifest import verify


@dg.asset(
    partitions_def=domains,
    deps=[chunk_refined_corpus, quality_report],
    group_name="publishing",
    kinds={"parquet", "huggingface"},
    owners=["team:data"],
    code_version="1",
)
@guarded
def published_corpus(
    context: dg.AssetExecutionContext, catalogue: CatalogueResource
) -> dg.MaterializeResult[Any]:
    """Parquet with a card and a manifest, as `datasets.load_dataset` reads it; refused while checks fail."""
    domain = context.partition_key
    store = catalogue.store()
    corpus = Corpus.of(store, domain, catalogue.domain(domain))
    artifact = store.publish(domain, "published_corpus", corpus.configuration, corpus.build)
    files = verify(artifact.folder)
    _, _, body = (artifact.folder / CARD).read_text(encoding="utf-8").partition(FRONT_MATTER_END)
    return artifact_result(
        artifact,
        files=files,
        shards=len(corpus.shards),
        completeness=corpus.completeness,
        card=dg.MetadataValue.md(body),
    )
