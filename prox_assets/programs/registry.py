"""The registry: one entry a call, from which parser, grammar, executor, prompts, legend and docs follow."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from prox_assets.errors import ProgramError
from prox_assets.programs.actions import Effect, Scope
from prox_assets.programs.program import Arguments, Stage, Value

Act = Callable[[Scope, Arguments], Effect]


class ParameterKind(StrEnum):
    """The type of an argument: a line number, a string, the flag `True`, or a plain number."""

    LINE = "line"
    TEXT = "text"
    FLAG = "flag"
    NUMBER = "number"


class Touches(StrEnum):
    """What a call can change: nothing, whole lines, or characters."""

    NOTHING = "nothing"
    LINES = "lines"
    CHARACTERS = "characters"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: its canonical name, the names others gave it, its type, default and limits.

    `visible` asks for at least one character that is not white space, `max_length` bounds a string's
    characters; only one of the two, because no regular expression of bearable size says both.
    """

    name: str
    kind: ParameterKind
    meaning: str
    aliases: tuple[str, ...] = ()
    default: Value | None = None
    visible: bool = False
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.visible and self.max_length is not None:
            raise ProgramError(f"registry: parameter {self.name!r} is visible and bounded; choose one limit")


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a call, and what the call then does."""

    parameters: tuple[Parameter, ...]
    act: Act
    keywords: list[str | None] = field(init=False, repr=False, compare=False)
    places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = ((place, (p.name, *p.aliases)) for place, p in enumerate(self.parameters))
        object.__setattr__(self, "keywords", [p.name for p in self.parameters])
        object.__setattr__(self, "places", {name: place for place, all_ in names for name in all_})


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name for a call, with the arguments that this name implies."""

    name: str
    origin: str
    given: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class CallSpec:
    """A call of the language: everything any part of the project knows about it.

    `sentence` is what a prompt says of it, `key` its name in statistics, `unsupported` the reason why
    it is read but never done. `idempotent` promises that doing it twice equals doing it once.
    """

    name: str
    stage: Stage
    touches: Touches
    forms: tuple[Form, ...]
    sentence: str
    origin: str
    aliases: tuple[Alias, ...] = ()
    key: str = ""
    enabled: bool = True
    unsupported: str = ""
    idempotent: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key or self.name)


class Named(NamedTuple):
    """What a name in a program's text stands for."""

    spec: CallSpec
    given: tuple[tuple[str, Value], ...]


class Registry:
    """The calls of the language by name and alias; `usable` are the names that a stage takes as they are."""

    __slots__ = ("names", "specs", "usable")

    def __init__(self, specs: tuple[CallSpec, ...]) -> None:
        self.specs = specs
        self.names: dict[str, Named] = {}
        for spec in specs:
            for name, given in ((spec.name, ()), *((alias.name, alias.given) for alias in spec.aliases)):
                if name in self.names:
                    raise ProgramError(
                        f"registry: two calls are named {name!r}; rename one or drop the alias"
                    )
                self.names[name] = Named(spec, given)
        self.usable = {stage: self._usable(stage) for stage in Stage}

    def _usable(self, stage: Stage) -> dict[str, CallSpec]:
        active = self.active(stage)
        return {name: spec for name, (spec, given) in self.names.items() if spec in active and not given}

    def spec(self, name: str) -> CallSpec:
        """Look a call up by its canonical name; ProgramError where there is none."""
        named = self.names.get(name)
        if named is None or named.spec.name != name:
            raise ProgramError(
                f"registry: no call {name!r}; known are {', '.join(s.name for s in self.specs)}"
            )
        return named.spec

    def active(self, stage: Stage) -> tuple[CallSpec, ...]:
        """List the calls that programs of a stage may use."""
        return tuple(s for s in self.specs if s.stage is stage and s.enabled and not s.unsupported)

    def adding(self, *specs: CallSpec) -> "Registry":
        """Make a registry with more calls."""
        return Registry((*self.specs, *specs))

    def enabling(self, *names: str) -> "Registry":
        """Make a registry in which these calls, off by default, are on; ProgramError for an unknown name."""
        for name in names:
            if self.spec(name).unsupported:
                raise ProgramError(f"registry: {name!r} cannot be enabled: {self.spec(name).unsupported}")
        return Registry(tuple(replace(s, enabled=True) if s.name in names else s for s in self.specs))
