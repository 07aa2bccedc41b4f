"""How refiners are made and trained: scoring refiners, and generative ones."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, PositiveFloat, PositiveInt, Tag, model_validator

from prox_assets.config.inputs import FOLDER_OR_NAME
from prox_assets.config.section import Name, Section, SettingError, Share, require_multiple


class RefinerSection(Section):
    """What both kinds of refiner say beside their recipes.

    A refiner is unreliable where validation data do not show that it is better than keeping everything, or
    hold fewer than `min_documents_per_class` documents of a class. `when_unreliable`: `refuse` to refine with
    it, `keep_all` in its place (every document, every line), or `use` it as it is.
    """

    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    when_unreliable: Literal["refuse", "keep_all", "use"] = "refuse"
    min_documents_per_class: PositiveInt = 10


class CausalArchitecture(Section):
    """A Llama made from a configuration; `key_value_heads` share the queries of `heads` between them.

    The defaults are ProX's XS of 354,284,800 parameters (arXiv 2409.17115, Table 8).
    """

    hidden: PositiveInt = 1280
    layers: PositiveInt = 24
    heads: PositiveInt = 16
    key_value_heads: PositiveInt = 1
    intermediate: PositiveInt = 2048
    vocab_size: PositiveInt = 32_000
    positions: PositiveInt = 2048
    initializer_range: float = Field(default=0.02, gt=0)

    @model_validator(mode="after")
    def _heads_of_one_size(self) -> "CausalArchitecture":
        require_multiple("hidden", self.hidden, 2 * self.heads, "twice heads")
        require_multiple("heads", self.heads, self.key_value_heads, "key_value_heads")
        return self


class CausalTraining(Section):
    """ProX's fine-tuning (arXiv 2409.17115, A.2): batches of 64, a cosine from 1e-5 to 1e-6, all parameters.

    A step takes `batch_size` examples, `micro_batch` at once on each device. After an epoch F1 is taken on at
    most `validation_documents`. The rest as for a scoring refiner.
    """

    epochs: PositiveInt = 4
    max_steps: PositiveInt | None = None
    batch_size: PositiveInt = 64
    micro_batch: PositiveInt = 8
    peak_learning_rate: float = Field(default=1e-5, gt=0)
    final_learning_rate_share: Share = 0.1
    warmup_share: Share = 0.03
    weight_decay: float = Field(default=0.0, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    validation_documents: PositiveInt = 256
    seed: int = 0
    threads: PositiveInt | None = None
    patience: PositiveInt | None = None
    checkpoint_steps: PositiveInt = 200
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    processes: PositiveInt = 1


class Lora(Section):
    """Adapters on all linear layers in place of full-parameter training, merged in the end (extra `lora`)."""

    rank: PositiveInt = 16
    alpha: PositiveInt = 32
    dropout: Share = 0.0


class GenerativeRecipe(Section):
    """How one refiner that writes is made.

    From `base`, a causal language model by folder or name; or a refiner that exists already is taken as it
    is, `checkpoint`, such as `gair-prox/web-chunk-refining-lm`; or else from `architecture`. `window` counts
    the tokens of the text in a prompt. `layout: auto` is plain for what is trained here, and probed for a
    `checkpoint`. `grammar` holds what is written to programs of the chunk's own lines.
    """

    base: Annotated[Name | None, FOLDER_OR_NAME] = None
    checkpoint: Annotated[Name | None, FOLDER_OR_NAME] = None
    window: PositiveInt = 1500
    layout: Literal["auto", "plain_doc", "llama2"] = "auto"
    grammar: bool = True
    max_new_tokens: PositiveInt = 256
    f1_slack: Share = 0.01
    lora: Lora | None = None
    architecture: CausalArchitecture = CausalArchitecture()
    training: CausalTraining = CausalTraining()

    @model_validator(mode="after")
    def _one_origin(self) -> "GenerativeRecipe":
        if self.base is not None and self.checkpoint is not None:
            raise ValueError("give base, which is trained, or checkpoint, which is not")
        return self


class GenerativeRefiner(RefinerSection):
    """A language model that writes programs, as ProX has it."""

    kind: Literal["generative"]
    document: GenerativeRecipe = GenerativeRecipe()
    chunk: GenerativeRecipe = GenerativeRecipe()


class Architecture(Section):
    """A ModernBERT encoder made from a configuration; sizes in units of the model, attention in tokens.

    Every `global_every`-th layer sees the whole sequence, the others `local_attention` tokens around theirs.
    """

    hidden: PositiveInt = 128
    layers: PositiveInt = 3
    heads: PositiveInt = 4
    intermediate: PositiveInt = 256
    vocab_size: PositiveInt = 4_096
    local_attention: PositiveInt = 128
    global_every: PositiveInt = 3
    initializer_range: float = Field(default=0.05, gt=0)
    dropout: Share = 0.0

    @model_validator(mode="after")
    def _heads_of_one_size(self) -> "Architecture":
        require_multiple("hidden", self.hidden, 2 * self.heads, "twice heads")
        return self


class Training(Section):
    """AdamW with linear warm-up and a cosine to a tenth of the peak; `batch_tokens` counts padding.

    `max_steps` ends training early whatever the epochs; `class_weights` are the loss weights of label 0 and
    label 1. `threads` fixes the CPU threads: results repeat bit by bit only then. `hidden_share` of the input
    tokens are masked and `swapped_share` replaced in every step, newlines and specials apart, so that a model
    does not learn its pages by heart; `line_balance` (chunks) divides a token's loss by that power of its
    line's length (0: tokens weigh alike, 1: lines do, as in line F1). Training ends early after `patience`
    epochs without a better validation F1. A killed run goes on from the last epoch or multiple of
    `checkpoint_steps`. `precision: auto` computes in bfloat16 on a GPU that has it. `processes`, a GPU each,
    take batches of their own in every step.
    """

    epochs: PositiveInt = 3
    max_steps: PositiveInt | None = None
    batch_tokens: PositiveInt = 8_192
    peak_learning_rate: float = Field(default=2e-3, gt=0)
    final_learning_rate_share: Share = 0.1
    warmup_share: Share = 0.1
    weight_decay: float = Field(default=0.01, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    class_weights: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)
    hidden_share: Share = 0.25
    swapped_share: Share = 0.05
    line_balance: Share = 1.0
    seed: int = 0
    threads: PositiveInt | None = None
    patience: PositiveInt | None = None
    checkpoint_steps: PositiveInt = 200
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    processes: PositiveInt = 1

    @model_validator(mode="after")
    def _some_tokens_as_they_are(self) -> "Training":
        if self.hidden_share + self.swapped_share >= 1:
            raise SettingError(
                ("hidden_share",), "hidden_share and swapped_share together are 1 or more; lower one"
            )
        return self


class RefinerOf(Section):
    """The refiner of another domain for the same stage; it has to be trained before."""

    domain: Name


BASE_FORMS = ("name", "refiner")


def _base_form(value: Any) -> str:
    """Tell the form of a base, for the objection to be about that form only."""
    return "refiner" if isinstance(value, dict | RefinerOf) else "name"


_Base = Annotated[
    Annotated[Name, Tag("name")] | Annotated[RefinerOf, Tag("refiner")], Discriminator(_base_form)
]


class RefinerRecipe(Section):
    """How one refiner is made: from `base`, a checkpoint folder or name or the refiner of another domain, or
    else from `architecture`.

    `window` counts tokens, of which `overlap` on either side are read for context (chunks only). `aim` is
    what the thresholds are chosen for on validation data: the best F1 (less `f1_slack`, for what removes
    least), or as much as a floor on retention or on the precision of what is removed (`aim_floor`) allows.
    """

    base: Annotated[_Base | None, FOLDER_OR_NAME] = None
    window: PositiveInt = 512
    overlap: Annotated[int, Field(ge=0)] = 32
    span_precision_floor: Share = 0.95
    f1_slack: Share = 0.01
    aim: Literal["best_f1", "retention", "precision"] = "best_f1"
    aim_floor: Share = 0.95
    architecture: Architecture = Architecture()
    training: Training = Training()


class ScoringRefiner(RefinerSection):
    """One forward pass: a sequence classifier for documents, a token classifier for chunks."""

    kind: Literal["scoring"] = "scoring"
    document: RefinerRecipe = RefinerRecipe()
    chunk: RefinerRecipe = RefinerRecipe()

    @model_validator(mode="after")
    def _room_between_overlaps(self) -> "ScoringRefiner":
        if 2 * self.chunk.overlap >= self.chunk.window:
            raise SettingError(
                ("chunk", "overlap"), f"write less than half of window, which is {self.chunk.window}"
            )
        return self


def _scoring_by_default(value: Any) -> Any:
    return {"kind": "scoring", **value} if isinstance(value, dict) else value


AnyRefiner = Annotated[
    Annotated[ScoringRefiner | GenerativeRefiner, Field(discriminator="kind")],
    BeforeValidator(_scoring_by_default),
]
