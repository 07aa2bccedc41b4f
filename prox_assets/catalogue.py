"""Loads the catalogue file, and says in one line what is wrong with it, where, and what to do."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from prox_assets.config import (
    CATALOGUE_VARIABLE,
    PROFILE_VARIABLE,
    Catalogue,
    LlmTeacher,
    embedded_catalogue,
)
from prox_assets.config.locations import FOLDER_OR_NAME
from prox_assets.config.mistakes import known_part, mistakes
from prox_assets.config.yaml_tree import EntryError, Node, read_yaml
from prox_assets.errors import CatalogueError
from prox_assets.redaction import declare_secret

_MORE_LINES = 10
_FOLDERS = ("", ".", "..", "~")  # how a path begins that cannot be a model's name


def catalogue_path() -> Path:
    """The file that `PROX_CATALOGUE` names, or the embedded demo catalogue; absolute."""
    named = os.environ.get(CATALOGUE_VARIABLE)
    return Path(named).absolute() if named else embedded_catalogue()


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read and validate a catalogue; relative paths in it become absolute, from the folder of the file.

    Raises:
        CatalogueError: one line with the file, the line, the key and the remedy.
    """
    file = (path or catalogue_path()).absolute()
    data = _read(file)
    try:
        checked = _validated(read_yaml(data), file.parent)
    except EntryError as mistake:
        checked = [EntryError(mistake.line, known_part(mistake.location), mistake.remedy)]
    if isinstance(checked, list):
        raise CatalogueError(_sentence(file, checked))  # apart from its causes, whose texts repeat values
    for teacher in _language_model_teachers(checked):
        if teacher.api_key_env is not None:
            declare_secret(teacher.api_key_env)
    return checked


def require_paths(catalogue: Catalogue, domain: str) -> None:
    """Check that the files which a domain names are there.

    Raises:
        CatalogueError: a path is missing; names the key and the path.
    """
    for key, path in _paths(catalogue.domain(domain), f"domains.{domain}"):
        there = any(_matches(path)) if "*" in str(path) else path.exists()
        if not there:
            raise CatalogueError(f"{key}: {path} does not exist; correct the path, or make the file first.")


def _matches(pattern: Path) -> Iterator[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))


def _read(file: Path) -> bytes:
    if not file.is_file():
        raise CatalogueError(f"{file}: there is no such catalogue; set {CATALOGUE_VARIABLE} to a YAML file.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise CatalogueError(f"{file}: the catalogue cannot be read: {error.strerror}.") from error


def _validated(tree: Node | None, base: Path) -> Catalogue | list[EntryError]:
    """The catalogue with absolute paths, or all that is wrong with it."""
    if tree is None or not isinstance(tree.value, dict):
        what = "the file is empty" if tree is None or tree.value is None else "this is no mapping"
        return [EntryError(1, (), f"{what}; a catalogue is a mapping with the keys storage and domains")]
    try:
        catalogue: Catalogue = _absolute(
            Catalogue.model_validate(tree.value | _chosen_profile(tree.value)), base
        )
    except ValidationError as error:
        return mistakes(tree, error)
    if catalogue.storage.local.is_file():
        place = tree.present(("storage", "local"))
        return [EntryError(tree.line_of(place), place, "this is a file; write a folder")]
    return catalogue


def _chosen_profile(values: dict[str, Any]) -> dict[str, str]:
    """What `PROX_PROFILE` replaces."""
    profile = os.environ.get(PROFILE_VARIABLE)
    if not profile:
        return {}
    profiles = values.get("profiles", {"cpu": {}})
    if isinstance(profiles, dict) and profile not in profiles:
        raise CatalogueError(
            f"{PROFILE_VARIABLE} is none of the catalogue's profiles: {', '.join(profiles)}."
        )
    return {"profile": profile}


def _sentence(file: Path, wrong: Sequence[EntryError]) -> str:
    first, *others = wrong
    keys = ".".join(map(str, first.location))
    where = f"{file}, line {first.line}" + (f", key {keys}" if keys else "")
    lines = [str(mistake.line) for mistake in others[:_MORE_LINES]]
    lines += ["…"] if len(others) > _MORE_LINES else []
    more = f" ({len(others)} more, in line {', '.join(lines)}.)" if others else ""
    return f"{where}: {first.remedy.rstrip('.')}{'' if first.remedy.endswith('?') else '.'}{more}"


def _paths(value: Any, key: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name), f"{key}.{name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _paths(item, f"{key}[{index}]")


def _absolute(value: Any, base: Path) -> Any:
    if isinstance(value, Path):
        return base / value
    if isinstance(value, BaseModel):
        return value.model_copy(
            update={
                name: _folder_or_name(getattr(value, name), base)
                if FOLDER_OR_NAME in field.metadata
                else _absolute(getattr(value, name), base)
                for name, field in type(value).model_fields.items()
            }
        )
    if isinstance(value, tuple):
        return tuple(_absolute(item, base) for item in value)
    if isinstance(value, dict):
        return {key: _absolute(item, base) for key, item in value.items()}
    return value


def _folder_or_name(value: Any, base: Path) -> Any:
    """A folder by its absolute path; what is none is the name of a model on the hub."""
    if not isinstance(value, str):
        return value
    folder = base / Path(value).expanduser()
    return str(folder) if value.split("/")[0] in _FOLDERS or folder.is_dir() else value


def _language_model_teachers(catalogue: Catalogue) -> Iterator[LlmTeacher]:
    for domain in catalogue.domains.values():
        for teacher in (domain.teacher, *domain.agreement.compare):
            if isinstance(teacher, LlmTeacher):
                yield teacher
