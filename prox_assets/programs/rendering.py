"""Writing programs: the canonical text, and builders for the calls that the project itself makes."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from prox_assets.errors import ProgramError
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Call, Program, Value
from prox_assets.programs.registry import Kind, Registry

KEEP_DOC = "keep_doc()"
DROP_DOC = "drop_doc()"
KEEP_CHUNK = "keep_chunk()"

# Written as escapes besides JSON's own: control and direction marks, which editors hide, and line separators.
# A lone surrogate, which UTF-8 cannot hold, is an escape, which can be stored and which `parse` refuses.
ESCAPED = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_HIDDEN = re.compile(f"[{ESCAPED}]")


def keep_doc() -> Call:
    """Build `keep_doc()`."""
    return Call("keep_doc")


def drop_doc() -> Call:
    """Build `drop_doc()`."""
    return Call("drop_doc")


def keep_chunk() -> Call:
    """Build `keep_chunk()`."""
    return Call("keep_chunk")


def remove_lines(start: int, end: int) -> Call:
    """Build `remove_lines` for the lines from `start` to `end`, both included."""
    if not 0 <= start <= end:
        raise ProgramError(f"remove_lines({start}, {end}): lines count from 0 and the first comes first")
    return Call("remove_lines", (start, end))


def remove_all_lines() -> Call:
    """Build `remove_lines(all=True)`: every line of the chunk."""
    return Call("remove_lines", (True,), form=1)


def normalize(source: str, target: str = "") -> Call:
    """Build `normalize`; ProgramError for a source without a visible character."""
    if not source or source.isspace():
        raise ProgramError(f"normalize: the source {source!r} has no visible character")
    return Call("normalize", (source, target))


def removing(lines: Iterable[int]) -> Program:
    """Build the chunk program that removes these lines, in runs; `keep_chunk()` where there are none."""
    runs: list[tuple[int, int]] = []
    for line in sorted(set(lines)):
        if runs and runs[-1][1] == line - 1:
            runs[-1] = (runs[-1][0], line)
        else:
            runs.append((line, line))
    return Program(tuple(remove_lines(*run) for run in runs) or (keep_chunk(),))


def render(program: Program, registry: Registry = REGISTRY) -> str:
    """Write a program's calls in the canonical form, one a line; `parse` reads them back equal."""
    return "\n".join(render_call(call, registry) for call in program.calls)


def render_call(call: Call, registry: Registry = REGISTRY) -> str:
    """Write one call with keywords, integers in decimal and strings as JSON writes them."""
    parameters = registry.spec(call.name).forms[call.form].parameters
    written = (f"{p.name}={_literal(v)}" for p, v in zip(parameters, call.arguments, strict=True))
    return f"{call.name}({', '.join(written)})"


def _literal(value: Value) -> str:
    return _string(value) if isinstance(value, str) else str(value)


def _string(value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted if quoted.isascii() and "\x7f" not in quoted else _HIDDEN.sub(_escaped, quoted)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def shifted(program: Program, by: int, registry: Registry = REGISTRY) -> Program:
    """Renumber the lines of a program, for chunks that were shown with labels of their own."""
    return replace(program, calls=tuple(_shifted(call, by, registry) for call in program.calls))


def _shifted(call: Call, by: int, registry: Registry) -> Call:
    parameters = registry.spec(call.name).forms[call.form].parameters
    pairs = zip(parameters, call.arguments, strict=True)
    moved = (v + by if p.kind is Kind.LINE and isinstance(v, int) else v for p, v in pairs)
    return call._replace(arguments=tuple(moved))
