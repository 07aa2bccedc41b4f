"""The registry as a Lark grammar, for engines that let a model write nothing but programs.

The text keeps to what Lark and llguidance (vLLM's guidance backend) read alike.
"""

from prox_assets.errors import ProgramError
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Stage
from prox_assets.programs.registry import CallSpec, Form, Kind, Parameter, Registry

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
    return any(p.kind is Kind.LINE for p in form.parameters)


def _form(spec: CallSpec, form: Form) -> str:
    """Write one form: the fixed text between the arguments as literals, the arguments as terminals."""
    parts, fixed = [], f"{spec.name}("
    for place, parameter in enumerate(form.parameters):
        fixed += f"{', ' if place else ''}{parameter.name}="
        if parameter.kind is Kind.FLAG:
            fixed += "True"
        else:
            parts += [f'"{fixed}"', _terminal(parameter)]
            fixed = ""
    return " ".join([*parts, f'"{fixed})"'])


def _terminal(parameter: Parameter) -> str:
    """Name the terminal of a parameter; parameters with the same limits share one."""
    if parameter.kind is not Kind.TEXT:
        return parameter.kind.upper()
    if parameter.visible:
        return "TEXT_SHOWN"
    return "TEXT" if parameter.max_length is None else f"TEXT_{parameter.max_length}"


def _terminals(usable: list[tuple[CallSpec, list[Form]]], lines: range) -> list[str]:
    parameters = [p for _, forms in usable for form in forms for p in form.parameters]
    named = {_terminal(p): _pattern(p, lines) for p in parameters if p.kind is not Kind.FLAG}
    return [f"{name}: /{pattern}/" for name, pattern in named.items()]


def _pattern(parameter: Parameter, lines: range) -> str:
    if parameter.kind is Kind.LINE:
        return number_pattern(lines[0], lines[-1])
    if parameter.kind is Kind.NUMBER:
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
