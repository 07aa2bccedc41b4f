"""Inspection of a checkpoint folder before anything of it is loaded: no code, no pickle, nothing cut short.

Only JSON and the headers of safetensors files are read here. `loading` loads nothing that was not inspected.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prox_assets.errors import RefinerError
from prox_assets.inference.engine import Task

CONFIG_FILE = "config.json"
WEIGHTS_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
HEADS = {Task.DOCUMENT: "ForSequenceClassification", Task.CHUNK: "ForTokenClassification"}

_AGAIN = "Train or download the checkpoint again."
_CODE_FOLDER = "custom_generate"  # transformers runs its generate.py in place of its own `generate`
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
_OTHER_WEIGHTS = (".gguf", ".h5", ".msgpack", ".onnx", ".npz")
_CONVERT = (
    "Pickles run code when they are loaded, so only safetensors are. Convert it once, where you trust its "
    "origin: AutoModel.from_pretrained(folder).save_pretrained(folder)."
)
_KERNELS = frozenset(["eager", "sdpa", "flex_attention", "flash_attention_2", "flash_attention_3"])
_LONGEST_HEADER = 100 << 20  # bytes, as the safetensors library bounds it
_ITEM_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
    "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

# Families whose tokens take the positions after that of the padding token (transformers'
# `create_position_ids_from_input_ids`), so that the first positions of the table are never used.
_COUNTED_FROM_PADDING = frozenset(
    [
        "camembert",
        "data2vec-text",
        "esm",
        "ibert",
        "layoutlmv3",
        "lilt",
        "longformer",
        "luke",
        "markuplm",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    ]
)
_POSITION_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a checkpoint.

    Raises RefinerError when the file is missing, is not JSON, or holds something else than an object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RefinerError(f"{path} is missing. {_AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise RefinerError(f"{path} is not JSON ({error}). {_AGAIN}") from error
    if not isinstance(values, dict):
        raise RefinerError(f"{path} holds a {type(values).__name__} in place of a JSON object. {_AGAIN}")
    return values


def read_config(checkpoint: Path) -> dict[str, Any]:
    """The checkpoint's `config.json`.

    Raises RefinerError when the directory or the file is missing or is not a JSON object.
    """
    path = checkpoint / CONFIG_FILE
    if not path.is_file():
        raise RefinerError(
            f"No refiner checkpoint at {checkpoint}: {path.name} is missing. "
            "Train the refiner first, or correct the path."
        )
    return read_json(path)


def inspect_folder(checkpoint: Path) -> dict[str, Any]:
    """The configuration of a folder that can be loaded without running anybody's code.

    Raises RefinerError where a configuration names classes of its own (`auto_map`), where there is a custom
    generate function, where it asks for kernels that transformers would download (they are native code) or
    for compressed weights, which need libraries of their own, and for adapters, which load another model that
    they name.
    """
    config = read_config(checkpoint)
    for file in sorted(checkpoint.glob("*config.json")):
        values = config if file.name == CONFIG_FILE else read_json(file)
        _refuse_kernels(file, values)
        names = sorted(set(_own_classes(values)))
        if names:
            raise RefinerError(
                f"{file} asks to run code that comes with the checkpoint ({', '.join(names)}), which is "
                "never done. Use a checkpoint of an architecture that transformers has; where it has this "
                "one, remove auto_map from the file."
            )
    if (checkpoint / _CODE_FOLDER).exists():
        raise RefinerError(
            f"{checkpoint / _CODE_FOLDER} holds code that comes with the checkpoint, which is never run. "
            "Remove the folder to generate without it."
        )
    if (checkpoint / "adapter_config.json").exists():
        raise RefinerError(
            f"{checkpoint} holds adapters and no whole model. Merge them into their base first: "
            "peft's merge_and_unload(), then save_pretrained(folder)."
        )
    return config


def _refuse_kernels(file: Path, values: dict[str, Any]) -> None:
    for key, value in _entries(values):
        if key.endswith(("attn_implementation", "experts_implementation")):
            foreign = sorted(set(_leaves(value)) - _KERNELS)
            if foreign:
                raise RefinerError(
                    f"{file} asks for the kernel {foreign[0]} ({key}), which would be downloaded and run. "
                    f"Remove {key} from the file."
                )
        elif key == "quantization_config" and value:
            raise RefinerError(
                f"{file} says that the weights are compressed (quantization_config), and only plain weights "
                "are loaded. Give the checkpoint as it was before, or save it decompressed."
            )


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key of a configuration with its value, nested ones too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _entries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _entries(inner)


def _own_classes(value: Any) -> Iterator[str]:
    """What `auto_map` names anywhere in a configuration."""
    for key, inner in _entries(value):
        if key == "auto_map":
            yield from _leaves(inner)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif value is not None:
        yield str(value)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as the header of its file describes it."""

    name: str
    shape: tuple[int, ...]


def inspect_weights(checkpoint: Path) -> list[Tensor]:
    """The tensors of a checkpoint, from the headers of its safetensors files.

    Raises RefinerError where there are none, where there are only pickles or another format, where a file is
    cut short or its header does not fit it, and where the index names files that are not beside it.
    """
    if "transformers_weights" in read_config(checkpoint):
        raise RefinerError(
            f"{checkpoint / CONFIG_FILE} names a weights file of its own (transformers_weights). "
            f"Rename that file to {WEIGHTS_FILE} and remove the key."
        )
    if (checkpoint / WEIGHTS_FILE).is_file():
        return _tensors(checkpoint / WEIGHTS_FILE)
    if not (checkpoint / INDEX_FILE).is_file():
        raise RefinerError(_no_weights(checkpoint))
    return _sharded_tensors(checkpoint)


def _no_weights(checkpoint: Path) -> str:
    return no_weights(str(checkpoint), [file.name for file in sorted(checkpoint.iterdir())])


def no_weights(origin: str, names: Sequence[str]) -> str:
    """What to say of a checkpoint without safetensors whose files have these names."""
    pickles = [name for name in names if name.endswith(_PICKLES) and name != "training_args.bin"]
    if pickles:
        named = ", ".join(pickles[:3])
        return f"{origin} cannot be loaded: it holds its weights as a pickle ({named}). {_CONVERT}"
    others = [name for name in names if name.endswith((*_OTHER_WEIGHTS, ".safetensors"))]
    held = f", but {', '.join(others[:3])}" if others else ""
    return (
        f"{origin} cannot be loaded: it holds no {WEIGHTS_FILE} and no {INDEX_FILE}{held}. "
        "Give the folder of a model that transformers saved, or download it whole."
    )


def _sharded_tensors(checkpoint: Path) -> list[Tensor]:
    path = checkpoint / INDEX_FILE
    placed = read_json(path).get("weight_map")
    if not isinstance(placed, dict) or not placed or not all(isinstance(one, str) for one in placed.values()):
        raise RefinerError(f"{path} does not say which file holds which tensor (weight_map). {_AGAIN}")
    tensors = []
    for name in sorted(set(placed.values())):
        if not _is_plain_name(name) or not name.endswith(".safetensors"):
            raise RefinerError(
                f"{path} names {name!r}, which is no .safetensors file beside it. Use a checkpoint that you "
                "trust, or correct the index."
            )
        tensors += _tensors(checkpoint / name)
    absent = sorted(placed.keys() - {tensor.name for tensor in tensors})
    if absent:
        raise RefinerError(f"{path} names tensors that its files do not hold, such as {absent[0]}. {_AGAIN}")
    return tensors


def _is_plain_name(name: str) -> bool:
    return bool(name) and not set(name) & {"/", "\\", "\0"} and name not in (".", "..")


def _tensors(file: Path) -> list[Tensor]:
    """The tensors of one safetensors file, whose length has to be what its header says."""
    if not file.is_file():
        raise RefinerError(f"{file} is missing. {_AGAIN}")
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_LONGEST_HEADER, size - 8):
            raise RefinerError(f"{file} is cut short or no safetensors file ({size} bytes). {_AGAIN}")
        header = stream.read(length)
    try:
        described = json.loads(header)
        described.pop("__metadata__", None)
        tensors = [_tensor(name, values) for name, values in described.items()]
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        raise RefinerError(f"{file} has a damaged header ({error}). {_AGAIN}") from error
    needed = 8 + length + max((stop for _, stop in tensors), default=0)
    if size != needed:
        raise RefinerError(
            f"{file} has {size} bytes and by its header {needed}: it is cut short or damaged. {_AGAIN}"
        )
    return [tensor for tensor, _ in tensors]


def _tensor(name: str, values: dict[str, Any]) -> tuple[Tensor, int]:
    """A tensor and where its bytes end. Raises ValueError where its shape does not fit its bytes."""
    shape, (start, stop) = values["shape"], values["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, start, stop)):
        raise ValueError(f"the shape or place of {name} is odd")
    if math.prod(shape) * _ITEM_BITS[values["dtype"]] != (stop - start) * 8:
        raise ValueError(f"the shape of {name} does not fit its bytes")
    return Tensor(name, tuple(shape)), stop


def check_checkpoint(checkpoint: Path, task: Task) -> dict[str, Any]:
    """The configuration of a checkpoint that fits `task`.

    Raises RefinerError for another architecture or another number of labels than two.
    """
    config = read_config(checkpoint)
    architectures = _architectures(checkpoint, config)
    if not any(name.endswith(HEADS[task]) for name in architectures):
        raise RefinerError(
            f"{checkpoint} holds {', '.join(architectures)}; the {task} refiner needs a model "
            f"{HEADS[task]}. Give the checkpoint of the other refiner, or train this one."
        )
    labels = _labels(config)
    if labels != 2:
        raise RefinerError(
            f"{checkpoint} has {labels} labels; a {task} refiner has two. Use another checkpoint."
        )
    return config


def check_causal(checkpoint: Path) -> dict[str, Any]:
    """The configuration of a checkpoint that writes. Raises RefinerError for another kind of model."""
    config = read_config(checkpoint)
    architectures = _architectures(checkpoint, config)
    if not any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures):
        raise RefinerError(
            f"{checkpoint} holds {', '.join(architectures)}, which writes no text. Give a causal language "
            "model, or make the refiner's kind scoring."
        )
    return config


def _architectures(checkpoint: Path, config: Mapping[str, Any]) -> list[str]:
    found = config.get("architectures") or ["none"]
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise RefinerError(f"{checkpoint / CONFIG_FILE}: architectures is no list of names. {_AGAIN}")
    return found


def _labels(config: Mapping[str, Any]) -> int:
    """How many labels a configuration has; transformers takes two where it does not say."""
    named = config.get("id2label")
    if isinstance(named, dict) and named:
        return len(named)
    given = config.get("num_labels", 2)
    return given if isinstance(given, int) else -1


def usable_positions(config: Mapping[str, Any]) -> int | None:
    """The most tokens of a sequence that a model of this configuration takes; None: it does not say.

    RoBERTa and its family begin to count after their padding token's id: of 514 positions 512 are usable.
    """
    inner = config.get("text_config")
    if isinstance(inner, dict) and not any(key in config for key in _POSITION_KEYS):
        return usable_positions(inner)
    named = (config.get(key) for key in _POSITION_KEYS)
    positions = next((value for value in named if isinstance(value, int)), None)
    if positions is None or positions < 1:
        return None
    if config.get("model_type") not in _COUNTED_FROM_PADDING:
        return positions
    padding = config.get("pad_token_id", 1)
    return positions - (padding if isinstance(padding, int) else 1) - 1


def check_sequences(ids: Sequence[Sequence[int]], limit: int | None) -> None:
    """Raise RefinerError for a sequence without tokens, or of more than `limit` (None: any length)."""
    lengths = [len(sequence) for sequence in ids]
    if limit is not None and max(lengths, default=0) > limit:
        raise RefinerError(
            f"A sequence has {max(lengths)} tokens and the model takes {limit}. Lower the refiner's window."
        )
    if not all(lengths):
        raise RefinerError("A sequence without tokens cannot be scored. Add the tokenizer's special tokens.")
