"""`writing.json` of a generative checkpoint: how the model is asked, and how it may answer."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from prox_assets.errors import RefinerError
from prox_assets.refiner.generative.layout import Layout

WRITING_FILE = "writing.json"


@dataclass(frozen=True, slots=True)
class LayoutScore:
    """How a model answered under a layout, over some pages.

    `well_formed`: the share of what it wrote freely that are programs without a refused call; at equal shares
    `log_probability` decides: the mean log-probability that its first token begins a call of the stage.
    """

    layout: Layout
    well_formed: float
    log_probability: float


@dataclass(frozen=True, slots=True)
class Writing:
    """How a checkpoint is asked: the prompt's layout, and `probed`, what chose it.

    `grammar` says whether one holds the answer, which has at most `max_new_tokens`.
    """

    layout: Layout
    grammar: bool
    max_new_tokens: int
    probed: tuple[LayoutScore, ...] = ()

    def write(self, folder: Path) -> None:
        """Write `writing.json` into `folder`."""
        (folder / WRITING_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_writing(checkpoint: Path) -> Writing:
    """How a checkpoint is asked.

    Raises RefinerError when it does not say: it is no generative refiner.
    """
    path = checkpoint / WRITING_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if type(values["grammar"]) is not bool or type(values["max_new_tokens"]) is not int:
            raise ValueError("grammar is no boolean or max_new_tokens no integer")
        if values["max_new_tokens"] < 1:
            raise ValueError("max_new_tokens is less than 1")
        probed = tuple(LayoutScore(**{**one, "layout": Layout(one["layout"])}) for one in values["probed"])
        return Writing(Layout(values["layout"]), values["grammar"], values["max_new_tokens"], probed)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise RefinerError(
            f"{path} cannot be read ({error!r}). Train a generative refiner, or name a checkpoint of one in "
            "refiner.checkpoint."
        ) from error
