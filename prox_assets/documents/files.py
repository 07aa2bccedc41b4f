"""Files that are either whole or absent: written under a temporary name, synced, and renamed.

A temporary name begins with `.tmp-` and a token. Beside it stands `.tmp-<token>.lock`, which the process that
writes keeps locked (flock), so that the lock goes when the process does, however it ends. Whoever writes into
the same folder later removes what is left of such a process, and never touches what a living one writes.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.errors import ProxError, StoreError, one_line

_LENGTH = 16


def fingerprint(configuration: Mapping[str, Any]) -> str:
    """Name a configuration by 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    canonical = json.dumps(configuration, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_LENGTH]


def file_fingerprint(path: Path) -> str:
    """Name a file by its bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_LENGTH]


def folder_fingerprint(folder: Path) -> str:
    """Name a folder by the names and bytes of all files in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return fingerprint({str(path.relative_to(folder)): file_fingerprint(path) for path in files})


_LOG = logging.getLogger(__name__)
_TEMPORARY = ".tmp-"
_TOKEN = len(_TEMPORARY) + 32
_LOCK, _FORMER = ".lock", ".former-"
_LONGEST_NAME = 180  # bytes of a target's name that a temporary name repeats
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_WAIT = 0.5  # seconds between looks at a lock that another process holds
_MADE_AGAIN = "delete its folder, and materialize its asset again"


def is_temporary(path: Path) -> bool:
    """Tell whether a path has a name that only unfinished files and folders have."""
    return path.name.startswith(_TEMPORARY)


@contextlib.contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """Yield a path beside `target`, where a rename is atomic, that no other process uses.

    The caller makes a file or a folder there. What is still there when the block ends is removed.
    """
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    clear_abandoned(folder)
    repeated = f"-{target.name}" if len(os.fsencode(target.name)) <= _LONGEST_NAME else ""
    with _token(folder) as token:
        try:
            yield folder / f"{token}{repeated}"
        except OSError as error:
            _name(error, target, token)
            raise
        finally:
            _remove(folder, token)


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Yield an empty folder among the temporary files of the machine; it is removed when the block ends."""
    with temporary_beside(Path(tempfile.gettempdir()) / f"prox-{purpose}") as folder:
        folder.mkdir()
        yield folder


def clear_abandoned(folder: Path) -> None:
    """Remove what processes that are gone left unfinished directly in `folder`.

    A former folder that was about to be replaced gets its name back if the new one did not come.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            if is_temporary(path) and path.name[_TOKEN:] == _LOCK:
                _clear(folder, path.name[:_TOKEN])


def _clear(folder: Path, token: str) -> None:
    """Remove the files of a token whose lock nobody holds; of other users and without locks, they stay."""
    lock = folder / f"{token}{_LOCK}"
    with contextlib.suppress(OSError):
        descriptor = os.open(lock, os.O_RDWR)
        try:
            if _locked(descriptor, lock):
                _remove(folder, token)
                lock.unlink()
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def exclusive(lock: Path, work: str) -> Iterator[None]:
    """Hold a lock file while the block runs; where another process does, wait for it and say so once.

    `work`: what is done under the lock, for the line that says who does it. A lock dies with its process. On
    a file system without locks nobody waits: the same work is then done twice, to the same bytes.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _take(lock)
    if descriptor is None:
        with contextlib.suppress(OSError):
            holder = lock.read_text(encoding="utf-8", errors="replace")
            holder = one_line(holder) or "another process"
            _LOG.warning("%s: %s is doing this already; waiting for it.", work, holder)
    while descriptor is None:
        time.sleep(_WAIT)
        descriptor = _take(lock)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


@contextlib.contextmanager
def _token(folder: Path) -> Iterator[str]:
    """Yield a new token whose lock file this process holds."""
    descriptor = None
    while descriptor is None:
        token = f"{_TEMPORARY}{uuid.uuid4().hex}"
        descriptor = _take(folder / f"{token}{_LOCK}")
    try:
        yield token
    finally:
        (folder / f"{token}{_LOCK}").unlink(missing_ok=True)
        os.close(descriptor)


def _take(lock: Path) -> int | None:
    """Create, open and lock a file; None where another process holds it. Closing it unlocks it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        mine = _locked(descriptor, lock)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            os.close(descriptor)
            raise
        mine = True
    if mine:
        return descriptor
    os.close(descriptor)
    return None


def _locked(descriptor: int, lock: Path) -> bool:
    """Lock an open file; False where another process holds it, or removed it in between."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock.stat().st_ino == os.fstat(descriptor).st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _remove(folder: Path, token: str) -> None:
    """Remove all that has a token but its lock."""
    for path in folder.iterdir():
        rest = path.name[_TOKEN:]
        if not path.name.startswith(token) or rest == _LOCK:
            continue
        former_of = folder / rest.removeprefix(_FORMER)
        if rest.startswith(_FORMER) and not former_of.exists():
            path.rename(former_of)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _name(error: OSError, target: Path, token: str) -> None:
    """Let an error name the file that was to be written, where it names a temporary one or none at all."""
    if error.errno and (error.filename is None or token in str(error.filename)):
        error.filename, error.filename2 = str(target), None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path to write a file to; on leaving, sync it and rename it to `target`."""
    with temporary_beside(target) as temporary:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on leaving, it takes the place of `target`, whole."""
    with temporary_beside(target) as fresh:
        fresh.mkdir()
        yield fresh
        _sync_all(fresh)
        if target.exists():
            target.rename(fresh.with_name(f"{fresh.name[:_TOKEN]}{_FORMER}{target.name}"))
        fresh.rename(target)
        _sync(target.parent)


def publish_folder(target: Path, build: Callable[[Path], None]) -> bool:
    """Let `build` fill a new folder, then rename it to `target`.

    Returns False where `target` is there by then; it is kept as it is.
    """
    with temporary_beside(target) as fresh:
        fresh.mkdir()
        build(fresh)
        _sync_all(fresh)
        if target.exists():
            return False
        try:
            fresh.rename(target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
        _sync(target.parent)
        return True


def write_table(table: pa.Table, target: Path) -> None:
    """Write a Parquet file whole. The same table gives the same bytes."""
    with replacing(target) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=4096)


def write_json(value: Mapping[str, Any], target: Path) -> None:
    """Write a JSON file whole, readable by people."""
    with replacing(target) as temporary:
        temporary.write_text(_json(value), encoding="utf-8")


def create_json(
    value: Mapping[str, Any], target: Path, claim: Callable[[Path, Path], bool] | None = None
) -> bool:
    """Write a JSON file whole unless there is one of its name; False where there is.

    `claim` asks a store that others use too for the name first; it gets the file and its target.
    """
    with temporary_beside(target) as temporary:
        temporary.write_text(_json(value), encoding="utf-8")
        _sync(temporary)
        if claim is not None and not claim(temporary, target):
            return False
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        _sync(target.parent)
        return True


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@contextlib.contextmanager
def reading(path: Path, remedy: str = _MADE_AGAIN, kind: type[ProxError] = StoreError) -> Iterator[None]:
    """Say in one line which file is missing or damaged, and what to do, where reading it fails.

    `remedy`: what to do, as a clause. Errors of the device are left as they are, with the file's name.

    Raises:
        ProxError: of the `kind` given.
    """
    try:
        yield
    except MemoryError:
        raise
    except FileNotFoundError as error:
        raise kind(f"{path}: this file is missing; {remedy}.") from error
    except OSError as error:
        if not error.errno:
            raise kind(_damaged(path, error, remedy)) from error
        error.filename = error.filename or str(path)
        raise
    except (pa.ArrowException, ValueError, RecursionError) as error:
        raise kind(_damaged(path, error, remedy)) from error


def _damaged(where: object, error: Exception, remedy: str) -> str:
    return f"{where}: this file is damaged ({one_line(str(error), 200)}); {remedy}."


def read_table(
    path: Path,
    columns: list[str] | None = None,
    remedy: str = _MADE_AGAIN,
    kind: type[ProxError] = StoreError,
) -> pa.Table:
    """Read one Parquet file.

    Raises:
        ProxError: of the `kind` given: it is missing or damaged.
    """
    with reading(path, remedy, kind):
        return pq.read_table(path, columns=columns, partitioning=None)


def read_json(path: Path, remedy: str = _MADE_AGAIN) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        StoreError: the file is missing or damaged.
    """
    with reading(path, remedy):
        content = path.read_bytes()
    return json_object(content, path, remedy)


def json_object(content: bytes, where: object, remedy: str = _MADE_AGAIN) -> dict[str, Any]:
    """Parse a JSON object that stands in the file or object `where`.

    Raises:
        StoreError: it is none.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StoreError(_damaged(where, error, remedy)) from error
    if not isinstance(value, dict):
        raise StoreError(f"{where}: this file holds no JSON object; {remedy}.")
    return value
