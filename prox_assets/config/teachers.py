"""Who annotates the seeds."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from prox_assets.config.inputs import LocalPath
from prox_assets.config.section import Name, Section, SettingError, Share

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_PASTED_KEY = re.compile(r"(?=[A-Z]*[0-9])[A-Z0-9]{16,}")


class TeacherSection(Section):
    """What is asked of every teacher: under which licence its labels are, and whether they may go out."""

    licence: str | None = None
    labels_may_be_published: bool | None = None


class RulesTeacherSection(TeacherSection):
    """Published filter rules as a teacher; no model."""

    kind: Literal["rules"]
    keep_educational: float = 3.0
    rescue_educational: float = 2.0
    rescue_format: float = 4.0
    chunk_chars: PositiveInt = 6_000


class DocumentLabels(Section):
    """Document labels in a Parquet file: `column` is a boolean, or a number and `keep_at_least` its bound."""

    path: LocalPath
    id_column: Name = "id"
    column: Name = "keep"
    keep_at_least: float | None = None
    where: dict[str, str] = Field(default_factory=dict)


class LabelsTeacherSection(TeacherSection):
    """Annotations that people or another system made, imported from files."""

    kind: Literal["labels"]
    lines: LocalPath | None = None
    documents: DocumentLabels | None = None
    chunk_chars: PositiveInt = 6_000

    @model_validator(mode="after")
    def _some_labels(self) -> "LabelsTeacherSection":
        if self.lines is None and self.documents is None:
            raise ValueError("give lines, documents, or both")
        return self


class Prices(Section):
    """What a million tokens cost, in the currency of the budget."""

    input: Annotated[float, Field(ge=0)] = 0.0
    output: Annotated[float, Field(ge=0)] = 0.0


class Budget(Section):
    """What a teacher may spend on a domain in all, over all runs; None: as much as it takes."""

    tokens: PositiveInt | None = None
    money: PositiveFloat | None = None


class LlmTeacherSection(TeacherSection):
    """A language model: behind an OpenAI-compatible endpoint (`base_url`), or in process (`checkpoint`).

    `api_key_env` names the environment variable that holds the key. `chunk_mode`: the model writes `calls`,
    or a `rewrite` that is aligned with the chunk. `constrained`: how the server holds answers to their form,
    where it can. `prompts`: a folder with files that replace the project's own. `engine`, `dtype` and
    `memory_share` (of the device, for vLLM) are those of a model in process.
    """

    kind: Literal["llm"]
    model: Name
    base_url: str | None = None
    api_key_env: str | None = None
    checkpoint: LocalPath | None = None
    engine: Literal["transformers", "vllm"] = "vllm"
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    memory_share: Annotated[float, Field(gt=0, le=1)] = 0.45
    chunk_mode: Literal["calls", "rewrite"] = "calls"
    replacements: bool = False
    constrained: Literal["none", "json_schema", "grammar"] = "none"
    prompts: LocalPath | None = None
    keep_educational: float = 3.0
    rescue_educational: float = 2.0
    rescue_format: float = 4.0
    chunk_chars: PositiveInt = 4_000
    max_document_chars: PositiveInt = 8_000
    max_removed_share: Share = 0.9
    temperature: Annotated[float, Field(ge=0)] = 0.0
    seed: int = 0
    max_output_tokens: PositiveInt = 2_048
    concurrency: PositiveInt = 16
    timeout_seconds: PositiveFloat = 120.0
    retries: Annotated[int, Field(ge=0)] = 4
    prices: Prices = Prices()
    budget: Budget = Budget()
    cache: LocalPath | None = None

    @field_validator("api_key_env")
    @classmethod
    def _a_name(cls, name: str | None) -> str | None:
        if name is not None and (not _VARIABLE.fullmatch(name) or _PASTED_KEY.fullmatch(name)):
            raise ValueError(
                "write the name of an environment variable, such as OPENAI_API_KEY, never the key itself"
            )
        return name

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        try:
            parts = urlsplit(address)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("write an address such as http://localhost:8000/v1") from None
        if "@" in parts.netloc:
            raise ValueError(
                "an address has no user and password; api_key_env names the variable with the key"
            )
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("write an address such as http://localhost:8000/v1")
        if parts.query or parts.fragment:
            raise ValueError("an address has neither ? nor #; api_key_env names the variable with the key")
        return address

    @model_validator(mode="after")
    def _one_place(self) -> "LlmTeacherSection":
        if (self.base_url is None) == (self.checkpoint is None):
            raise ValueError("give either base_url (an endpoint) or checkpoint (in process)")
        if self.api_key_env is not None and self.base_url is None:
            raise SettingError(("api_key_env",), "a checkpoint in process takes no key; remove it")
        return self

    @model_validator(mode="after")
    def _money_has_prices(self) -> "LlmTeacherSection":
        if self.budget.money is not None and not (self.prices.input or self.prices.output):
            raise ValueError("a budget in money needs prices")
        return self


AnyTeacher = Annotated[
    RulesTeacherSection | LabelsTeacherSection | LlmTeacherSection, Field(discriminator="kind")
]
