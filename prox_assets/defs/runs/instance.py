"""The Dagster instance of a deployment: found by DAGSTER_HOME alone, its logs, and the pruning of old runs.

python -m prox_assets.defs.runs.instance --days 30 [--dry-run]

Dagster keeps every run for ever, and deleting a run deletes what it materialized: the partitions would be
missing again and be refined again. So a run stays while it made the latest materialization of any partition.
"""

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import dagster as dg
import yaml
from dagster import DagsterEventType
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from prox_assets.errors import CatalogueError, one_line, redact


class _StepFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        step = meta.get("step_key") or meta.get("job_name") or record.name
        message = meta.get("orig_message") or record.getMessage()
        return redact(f"{self.formatTime(record, '%H:%M:%S')} {step}: {message}")


@dg.logger(config_schema={"log_level": dg.Field(str, is_required=False, default_value="INFO")})
def console(context: dg.InitLoggerContext) -> logging.Logger:
    """Write events of `log_level` and above to the terminal."""
    logger = logging.Logger("prox", level=context.logger_config["log_level"])
    handler = logging.StreamHandler()
    handler.setFormatter(_StepFormatter())
    logger.addHandler(handler)
    return logger


HOME = "DAGSTER_HOME"
_LONGEST_REASON = 160
_SET_IT = f"run `export {HOME}=FOLDER` with the folder of the deployment's dagster.yaml"


def deployed_instance() -> dg.DagsterInstance:
    """Open the instance that DAGSTER_HOME names; never makes one where there is none.

    Raises:
        CatalogueError: DAGSTER_HOME is not set, is relative, or names no folder with a dagster.yaml; or
            Dagster does not take that file.
    """
    named = os.environ.get(HOME)
    if not named:
        raise CatalogueError(f"{HOME} is not set: {_SET_IT}.")
    if not Path(named).is_absolute():
        raise CatalogueError(f"{HOME} is {named}, a relative path: {_SET_IT}, as an absolute path.")
    file = Path(named) / "dagster.yaml"
    if not file.is_file():
        raise CatalogueError(f"{HOME} is {named}, where no dagster.yaml is: {_SET_IT}.")
    try:
        return dg.DagsterInstance.get()
    except dg.DagsterInvalidConfigError as error:
        raise _refused(file, "; ".join(str(fault.message) for fault in error.errors)) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f", line {mark.line + 1}"
        raise _refused(file, f"this is not YAML{where}: {error.problem}") from error


def _refused(file: Path, reason: str) -> CatalogueError:
    return CatalogueError(f"{file}: {one_line(reason, _LONGEST_REASON)}; correct the file.")


def _at_home(config: Any) -> dict[str, Any]:
    """Make `base_dir` absolute: a relative one is relative to the dagster.yaml that names it.

    That is the one in DAGSTER_HOME; where it is not set, Dagster reads the one of the current folder.
    """
    return {**config, "base_dir": str(Path.cwd() / os.environ.get(HOME, "") / config["base_dir"])}


class HomeSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage in a folder that is relative to DAGSTER_HOME."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> Self:
        """Open the storage."""
        return cls.from_local(inst_data=inst_data, **_at_home(config_value))


class HomeArtifactStorage(LocalArtifactStorage):
    """Dagster's storage of local artifacts in a folder that is relative to DAGSTER_HOME."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Open the storage."""
        return cls(inst_data=inst_data, **_at_home(config_value))


class HomeComputeLogManager(LocalComputeLogManager):
    """Dagster's logs of steps in a folder that is relative to DAGSTER_HOME."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Open the storage."""
        return cls(inst_data=inst_data, **_at_home(config_value))


_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_AT_ONCE = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Prune the instance of this DAGSTER_HOME and say how many runs went."""
    parser = argparse.ArgumentParser(prog="python -m prox_assets.defs.runs.instance", description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="keep runs that are younger (30)")
    parser.add_argument("--dry-run", action="store_true", help="only count them")
    options = parser.parse_args(arguments)
    with dg.DagsterInstance.get() as instance:
        old = prunable_runs(instance, datetime.now(UTC) - timedelta(days=options.days))
        if not options.dry_run:
            for run_id in old:
                instance.delete_run(run_id)
        print(f"{len(old)} runs {'would be' if options.dry_run else 'were'} deleted.")
    return 0


def prunable_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Runs that ended, were made before then, and whose materializations are all superseded."""
    needed = set(_runs_in_use(instance))
    filters = dg.RunsFilter(statuses=_ENDED, created_before=before)
    ended = [record.dagster_run.run_id for record in instance.get_run_records(filters)]
    return [run_id for run_id in ended if run_id not in needed]


def _runs_in_use(instance: dg.DagsterInstance) -> Iterator[str]:
    for record in instance.get_asset_records():
        entry = record.asset_entry
        if entry.last_run_id is not None:
            yield entry.last_run_id
        yield from _makers_of_partitions(instance, entry.asset_key)


def _makers_of_partitions(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Iterator[str]:
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, DagsterEventType.ASSET_MATERIALIZATION
    )
    ids = list(latest.values())
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        wanted = dg.AssetRecordsFilter(asset_key=asset, storage_ids=some)
        for event in instance.fetch_materializations(wanted, limit=len(some)).records:
            yield event.run_id
