"""How a generative refiner is made: ProX's recipe, with what ProX left open as settings."""

from dataclasses import asdict, dataclass, field
from typing import Any

from prox_assets.config import CausalArchitecture, CausalTraining, Lora
from prox_assets.inference import Task
from prox_assets.refiner.generative.prompts import PromptLayout
from prox_assets.refiner.recipe import UNNAMED


@dataclass(frozen=True, slots=True)
class CausalRecipe:
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
        values["training"] = self.training.model_dump(exclude=set(UNNAMED))
        values["architecture"] = self.architecture.model_dump()
        values["lora"] = None if self.lora is None else self.lora.model_dump()
        if self.origin is not None:
            del values["architecture"]
        if self.checkpoint is not None:
            del values["training"], values["lora"]
        return values
