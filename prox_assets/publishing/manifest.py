"""The manifest of a published corpus: every file with its hash, so that anyone can verify what they hold."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prox_assets.documents.files import read_json, write_json
from prox_assets.documents.names import inner_path, path_inside, section, sha256_digest
from prox_assets.errors import StoreError

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_NAMED = 20
_REMEDY = "get the published corpus again"


def write_manifest(folder: Path, about: Mapping[str, Any]) -> None:
    """List every file of a folder; `about` says what the corpus was made of."""
    files = {name: _described(folder / name) for name in _names(folder)}
    write_json({**about, "files": files}, folder / MANIFEST)


def verify(folder: Path) -> int:
    """Hold a folder to its manifest; gives the number of files that were verified.

    Raises:
        StoreError: there is no manifest, it is damaged, or files are missing, changed or not of it.
    """
    if not (folder / MANIFEST).is_file():
        raise StoreError(f"{folder} has no {MANIFEST}: it is no published corpus.")
    files = _digests(folder / MANIFEST)
    there = set(_names(folder))
    faults = [f"{name} is missing" for name in sorted(set(files) - there)]
    faults += [f"{name} is not of it" for name in sorted(there - set(files))]
    faults += [
        f"{name} was changed"
        for name in sorted(there & set(files))
        if _hash(path_inside(folder, name, folder / MANIFEST)) != files[name]
    ]
    if faults:
        more = f" and {len(faults) - _NAMED:,} more" if len(faults) > _NAMED else ""
        raise StoreError(
            f"{folder} is not what was published: {'; '.join(faults[:_NAMED])}{more}. Get the files again."
        )
    return len(files)


def _digests(manifest: Path) -> dict[str, str]:
    """Read the SHA-256 of every file; names and digests are checked, since anyone may have written them."""
    remedy = f"{_REMEDY.capitalize()}."
    files = section(read_json(manifest, _REMEDY), "files", manifest, remedy)
    return {
        inner_path(name, manifest): sha256_digest(
            section(files, name, manifest, remedy).get("sha256"), manifest, remedy
        )
        for name in files
    }


def _names(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in paths)
    return sorted(name for name in names if name != MANIFEST and not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    """What hubs and file systems put beside a corpus: `.gitattributes`, `.cache/`."""
    return any(part.startswith(".") for part in name.split("/"))


def _described(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"sha256": _hash(path), "bytes": path.stat().st_size}
    if path.suffix == ".parquet":
        found["rows"] = pq.read_metadata(path).num_rows
    return found


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
