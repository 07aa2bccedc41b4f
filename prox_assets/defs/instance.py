"""The Dagster instance of a deployment: found by DAGSTER_HOME alone, whatever folder a process runs in."""

import os
from pathlib import Path
from typing import Any, Self

import dagster as dg
import yaml
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from prox_assets.errors import CatalogueError, one_line

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
