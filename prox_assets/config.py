"""The catalogue: one YAML file that says which domains there are and how each is refined.

Unknown keys are errors. `${NAME}` and `${NAME:-default}` in any value are taken from the environment;
`${PROX_HOME}` is `.prox` in the current folder unless set. Relative paths are relative to the catalogue file.
"""

import os
import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator

from prox_assets.errors import CatalogueError

CATALOGUE_VARIABLE = "PROX_CATALOGUE"
PROFILE_VARIABLE = "PROX_PROFILE"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_NAME = re.compile(r"[A-Za-z0-9_]+")

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A part of the catalogue: immutable, unknown keys forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(Section):
    """Which columns of the user's files hold what. `metadata` columns travel along as a JSON object."""

    doc_id: str = "id"
    text: str = "text"
    url: str | None = None
    source: str | None = None
    language: str | None = None
    metadata: tuple[str, ...] = ()


class Input(Section):
    """Files of one layout: a file, a folder, or a glob of Parquet or JSONL (plain, .gz, .zst) files."""

    path: Path
    columns: Columns = Columns()
    prefix: str = ""
    rows_per_shard: PositiveInt | None = None
    max_chars: PositiveInt = 10_000_000


class Holdout(Section):
    """Groups of documents that never become seeds, so that evaluation is on sites not trained on.

    `by` is `url_host`, `source`, `doc_id` or `metadata.<column>`; a group is held out when its value is
    listed in `values`, or when its hash falls into `fraction`.
    """

    by: str
    fraction: Share | None = None
    values: tuple[str, ...] = ()
    seed: int = 0

    @field_validator("by")
    @classmethod
    def _known_group(cls, by: str) -> str:
        if by not in ("url_host", "source", "doc_id") and not by.startswith("metadata."):
            raise ValueError("use url_host, source, doc_id or metadata.<column>")
        return by

    @model_validator(mode="after")
    def _one_way(self) -> "Holdout":
        if (self.fraction is None) == (not self.values):
            raise ValueError("give either fraction or values")
        return self


class Seeds(Section):
    """The sample that the teacher annotates."""

    size: PositiveInt = 5_000
    seed: int = 0
    holdout: Holdout | None = None


class RulesTeacher(Section):
    """Published filter rules as a teacher; no model."""

    kind: Literal["rules"]
    keep_educational: float = 3.0
    rescue_educational: float = 2.0
    rescue_format: float = 4.0
    chunk_chars: PositiveInt = 6_000


class DocumentLabels(Section):
    """Document labels in a Parquet file: `column` is a boolean, or a number and `keep_at_least` its bound."""

    path: Path
    id_column: str = "id"
    column: str = "keep"
    keep_at_least: float | None = None
    where: dict[str, str] = {}


class LabelsTeacher(Section):
    """Annotations that people or another system made, imported from files."""

    kind: Literal["labels"]
    lines: Path | None = None
    documents: DocumentLabels | None = None
    chunk_chars: PositiveInt = 6_000

    @model_validator(mode="after")
    def _some_labels(self) -> "LabelsTeacher":
        if self.lines is None and self.documents is None:
            raise ValueError("give lines, documents, or both")
        return self


class Thresholds(Section):
    """Thresholds that replace the ones stored with the checkpoints; they act when programs are executed."""

    keep: Share | None = None
    line: Share | None = None
    span: Share | None = None


class Evaluation(Section):
    """Truth to measure against: a labels file, of which only held-out documents are scored."""

    labels: Path
    max_documents: PositiveInt = 2_000


class PretrainingComparison(Section):
    """Tiny language models trained on each corpus and compared on held-out clean text."""

    steps: PositiveInt = 60
    seeds: tuple[int, ...] = (0,)
    hidden_size: PositiveInt = 96
    layers: PositiveInt = 2
    batch_tokens: PositiveInt = 4_096
    context: PositiveInt = 256
    learning_rate: float = Field(default=5e-3, gt=0)


class Inference(Section):
    """How refiners run."""

    engine: Literal["transformers", "vllm"] = "transformers"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch_tokens: PositiveInt = 8_192
    rows_per_commit: PositiveInt = 256
    threads: PositiveInt | None = None


def expand(value: Any) -> Any:
    """Replace `${NAME}` and `${NAME:-default}` in all strings of a parsed YAML value.

    Raises:
        CatalogueError: a variable is not set and has no default.
    """
    if isinstance(value, dict):
        return {key: expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item) for item in value]
    return _VARIABLE.sub(_environment_value, value) if isinstance(value, str) else value


def _environment_value(match: re.Match[str]) -> str:
    name, default = match[1], match[2]
    if name == "PROX_HOME":
        default = str(Path.cwd() / ".prox")
    found = os.environ.get(name, default)
    if found is None:
        raise CatalogueError(
            f"the catalogue uses ${{{name}}}, which is not set: export {name} or give a default."
        )
    return found


def embedded_catalogue() -> Path:
    """The demo catalogue that ships with the package; a readable example of every key."""
    return Path(str(resources.files("prox_assets.sample") / "catalogue.yaml"))


class Architecture(Section):
    """A ModernBERT encoder made from a configuration; sizes in units of the model, attention in tokens."""

    hidden: PositiveInt = 128
    layers: PositiveInt = 3
    heads: PositiveInt = 4
    intermediate: PositiveInt = 256
    vocab_size: PositiveInt = 4_096
    local_attention: PositiveInt = 128
    global_every: PositiveInt = 3
    dropout: Share = 0.0


class Training(Section):
    """AdamW with linear warm-up and a cosine to a tenth of the peak; `batch_tokens` counts padding.

    `hidden_share` of the input tokens are masked and `swapped_share` replaced in every step; `line_balance`
    weighs a token's loss by its line's length (0: tokens weigh alike, 1: lines do).
    """

    epochs: PositiveInt = 3
    max_steps: PositiveInt | None = None
    batch_tokens: PositiveInt = 8_192
    peak_learning_rate: float = Field(default=2e-3, gt=0)
    warmup_share: Share = 0.1
    weight_decay: float = Field(default=0.01, ge=0)
    class_weights: tuple[float, float] = (1.0, 1.0)
    hidden_share: Share = 0.25
    swapped_share: Share = 0.05
    line_balance: Share = 1.0
    seed: int = 0
    threads: PositiveInt | None = None


class RefinerRecipe(Section):
    """How one refiner is made: from `base`, a checkpoint folder or name, or else from `architecture`."""

    base: str | None = None
    window: PositiveInt = 512
    span_precision_floor: Share = 0.8
    f1_slack: Share = 0.01
    architecture: Architecture = Architecture()
    training: Training = Training()


class ScoringRefiner(Section):
    """One forward pass: a sequence classifier for documents, a token classifier for chunks."""

    kind: Literal["scoring"] = "scoring"
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    document: RefinerRecipe = RefinerRecipe()
    chunk: RefinerRecipe = RefinerRecipe()


class Execution(Section):
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
    beyond: Literal["restore", "empty"] = "restore"


class Bands(Section):
    """What the checks hold a domain's shards to; ratios are of tokens, shares of rows or calls."""

    doc_keep_ratio: tuple[Share, Share] = (0.05, 0.98)
    chunk_keep_ratio: tuple[Share, Share] = (0.5, 1.0)
    max_rejected_share: Share = 0.1
    max_error_share: Share = 0.01
    max_emptied_share: Share = 0.05
    max_refused_share: Share = 0.2


class Domain(Section):
    """One corpus to refine."""

    inputs: tuple[Input, ...] = Field(min_length=1)
    seeds: Seeds = Seeds()
    teacher: Annotated[RulesTeacher | LabelsTeacher, Field(discriminator="kind")]
    refiner: ScoringRefiner = ScoringRefiner()
    thresholds: Thresholds = Thresholds()
    execution: Execution = Execution()
    checks: Bands = Bands()
    baseline: Literal["gopher", "c4", "fineweb", "all"] = "all"
    evaluation: Evaluation | None = None
    pretraining: PretrainingComparison = PretrainingComparison()


class Catalogue(Section):
    """Everything a deployment refines, and how."""

    storage: Path
    profile: str = "cpu"
    profiles: dict[str, Inference] = {"cpu": Inference()}
    domains: dict[str, Domain] = Field(min_length=1)

    @field_validator("domains")
    @classmethod
    def _plain_names(cls, domains: dict[str, Domain]) -> dict[str, Domain]:
        for name in domains:
            if not _NAME.fullmatch(name):
                raise ValueError(f"domain {name!r}: use letters, digits and _ only")
        return domains

    @model_validator(mode="after")
    def _known_profile(self) -> "Catalogue":
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not one of profiles: {', '.join(self.profiles)}")
        return self

    @property
    def inference(self) -> Inference:
        """The inference settings of the chosen profile."""
        return self.profiles[self.profile]

    def domain(self, name: str) -> Domain:
        """One domain by name.

        Raises:
            CatalogueError: there is no such domain.
        """
        if name not in self.domains:
            raise CatalogueError(f"there is no domain {name!r}; the catalogue has {', '.join(self.domains)}.")
        return self.domains[name]
