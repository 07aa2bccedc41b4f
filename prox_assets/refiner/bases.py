"""The models that a catalogue starts from, looked at before anybody is paid to label data for them."""

from prox_assets.config import AnyRefiner, RefinerRecipe
from prox_assets.config.refiners import GenerativeRecipe
from prox_assets.errors import RefinerError
from prox_assets.inference import Task
from prox_assets.inference.checkpoint_check import usable_positions
from prox_assets.inference.loading import inspect_origin
from prox_assets.refiner.generative.model import causal_tokenizer
from prox_assets.refiner.generative.prompts import PromptLayout, PromptWriter
from prox_assets.refiner.scoring.model import check_window, padding_token
from prox_assets.refiner.tokenization import TextTokenizer

DECIDING_TOKENS = 8
"""The room that a document's answer needs: more than `keep_doc()` and `drop_doc()` have in common."""


def require_bases(section: AnyRefiner) -> None:
    """Look at the base models and checkpoints of both stages; their weights are not loaded.

    Raises:
        RefinerError: one of them cannot be loaded, or does not take the window that is asked of it.
    """
    for task, recipe in ((Task.DOCUMENT, section.document), (Task.CHUNK, section.chunk)):
        if isinstance(recipe, GenerativeRecipe):
            _require_causal(task, recipe)
        else:
            _require_scoring(recipe)


def _require_scoring(recipe: RefinerRecipe) -> None:
    if not isinstance(recipe.base, str):  # made from its architecture, or from what is trained later
        return
    folder, config = inspect_origin(recipe.base)
    check_window(recipe.base, config, recipe.window)
    padding_token(recipe.base, config, TextTokenizer.load(folder))


def _require_causal(task: Task, recipe: GenerativeRecipe) -> None:
    origin = recipe.checkpoint or recipe.base
    if origin is None:
        return
    folder, config = inspect_origin(origin)
    layout = PromptLayout.PLAIN_DOC if recipe.layout == "auto" else PromptLayout(recipe.layout)
    writer = PromptWriter(TextTokenizer(causal_tokenizer(folder)), layout, recipe.window, recipe.grammar)
    room = recipe.max_new_tokens if task is Task.CHUNK else DECIDING_TOKENS
    require_room(writer.longest, room, recipe.window, usable_positions(config))


def require_room(longest: int, answer: int, window: int, positions: int | None) -> None:
    """Raise RefinerError where prompts of up to `longest` tokens and their answer do not fit the model."""
    if positions is not None and longest + answer > positions:
        raise RefinerError(
            f"A window of {window} tokens makes prompts of up to {longest}, and {answer} may be written; the "
            f"model takes {positions} together. Lower the refiner's window."
        )
