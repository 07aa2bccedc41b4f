"""How a generative refiner is made: ProX's recipe, with what ProX left open as settings."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from prox_assets.inference import Task
from prox_assets.refiner.generative.prompts import PromptLayout
from prox_assets.refiner.recipe import UNNAMED, Optimization


@dataclass(frozen=True, slots=True)
class CausalArchitecture:
    """A Llama from a configuration. `key_value_heads` share the queries of `heads` between them.

    The defaults are the released XS: 354,284,800 parameters (arXiv 2409.17115, Table 8).
    """

    hidden: int = 1280
    layers: int = 24
    heads: int = 16
    key_value_heads: int = 1
    intermediate: int = 2048
    vocab_size: int = 32_000
    positions: int = 2048
    initializer_range: float = 0.02


@dataclass(frozen=True, slots=True)
class CausalTraining:
    """ProX's fine-tuning (arXiv 2409.17115, A.2): batches of 64, a cosine from 1e-5 to a tenth.

    A step takes `batch_size` examples, `micro_batch` at once on each device; `max_steps` ends training early
    whatever the epochs. F1 after an epoch is on at most `validation_documents`. The rest as in
    `recipe.Training`.
    """

    epochs: int = 4
    max_steps: int | None = None
    batch_size: int = 64
    micro_batch: int = 8
    peak_learning_rate: float = 1e-5
    final_learning_rate_share: float = 0.1
    warmup_share: float = 0.03
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    validation_documents: int = 256
    seed: int = 0
    threads: int | None = None
    patience: int | None = None
    checkpoint_steps: int = 200
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    processes: int = 1

    def optimization(self) -> Optimization:
        """What the loop is told."""
        return Optimization(
            self.peak_learning_rate,
            self.final_learning_rate_share,
            self.warmup_share,
            self.weight_decay,
            (0.9, 0.95),
            self.max_gradient_norm,
            self.seed,
            self.patience,
            self.checkpoint_steps,
            self.precision,
        )


@dataclass(frozen=True, slots=True)
class Lora:
    """Adapters on all linear layers in place of full-parameter training, merged into the weights at last."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class GenerativeRecipe:
    """All that decides a generative checkpoint besides its data.

    `base`: a causal language model to fine-tune, by folder or name; `checkpoint`: a refiner that exists
    already, taken as it is; with neither, a Llama is made from `architecture` with a tokenizer trained on the
    SFT texts. `window`: the most tokens of the text in a prompt, line labels included; of a longer document
    the document task sees the first window, the chunk task all. `layout` None: plain for what is trained
    here, probed for a `checkpoint`. `grammar` holds what is written to programs of the chunk's own lines, at
    most `max_new_tokens` long (ProX: 256). `f1_slack` as in `recipe.Recipe`.
    """

    task: Task
    base: str | None = None
    checkpoint: str | None = None
    window: int = 1500
    layout: PromptLayout | None = None
    grammar: bool = True
    max_new_tokens: int = 256
    f1_slack: float = 0.01
    lora: Lora | None = None
    architecture: CausalArchitecture = field(default_factory=CausalArchitecture)
    training: CausalTraining = field(default_factory=CausalTraining)

    @property
    def origin(self) -> str | None:
        """The model that this one starts from, or is."""
        return self.checkpoint or self.base

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a card or a fingerprint, without what does not matter."""
        values = asdict(self)
        for name in UNNAMED:
            del values["training"][name]
        if self.origin is not None:
            del values["architecture"]
        if self.checkpoint is not None:
            del values["training"], values["lora"]
        return values
