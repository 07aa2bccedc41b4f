"""The files of a published corpus: their rows, and the manifest that anyone can verify them by."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.files import read_json, write_json
from prox_assets.documents.names import inner_path, path_inside, section, sha256_digest
from prox_assets.documents.store import FinishedShard
from prox_assets.errors import StoreError

_ABOUT = [
    pa.field("id", pa.string()),
    pa.field("text", pa.large_string()),
    pa.field("url", pa.string()),
    pa.field("source", pa.string()),
    pa.field("language", pa.string()),
    pa.field("metadata", pa.string()),
    pa.field("shard", pa.string()),
    pa.field("row", pa.int64()),
    pa.field("keep_probability", pa.float32()),
]
_CALLS = pa.list_(
    pa.struct([("call", pa.string()), ("times", pa.int32()), ("characters_removed", pa.int64())])
)
REFINED = pa.schema(
    [
        *_ABOUT,
        pa.field("n_tokens_source", pa.int64()),
        pa.field("n_tokens", pa.int64()),
        pa.field(
            "edits",
            pa.struct(
                [
                    ("times", pa.int32()),
                    ("characters_removed", pa.int64()),
                    ("tokens_removed", pa.int64()),
                    ("calls", _CALLS),
                ]
            ),
        ),
    ]
)
DROPPED = pa.schema([*_ABOUT, pa.field("stage", pa.string()), pa.field("reason", pa.string())])


@dataclass(frozen=True, slots=True)
class ShardStages:
    """One shard at the stages that a published corpus is made of."""

    raw: FinishedShard
    documents: FinishedShard
    refined: FinishedShard

    @property
    def name(self) -> str:
        """The shard's name."""
        return self.raw.key.shard


def published_tables(shard: ShardStages, dropped_text: bool) -> Iterator[tuple[pa.Table, pa.Table]]:
    """For each row range the kept and the dropped documents (`REFINED`, `DROPPED`); together all rows."""
    for part in shard.raw.ranges:
        raw, documents, refined = (
            one.read(part).to_pylist() for one in (shard.raw, shard.documents, shard.refined)
        )
        kept, dropped = [], []
        for source, judged, row in zip(raw, documents, refined, strict=True):
            about = _about(source, shard.name, judged["keep_probability"])
            if row["status"] == "kept":
                kept.append(about | {"text": row["text"]} | _edited(row))
            else:
                text = source["text"] if dropped_text else ""
                dropped.append(about | {"text": text, "stage": _stage(judged), "reason": row["reason"]})
        dropped += [_rejected(row, shard.name) for row in shard.raw.read(part, "rejected").to_pylist()]
        yield pa.Table.from_pylist(kept, schema=REFINED), pa.Table.from_pylist(dropped, schema=DROPPED)


def _about(source: dict[str, Any], shard: str, keep_probability: float | None) -> dict[str, Any]:
    names = ("url", "source", "language", "metadata", "row")
    return {
        "id": source["doc_id"],
        **{name: source[name] for name in names},
        "shard": shard,
        "keep_probability": keep_probability,
    }


def _edited(row: dict[str, Any]) -> dict[str, Any]:
    applied = [edit for edit in row["edits"] if edit["outcome"] == "applied"]
    calls: dict[str, dict[str, Any]] = {}
    for edit in applied:
        call = calls.setdefault(edit["call"], {"call": edit["call"], "times": 0, "characters_removed": 0})
        call["times"] += 1
        call["characters_removed"] += edit["stop"] - edit["start"]
    return {
        "n_tokens_source": row["n_tokens_in"],
        "n_tokens": row["n_tokens_out"],
        "edits": {
            "times": len(applied),
            "characters_removed": sum(call["characters_removed"] for call in calls.values()),
            "tokens_removed": row["n_tokens_in"] - row["n_tokens_out"],
            "calls": sorted(calls.values(), key=lambda call: str(call["call"])),
        },
    }


def _stage(judged: dict[str, Any]) -> str:
    return "chunk_refined_corpus" if judged["status"] == "kept" else "doc_refined_corpus"


def _rejected(row: dict[str, Any], shard: str) -> dict[str, Any]:
    """A row that never became a document: it has a reason, and no text that could be trusted."""
    reason = {"stage": "raw_documents", "reason": row["reason"]}
    return {"id": row["doc_id"], "text": "", "shard": shard, "row": row["row"], **reason}


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
