"""The one Definitions object: what `workspace.yaml` loads."""

import dagster as dg

from prox_assets.config.loading import catalogue_path
from prox_assets.defs.assets import (
    annotation,
    baselines,
    corpus,
    evaluation,
    hard_examples,
    refinement,
    reporting,
    training,
)
from prox_assets.defs.automation import discovery, jobs, schedule
from prox_assets.defs.checks import checks
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import device_pool
from prox_assets.defs.runs.instance import console

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(
        [corpus, annotation, training, hard_examples, evaluation, refinement, reporting, baselines]
    ),
    asset_checks=[
        *checks,
        reporting.database_covers_all_shards,
        reporting.report_covers_all_shards,
        reporting.publication_covers_all_shards,
    ],
    jobs=jobs.jobs,
    schedules=[schedule.nightly_refining],
    sensors=[discovery.new_shards, device_pool, schedule.follow_refining],
    resources={"catalogue": CatalogueResource(path=str(catalogue_path()))},
    executor=dg.in_process_executor,
    loggers={"console": console},
)
