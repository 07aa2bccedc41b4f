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
    training,
)
from prox_assets.defs.assets import corpus as seeds
from prox_assets.defs.assets import evaluation as agreement
from prox_assets.defs.assets import reporting as analytics
from prox_assets.defs.assets import reporting as publishing
from prox_assets.defs.assets import reporting as report
from prox_assets.defs.automation import discovery as sensors
from prox_assets.defs.automation import jobs
from prox_assets.defs.automation import schedule as nightly
from prox_assets.defs.checks import checks
from prox_assets.defs.partitions import CatalogueResource
from prox_assets.defs.runs.decorators import device_pool
from prox_assets.defs.runs.instance import console

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(
        [
            corpus,
            seeds,
            annotation,
            agreement,
            training,
            hard_examples,
            evaluation,
            refinement,
            analytics,
            report,
            publishing,
            baselines,
        ]
    ),
    asset_checks=[
        *checks,
        analytics.database_covers_all_shards,
        report.report_covers_all_shards,
        publishing.publication_covers_all_shards,
    ],
    jobs=jobs.jobs,
    schedules=[nightly.nightly_refining],
    sensors=[sensors.new_shards, device_pool, nightly.follow_refining],
    resources={"catalogue": CatalogueResource(path=str(catalogue_path()))},
    executor=dg.in_process_executor,
    loggers={"console": console},
)
