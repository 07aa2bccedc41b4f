"""The language that a domain's chunk programs are written in: one object that reads, writes and runs them.

By default that is ProX's language. Calls of other systems can be enabled one by one, lines counted from 1,
and ranges past the end clipped; the UltraX profile is UltraX's language as a whole (`ultrax_profile.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from prox_assets.chunking import Chunk, numbered, shown_lines
from prox_assets.errors import ProgramError
from prox_assets.programs.actions import ChunkWindow
from prox_assets.programs.executor import Execution, Scores, execute_chunks
from prox_assets.programs.language import REGISTRY
from prox_assets.programs.parser import parse
from prox_assets.programs.profiles.ultrax import execute_ultrax
from prox_assets.programs.profiles.ultrax_text import FIRST_LINE, read_ultrax, write_ultrax
from prox_assets.programs.program import Program, Stage
from prox_assets.programs.rails import PastEnd, Rails
from prox_assets.programs.registry import Registry
from prox_assets.programs.rendering import lark_grammar, number_pattern, prompt_text, render, shifted


class Profile(StrEnum):
    """Whose language it is."""

    PROX = "prox"
    ULTRAX = "ultrax"


_ULTRAX_CALLS = """\
keep_all(): Leave the text as it is.
remove_all(): Leave the whole text out.
remove_lines(first, last): Delete the lines from the first to the last number, both included.
replace_str(line, 'old', 'new'): Replace a string that occurs exactly once in the given line.
add_line(base, sub_index, 'text'): Add a line of new text after line `base`; `sub_index` orders several."""


@dataclass(frozen=True, slots=True)
class Language:
    """The settings of the language; in a `Program` lines count from 0, whatever its text counts from.

    `calls` are enabled beside those that are on (`remove_str`, `replace_str`). `first_line`, 0 or 1, is the
    number of a text's first line. The UltraX profile has calls, numbers and clipping of its own. Raises
    ProgramError for settings that do not go together.
    """

    profile: Profile = Profile.PROX
    calls: tuple[str, ...] = ()
    first_line: int = 0
    past_end: PastEnd = PastEnd.REFUSE

    def __post_init__(self) -> None:
        if self.first_line not in (0, 1):
            raise ProgramError(f"language: lines count from 0 or 1, not from {self.first_line!r}")
        own = (self.calls, self.first_line, self.past_end) == ((), FIRST_LINE, PastEnd.REFUSE)
        if self.profile is Profile.ULTRAX and not own:
            raise ProgramError("language: the ultrax profile has calls, numbers and clipping of its own")
        _registry(self.calls)

    @property
    def registry(self) -> Registry:
        """The calls that programs may use."""
        return _registry(self.calls)

    @property
    def labels_restart(self) -> bool:
        """Whether labels of long documents restart in each chunk, for models that know three digits only."""
        return self.profile is Profile.PROX

    def parse(self, text: str) -> Program:
        """Read a chunk's program."""
        if self.profile is Profile.ULTRAX:
            return read_ultrax(text)
        return parse(text, Stage.CHUNK, self.registry, self.first_line)

    def render(self, program: Program) -> str:
        """Write a chunk's program; `parse` reads its calls back equal."""
        if self.profile is Profile.ULTRAX:
            return write_ultrax(program)
        return render(shifted(program, self.first_line, self.registry), self.registry)

    def grammar(self, lines: range, max_calls: int | None = None) -> str:
        """Write the grammar of programs for these lines of a chunk, counted from 0."""
        numbers = range(lines.start + self.first_line, lines.stop + self.first_line)
        if self.profile is Profile.ULTRAX:
            return _ultrax_grammar(numbers, max_calls)
        return lark_grammar(Stage.CHUNK, numbers, self.registry, max_calls)

    def prompt(self) -> str:
        """Say to a model which calls it may use, a line each."""
        return _ULTRAX_CALLS if self.profile is Profile.ULTRAX else prompt_text(Stage.CHUNK, self.registry)

    def shown(self, text: str, chunk: Chunk, first: int) -> str:
        """Write a chunk's lines with their numbers; `first`, counted from 0, is that of its first line."""
        if self.profile is Profile.PROX:
            return numbered(text, chunk, first + self.first_line)
        lines = (line for _, line in shown_lines(text, chunk))
        return "\n".join(
            f"<lid:{number}>{line}" for number, line in enumerate(lines, first + self.first_line)
        )

    def execute(
        self, text: str, programs: Iterable[tuple[ChunkWindow, Program, Scores]], rails: Rails
    ) -> Execution:
        """Execute the programs of a document's chunks; the UltraX profile has no rails."""
        if self.profile is Profile.ULTRAX:
            return execute_ultrax(text, [(chunk, program) for chunk, program, _ in programs])
        return execute_chunks(text, programs, replace(rails, past_end=self.past_end), self.registry)


@lru_cache(maxsize=32)
def _registry(calls: tuple[str, ...]) -> Registry:
    return REGISTRY.enabling(*calls) if calls else REGISTRY


def _ultrax_grammar(numbers: range, max_calls: int | None) -> str:
    times = "*" if max_calls is None else f"~0..{max_calls - 1}"
    line = number_pattern(numbers[0], numbers[-1]) if numbers else "1"
    base = number_pattern(0, numbers[-1]) if numbers else "0"
    return "\n".join(
        (
            f'start: " "? call ("\\n" call){times}',
            "call: keep_all | remove_all | remove_lines | replace_str | add_line",
            'keep_all: "keep_all()"',
            'remove_all: "remove_all()"',
            'remove_lines: "remove_lines(" LINE ", " LINE ")"',
            'replace_str: "replace_str(" LINE ", " TEXT ", " TEXT ")"',
            'add_line: "add_line(" BASE ", " NUMBER ", " TEXT ")"',
            f"LINE: /{line}/",
            f"BASE: /{base}/",
            "NUMBER: /[1-9][0-9]{0,3}/",
            r'TEXT: /"([^\"\\\x00-\x1f\x7f-\x9f\u2028\u2029]|\\[\"\\nrt])*"/',
            "",
        )
    )


PROX = Language()
