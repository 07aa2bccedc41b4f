"""The one Definitions object: what `workspace.yaml` loads."""

import dagster as dg

from prox_assets.config.loading import catalogue_path
from prox_assets.defs import jobs, nightly, sensors
from prox_assets.defs.assets import (
    agreement,
    analytics,
    annotation,
    baselines,
    corpus,
    evaluation,
    hard_examples,
    publishing,
    refinement,
    report,
    seeds,
    training,
)
from prox_assets.defs.checks import checks
from prox_assets.defs.console import console
from prox_assets.defs.devices import device_pool
from prox_assets.defs.resources import CatalogueResource

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
