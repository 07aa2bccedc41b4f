"""The boundary of the command line: whatever happens is an exit status and one line, no traceback."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from prox_assets import cli
from prox_assets.cli import main
from prox_assets.documents.store import RowRange, ShardKey, Store
from prox_assets.errors import ProxError, StoreError, UntrustedResultError, described, explanation, one_line
from prox_assets_tests.s3 import SECRET

PROX = [sys.executable, "-m", "prox_assets.cli"]


def _raising(error: BaseException) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        raise error

    return run


def _line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    shown = capsys.readouterr().err
    assert shown.startswith("prox: ")
    assert shown.endswith("\n")
    assert shown.count("\n") == 1
    return shown


class ForeignError(Exception):
    pass


PATH = "/data/corpus/part-000.parquet"
SITUATIONS: list[tuple[BaseException, int, str]] = [
    (StoreError("web is not there: materialize it."), 1, "prox: web is not there: materialize it."),
    (ProxError("two\nlines\x1b[31m and \ud800"), 1, r"two lines\x1b[31m and \ud800"),
    (UntrustedResultError("40% rejected."), 2, "do not use this result as it is: 40% rejected."),
    (KeyboardInterrupt(), 130, "interrupted; what is committed stays"),
    (MemoryError(), 1, "memory of this machine is used up"),
    (RecursionError("maximum"), 1, "nested too deeply"),
    (ForeignError("x" * 5_000), 1, "unexpected error (ForeignError: x"),
    (
        ForeignError("a\nb"),
        1,
        "unexpected error (ForeignError: a b); run again with --debug for the traceback",
    ),
    (ValueError(f"bad {SECRET}"), 1, "unexpected error (ValueError: bad ***)"),
    (OSError(f"s3 said {SECRET}"), 1, "s3 said ***"),
    (ConnectionResetError(), 1, "ConnectionResetError"),
    (OSError("some library's own words."), 1, "some library's own words; check the path"),
    (
        OSError(errno.ENOSPC, "Error writing bytes to file"),
        1,
        "Error writing bytes to file: no space is left",
    ),
    (OSError(9999, "odd", PATH), 1, f"{PATH}: odd; check the path"),
]
ERRNOS = [
    (errno.ENOSPC, "no space is left"),
    (errno.EDQUOT, "quota"),
    (errno.EROFS, "read-only"),
    (errno.EACCES, "permission denied"),
    (errno.EPERM, "not permitted"),
    (errno.ENOENT, "no such file or folder"),
    (errno.ENOTDIR, "is a file, not a folder"),
    (errno.EISDIR, "is a folder where a file is needed"),
    (errno.EEXIST, "exists already"),
    (errno.EIO, "input/output error"),
    (errno.EMFILE, "ulimit -n"),
    (errno.ENFILE, "too many open files"),
    (errno.ENAMETOOLONG, "name is too long"),
    (errno.EFBIG, "larger than the limit"),
    (errno.ELOOP, "symbolic links"),
]
SITUATIONS += [(OSError(number, os.strerror(number), PATH), 1, f"prox: {PATH}: ") for number, _ in ERRNOS]
SITUATIONS += [(OSError(number, os.strerror(number), PATH), 1, words) for number, words in ERRNOS]


@pytest.mark.parametrize(("error", "status", "words"), SITUATIONS, ids=lambda value: str(value)[:40])
def test_whatever_a_command_raises_is_a_status_and_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    words: str,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr(cli, "_sample", _raising(error))
    assert main(["sample", "x"]) == status
    line = _line(capsys)
    assert words in line
    assert SECRET not in line
    assert len(line) < 1_200
    for arguments in (["--debug", "sample", "x"], ["sample", "--debug", "x"], ["sample", "x", "--debug"]):
        assert main(arguments) == status
        shown = capsys.readouterr().err
        assert "Traceback (most recent call last)" in shown
        assert shown.endswith(line), "the line is the same, below the traceback"
        assert SECRET not in shown
    monkeypatch.setenv("PROX_DEBUG", "1")
    assert main(["sample", "x"]) == status
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("PROX_DEBUG", "0")
    assert main(["sample", "x"]) == status
    assert "Traceback" not in capsys.readouterr().err


def test_errors_that_nobody_expects_are_not_explained_away() -> None:
    assert explanation(KeyError("x")) is None
    assert described(KeyError("x")) == "KeyError: 'x'"


@pytest.mark.parametrize("length", [1, 299, 300, 301, 5_000])
def test_a_line_is_bounded_and_keeps_both_its_ends(length: int) -> None:
    line = one_line("a" + "x" * length + "z")
    assert len(line) == min(length + 2, 300)
    assert (line[0], line[-1]) == ("a", "z")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required"),
        (["refin"], "invalid choice: 'refin'"),
        (["refine"], "the following arguments are required: INPUT, --output; see prox refine --help."),
        (["refine", "x", "--outptu", "y"], "required: --output"),
        (["refine", "", "--output", "y"], "argument INPUT: write a path or s3://bucket/prefix"),
        (["refine", "http://x/y", "--output", "y"], "write s3://bucket/prefix"),
        (["refine", f"s3://key:{SECRET}@b/x", "--output", "y"], "credentials belong into the environment"),
        (["sample", "x", "--pages-per-shard", "0"], "'0' is not a whole number from 1"),
        (["sample", "x", "--pages-per-shard", "-3"], "not a whole number from 1"),
        (["estimate", "web", "--sample", "many"], "'many' is not a whole number from 1"),
        (["backfill", "web", "--max-shards", "-1"], "not a whole number from 1"),
        (["backfill", "web", "--all", "--stale"], "not allowed with argument"),
        (["labels"], "required"),
        (["publish"], "give a DOMAIN and --output FOLDER, or --verify FOLDER"),
    ],
)
def test_a_mistyped_command_is_status_one(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 1
    line = _line(capsys)
    assert words in line
    assert SECRET not in line


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A catalogue whose storage is empty."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"id": "a", "text": "b"}\n')
    file = tmp_path / "catalogue.yaml"
    domain = {"inputs": [{"path": str(tmp_path / "data")}], "teacher": {"kind": "rules"}}
    file.write_text(yaml.safe_dump({"storage": str(tmp_path / "storage"), "domains": {"web": domain}}))
    return file


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "a"], "nothing is refined below"),
        (["show", "a", "--output", "{tmp}/nowhere"], "nothing is refined below"),
        (["show", "a", "--output", "{tmp}/data"], "nothing is refined below"),
        (["show", "a", "--output", "{tmp}/data/a.jsonl"], "is a file, not a folder"),
        (["compare", "web", "a", "current", "keep=0.5", "--output", "{tmp}/c"], "materialize"),
        (["compare", "web", "../../x", "current", "keep=0.5", "--output", "{tmp}/c"], "not the plain name"),
        (["estimate", "web"], "materialize doc_refiner for web first"),
        (["publish", "web", "--output", "{tmp}/p"], "materialize chunk_refined_corpus first"),
        (["publish", "--verify", "{tmp}/nowhere"], "no manifest.json"),
        (["teach", "web", "--dry-run"], "materialize seed_documents for web first"),
        (["teach", "web", "--dry-run", "--input", "{tmp}/data/a.jsonl"], "{tmp}/data/a.jsonl"),
        (["evaluate", "--labels", "{tmp}/nowhere", "--chunk-refiner", "{tmp}"], "no such labels file"),
        (["labels", "import", "{tmp}/nowhere"], "{tmp}/nowhere"),
    ],
)
def test_commands_before_anything_exists_say_what_to_do(
    capsys: pytest.CaptureFixture[str], catalogue: Path, arguments: list[str], words: str
) -> None:
    filled = [argument.replace("{tmp}", str(catalogue.parent)) for argument in arguments]
    of_a_folder = filled[0] == "show" and "--output" in filled
    if "--verify" not in filled and filled[0] != "evaluate" and not of_a_folder:
        filled += ["--catalogue", str(catalogue)]
    assert main(filled) == 1
    assert words.replace("{tmp}", str(catalogue.parent)) in _line(capsys)


@pytest.mark.parametrize("home", ["{tmp}/nowhere", "{tmp}/catalogue.yaml", "relative", ""])
def test_a_deployment_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], catalogue: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home.replace("{tmp}", str(catalogue.parent)))
    monkeypatch.setenv("PROX_CATALOGUE", str(catalogue))
    for arguments in (["status"], ["backfill", "web", "--dry-run"]):
        assert main([*arguments, "--catalogue", str(catalogue)]) == 1
        assert "DAGSTER_HOME" in _line(capsys)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"storage: [", "this is not YAML, line 1: "), (b"nonsense: 1\n", 'entry "nonsense" at the root')],
)
def test_a_deployment_that_dagster_does_not_take_is_one_line(
    content: bytes,
    words: str,
    capsys: pytest.CaptureFixture[str],
    catalogue: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(catalogue.parent))
    monkeypatch.setenv("PROX_CATALOGUE", str(catalogue))
    (catalogue.parent / "dagster.yaml").write_bytes(content)
    assert main(["status", "--catalogue", str(catalogue)]) == 1
    line = _line(capsys)
    assert line.startswith(f"prox: {catalogue.parent / 'dagster.yaml'}: ")
    assert words in line
    assert line.endswith("; correct the file.\n")


# The disk -------------------------------------------------------------------------------------------------


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system in memory; it is unmounted after the test."""
    mounted: list[Path] = []

    def small(options: str) -> Path:
        folder = tmp_path / f"mounted-{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a file system is not allowed here")
        mounted.append(folder)
        return folder

    yield small
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROX, *arguments], capture_output=True, text=True, check=False, **options)


def _says(ran: subprocess.CompletedProcess[str], words: str) -> None:
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    assert words in ran.stderr


def test_a_full_disk_is_one_line_and_leaves_nothing_behind(mount: Callable[[str], Path]) -> None:
    folder = mount("size=40k")
    _says(_run("sample", str(folder), "--pages-per-shard", "40"), "no space is left on its device")
    assert list(folder.rglob(".tmp-*")) == []


def test_a_read_only_disk_is_one_line(
    mount: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = mount("size=40k,ro")
    assert main(["sample", str(folder), "--pages-per-shard", "1"]) == 1
    line = _line(capsys)
    assert "read-only" in line
    assert str(folder) in line


def test_a_limit_on_file_sizes_is_one_line(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    words = "larger than the limit"
    _says(_run("sample", str(tmp_path / "x"), "--pages-per-shard", "20", preexec_fn=limit), words)


@pytest.mark.parametrize("output", ["file", "file/below", "x" * 300, "long/" * 1_000])
def test_an_output_that_cannot_be_a_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["sample", str(tmp_path / output), "--pages-per-shard", "1"]) == 1
    assert str(tmp_path) in _line(capsys)


def test_a_full_disk_names_the_file_of_the_store(mount: Callable[[str], Path]) -> None:
    folder = mount("size=64k")
    writer = Store(folder).writer(ShardKey("web", "raw_documents", "a"), {})
    table = pa.table({"row": list(range(10)), "text": [os.urandom(20_000).hex() for _ in range(10)]})
    with pytest.raises(OSError, match="space") as caught:
        writer.commit(RowRange(0, 10), table)
    explained = explanation(caught.value)
    assert explained is not None
    assert explained.startswith(str(folder))
    assert "rows-000000000-000000010.parquet: no space is left on its device" in explained
    assert not list(folder.rglob("*rows-*"))


# Pipes ----------------------------------------------------------------------------------------------------


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    files = ", ".join(f"_S({number})" for number in range(20_000))
    code = (
        "import sys, prox_assets.sample as sample\nfrom types import SimpleNamespace as N\n"
        "def _S(n): return N(path=f'part-{n}', rows=n)\n"
        f"sample.write_sample = lambda *a, **k: N(shards=[{files}])\n"
        "from prox_assets.cli import main\nsys.exit(main(['sample', 'x']))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    ran = subprocess.run(
        ["bash", "-c", f"{sys.executable} {script} | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["part-0:", "0", "rows", "141"]
    assert ran.stderr == ""


def test_names_that_are_no_text_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = _run("show", "a", "--output", os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    _says(ran, r"\udcff")


def test_damaged_labels_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"id": ["a"]}), labels)
    labels.write_bytes(labels.read_bytes()[:-20])
    assert main(["evaluate", "--labels", str(labels), "--chunk-refiner", str(tmp_path)]) == 1
    assert str(labels) in _line(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["refine", "in", "--output", ""], "argument --output: write a path"),
        (["refine", "in", "--output", "s3://bucket/out"], "argument --output: write a path of this machine"),
        (["refine", "in", "--output", "out", "--doc-refiner", ""], "argument --doc-refiner: write a path"),
        (["refine", "in", "--output", "out", "--id-column", ""], "--id-column: write the name of a column"),
        (
            ["refine", "in", "--output", "out", "--text-column", ""],
            "--text-column: write the name",
        ),
        (["evaluate", "--documents", ""], "argument --documents: write a path"),
        (["evaluate", "--keep-column", ""], "argument --keep-column: write the name of a column"),
        (["evaluate", "--keep-at-least", "nan"], "argument --keep-at-least: 'nan' is not a finite number"),
        (["evaluate", "--keep-at-least", "-inf"], "argument --keep-at-least: expected one argument"),
        (["evaluate", "--keep-at-least", "high"], "argument --keep-at-least: 'high' is not a finite number"),
        (["labels", "import", ""], "argument FILE: write a path"),
        (["publish", "web", "--output", ""], "argument --output: write a path"),
        (["status", "--catalogue", ""], "argument --catalogue: write a path"),
        (["sample", "s3://bucket/out"], "argument FOLDER: write a path of this machine"),
    ],
)
def test_values_that_no_option_takes_are_refused_before_anything_runs(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert message in _line(capsys)
    assert list(tmp_path.iterdir()) == []
