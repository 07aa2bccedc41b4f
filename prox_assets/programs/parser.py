"""From a program's text to its calls: Python syntax with literal arguments, read once, never evaluated."""

from prox_assets.programs.arguments import Given, read_arguments
from prox_assets.programs.binding import Problem, bind
from prox_assets.programs.canonical import read_canonical
from prox_assets.programs.codes import Refused
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Call, Program, Refusal, Stage
from prox_assets.programs.registry import Kind, Named, Registry
from prox_assets.programs.scanner import Found, Scanner


def parse(text: str, stage: Stage, registry: Registry = REGISTRY, first_line: int = 0) -> Program:
    """Read a program of a stage.

    Where code fences enclose calls, only those are the program. Calls in comments are comments. Every call
    that is not believed is a Refusal with its code and position; the others stand. So is a line in the form
    of another system's edits, and a text without anything that reads as a call. Never raises; time and memory
    are linear in the text.

    `first_line` is the number of the first line in the text; in the calls lines count from 0.
    """
    read, at = ([], 0) if first_line else read_canonical(text, stage, registry)
    if at == len(text):
        return Program(tuple(read))
    scanner = Scanner(text, registry, at)
    plain: tuple[list[Call], list[Refusal]] = read, []
    fenced: tuple[list[Call], list[Refusal]] = [], []
    for found in scanner:
        item = _read(text, found, scanner, stage, registry)
        if first_line and isinstance(item, Call):
            item = _from_zero(item, found, first_line, registry)
        calls, refusals = fenced if found.fenced else plain
        if isinstance(item, Call):
            calls.append(item)
        elif item is not None:
            refusals.append(item)
    calls, refusals = fenced if fenced[0] or fenced[1] else plain
    if not (calls or refusals) and text.strip():
        refusals = [Refusal("none", Refused.UNKNOWN_FORM, len(text) - len(text.lstrip()))]
    return Program(tuple(calls), tuple(refusals))


def _read(
    text: str, found: Found, scanner: Scanner, stage: Stage, registry: Registry
) -> Call | Refusal | None:
    """Read one possible call; None for prose that only looks like one."""
    name, start, inside, _, spaced = found
    if inside < 0:
        return Refusal(name, Refused.UNKNOWN_FORM, start)
    given, stop, refused, depth = read_arguments(text, inside)
    scanner.at = stop if refused is None else scanner.after_bad(stop, depth)
    named = registry.names.get(name)
    if named is None:
        is_call = refused is None and not spaced
        return Refusal(name, Refused.UNKNOWN_CALL, start) if is_call else None
    if refused is not None:
        return Refusal(name, refused, start)
    spec = registry.usable[stage].get(name)
    item = bind(spec, given) if spec else _not_here(named, stage) or bind(named.spec, _implied(named, given))
    return Refusal(name, item.code, start, item.detail) if isinstance(item, Problem) else item


def _from_zero(call: Call, found: Found, first_line: int, registry: Registry) -> Call | Refusal:
    """Count a call's lines from 0; a number before the first line is refused."""
    parameters = registry.spec(call.name).forms[call.form].parameters
    values = [
        value - first_line if parameter.kind is Kind.LINE and isinstance(value, int) else value
        for parameter, value in zip(parameters, call.arguments, strict=True)
    ]
    below = next((p.name for p, v in zip(parameters, values, strict=True) if type(v) is int and v < 0), None)
    if below is not None:
        return Refusal(found.name, Refused.OUT_OF_BOUNDS, found.start, below)
    return call._replace(arguments=tuple(values))


def _implied(named: Named, given: Given) -> Given:
    """Add the arguments that an alias implies."""
    return Given([*(k for k, _ in named.given), *given[0]], [*(v for _, v in named.given), *given[1]])


def _not_here(named: Named, stage: Stage) -> Problem | None:
    spec = named.spec
    if spec.unsupported:
        return Problem(Refused.UNSUPPORTED, spec.unsupported)
    if spec.stage is not stage:
        return Problem(Refused.WRONG_STAGE, f"{spec.name} is a call for a {spec.stage}")
    if not spec.enabled:
        return Problem(Refused.DISABLED, f"{spec.name} is off; enable it in the registry")
    return None
