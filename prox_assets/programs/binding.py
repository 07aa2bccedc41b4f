"""Fitting the arguments that were written to the parameters of a call, within their limits."""

from typing import NamedTuple

from prox_assets.programs.arguments import Given
from prox_assets.programs.codes import Refused
from prox_assets.programs.literals import encodes
from prox_assets.programs.program import Arguments, Call, Value
from prox_assets.programs.registry import CallSpec, Form, Kind, Parameter


class Problem(NamedTuple):
    """Why no form of a call fits."""

    code: Refused
    detail: str


def bind(spec: CallSpec, given: Given) -> Call | Problem:
    """Make the call in the first form that takes these arguments, or give the first form's problem."""
    problem: Problem | None = None
    for number, form in enumerate(spec.forms):
        bound = _bind_form(form, given)
        if not isinstance(bound, Problem):
            return Call(spec.name, bound, number)
        problem = problem or bound
    if any(value is False for value in given.values):
        return bind(spec, _without_unset_flags(given))
    return problem or Problem(Refused.UNSUPPORTED, f"{spec.name} has no form")


def _without_unset_flags(given: Given) -> Given:
    kept = [(k, v) for k, v in zip(*given, strict=True) if v is not False]
    return Given([k for k, _ in kept], [v for _, v in kept])


def _bind_form(form: Form, given: Given) -> Arguments | Problem:
    values = given.values
    if given.keywords != form.keywords:
        ordered = _ordered(form, given)
        if isinstance(ordered, Problem):
            return ordered
        values = ordered
    for parameter, value in zip(form.parameters, values, strict=True):
        code = refused_value(parameter, value)
        if code is not None:
            return Problem(code, parameter.name)
    return tuple(values)


def _ordered(form: Form, given: Given) -> list[Value] | Problem:
    """Put the values in the order of the form's parameters, the defaults filled in."""
    parameters = form.parameters
    if len(given.values) > len(parameters):
        return Problem(Refused.TOO_MANY_ARGUMENTS, f"takes {len(parameters)}, has {len(given.values)}")
    values: list[Value | None] = [p.default for p in parameters]
    filled = set()
    for position, (name, value) in enumerate(zip(*given, strict=True)):
        place = position if name is None else form.places.get(name)
        if place is None:
            return Problem(Refused.UNKNOWN_ARGUMENT, str(name))
        if place in filled:
            return Problem(Refused.REPEATED_ARGUMENT, parameters[place].name)
        filled.add(place)
        values[place] = value
    if None in values:
        return Problem(Refused.MISSING_ARGUMENT, parameters[values.index(None)].name)
    return [value for value in values if value is not None]


def refused_value(parameter: Parameter, value: Value) -> Refused | None:
    """Hold one value against its parameter's type and limits."""
    kind = parameter.kind
    if kind is Kind.TEXT:
        if not isinstance(value, str):
            return Refused.WRONG_TYPE
        if not encodes(value):
            return Refused.BAD_STRING
        if parameter.max_length is not None and len(value) > parameter.max_length:
            return Refused.TOO_LONG
        return Refused.BLANK_STRING if parameter.visible and (not value or value.isspace()) else None
    if kind is Kind.FLAG:
        return None if value is True else Refused.WRONG_TYPE
    if type(value) is not int:
        return Refused.WRONG_TYPE
    return Refused.OUT_OF_BOUNDS if value < 0 else None
