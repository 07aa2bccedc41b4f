"""How programs are executed: thresholds, guard rails, and the engine that runs the refiners."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from prox_assets.config.section import Section, Share


class ThresholdsSection(Section):
    """Thresholds that replace the ones stored with the checkpoints; they act when programs are executed."""

    keep: Share | None = None
    line: Share | None = None
    span: Share | None = None


class Inference(Section):
    """How refiners run. `workers` processes tokenize and write beside the engine; 0: threads of its own.

    `packing` lays sequences end to end instead of padding them (`auto`: encoders on a CPU, and in bfloat16
    on a GPU); `compile` compiles the packed model first.
    """

    engine: Literal["transformers", "vllm"] = "transformers"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch_tokens: PositiveInt = 8_192
    rows_per_commit: PositiveInt = 256
    threads: PositiveInt | None = None
    devices: PositiveInt = 1
    workers: Annotated[int, Field(ge=0)] = 0
    packing: Literal["auto", "always", "never"] = "auto"
    compile: bool = False


class LanguageSection(Section):
    """What chunk programs are written in, for generative refiners; see docs/programs.md.

    `profile: ultrax` is UltraX's language and executor as a whole. Otherwise `calls` enables calls that are
    off, `first_line` is the number of a text's first line, and `past_end` says whether a range of lines that
    ends past its chunk is refused or clipped.
    """

    profile: Literal["prox", "ultrax"] = "prox"
    calls: tuple[Literal["remove_str", "replace_str"], ...] = ()
    first_line: Literal[0, 1] | None = None
    past_end: Literal["refuse", "clip"] | None = None

    @model_validator(mode="after")
    def _one_language(self) -> "LanguageSection":
        given = [
            name for name in ("calls", "first_line", "past_end") if getattr(self, name) not in (None, ())
        ]
        if self.profile == "ultrax" and given:
            raise ValueError(f"profile ultrax has its own {given[0]}; leave {given[0]} out")
        return self

    @property
    def is_default(self) -> bool:
        """Whether it is what scoring refiners and teachers write."""
        return self.model_dump(exclude_none=True) == LanguageSection().model_dump(exclude_none=True)


class ExecutionSection(Section):
    """The executor's guard rails, in characters of the source; see docs/programs.md.

    `profile: prox` runs the executor that ProX released, with its own rails; see docs/prox_profile.md.
    """

    profile: Literal["default", "prox"] = "default"
    max_removed_share: Share = 0.95
    max_chunk_removed_share: Share = 1.0
    max_added_share: Share = 0.05
    min_kept_chars: Annotated[int, Field(ge=0)] = 10
    max_matches: PositiveInt = 100
    max_calls: PositiveInt = 500
    boundary: Literal["word", "anywhere"] = "word"
    beyond: Literal["restore", "empty"] = "empty"
