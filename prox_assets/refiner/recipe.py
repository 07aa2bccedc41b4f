"""How a refiner is made: the model, from a configuration or a pretrained checkpoint, and its training."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from prox_assets.inference import Task
from prox_assets.refiner.aims import Goal
from prox_assets.refiner.course import Optimization

# How a run survives, which decides nothing of what comes out.
UNNAMED = ("checkpoint_steps",)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A ModernBERT from a configuration. Sizes in units of the model, `local_attention` in tokens.

    Every `global_every`-th layer sees the whole sequence, the others `local_attention` tokens around theirs.
    """

    hidden: int = 128
    layers: int = 3
    heads: int = 4
    intermediate: int = 256
    vocab_size: int = 4096
    local_attention: int = 128
    global_every: int = 3
    initializer_range: float = 0.05
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Training:
    """Optimization: AdamW, linear warm-up, cosine to a tenth of the peak (ProX's shape, FIELD 1.4).

    `batch_tokens` counts padding. `max_steps` ends training early whatever the epochs; `class_weights` are
    the loss weights of label 0 and label 1. `threads` fixes the CPU threads: results repeat bit by bit only
    then.

    Of the input tokens `hidden_share` are masked in every step and `swapped_share` replaced by others of the
    batch, newlines and specials apart, so that a model does not learn its pages by heart. `line_balance`
    (chunk task) divides a token's loss by that power of its line's length: at 0 tokens weigh alike, at 1
    lines do, as they do in line F1.

    Training ends early after `patience` epochs without a better validation F1 (None: never). Every
    `checkpoint_steps` steps, and at the end of every epoch, a state is written that a killed run goes on
    from. `precision`: `auto` is bfloat16 on a GPU that has it. Each of
    `processes`, a GPU each, takes batches of its own in every step.
    """

    epochs: int = 3
    max_steps: int | None = None
    batch_tokens: int = 8192
    peak_learning_rate: float = 2e-3
    final_learning_rate_share: float = 0.1
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    class_weights: tuple[float, float] = (1.0, 1.0)
    hidden_share: float = 0.25
    swapped_share: float = 0.05
    line_balance: float = 1.0
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
            (0.9, 0.98),
            self.max_gradient_norm,
            self.seed,
            self.patience,
            self.checkpoint_steps,
            self.precision,
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a checkpoint besides its data.

    `base`: a checkpoint directory or model name to fine-tune; None makes a model from `architecture` with a
    tokenizer trained on the SFT texts. `window`: the most tokens of a sequence, specials included; of a
    longer document the document task sees the first window, the chunk task all, window by window; `overlap`
    tokens of a window on either side are its neighbours' and read for context. The chunk task removes spans
    inside lines only at a threshold of at least `span_precision_floor` token precision on validation data: a
    wrong deletion inside a sentence costs more than a menu left over. The thresholds for lines and documents
    follow from `aim`, with `aim_floor` and `f1_slack` as in `aims.Aim`.
    """

    task: Task
    base: str | None = None
    window: int = 512
    overlap: int = 32
    span_precision_floor: float = 0.95
    f1_slack: float = 0.01
    aim: Goal = Goal.BEST_F1
    aim_floor: float = 0.95
    architecture: Architecture = field(default_factory=Architecture)
    training: Training = field(default_factory=Training)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a card or a fingerprint. The architecture is left out when it is the base's."""
        values = asdict(self)
        for name in UNNAMED:
            del values["training"][name]
        if self.base is not None:
            del values["architecture"]
        return values
