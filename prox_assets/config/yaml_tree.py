"""Read a YAML file as values that know where they stand, within limits; variables of the environment.

The YAML of a catalogue is plain: text, numbers, true and false, null, lists, and mappings with text as keys.
Anchors, aliases and merge keys (`<<`) work; tags do not. Booleans are `true` and `false` only, so `no` and
`on` are text, and `1:30` is no number. `${NAME}` in a text is taken from the environment. The work is linear
in the size of the file: it may have at most `MAX_BYTES`, be nested `MAX_DEPTH` deep, and have `MAX_VALUES`
values once its aliases are replaced by what they stand for.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from prox_assets.errors import CatalogueError, environment_secrets_in, names_a_secret, secret_in

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


MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_VALUES = 50_000

Location = tuple[int | str, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,99})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*\.[0-9_]*)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")
_MERGE = "<<"


class EntryError(Exception):
    """A mistake in a file: the line, the keys that lead to it, and one clause that says what to write."""

    def __init__(self, line: int, location: Location, remedy: str) -> None:
        super().__init__(remedy)
        self.line, self.location, self.remedy = line, location, remedy


@dataclass(slots=True)
class Node:
    """A value and the line that it stands in. `size`: how many values it is made of, itself included."""

    line: int
    value: Any
    size: int = 1
    children: dict[int | str, "Node"] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)

    def line_of(self, location: Location) -> int:
        """The line of a key or list item; parts of a location that are none are passed over."""
        node, line = self, self.line
        for part in location:
            child = node.children.get(part)
            if child is not None:
                line = node.key_lines.get(str(part), child.line)
                node = child
        return line

    def present(self, location: Location) -> Location:
        """The parts of a location up to the first that the file does not have."""
        node, parts = self, 0
        while parts < len(location) and location[parts] in node.children:
            node = node.children[location[parts]]
            parts += 1
        return location[:parts]


def read_yaml(data: bytes) -> Node | None:
    """Read the one document of a file; None: the file has none.

    Raises:
        EntryError: not UTF-8, not YAML, or beyond what a catalogue is made of.
    """
    if len(data) > MAX_BYTES:
        raise EntryError(1, (), f"the file has {len(data):,} bytes; a catalogue has {MAX_BYTES:,} at most")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EntryError(line, (), "the file is not UTF-8; save it in that encoding") from None
    return _Reader(text).document()


class _Reader:
    """Composes the nodes of one document from the events of the parser."""

    def __init__(self, text: str) -> None:
        self._events = _events(text)
        self._secrets = environment_secrets_in(text)
        self._anchors: dict[str, Node | None] = {}

    def document(self) -> Node | None:
        root = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise EntryError(
                        _line(event), (), "a second document starts here; a catalogue is one document"
                    )
                root = self._node(next(self._events), ())
        return root

    def _node(self, event: Any, location: Location) -> Node:
        line = _line(event)
        if len(location) > MAX_DEPTH:
            raise EntryError(line, location, f"this is nested deeper than {MAX_DEPTH} levels; no key is")
        if isinstance(event, yaml.AliasEvent):
            return self._anchored(event.anchor, line, location)
        if event.tag is not None:
            raise EntryError(line, location, "tags (!…) are not read; write a plain value, a text in quotes")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, location)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(line, location)
        else:
            node = self._mapping(line, location)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _anchored(self, anchor: str | None, line: int, location: Location) -> Node:
        if anchor is None or anchor not in self._anchors:
            raise EntryError(line, location, "this alias (*…) has no anchor (&…) above it; correct its name")
        node = self._anchors[anchor]
        if node is None:
            raise EntryError(line, location, "this alias (*…) stands inside of what it refers to; remove it")
        return node

    def _list(self, line: int, location: Location) -> Node:
        node = Node(line, [])
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            position = len(node.value)
            item = self._node(event, (*location, position))
            node.value.append(item.value)
            _attach(node, position, item, location)
        return node

    def _mapping(self, line: int, location: Location) -> Node:
        node = Node(line, {})
        merged: list[Node] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, key_line = self._key(event, location), _line(event)
            if key == _MERGE and not event.style:
                merged += _mappings(self._node(next(self._events), location), key_line, location)
                continue
            if key in node.key_lines:
                raise EntryError(
                    key_line,
                    (*location, key),
                    f"this key stands in line {node.key_lines[key]} too; remove one of the two",
                )
            node.key_lines[key] = key_line
            child = self._node(next(self._events), (*location, key))
            node.value[key] = child.value
            _attach(node, key, child, location)
        for other in merged:
            for name, child in other.children.items():
                if name not in node.children:
                    node.key_lines[str(name)] = other.key_lines[str(name)]
                    node.value[name] = child.value
                    _attach(node, name, child, location)
        return node

    def _key(self, event: Any, location: Location) -> str:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            value = self._anchored(event.anchor, line, location).value
        elif isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, location, lambda text: text).value
            self._anchors.update({event.anchor: Node(line, value)} if event.anchor else {})
        else:
            value = None
        if not isinstance(value, str):
            raise EntryError(
                line, location, "a key here is no text; put numbers, true, false and null in quotes"
            )
        return value

    def _scalar(self, event: Any, location: Location, expand: Callable[[str], str] = expand_text) -> Node:
        text, line = event.value, _line(event)
        if not event.style:  # neither quoted nor a block
            plain = _plain(text)
            if plain is not text:
                return Node(line, plain)
        try:
            value = expand(text)
        except ValueError as error:
            raise EntryError(line, location, str(error)) from None
        if "\0" in value or not _is_encodable(value):
            raise EntryError(line, location, "this text holds a NUL or half a surrogate pair; remove it")
        kind = secret_in(value)
        if kind is None and (self._holds_secret(value) or (value != text and environment_secrets_in(value))):
            kind = "the value of a secret variable of the environment"
        if kind is not None:
            raise EntryError(
                line, location, f"this holds {kind}; take it out: credentials belong into the environment"
            )
        return Node(line, value)

    def _holds_secret(self, value: str) -> bool:
        return any(secret in value for secret in self._secrets)


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        number = mark.line + 1 if mark else 1
        raise EntryError(number, (), _not_yaml(error.problem or "", text, number)) from None
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        raise EntryError(
            number, (), "this is not YAML (a control character); remove what editors do not show"
        ) from None


def _not_yaml(problem: str, text: str, number: int) -> str:
    quoted = re.sub(r"'([^']*)'", lambda match: match[0] if len(match[1]) == 1 else "…", problem)
    line = text.splitlines()[number - 1 : number]
    remedy = (
        "inside of { } and [ ], ${…} stands in quotes"
        if line and "${" in line[0]
        else "check indentation, brackets and quotes here and above"
    )
    return f"this is not YAML ({quoted}); {remedy}"


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line


def _attach(node: Node, part: int | str, child: Node, location: Location) -> None:
    node.children[part] = child
    node.size += child.size
    if node.size > MAX_VALUES:
        raise EntryError(
            node.line, location, f"these are more than {MAX_VALUES:,} values, aliases written out; use fewer"
        )


def _mappings(node: Node, line: int, location: Location) -> list[Node]:
    mappings = list(node.children.values()) if isinstance(node.value, list) else [node]
    if not all(isinstance(mapping.value, dict) for mapping in mappings):
        raise EntryError(line, location, "<< takes a mapping, such as an alias (*…) of one")
    return mappings


def _plain(text: str) -> Any:
    """The value of an unquoted scalar; the very same text where it is text."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    if not_finite := _NOT_FINITE.fullmatch(text):
        return float(not_finite[1] + not_finite[2])
    return float(text.replace("_", "")) if _FLOAT.fullmatch(text) else text


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
