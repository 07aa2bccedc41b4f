"""UltraX's programs as text: one call a line, lines numbered from 1, arguments by position."""

import re
from typing import NamedTuple

from prox_assets.programs.arguments import encodes
from prox_assets.programs.program import Call, Program, Refusal, Refused

FIRST_LINE = 1

KEEP_ALL, REMOVE_ALL = Call("keep_chunk"), Call("remove_lines", (True,), form=1)
_REMOVE = re.compile(r"remove_lines\((\d{1,18}),\s*(\d{1,18})\)")
_NAME = re.compile(r"[A-Za-z_]\w*")


def read_ultrax(text: str) -> Program:
    """Read the text that an UltraX model writes; numbers of lines in the calls count from 0 as everywhere.

    A line that is no call is a refusal with its position; blank lines, comments and `---` are passed over.
    """
    calls: list[Call] = []
    refusals: list[Refusal] = []
    at = 0
    for raw in text.split("\n"):
        line = raw.strip()
        if line and not line.startswith("#") and line != "---":
            call = _read_call(line) if encodes(line) else None
            if call:
                calls.append(call)
            else:
                refusals.append(_refusal(line, at + len(raw) - len(raw.lstrip())))
        at += len(raw) + 1
    if text.strip() and not (calls or refusals):
        refusals.append(_refusal(text.strip(), len(text) - len(text.lstrip())))
    return Program(tuple(calls), tuple(refusals))


def write_ultrax(program: Program) -> str:
    """Write a program the way that `read_ultrax` reads it back equal."""
    return "\n".join(_written(call) for call in program.calls)


def _written(call: Call) -> str:
    if call in (KEEP_ALL, REMOVE_ALL):
        return "keep_all()" if call == KEEP_ALL else "remove_all()"
    line, *rest = call.arguments
    if call.name == "remove_lines":
        return f"remove_lines({int(line) + FIRST_LINE}, {int(rest[0]) + FIRST_LINE})"
    values = (str(value) if isinstance(value, int) else _quoted(value) for value in rest)
    return f"{call.name}({int(line) + FIRST_LINE}, {', '.join(values)})"


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(character, character) for character in text) + '"'


def _refusal(line: str, at: int) -> Refusal:
    if not encodes(line):
        return Refusal("none", Refused.BAD_STRING, at)
    name = _NAME.match(line)
    known = ("keep_all", "remove_all", "remove_lines", "replace_str", "add_line")
    if name and line[name.end() : name.end() + 1] == "(" and name.group() not in known:
        return Refusal(name.group(), Refused.UNKNOWN_CALL, at)
    return Refusal(name.group() if name and name.group() in known else "none", Refused.UNKNOWN_FORM, at)


def _read_call(line: str) -> Call | None:
    if line in ("keep_all()", "remove_all()"):
        return KEEP_ALL if line == "keep_all()" else REMOVE_ALL
    if match := _REMOVE.match(line):
        return Call("remove_lines", (int(match[1]) - FIRST_LINE, int(match[2]) - FIRST_LINE))
    for name, numbers, strings in (("replace_str", 1, 2), ("add_line", 2, 1)):
        if line.startswith(f"{name}("):
            return _read_arguments(name, line[len(name) + 1 : -1], numbers, strings)
    return None


def _read_arguments(name: str, inside: str, numbers: int, strings: int) -> Call | None:
    """Read integers up to commas, then quoted strings; what follows the last one does not matter."""
    values: list[int | str] = []
    for _ in range(numbers):
        digits, comma, inside = inside.partition(",")
        if not comma:
            return None
        try:
            values.append(int(digits.strip()))
        except ValueError:
            return None
        inside = inside.strip()
    for _ in range(strings):
        string = _read_string(inside)
        if string is None:
            return None
        values.append(string.value)
        inside = string.rest.lstrip(",").strip()
    return Call(name, (int(values[0]) - FIRST_LINE, *values[1:]))


class _String(NamedTuple):
    value: str
    rest: str


def _read_string(text: str) -> _String | None:
    """Read a quoted string; other escapes than those of newline, tab, return, backslash and quote stay."""
    quote = text[:1]
    if quote not in ("'", '"') or not quote:
        return None
    meanings = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", quote: quote}
    parts: list[str] = []
    at = 1
    while at < len(text):
        character, after = text[at], text[at + 1 : at + 2]
        if character == quote:
            return _String("".join(parts), text[at + 1 :])
        if character == "\\" and after:
            parts.append(meanings.get(after, character + after))
            at += 2
        else:
            parts.append(character)
            at += 1
    return None
