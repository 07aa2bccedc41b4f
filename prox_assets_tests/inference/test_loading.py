"""What is loaded and what is refused: code, pickles, checkpoints that are damaged in any of their files."""

import ast
import io
import json
import pickle
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from prox_assets.errors import RefinerError
from prox_assets.inference import EngineSettings, Task, open_engine, open_generator
from prox_assets.inference.checkpoint_check import inspect_weights, usable_positions
from prox_assets.inference.loading import Head, load_base, load_tokenizer, load_trained, save_checkpoint

PACKAGE = Path(__file__).parents[2] / "prox_assets"
SETTINGS = EngineSettings(device="cpu", threads=1)
Damage = Callable[[Path], None]


@pytest.fixture
def checkpoint(writer: Path, tmp_path: Path) -> Path:
    """A causal language model with its tokenizer, to be damaged."""
    return Path(shutil.copytree(writer, tmp_path / "model"))


def _edit(folder: Path, file: str, **changes: Any) -> None:
    values = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(values | changes))


def _plant_code(folder: Path, file: str, mark: Path) -> None:
    code = f"open({str(mark)!r}, 'w').close()\nclass Planted: pass\n"
    (folder / "planted.py").write_text(code)
    classes = ["AutoConfig", "AutoModelForCausalLM", "AutoModelForSequenceClassification", "AutoTokenizer"]
    names = dict.fromkeys(classes, "planted.Planted")
    _edit(folder, file, model_type="planted", auto_map=names)


LOADERS: dict[str, Callable[[Path], Any]] = {
    "generator": lambda folder: open_generator(folder, SETTINGS),
    "base": lambda folder: load_base(folder, Head.SEQUENCES),
    "trained": lambda folder: load_trained(folder, Head.CAUSAL, "float32"),
    "tokenizer": load_tokenizer,
}


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize("loader", LOADERS)
def test_code_of_a_checkpoint_is_refused_without_asking(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: str, file: str
) -> None:
    mark = tmp_path / "the-code-ran"
    _plant_code(checkpoint, file, mark)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 20))
    with pytest.raises(RefinerError, match=rf"{file} asks to run code .*planted\.Planted") as refused:
        LOADERS[loader](checkpoint)
    assert "\n" not in str(refused.value)
    assert not mark.exists()
    assert sys.stdin.read() == "y\n" * 20, "nothing was asked"


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attn_implementation": "kernels-community/flash-attn"}, "asks for the kernel kernels-community"),
        ({"_attn_implementation": "evil/attn@v1"}, "asks for the kernel evil/attn@v1"),
        ({"text_config": {"attn_implementation": {"": "evil/attn"}}}, "asks for the kernel evil/attn"),
        ({"experts_implementation": "evil/experts"}, "asks for the kernel evil/experts"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "the weights are compressed"),
    ],
)
def test_kernels_and_compressed_weights_are_refused(
    checkpoint: Path, loader: str, changes: dict[str, Any], said: str
) -> None:
    _edit(checkpoint, "config.json", **changes)
    with pytest.raises(RefinerError, match=said):
        LOADERS[loader](checkpoint)


def test_the_kernels_of_the_library_are_no_code_of_a_checkpoint(checkpoint: Path) -> None:
    _edit(checkpoint, "config.json", attn_implementation="sdpa", quantization_config=None)
    assert load_trained(checkpoint, Head.CAUSAL, "float32") is not None


def test_a_custom_generate_function_and_adapters_are_refused(checkpoint: Path) -> None:
    (checkpoint / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}')
    with pytest.raises(RefinerError, match="Merge them into their base"):
        open_generator(checkpoint, SETTINGS)
    (checkpoint / "custom_generate").mkdir()
    with pytest.raises(RefinerError, match="custom_generate holds code"):
        open_generator(checkpoint, SETTINGS)


class _Planted:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth", "model.pkl"])
def test_a_pickle_is_refused_by_name_with_the_remedy(checkpoint: Path, tmp_path: Path, name: str) -> None:
    mark = tmp_path / "the-pickle-ran"
    (checkpoint / name).write_bytes(pickle.dumps(_Planted(mark)))
    assert open_generator(checkpoint, SETTINGS) is not None, "the safetensors beside it are loaded"
    (checkpoint / "model.safetensors").unlink()
    for load in (LOADERS["generator"], LOADERS["base"], LOADERS["trained"]):
        with pytest.raises(RefinerError, match=rf"as a pickle \({name}\).*only safetensors.*save_pretrained"):
            load(checkpoint)
    assert not mark.exists()


def _weights(folder: Path) -> Path:
    return folder / "model.safetensors"


def _cut(share: float) -> Damage:
    def damage(folder: Path) -> None:
        data = _weights(folder).read_bytes()
        _weights(folder).write_bytes(data[: int(len(data) * share)])

    return damage


def _header(change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(folder: Path) -> None:
        data = _weights(folder).read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        header = json.dumps(change(json.loads(data[8 : 8 + length]))).encode()
        _weights(folder).write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length :])

    return damage


def _sharded(placed: Any) -> Damage:
    def damage(folder: Path) -> None:
        outside = folder.parent / "outside.safetensors"
        shutil.move(_weights(folder), outside)
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))

    return damage


def _written(name: str, text: str) -> Damage:
    return lambda folder: (folder / name).write_text(text) and None


def _configured(**changes: Any) -> Damage:
    return lambda folder: _edit(folder, "config.json", **changes)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "half of the weights": (_cut(0.5), "cut short"),
    "no byte of the weights": (_cut(0), "cut short"),
    "the last byte": (_cut(0.9999), "cut short"),
    "a byte too many": (
        lambda folder: _weights(folder).open("ab").write(b"x") and None,
        "cut short or damaged",
    ),
    "no weights": (lambda folder: _weights(folder).unlink(), "holds no model.safetensors"),
    "a header that is a list": (_header(lambda header: [1]), "damaged header"),
    "a shape that does not fit": (
        _header(
            lambda header: {
                name: {**one, "shape": [3]} if "shape" in one else one for name, one in header.items()
            }
        ),
        "does not fit its bytes",
    ),
    "a tensor that is missing": (
        _header(lambda header: {f"x{name}" if "norm" in name else name: one for name, one in header.items()}),
        "lacks the weights",
    ),
    "another format": (
        lambda folder: shutil.move(_weights(folder), folder / "model.gguf") and None,
        r"no model.safetensors.*but model.gguf",
    ),
    "an index that leads out": (_sharded({"a": "../outside.safetensors"}), "no .safetensors file beside it"),
    "an index with an absolute path": (
        _sharded({"a": "/outside.safetensors"}),
        "no .safetensors file beside it",
    ),
    "an index of a pickle": (_sharded({"a": "model.bin"}), "no .safetensors file beside it"),
    "an index of a missing shard": (_sharded({"a": "model-1.safetensors"}), "model-1.safetensors is missing"),
    "an index without a map": (_sharded(["a"]), "weight_map"),
    "weights under a name of their own": (
        _configured(transformers_weights="a.safetensors"),
        "transformers_weights",
    ),
    "a configuration that is a list": (_written("config.json", "[1]"), "holds a list"),
    "a configuration that is none": (_written("config.json", "{"), "is not JSON"),
    "a configuration as deep as it gets": (_written("config.json", "[" * 100_000), "is not JSON"),
    "a type that nobody knows": (_configured(model_type="nobody"), "cannot be loaded"),
    "sizes that are text": (_configured(hidden_size="many"), "cannot be loaded"),
    "other sizes": (_configured(hidden_size=32, num_attention_heads=1), "cannot be loaded|lacks the weights"),
    "architectures that are text": (_configured(architectures="LlamaForCausalLM"), "no list of names"),
    "a tokenizer of a larger model": (_configured(vocab_size=100), "cannot be loaded|lacks|embeddings"),
    "a tokenizer cut short": (
        lambda folder: (folder / "tokenizer.json").write_text(
            (folder / "tokenizer.json").read_text()[:500]
        )
        and None,
        "tokenizer .*cannot be loaded",
    ),
    "a tokenizer that is a list": (_written("tokenizer.json", "[]"), "tokenizer .*cannot be loaded"),
    "a tokenizer configuration that is a list": (_written("tokenizer_config.json", "[]"), "holds a list"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_one_line(checkpoint: Path, damage: str) -> None:
    damaged, message = DAMAGES[damage]
    damaged(checkpoint)
    with pytest.raises(RefinerError, match=message) as refused:
        open_generator(checkpoint, SETTINGS)
    assert "\n" not in str(refused.value)


def test_a_tokenizer_of_another_model_is_refused(checkpoint: Path) -> None:
    ids = json.loads((checkpoint / "tokenizer.json").read_text())["model"]["vocab"].values()
    _edit(checkpoint, "config.json", vocab_size=max(ids))
    with pytest.raises(RefinerError, match=rf"ids up to {max(ids)} and the model has {max(ids)} embeddings"):
        load_tokenizer(checkpoint)
    _edit(checkpoint, "config.json", vocab_size=max(ids) + 1)
    assert load_tokenizer(checkpoint).is_fast


def test_an_empty_vocabulary_is_refused(checkpoint: Path) -> None:
    values = json.loads((checkpoint / "tokenizer.json").read_text())
    values["model"] |= {"vocab": {}, "merges": []}
    (checkpoint / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(RefinerError, match="tokenizer"):
        load_tokenizer(checkpoint)


@given(place=st.integers(0, 20_000), byte=st.integers(0, 255))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_byte_of_the_header_or_the_tokenizer(checkpoint: Path, place: int, byte: int) -> None:
    """Whatever is written over them: the checkpoint is loaded, or refused in one line."""
    for file in (_weights(checkpoint), checkpoint / "tokenizer.json"):
        whole = file.read_bytes()
        changed = bytearray(whole)
        changed[place % min(len(whole), 3000)] = byte
        file.write_bytes(bytes(changed))
        try:
            inspect_weights(checkpoint)
            load_tokenizer(checkpoint)
        except RefinerError as error:
            assert "\n" not in str(error)
        finally:
            file.write_bytes(whole)


def test_shards_are_loaded(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    _weights(checkpoint).unlink()
    model.save_pretrained(checkpoint, max_shard_size="50KB")
    assert not _weights(checkpoint).exists()
    assert len(inspect_weights(checkpoint)) > 5
    assert open_generator(checkpoint, SETTINGS) is not None


def test_a_base_without_any_of_its_weights_is_refused(checkpoint: Path) -> None:
    save_file({"other": torch.zeros(2)}, _weights(checkpoint), metadata={"format": "pt"})
    with pytest.raises(RefinerError, match="holds none of the weights of a llama"):
        load_base(checkpoint, Head.SEQUENCES)


def test_labels_that_are_not_two_are_refused(checkpoints: dict[Task, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoints[Task.DOCUMENT], tmp_path / "refiner"))
    for labels in ({"0": "a"}, {"0": "a", "1": "b", "2": "c"}):
        _edit(folder, "config.json", id2label=labels)
        with pytest.raises(RefinerError, match=f"has {len(labels)} labels"):
            open_engine(folder, Task.DOCUMENT, SETTINGS)
    _edit(folder, "config.json", id2label=None)
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"] = torch.zeros(3, 64)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RefinerError, match=r"cannot be loaded|lacks the weights"):
        open_engine(folder, Task.DOCUMENT, SETTINGS)


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "gpt2", "n_positions": 1024}, 1024),
        ({"model_type": "gemma3", "text_config": {"max_position_embeddings": 8192}}, 8192),
        ({"model_type": "t5"}, None),
        ({"model_type": "llama", "max_position_embeddings": "many"}, None),
    ],
)
def test_positions_that_are_usable(config: dict[str, Any], positions: int | None) -> None:
    assert usable_positions(config) == positions


def test_saving_and_loading_draw_no_bars(
    checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, tokenizer = load_trained(checkpoint, Head.CAUSAL, "float32"), load_tokenizer(checkpoint)
    save_checkpoint(model, tokenizer, tmp_path / "saved")
    assert load_trained(tmp_path / "saved", Head.CAUSAL, "float32") is not None
    assert "".join(capfd.readouterr()) == ""


ONLY_IN_LOADING = {"from_pretrained", "from_config", "LLM", "safe_open", "load_file", "snapshot_download"}
NOWHERE = {("torch", "load"), ("pickle", "load"), ("pickle", "loads")}
NEVER_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def _calls(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute):
                yield getattr(called.value, "id", ""), called.attr
            elif isinstance(called, ast.Name):
                yield "", called.id


def test_models_are_loaded_in_one_module_alone() -> None:
    wrong = []
    root = PACKAGE.parent
    for path in sorted([*PACKAGE.rglob("*.py"), *(root / "benchmarks").rglob("*.py")]):
        tree, where = ast.parse(path.read_text()), path.relative_to(root).as_posix()
        for owner, name in _calls(tree):
            if (owner, name) in NOWHERE or (
                name in ONLY_IN_LOADING and where != "prox_assets/inference/loading.py"
            ):
                wrong.append(f"{where} calls {name}")
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            wrong += [f"{where} imports {name}" for name in names if name.split(".")[0] in NEVER_IMPORTED]
            trusts = isinstance(node, ast.keyword) and node.arg == "trust_remote_code"
            if trusts and getattr(node.value, "value", None) is not False:  # type: ignore[attr-defined]
                wrong.append(f"{where} trusts remote code")
    assert wrong == []


def test_whatever_loads_says_that_it_runs_no_code() -> None:
    tree = ast.parse((PACKAGE / "inference" / "loading.py").read_text())
    loads = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("from_pretrained", "from_config", "LLM")
    ]
    assert len(loads) == 4
    for node in loads:
        given_keys = {keyword.arg for keyword in node.keywords}
        assert "trust_remote_code" in given_keys, ast.unparse(node)
        if node.func.attr == "from_pretrained":  # type: ignore[attr-defined]
            assert "local_files_only" in given_keys, ast.unparse(node)
