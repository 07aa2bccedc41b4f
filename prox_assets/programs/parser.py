"""From a program's text to its calls: Python syntax with literal arguments, read once, never evaluated."""

from typing import NamedTuple

from prox_assets.programs.arguments import Given, read_arguments
from prox_assets.programs.binding import Problem, bind
from prox_assets.programs.codes import Refused
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.program import Call, Program, Refusal, Stage
from prox_assets.programs.registry import Named, Registry
from prox_assets.programs.scanner import Found, Scanner


class _Item(NamedTuple):
    fenced: bool
    value: Call | Refusal


def parse(text: str, stage: Stage, registry: Registry = REGISTRY) -> Program:
    """Read a program of a stage.

    Where code fences enclose calls, only those are the program. Calls in comments are comments. Every call
    that is not believed is a Refusal with its code and position; the others stand. Never raises; time and
    memory are linear in the text.
    """
    scanner = Scanner(text, registry)
    items = []
    for found in scanner:
        value = _read(text, found, scanner, stage, registry)
        if value is not None:
            items.append(_Item(found.fenced, value))
    if any(item.fenced for item in items):
        items = [item for item in items if item.fenced]
    return Program(
        tuple(item.value for item in items if isinstance(item.value, Call)),
        tuple(item.value for item in items if isinstance(item.value, Refusal)),
    )


def _read(
    text: str, found: Found, scanner: Scanner, stage: Stage, registry: Registry
) -> Call | Refusal | None:
    """Read one possible call; None for prose that only looks like one."""
    name, start = found.name, found.start
    given, stop, refused, depth = read_arguments(text, found.inside)
    scanner.resume(stop if refused is None else scanner.after_bad(stop, depth))
    named = registry.names.get(name)
    if named is None:
        is_call = refused is None and not found.spaced
        return Refusal(name, Refused.UNKNOWN_CALL, start) if is_call else None
    if refused is not None:
        return Refusal(name, refused, start)
    return _believe(name, start, named, given, stage)


def _believe(name: str, start: int, named: Named, given: Given, stage: Stage) -> Call | Refusal:
    spec = named.spec
    problem = _not_here(named, stage)
    if problem is None:
        bound = bind(spec, [*named.given, *given] if named.given else given)
        if not isinstance(bound, Problem):
            return Call(spec.name, bound.arguments, bound.form, start)
        problem = bound
    return Refusal(name, problem.code, start, problem.detail)


def _not_here(named: Named, stage: Stage) -> Problem | None:
    spec = named.spec
    if spec.unsupported:
        return Problem(Refused.UNSUPPORTED, spec.unsupported)
    if spec.stage is not stage:
        return Problem(Refused.WRONG_STAGE, f"{spec.name} is a call for a {spec.stage}")
    if not spec.enabled:
        return Problem(Refused.DISABLED, f"{spec.name} is off; enable it in the registry")
    return None
