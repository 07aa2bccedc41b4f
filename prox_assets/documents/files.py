"""Files that are either whole or absent: written under a temporary name, synced, and renamed."""

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TEMPORARY = ".tmp-"


def temporary_beside(target: Path) -> Path:
    """Name a temporary sibling of `target`, on the same file system so that a rename is atomic."""
    return target.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}-{target.name}")


def is_temporary(path: Path) -> bool:
    """Tell whether a path is one that `temporary_beside` named."""
    return path.name.startswith(_TEMPORARY)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path to write; on leaving, sync it and rename it to `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(table: pa.Table, target: Path) -> None:
    """Write a Parquet file whole. The same table gives the same bytes."""
    with replacing(target) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=4096)


def write_json(value: Mapping[str, Any], target: Path) -> None:
    """Write a JSON file whole, readable by people."""
    with replacing(target) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def create_json(
    value: Mapping[str, Any], target: Path, claim: Callable[[Path, Path], bool] | None = None
) -> bool:
    """Write a JSON file whole unless there is one of its name; False where there is.

    `claim` asks a store that others use too for the name first; it gets the file and its target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    try:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        _sync(temporary)
        if claim is not None and not claim(temporary, target):
            return False
        os.link(temporary, target)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync(target.parent)
    return True


def publish_folder(target: Path, build: Callable[[Path], None]) -> None:
    """Let `build` fill a new folder, then rename it to `target`; an existing `target` is kept as it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    temporary.mkdir()
    try:
        build(temporary)
        for path in temporary.rglob("*"):
            _sync(path)
        if not target.exists():
            temporary.rename(target)
            _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
