"""What a location names: files here and in S3, and the reasons of what is left out."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from prox_assets.config import Input
from prox_assets.documents.discovery import Discovery, SkipReason, discover, printable
from prox_assets.documents.sources import arrived_shards, closed_shards, known_shards, list_shards
from prox_assets.errors import InputError
from prox_assets_tests.documents.test_sources import LATER
from prox_assets_tests.s3 import client

ROW = b'{"id": "a", "text": "some text"}\n'
Put = Callable[[Iterable[str]], Callable[[str], Path | str]]


@pytest.fixture(params=["here", "s3"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Put:
    """Put files into a folder or a bucket; returns what names a location in there."""
    if request.param == "here":

        def put_here(names: Iterable[str]) -> Callable[[str], Path | str]:
            for name in names:
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_bytes(ROW)
            return lambda location: tmp_path / location

        return put_here
    bucket: str = request.getfixturevalue("bucket")

    def put_there(names: Iterable[str]) -> Callable[[str], Path | str]:
        for name in names:
            client().put_object(Bucket=bucket, Key=name, Body=ROW)
        return lambda location: f"s3://{bucket}/{location}"

    return put_there


def _names(discovery: Discovery) -> list[str]:
    return sorted(file.relative for file in discovery.files)


def _left_out(discovery: Discovery, reason: SkipReason) -> list[str]:
    return sorted(entry.place.rsplit("/", 1)[-1] for entry in discovery.skipped if entry.reason is reason)


FILES = [
    "one/pages1.jsonl",
    "one/pages[1].jsonl",
    "one/what?.jsonl",
    "one/star*.jsonl",
    "br[ck]/x.jsonl",
    "brc/y.jsonl",
]


@pytest.mark.parametrize(
    ("location", "names"),
    [
        ("one/pages[1].jsonl", ["pages[1].jsonl"]),
        ("one/what?.jsonl", ["what?.jsonl"]),
        ("one/star*.jsonl", ["star*.jsonl"]),
        ("br[ck]", ["x.jsonl"]),
        ("br[ck]/x.jsonl", ["x.jsonl"]),
        ("br[ck]/*.jsonl", ["x.jsonl"]),
        ("br[ck]/**/*", ["x.jsonl"]),
        ("one/pages[0-9].jsonl", ["pages1.jsonl"]),
        ("one/pages[[]1].jsonl", ["pages[1].jsonl"]),
        ("br[!x]/y.jsonl", ["brc/y.jsonl"]),
        ("one/p*.jsonl", ["pages1.jsonl", "pages[1].jsonl"]),
    ],
)
def test_what_exists_is_itself_and_a_glob_comes_second(put: Put, location: str, names: list[str]) -> None:
    assert _names(discover(put(FILES)(location))) == names


TREE = [
    "data/part-0.jsonl",
    "data/.part-1.jsonl",
    "data/_x.jsonl",
    "data/_SUCCESS",
    "data/_temporary/0/attempt_1/part-1.jsonl",
    "data/.ipynb_checkpoints/part-0-checkpoint.jsonl",
    "data/lang=zh/part-2.jsonl",
    "data/_year=2024/part-3.jsonl",
    "data/deep/er/part-4.jsonl",
]


@pytest.mark.parametrize(
    ("location", "names", "hidden"),
    [
        (
            "data",
            ["part-0.jsonl"],
            [".ipynb_checkpoints", ".part-1.jsonl", "_SUCCESS", "_temporary", "_x.jsonl"],
        ),
        ("data/*.jsonl", ["part-0.jsonl"], [".part-1.jsonl", "_x.jsonl"]),
        (
            "data/**/*.jsonl",
            ["_year=2024/part-3.jsonl", "deep/er/part-4.jsonl", "lang=zh/part-2.jsonl", "part-0.jsonl"],
            [".ipynb_checkpoints", ".part-1.jsonl", "_temporary", "_x.jsonl"],
        ),
        (
            "data/*/part-*.jsonl",
            ["_year=2024/part-3.jsonl", "lang=zh/part-2.jsonl"],
            [".ipynb_checkpoints", "_temporary"],
        ),
        ("data/_x.jsonl", ["_x.jsonl"], []),
        ("data/.part-1.jsonl", [".part-1.jsonl"], []),
        ("data/_temporary/**/*", ["0/attempt_1/part-1.jsonl"], []),
        ("data/_*.jsonl", ["_x.jsonl"], []),
    ],
)
def test_hidden_files_and_folders_are_left_out_unless_they_are_named(
    put: Put, location: str, names: list[str], hidden: list[str]
) -> None:
    discovery = discover(put(TREE)(location))
    assert _names(discovery) == names
    assert _left_out(discovery, SkipReason.HIDDEN) == hidden


def test_folders_that_a_listing_does_not_look_into_are_said(put: Put) -> None:
    there = put(["in/a.jsonl", "in/sub/b.jsonl", "in/out.jsonl/part-0.jsonl"])
    assert _left_out(discover(there("in")), SkipReason.FOLDER) == ["out.jsonl", "sub"]
    assert _left_out(discover(there("in/*.jsonl")), SkipReason.FOLDER) == ["out.jsonl"]
    assert _left_out(discover(there("in/**/*")), SkipReason.FOLDER) == []


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("nowhere", "there is no such file or folder"),
        ("in/b.jsonl", "there is no such file or folder"),
        ("in/z*.jsonl", "no files ending in .*; nothing else either"),
        ("in/notes.txt", "it has notes.txt; correct the input's path"),
        ("notes", "it has a.txt, b.txt; correct the input's path"),
        ("hive", r"it has lang=zh/; folders below are read with /\*\*/\* at the end"),
        ("work", "and 1 that begin with . or _ .name them one by one"),
    ],
)
def test_a_location_that_gives_nothing_says_what_was_there(put: Put, location: str, words: str) -> None:
    there = put(
        ["in/a.jsonl", "in/notes.txt", "notes/a.txt", "notes/b.txt", "hive/lang=zh/a.jsonl", "work/_a.jsonl"]
    )
    where = there(location)
    with pytest.raises(InputError, match=words) as refused:
        list_shards([Input(path=where)])
    assert str(refused.value).startswith(str(where))
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match=words):
        closed_shards([Input(path=where)])
    (skipped,) = [entry for entry in known_shards([Input(path=where)]).skipped if entry.place == str(where)]
    assert skipped.reason is SkipReason.UNREADABLE


def test_a_pattern_below_a_folder_that_is_missing_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no such file or folder \(/.*/nowhere is missing\)"):
        discover(tmp_path / "nowhere" / "*.jsonl")


def test_a_missing_file_is_told_from_what_stands_beside_it(tmp_path: Path) -> None:
    for name in "abcdefgh":
        (tmp_path / f"{name}.jsonl").write_bytes(ROW)
    with pytest.raises(InputError, match=r"has a\.jsonl, b\.jsonl, .* and 2 more\); correct it"):
        discover(tmp_path / "a.json")


def test_links_to_nothing_are_said_and_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(ROW)
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.jsonl").symlink_to(tmp_path / "self.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    discovery = discover(tmp_path / "**" / "*.jsonl")
    assert _names(discovery) == ["a.jsonl"]
    assert _left_out(discovery, SkipReason.MISSING) == ["gone.jsonl", "pipe.jsonl", "self.jsonl"]
    with pytest.raises(InputError, match="neither a file nor a folder"):
        discover(tmp_path / "pipe.jsonl")


def test_folders_of_great_depth_are_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 600)
    deep.mkdir(parents=True)
    (deep / "a.jsonl").write_bytes(ROW)
    assert [file.place for file in discover(tmp_path / "**/**" / "*.jsonl").files] == [str(deep / "a.jsonl")]


NO_UTF8 = os.fsdecode(b"caf\xe9.jsonl")


def test_names_that_are_not_utf8_are_said_in_print_and_others_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("good.jsonl", NO_UTF8, os.fsdecode(b"caf\xe9.txt"), "a\nb\x1b[31m.txt"):
        (folder / name).write_bytes(ROW)
        os.utime(folder / name, (0, 0))
    listing = arrived_shards([Input(path=folder)], None, LATER)
    assert [source.name for source in listing.shards] == ["good"]
    said = "\n".join(map(str, listing.skipped))
    said.encode()
    assert "caf\\xe9.jsonl: no_name: the name is not UTF-8" in said
    assert "caf\\xe9.txt: unknown_kind" in said
    assert "a\\nb\\x1b[31m.txt: unknown_kind" in said
    assert [entry.reason for entry in listing.unread] == [SkipReason.NO_NAME]
    with pytest.raises(InputError, match=r"caf\\xe9\.jsonl: the name is not UTF-8"):
        closed_shards([Input(path=folder / NO_UTF8)])
    with pytest.raises(InputError, match=r"gone\\xe9"):
        closed_shards([Input(path=folder / os.fsdecode(b"gone\xe9.jsonl"))])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain 文件.jsonl", "plain 文件.jsonl"),
        ("\udce9", "\\xe9"),
        ("\ud800", "\\ud800"),
        ("a\u2028b\x85", "a\\u2028b\\x85"),
    ],
)
def test_any_name_can_be_shown_on_one_line(name: str, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_manifest_may_come_from_any_system(tmp_path: Path, encoding: str, line_end: str) -> None:
    names = ["a.jsonl", "two words.jsonl", "with\u2028terminator\u0085.jsonl", "文.jsonl"]
    for name in names:
        (tmp_path / name).write_bytes(ROW)
    lines = [names[0], "", "# a comment", *names[1:]]
    (tmp_path / "list.txt").write_bytes(line_end.join(lines).encode(encoding))
    listing = known_shards([Input(manifest=tmp_path / "list.txt")])
    assert listing.skipped == []
    assert sorted(Path(source.parts[0].place).name for source in listing.shards) == sorted(names)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "lists no file"),
        (b"\n# nothing\n", "lists no file"),
        (b"caf\xe9.jsonl\n", "cannot be read .*write it as UTF-8"),
        (b'{"path": "a.jsonl", "size": -1}', "line 1: write .*a text"),
        (b'{"path": "a.jsonl", "size": true}', "line 1: write .*a text"),
        (b'{"path": ""}', "line 1: write .*a text"),
        (b"{" * 100_000, "line 1: not JSON"),
        (b"a\x00b.jsonl", "there is no such file"),
        (b"folder.jsonl", "there is no such file"),
        (b"gone.jsonl", "there is no such file"),
    ],
)
def test_a_manifest_that_gives_nothing_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(InputError, match=words):
        closed_shards([Input(manifest=tmp_path / "list.txt")])


def test_hidden_files_that_a_manifest_lists_are_read(tmp_path: Path) -> None:
    for name in ("_x.jsonl", ".y.jsonl"):
        (tmp_path / name).write_bytes(ROW)
    (tmp_path / "list.txt").write_text("_x.jsonl\n.y.jsonl\n")
    listing = closed_shards([Input(manifest=tmp_path / "list.txt")])
    assert len(listing.shards) == 2
    assert listing.skipped == []
