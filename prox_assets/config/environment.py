"""Where a catalogue is found, and the variables that it may use."""

import os
import re
from importlib import resources
from pathlib import Path

from prox_assets.errors import CatalogueError
from prox_assets.redaction import names_a_secret

CATALOGUE_VARIABLE = "PROX_CATALOGUE"
PROFILE_VARIABLE = "PROX_PROFILE"
HOME_VARIABLE = "PROX_HOME"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACES = re.compile(r"\$\{|\}")
_DEEPEST = 8


def expand_text(text: str) -> str:
    """Replace `${NAME}` and `${NAME:-default}` in a text by what the environment holds.

    The default is taken where the variable is not set or empty, and may hold references itself. `PROX_HOME`
    has a default of its own, `prox_home()`.

    Raises:
        ValueError: a variable is not set and has no default, holds a secret by its name, or `${` begins
            something else.
    """
    return _expanded(text, 0)


def prox_home() -> Path:
    """`PROX_HOME`; unless set, `.prox` in the folder `DAGSTER_HOME`, or else in the current folder.

    Raises:
        CatalogueError: `PROX_HOME` is a relative path.
    """
    named = os.environ.get(HOME_VARIABLE)
    if not named:
        return Path(os.environ.get("DAGSTER_HOME") or Path.cwd()).absolute() / ".prox"
    if not Path(named).is_absolute():
        raise CatalogueError(
            f"{HOME_VARIABLE} is a relative path, which is another folder for each process: make it absolute."
        )
    return Path(named)


def embedded_catalogue() -> Path:
    """The demo catalogue that ships with the package; a readable example of every key."""
    return Path(str(resources.files("prox_assets.sample") / "catalogue.yaml"))


def _expanded(text: str, depth: int) -> str:
    if depth > _DEEPEST:
        raise ValueError(f"${{…}} is nested deeper than {_DEEPEST} levels; write fewer")
    parts, position = [], 0
    while (start := text.find("${", position)) >= 0:
        stop = _closing_brace(text, start)
        parts += [text[position:start], _value(text[start + 2 : stop], depth)]
        position = stop + 1
    return "".join([*parts, text[position:]])


def _closing_brace(text: str, start: int) -> int:
    open_braces = 0
    for brace in _BRACES.finditer(text, start):
        open_braces += 1 if brace[0] == "${" else -1
        if open_braces == 0:
            return brace.start()
    raise ValueError("${ has no closing brace; write ${NAME} or ${NAME:-default}")


def _value(reference: str, depth: int) -> str:
    name, colon, default = reference.partition(":-")
    if not _NAME.fullmatch(name):
        raise ValueError("write ${NAME} or ${NAME:-default}, the name in letters, digits and _")
    if names_a_secret(name):
        raise ValueError(
            f"{name} is a secret by its name, and no key takes one; api_key_env takes the name without ${{}}"
        )
    if name == HOME_VARIABLE:
        return str(prox_home())
    value = os.environ.get(name)
    if colon and not value:
        return _expanded(default, depth + 1)
    if value is None:
        raise ValueError(f"the variable {name} is not set; export {name}, or write ${{{name}:-default}}")
    return value
