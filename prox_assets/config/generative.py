"""How refiners that write are made and trained."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from prox_assets.config.locations import FOLDER_OR_NAME
from prox_assets.config.section import Name, Section, Share, require_multiple


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
    """A Llama made from a configuration; as it stands, ProX's XS of 354,284,800 parameters."""

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
    """ProX's fine-tuning: batches of 64, a cosine from 1e-5 to 1e-6, all parameters.

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
    """Adapters on all linear layers in place of full-parameter training (the extra `lora`)."""

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
