"""Fingerprints: short names for a configuration or a file's content, the same on every machine."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
