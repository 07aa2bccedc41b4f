"""Load the catalogue, and say in one line what is wrong with it: the line, the key, and what to write.

Of what a person wrote only keys that the catalogue knows, and the names of domains and profiles, are
repeated: a value in the wrong place may be a secret.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prox_assets.config import (
    CATALOGUE_VARIABLE,
    PROFILE_VARIABLE,
    Catalogue,
    LlmTeacherSection,
    embedded_catalogue,
)
from prox_assets.config.inputs import FOLDER_OR_NAME
from prox_assets.config.refiners import BASE_FORMS
from prox_assets.config.section import SettingError
from prox_assets.config.yaml_tree import EntryError, Location, Node, read_yaml
from prox_assets.errors import CatalogueError, declare_secret

_SENTENCES: Mapping[str, str] = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "dict_type": "write a mapping of names to settings",
    "finite_number": "write a finite number",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "greater_than": "write a number above {gt}",
    "greater_than_equal": "write a number of at least {ge}",
    "int_from_float": "write a whole number",
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a number of at most 18 digits",
    "int_type": "write a whole number",
    "less_than": "write a number below {lt}",
    "less_than_equal": "write a number of at most {le}",
    "string_too_short": "write a text that is not empty",
    "string_type": "write a text; one that looks like a number, true, false or null stands in quotes",
    "too_long": "write {max_length} values at most",
    "too_short": "write at least {min_length} here",
    "tuple_type": "write a list: [a, b, …]",
}
_ABSENT = ("missing", "union_tag_not_found")
_HARMLESS = re.compile(r"[A-Za-z0-9_]{1,64}")
_CLOSE = 0.75


def mistakes(tree: Node, error: ValidationError) -> list[EntryError]:
    """All that a validation found, one mistake of each place, by line; in a line, missing keys come last."""
    by_place: dict[tuple[int, Location], EntryError] = {}
    details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] in _ABSENT)
    for detail in details:
        if any(_encloses(detail["loc"], other["loc"]) for other in details):
            continue  # what is wrong inside says more
        mistake = _mistake(tree, detail)
        by_place.setdefault((mistake.line, mistake.location), mistake)
    return sorted(by_place.values(), key=lambda mistake: mistake.line)


def known_part(location: Location) -> Location:
    """A location up to the first part that is no key of the catalogue and no name of a domain or profile."""
    return _Place.at(location).keys


@dataclass(frozen=True, slots=True)
class _Place:
    """What a location is in the catalogue: the known keys that lead there, and the types that it may have."""

    keys: Location
    types: tuple[Any, ...]

    @classmethod
    def at(cls, location: Location) -> "_Place":
        """Follow a location, over the tags that pydantic adds to it for unions."""
        keys: list[int | str] = []
        types: tuple[Any, ...] = (Catalogue,)
        for part in location:
            inner = tuple(kind for annotation in types for kind in _below(annotation, part))
            tagged = tuple(model for model in _models(types) if part in _kinds(model))
            if inner:
                keys.append(part)
                types = inner
            elif tagged:
                types = tagged
            elif part not in BASE_FORMS:
                break
        return cls(tuple(keys), types)

    @property
    def known(self) -> list[str]:
        """The keys that a mapping here may have."""
        return sorted({name for model in _models(self.types) for name in model.model_fields})

    @property
    def kinds(self) -> list[str]:
        """The kinds of which a mapping here may be."""
        return [str(kind) for model in _models(self.types) for kind in _kinds(model)]


def _encloses(outer: Location, inner: Location) -> bool:
    return len(outer) < len(inner) and inner[: len(outer)] == outer


def _mistake(tree: Node, detail: ErrorDetails) -> EntryError:
    location: Location = detail["loc"]
    objection = detail.get("ctx", {}).get("error")
    if isinstance(objection, SettingError):
        location = (*location, *objection.location)
    if detail["type"].startswith("union_tag"):
        location = (*location, "kind")
    if detail["type"] == "extra_forbidden":
        return _unknown_key(tree.line_of(location), location)
    place = _Place.at(location)
    stated = place.keys if detail["type"] in _ABSENT else tree.present(place.keys)
    return EntryError(tree.line_of(location), stated, _remedy(detail, objection, place))


def _unknown_key(line: int, location: Location) -> EntryError:
    place, key = _Place.at(location[:-1]), str(location[-1])
    close = get_close_matches(key, place.known, n=1, cutoff=_CLOSE)
    if close and _HARMLESS.fullmatch(key):
        return EntryError(line, (*place.keys, key), f"unknown key; did you mean {close[0]}?")
    return EntryError(line, place.keys, f"an unknown key stands here; use {', '.join(place.known)}")


def _remedy(detail: ErrorDetails, objection: object, place: _Place) -> str:
    kind, values, given = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "value_error":
        remedy = str(objection)
    elif kind in ("model_type", "model_attributes_type"):
        kinds = place.kinds
        keys = f"its kind one of {', '.join(kinds)}" if kinds else f"the keys {', '.join(place.known)}"
        remedy = f"write a mapping, {keys}" if kinds else f"write a mapping with {keys}"
    elif kind == "union_tag_invalid":
        remedy = _choice(re.findall(r"'([^']*)'", values["expected_tags"]), values["tag"])
    elif kind == "union_tag_not_found":
        remedy = "this key is missing; add it"
    else:
        remedy = remedy_of_value(detail)
    return f"it has no value; {remedy}" if given is None else remedy


def remedy_of_value(detail: ErrorDetails) -> str:
    """Say what to write in place of one value that pydantic refused, wherever it stands."""
    kind, values = detail["type"], detail.get("ctx", {})
    if kind == "literal_error":
        return _choice(re.findall(r"'([^']*)'", values["expected"]), detail["input"])
    if kind == "missing":
        listed = isinstance(detail["loc"][-1], int)
        return "a value of this list is missing; add it" if listed else "this key is missing; add it"
    return _SENTENCES.get(kind, "write a value of another type").format_map(values)


def _choice(names: list[str], given: object) -> str:
    close = get_close_matches(str(given), names, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"{guess}write {'one of ' if len(names) > 1 else ''}{', '.join(names)}"


def _below(annotation: Any, part: int | str) -> Iterator[Any]:
    """The types that a part of a location may have below a type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if part in annotation.model_fields:
            yield annotation.model_fields[str(part)].annotation
    elif origin is tuple:
        if isinstance(part, int):
            yield arguments[min(part, len(arguments) - 1) if arguments[-1] is not Ellipsis else 0]
    elif origin is dict:
        if isinstance(part, str) and _HARMLESS.fullmatch(part) and any(_models(arguments[1:])):
            yield arguments[1]
    else:
        for argument in arguments:
            yield from _below(argument, part)


def _models(types: Iterable[Any]) -> list[type[BaseModel]]:
    models = []
    for annotation in types:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            models.append(annotation)
        elif get_origin(annotation) not in (tuple, dict):
            models += _models(get_args(annotation))
    return models


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


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


def _language_model_teachers(catalogue: Catalogue) -> Iterator[LlmTeacherSection]:
    for domain in catalogue.domains.values():
        for teacher in (domain.teacher, *domain.agreement.compare):
            if isinstance(teacher, LlmTeacherSection):
                yield teacher
