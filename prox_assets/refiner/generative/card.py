"""The model card of a generative refiner."""

from importlib import resources
from pathlib import Path
from string import Template

from prox_assets.inference import Task
from prox_assets.refiner.card import recipe_text, scores_text, thresholds_text
from prox_assets.refiner.checkpoint import CARD_FILE, CheckpointInfo
from prox_assets.refiner.generative.writing import Writing

_TITLES = {Task.DOCUMENT: "A document refiner that writes", Task.CHUNK: "A chunk refiner that writes"}
_PURPOSES = {
    Task.DOCUMENT: "Reads the first window of a document and writes `keep_doc()` or `drop_doc()`.",
    Task.CHUNK: "Reads a window of numbered lines and writes the calls that clean it: `remove_lines`, "
    "`normalize`, or `keep_chunk()`.",
}
_EXAMPLES = {Task.DOCUMENT: "The valley sleeps.", Task.CHUNK: "[000]Home\n[001]The valley sleeps."}


def write_generative_card(folder: Path, info: CheckpointInfo, writing: Writing, data: str) -> None:
    """Write `README.md` into a checkpoint directory.

    `data` says in a sentence or two what it was trained on.
    """
    template = resources.files("prox_assets.refiner") / "card_generative.txt"
    text = Template(template.read_text(encoding="utf-8")).substitute(
        title=_TITLES[info.task],
        purpose=_PURPOSES[info.task],
        data=data,
        origin=_origin(info),
        recipe=recipe_text(info),
        scores=scores_text(info) or "There were no validation rows.",
        decision=_decision(info, writing),
        example=repr(_example(info.task, writing)),
        max_new_tokens=str(writing.max_new_tokens),
        window=str(info.window),
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def _origin(info: CheckpointInfo) -> str:
    if info.recipe["checkpoint"]:
        return f"`{info.recipe['checkpoint']}`, as it is."
    base = info.recipe["base"]
    return f"Fine-tuned from `{base}`." if base else "A Llama made from a configuration, from scratch."


def _decision(info: CheckpointInfo, writing: Writing) -> str:
    if info.task is Task.DOCUMENT:
        return (
            "The decision is the probability of `keep_doc()` beside `drop_doc()`, from one forward pass. "
            f"Threshold, chosen on the same data: {thresholds_text(info)}."
        )
    held = "held to a grammar of the chunk's own lines" if writing.grammar else "written freely"
    return f"Programs are {held}, without sampling, {writing.max_new_tokens} tokens long at most."


def _example(task: Task, writing: Writing) -> str:
    text = _EXAMPLES[task]
    return writing.layout.document(text) if task is Task.DOCUMENT else writing.layout.chunk(text)
