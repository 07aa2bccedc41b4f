"""Fitting the arguments that were written to the parameters of a call, within their limits."""

from typing import NamedTuple

from prox_assets.programs.arguments import Given
from prox_assets.programs.codes import Refused
from prox_assets.programs.program import Arguments, Value
from prox_assets.programs.registry import CallSpec, Form, Kind, Parameter


class Bound(NamedTuple):
    """The form of a call that fits, and its arguments in order."""

    form: int
    arguments: Arguments


class Problem(NamedTuple):
    """Why no form fits."""

    code: Refused
    detail: str


def bind(spec: CallSpec, given: Given) -> Bound | Problem:
    """Find the first form of a call that takes these arguments; the first form's problem where none does."""
    problem: Problem | None = None
    for number, form in enumerate(spec.forms):
        bound = _bind_form(form, given)
        if not isinstance(bound, Problem):
            return Bound(number, bound)
        problem = problem or bound
    without = [(name, value) for name, value in given if value is not False]
    if len(without) < len(given):
        return bind(spec, without)
    return problem or Problem(Refused.UNSUPPORTED, f"{spec.name} has no form")


def _bind_form(form: Form, given: Given) -> Arguments | Problem:
    parameters = form.parameters
    if len(given) > len(parameters):
        return Problem(Refused.TOO_MANY_ARGUMENTS, f"takes {len(parameters)}, has {len(given)}")
    values: list[Value | None] = [None] * len(parameters)
    for place, (name, value) in enumerate(given):
        if name is not None:
            found = form.places.get(name)
            if found is None:
                return Problem(Refused.UNKNOWN_ARGUMENT, name)
            place = found
        if values[place] is not None:
            return Problem(Refused.REPEATED_ARGUMENT, parameters[place].name)
        code = refused_value(parameters[place], value)
        if code is not None:
            return Problem(code, parameters[place].name)
        values[place] = value
    return _complete(parameters, values)


def _complete(parameters: tuple[Parameter, ...], values: list[Value | None]) -> Arguments | Problem:
    complete: list[Value] = []
    for parameter, value in zip(parameters, values, strict=True):
        final = parameter.default if value is None else value
        if final is None:
            return Problem(Refused.MISSING_ARGUMENT, parameter.name)
        complete.append(final)
    return tuple(complete)


def refused_value(parameter: Parameter, value: Value) -> Refused | None:
    """Hold one value against its parameter's type and limits."""
    if parameter.kind is Kind.TEXT:
        if not isinstance(value, str):
            return Refused.WRONG_TYPE
        if len(value) > parameter.max_length:
            return Refused.TOO_LONG
        return Refused.BLANK_STRING if parameter.visible and (not value or value.isspace()) else None
    if parameter.kind is Kind.FLAG:
        return None if value is True else Refused.WRONG_TYPE
    if type(value) is not int:
        return Refused.WRONG_TYPE
    return Refused.OUT_OF_BOUNDS if value < 0 else None
