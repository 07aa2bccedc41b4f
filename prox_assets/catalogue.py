"""Loads the catalogue file and says in one sentence what is wrong with it, where, and what to do."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prox_assets.config import CATALOGUE_VARIABLE, PROFILE_VARIABLE, Catalogue, embedded_catalogue, expand
from prox_assets.errors import CatalogueError


def catalogue_path() -> Path:
    """The file that `PROX_CATALOGUE` names, or the embedded demo catalogue."""
    named = os.environ.get(CATALOGUE_VARIABLE)
    return Path(named) if named else embedded_catalogue()


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read and validate a catalogue; relative paths in it become absolute.

    Raises:
        CatalogueError: one sentence with the file, the line, the key and the remedy.
    """
    file = (path or catalogue_path()).absolute()
    text = _read(file)
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CatalogueError(f"{file}: this is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(parsed, dict):
        raise CatalogueError(f"{file}: a catalogue is a mapping with the keys storage and domains.")
    values = expand(parsed)
    if PROFILE_VARIABLE in os.environ:
        values["profile"] = os.environ[PROFILE_VARIABLE]
    try:
        catalogue: Catalogue = _absolute(Catalogue.model_validate(values), file.parent)
        return catalogue
    except ValidationError as error:
        raise CatalogueError(_sentence(file, text, error)) from error


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


def _read(file: Path) -> str:
    if not file.is_file():
        raise CatalogueError(f"{file}: there is no such catalogue; set {CATALOGUE_VARIABLE} to a YAML file.")
    return file.read_text(encoding="utf-8")


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
        return base / value.expanduser()
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return value.model_copy(update={name: _absolute(getattr(value, name), base) for name in fields})
    if isinstance(value, tuple):
        return tuple(_absolute(item, base) for item in value)
    if isinstance(value, dict):
        return {key: _absolute(item, base) for key, item in value.items()}
    return value


def _sentence(file: Path, text: str, error: ValidationError) -> str:
    details = error.errors()
    inner = [one for one in details if not any(_encloses(one["loc"], other["loc"]) for other in details)]
    first = min(inner, key=lambda detail: _line(text, detail["loc"]))
    path = ".".join(str(part) for part in _real_location(text, first))
    where = f"{file}, line {_line(text, first['loc'])}" + (f", key {path}" if path else "")
    more = f" ({len(inner) - 1} more after this.)" if len(inner) > 1 else ""
    return f"{where}: {_remedy(first)}{more}"


def _encloses(outer: tuple[int | str, ...], inner: tuple[int | str, ...]) -> bool:
    return len(outer) < len(inner) and inner[: len(outer)] == outer


def _remedy(detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        known = _known_keys(detail["loc"])
        close = get_close_matches(str(detail["loc"][-1]), known, n=1)
        return f"unknown key; did you mean {close[0]}?" if close else f"unknown key; use {', '.join(known)}."
    if detail["type"] == "missing":
        return "this key is missing; add it."
    message = detail["msg"].removeprefix("Value error, ")
    return f"{message}; {detail['input']!r:.80} was given."


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Follow a location through the models to the section that was given an unknown key."""
    sections: list[type[BaseModel]] = [Catalogue]
    for part in location[:-1]:
        sections = [
            model
            for section in sections
            for model in _models(
                section.model_fields[str(part)].annotation if part in section.model_fields else section
            )
        ] or sections
    return sorted({name for section in sections for name in section.model_fields})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


def _real_location(text: str, detail: ErrorDetails) -> list[int | str]:
    """Drop what pydantic adds to a location for unions and is no key of the file."""
    node, real = yaml.compose(text), []
    location = detail["loc"]
    for index, part in enumerate(location):
        child = _child(node, part)
        absent = detail["type"] == "missing" and index == len(location) - 1
        if child is not None or absent:
            real.append(part)
        node = child or node
    return real


def _line(text: str, location: tuple[int | str, ...]) -> int:
    node = yaml.compose(text)
    line = 1
    for part in location:
        key = _key_node(node, part)
        child = _child(node, part)
        if child is not None:
            line, node = (key or child).start_mark.line + 1, child
    return line


def _key_node(node: Any, part: int | str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((key for key, _ in pairs if key.value == str(part)), None)


def _child(node: Any, part: int | str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    return None
