"""Where a catalogue is found, and the variables that it may use."""

import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

from prox_assets.errors import CatalogueError

CATALOGUE_VARIABLE = "PROX_CATALOGUE"
PROFILE_VARIABLE = "PROX_PROFILE"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def expand(value: Any) -> Any:
    """Replace `${NAME}` and `${NAME:-default}` in all strings of a parsed YAML value.

    Raises:
        CatalogueError: a variable is not set and has no default.
    """
    if isinstance(value, dict):
        return {key: expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item) for item in value]
    return _VARIABLE.sub(_environment_value, value) if isinstance(value, str) else value


def _environment_value(match: re.Match[str]) -> str:
    name, default = match[1], match[2]
    if name == "PROX_HOME":
        default = str(Path.cwd() / ".prox")
    found = os.environ.get(name, default)
    if found is None:
        raise CatalogueError(
            f"the catalogue uses ${{{name}}}, which is not set: export {name} or give a default."
        )
    return found


def embedded_catalogue() -> Path:
    """The demo catalogue that ships with the package; a readable example of every key."""
    return Path(str(resources.files("prox_assets.sample") / "catalogue.yaml"))
