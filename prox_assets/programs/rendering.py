"""The registry as text: programs, a Lark grammar that engines hold models to, and the calls in words.

The text keeps to what Lark and llguidance (vLLM's guidance backend) read alike.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from prox_assets.errors import ProgramError
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import MEANINGS, Call, Outcome, Program, Refused, Stage, Value
from prox_assets.programs.registry import CallSpec, Form, Parameter, ParameterKind, Registry

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
    moved = (v + by if p.kind is ParameterKind.LINE and isinstance(v, int) else v for p, v in pairs)
    return call._replace(arguments=tuple(moved))


# Characters of a canonical string: as they are, or as the escapes that `render` writes; and of these the ones
# that are not white space.
_PLAIN = r"[^\"\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
_PLAIN_SHOWN = (
    r"[^\"\\\x00-\x20\x7f-\xa0\u061c\u1680\u2000-\u200a\u200e\u200f"
    r"\u2028-\u202f\u205f\u2066-\u2069\u3000\ufeff]"
)
_MARKS = r"u061c|u200[ef]|u202[a-e]|u206[6-9]|ufeff"
_ESCAPE = rf"\\([\"\\bfnrt]|u000[0-7bef]|u001[0-9a-f]|u007f|u00[89][0-9a-f]|u202[89]|{_MARKS})"
_ESCAPE_SHOWN = rf"\\([\"\\b]|u000[0-7ef]|u001[0-9ab]|u007f|u008[0-46-9a-f]|u009[0-9a-f]|{_MARKS})"
_CHARACTER = f"({_PLAIN}|{_ESCAPE})"
_SHOWN = f"({_PLAIN_SHOWN}|{_ESCAPE_SHOWN})"


def lark_grammar(
    stage: Stage,
    lines: range = range(0),
    registry: Registry = REGISTRY,
    max_calls: int | None = None,
) -> str:
    """Write the grammar of a stage's canonical programs.

    A document program is one call. A chunk program is one call a line, at most `max_calls` of them, with
    line numbers out of `lines` (the chunk's own: `range(chunk.line_start, chunk.line_stop)`). Everything
    the grammar allows parses without a refusal, and `render` writes nothing else. A space may come first,
    because the word tokens of SentencePiece vocabularies (Llama's) begin with one.
    """
    specs = registry.active(stage)
    if not specs:
        raise ProgramError(f"grammar: the registry has no call for a {stage}; enable or add one")
    usable = [
        (spec, forms) for spec in specs if (forms := [f for f in spec.forms if lines or not _needs_line(f)])
    ]
    rules = [f"{spec.name}: {' | '.join(_form(spec, form) for form in forms)}" for spec, forms in usable]
    calls = " | ".join(spec.name for spec, _ in usable)
    more = "" if stage is Stage.DOCUMENT else f' ("\\n" call){_times(max_calls)}'
    start = f'start: " "? call{more}'
    return "\n".join([start, f"call: {calls}", *rules, *_terminals(usable, lines)]) + "\n"


def _times(max_calls: int | None) -> str:
    return "*" if max_calls is None else f"~0..{max_calls - 1}"


def _needs_line(form: Form) -> bool:
    return any(p.kind is ParameterKind.LINE for p in form.parameters)


def _form(spec: CallSpec, form: Form) -> str:
    """Write one form: the fixed text between the arguments as literals, the arguments as terminals."""
    parts, fixed = [], f"{spec.name}("
    for place, parameter in enumerate(form.parameters):
        fixed += f"{', ' if place else ''}{parameter.name}="
        if parameter.kind is ParameterKind.FLAG:
            fixed += "True"
        else:
            parts += [f'"{fixed}"', _terminal(parameter)]
            fixed = ""
    return " ".join([*parts, f'"{fixed})"'])


def _terminal(parameter: Parameter) -> str:
    """Name the terminal of a parameter; parameters with the same limits share one."""
    if parameter.kind is not ParameterKind.TEXT:
        return parameter.kind.upper()
    if parameter.visible:
        return "TEXT_SHOWN"
    return "TEXT" if parameter.max_length is None else f"TEXT_{parameter.max_length}"


def _terminals(usable: list[tuple[CallSpec, list[Form]]], lines: range) -> list[str]:
    parameters = [p for _, forms in usable for form in forms for p in form.parameters]
    named = {_terminal(p): _pattern(p, lines) for p in parameters if p.kind is not ParameterKind.FLAG}
    return [f"{name}: /{pattern}/" for name, pattern in named.items()]


def _pattern(parameter: Parameter, lines: range) -> str:
    if parameter.kind is ParameterKind.LINE:
        return number_pattern(lines[0], lines[-1])
    if parameter.kind is ParameterKind.NUMBER:
        return "[1-9][0-9]{0,17}|0"
    if parameter.visible:
        return f'"{_CHARACTER}*{_SHOWN}{_CHARACTER}*"'
    times = "*" if parameter.max_length is None else f"{{0,{parameter.max_length}}}"
    return f'"{_CHARACTER}{times}"'


def number_pattern(first: int, last: int) -> str:
    """Write a regular expression for exactly the integers from `first` to `last`, in decimal.

    Longer numbers stand first, so that engines that take the first alternative take the longest match.
    """
    choices: list[str] = []
    while last >= first:
        lowest = 0 if last < 10 else 10 ** (len(str(last)) - 1)
        choices += _same_length(str(max(first, lowest)), str(last))
        last = lowest - 1
    return "|".join(choices)


def _same_length(first: str, last: str) -> list[str]:
    """List patterns for the numbers between two of as many digits."""
    if not first:
        return [""]
    low, high, rest = int(first[0]), int(last[0]), len(first) - 1
    if low == high:
        return [f"{low}{tail}" for tail in _same_length(first[1:], last[1:])]
    choices = []
    if int(first[1:] or 0):
        choices += [f"{low}{tail}" for tail in _same_length(first[1:], "9" * rest)]
        low += 1
    tails: list[str] = []
    if last[1:] != "9" * rest:
        tails = [f"{high}{tail}" for tail in _same_length("0" * rest, last[1:])]
        high -= 1
    if low <= high:
        choices.append((str(low) if low == high else f"[{low}-{high}]") + "[0-9]" * rest)
    return choices + tails


def signature(spec: CallSpec, form: Form) -> str:
    """Write how a call is written: `normalize(source_str, target_str="")`."""
    return f"{spec.name}({', '.join(_parameter(p) for p in form.parameters)})"


def _parameter(parameter: Parameter) -> str:
    if parameter.kind == "flag":
        return f"{parameter.name}=True"
    return (
        parameter.name if parameter.default is None else f"{parameter.name}={json.dumps(parameter.default)}"
    )


def prompt_text(stage: Stage, registry: Registry = REGISTRY) -> str:
    """Say to a model which calls it may write: one line a call."""
    return "\n".join(f"{signature(spec, spec.forms[0])}: {spec.sentence}" for spec in registry.active(stage))


def legend(registry: Registry = REGISTRY) -> dict[str, str]:
    """Explain the statistics keys of all calls, the ones that are off included."""
    return {spec.key: spec.sentence for spec in registry.specs}


def documentation(registry: Registry = REGISTRY) -> str:
    """Write the reference part of docs/programs.md: `python -m prox_assets.programs.rendering` prints it."""
    return "\n".join(
        (
            "## Calls\n",
            *_table(("call", "stage", "what it does", "from", "state"), map(_call_row, registry.specs)),
            "\n## Arguments\n",
            *_table(("call", "argument", "type", "meaning", "also read as"), _argument_rows(registry)),
            "\n## Other names\n",
            *_table(("name", "is read as", "where it comes from"), _alias_rows(registry)),
            "\n## What becomes of a call\n",
            *_table(("outcome", "meaning"), ((f"`{code}`", MEANINGS[code]) for code in Outcome)),
            "\n## Why a call is refused\n",
            *_table(("code", "meaning"), ((f"`{code}`", MEANINGS[code]) for code in Refused)),
            "",
        )
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def _call_row(spec: CallSpec) -> tuple[str, ...]:
    state = spec.unsupported and f"read, never done: {spec.unsupported}"
    written = "<br>".join(f"`{signature(spec, form)}`" for form in spec.forms)
    return written, spec.stage, spec.sentence, spec.origin, state or ("on" if spec.enabled else "off")


def _argument_rows(registry: Registry) -> Iterable[tuple[str, ...]]:
    for spec in registry.specs:
        for parameter in (p for form in spec.forms for p in form.parameters):
            others = ", ".join(f"`{alias}`" for alias in parameter.aliases)
            yield f"`{spec.name}`", f"`{parameter.name}`", parameter.kind, parameter.meaning, others


def _alias_rows(registry: Registry) -> Iterable[tuple[str, ...]]:
    for spec in registry.specs:
        for alias in spec.aliases:
            given = ", ".join(f"{name}={value}" for name, value in alias.given)
            yield f"`{alias.name}()`", f"`{spec.name}({given})`", alias.origin


if __name__ == "__main__":
    print(documentation(), end="")
