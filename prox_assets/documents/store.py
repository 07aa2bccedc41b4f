"""The store: shards as committed row ranges, and artifacts, each under its configuration's fingerprint.

Layout below the storage root::

    <domain>/<asset>/<shard>/current.json                    names the fingerprint that readers use
    <domain>/<asset>/<shard>/<fingerprint>/manifest.json     written when every range is committed
    <domain>/<asset>/<shard>/<fingerprint>/rows-<start>-<stop>.parquet
    <domain>/sources/<shard>.json                            the files that a shard was read from
    <domain>/groups/000000.json, …                           which small files make one shard
    <domain>/<asset>/<fingerprint>/…, current.json           an artifact of a whole domain
    <domain>/<asset>/<fingerprint>.partial/…                 what a killed build of it goes on from

What holds after a crash at any point: a `rows-…` file is whole or absent; ranges without one are done
again; a manifest exists only when all ranges do; `current.json` names only a finished fingerprint.

With a remote the same files stand in S3, and each is put there after it was written here, in the same order:
side files, the range itself, manifest, `current.json`. A range is committed when it is in S3; what a killed
run left only here is put there by the next. Whoever lacks a finished shard or artifact fetches it.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from prox_assets.config import Storage
from prox_assets.documents.files import (
    exclusive,
    fingerprint,
    json_object,
    publish_folder,
    read_json,
    write_json,
)
from prox_assets.documents.names import fingerprint_name, inner_path, path_inside, section
from prox_assets.documents.remote import Connect, Remote, Stored, connect_with_boto3
from prox_assets.documents.shards import (
    CURRENT,
    MANIFEST,
    FinishedShard,
    RowRange,
    ShardKey,
    ShardManifest,
    current_run,
    range_file,
)
from prox_assets.documents.sources import GroupLog
from prox_assets.documents.writer import ShardWriter
from prox_assets.errors import StoreError

__all__ = ["Artifact", "FinishedShard", "RowRange", "ShardKey", "ShardWriter", "Store", "open_store"]

_GROUPS = "groups"
_SOURCES = "sources"
_READERS = 8


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished folder of a domain: seeds, annotations, a dataset, a checkpoint, a report."""

    folder: Path
    fingerprint: str
    reused: bool = False


class Store:
    """All files of the pipeline below one root, and in S3 where a team shares them."""

    def __init__(self, root: Path, remote: Remote | None = None) -> None:
        self.root = root
        self.remote = remote

    def writer(self, key: ShardKey, configuration: Mapping[str, Any]) -> ShardWriter:
        """Begin or resume a shard. Work of another configuration stands in another folder, untouched."""
        return ShardWriter(self._folder(key), key, configuration, self.remote)

    def shard(self, key: ShardKey) -> FinishedShard:
        """The finished shard that readers use.

        Raises:
            StoreError: it was never finished; names the asset to materialize.
        """
        found = self._find(key)
        if found is None:
            raise StoreError(
                f"{key.asset} of {key.domain}|{key.shard} is not there ({self._folder(key) / CURRENT} is "
                f"missing): materialize {key.asset} for that partition first."
            )
        return found

    def manifest(self, key: ShardKey) -> dict[str, Any]:
        """What is on record of the finished shard that readers use; of a shared one, no rows are fetched.

        Raises:
            StoreError: it was never finished, or the record is damaged.
        """
        current = self._current(self._folder(key))
        path = self._folder(key) / (current["fingerprint"] if current else "") / MANIFEST
        content = path.read_bytes() if path.exists() else None
        if content is None and current is not None and self.remote is not None:
            content = self.remote.read(path)
        if content is None:
            raise StoreError(
                f"{key.asset} of {key.domain}|{key.shard} is not there ({path} is missing): "
                f"materialize {key.asset} for that partition first."
            )
        manifest = json_object(content, path)
        ShardManifest.parse(manifest, path)
        return manifest

    def shards(self, domain: str, asset: str) -> tuple[FinishedShard, ...]:
        """All finished shards of an asset, by name."""
        folder = self.root / domain / asset
        names = {path.parent.name for path in folder.glob(f"*/{CURRENT}")}
        keys = [ShardKey(domain, asset, name) for name in sorted(names)]
        if self.remote is None:
            return tuple(filter(None, map(self._find, keys)))
        keys = [ShardKey(domain, asset, name) for name in sorted(names | set(self.remote.folders(folder)))]
        with ThreadPoolExecutor(_READERS) as readers:
            return tuple(filter(None, readers.map(self._find, keys)))

    def runs(self, key: ShardKey) -> list[str]:
        """The fingerprints under which the shard was finished, those in S3 included."""
        folder = self._folder(key)
        here = {path.parent.name for path in folder.glob(f"*/{MANIFEST}")}
        there = self.remote.folders(folder) if self.remote is not None else []
        return sorted(here | {name for name in there if self._is_finished(folder / name)})

    def run(self, key: ShardKey, fingerprint: str) -> FinishedShard:
        """The shard as it was finished under one of `runs`, whatever readers use now."""
        return self._opened(key, self._folder(key) / fingerprint_name(fingerprint, key))

    def _is_finished(self, folder: Path) -> bool:
        return self.remote is not None and MANIFEST in self.remote.names(folder)

    def _find(self, key: ShardKey) -> FinishedShard | None:
        current = self._current(self._folder(key))
        return None if current is None else self._opened(key, self._folder(key) / current["fingerprint"])

    def _opened(self, key: ShardKey, folder: Path) -> FinishedShard:
        if self.remote is not None and not (folder / MANIFEST).exists():
            self._fetch_shard(folder, self.remote)
        parts = ShardManifest.parse(read_json(folder / MANIFEST), folder / MANIFEST).parts
        return FinishedShard(key, folder, folder.name, tuple(parts), sum(parts.values()))

    def _current(self, folder: Path) -> dict[str, Any] | None:
        """What readers are to use; what S3 says counts, and is kept here."""
        path = folder / CURRENT
        remote = self.remote.read(path) if self.remote is not None else None
        here = path.read_bytes() if path.exists() else None
        content = here if remote is None else remote
        if content is None:
            return None
        current = current_run(content, path if remote is None else f"{path}, as it is in S3")
        if remote is not None and remote != here:
            write_json(current, path)
        return current

    def _fetch_shard(self, folder: Path, remote: Remote) -> None:
        """Fetch a finished shard; the manifest comes last, so that half of it is never taken for all."""
        content = remote.read(folder / MANIFEST)
        if content is None:
            raise StoreError(
                f"{folder}: the manifest is neither here nor at {remote.location}; materialize it again."
            )
        where = f"{folder / MANIFEST}, as it is in S3"
        listed = ShardManifest.parse(json_object(content, where), where).files
        there = {range_file(name, folder) for name in remote.names(folder) if name.startswith("rows-")}
        for name in sorted({*listed, *there}):
            if not path_inside(folder, name, where).exists():
                remote.pull(folder / name, expected=listed.get(name))
        remote.pull(folder / MANIFEST)

    def keep_source(self, key: ShardKey, record: Mapping[str, Any]) -> None:
        """Keep which files a shard of raw documents was read from, once it is finished."""
        path = self.root / key.domain / _SOURCES / f"{key.shard}.json"
        write_json(record, path)
        if self.remote is not None:
            self.remote.push(path)

    def sources(self, domain: str) -> Iterator[tuple[str, Path]]:
        """The records of `keep_source`, by shard."""
        self.bring(self.root / domain / _SOURCES)
        for path in (self.root / domain / _SOURCES).glob("*.json"):
            yield path.stem, path

    def group_log(self, domain: str) -> GroupLog:
        """Which small files of a domain make one shard."""
        return GroupLog(self.root / domain / _GROUPS, self.remote, self.root / domain / _SOURCES)

    def share(self, folder: Path) -> None:
        """Put a folder of small files that are no shard and no artifact into S3."""
        if self.remote is not None:
            self.remote.share(folder)

    def bring(self, folder: Path) -> None:
        """Fetch what others put into such a folder."""
        if self.remote is not None:
            self.remote.bring(folder)

    def publish(
        self, domain: str, asset: str, configuration: Mapping[str, Any], build: Callable[[Path], None]
    ) -> Artifact:
        """Build a domain's artifact once for a configuration; the same configuration is not built twice.

        Once it is there, its partial folder is removed.
        """
        name = fingerprint(configuration)
        folder = self.root / domain / asset / name
        with exclusive(folder.with_name(f".{name}.lock"), f"{asset} of {domain} ({folder})"):
            self._fetch_artifact(folder)
            reused = folder.exists()
            if not reused:
                publish_folder(folder, build)
            shutil.rmtree(self.partial(domain, asset, configuration), ignore_errors=True)
        current = {"fingerprint": name, "configuration": dict(configuration)}
        if self.remote is None:
            write_json(current, folder.parent / CURRENT)
        else:
            self._share_artifact(folder, self.remote)
            write_json(current, folder.parent / CURRENT)
            self.remote.push(folder.parent / CURRENT)
        return Artifact(folder, name, reused)

    def _share_artifact(self, folder: Path, remote: Remote) -> None:
        """Put an artifact into S3: its files, and then the list of them, which says that it is whole."""
        listed = folder.with_name(f"{folder.name}.files.json")
        if remote.read(listed) is None:
            files = remote.share(folder)
            write_json({"files": {name: asdict(stored) for name, stored in files.items()}}, listed)
            remote.push(listed)

    def _fetch_artifact(self, folder: Path) -> None:
        """Fetch an artifact that is finished in S3 and not here."""
        if self.remote is None or folder.exists():
            return
        listed = folder.with_name(f"{folder.name}.files.json")
        remote, content = self.remote, self.remote.read(listed)
        if content is None:
            return
        where = f"{listed}, as it is in S3"
        files = {
            inner_path(name, where): Stored.of(stored, where)
            for name, stored in section(json_object(content, where), "files", where).items()
        }

        def fetch(temporary: Path) -> None:
            for name, stored in files.items():
                remote.pull(folder / name, path_inside(temporary, name, where), stored)

        publish_folder(folder, fetch)

    def partial(self, domain: str, asset: str, configuration: Mapping[str, Any]) -> Path:
        """Where a long build leaves what it goes on from after a kill; `build` makes the folder."""
        return self.root / domain / asset / f"{fingerprint(configuration)}.partial"

    def artifact(self, domain: str, asset: str) -> Artifact:
        """The artifact that readers use.

        Raises:
            StoreError: it was never built; names the asset to materialize.
        """
        parent = self.root / domain / asset
        current = self._current(parent)
        if current is None:
            raise StoreError(
                f"{asset} of {domain} is not there ({parent / CURRENT} is missing): "
                f"materialize {asset} for {domain} first."
            )
        name = current["fingerprint"]
        self._fetch_artifact(parent / name)
        if not (parent / name).is_dir():
            raise StoreError(
                f"{asset} of {domain} is not there: {parent / CURRENT} names {parent / name}, which is "
                f"missing. Materialize {asset} for {domain} again."
            )
        return Artifact(parent / name, name)

    def configuration(self, artifact: Artifact) -> dict[str, Any]:
        """What the artifact that readers use was built from.

        Raises:
            StoreError: readers use another one by now.
        """
        path = artifact.folder.parent / CURRENT
        current = read_json(path, "delete it, and materialize its asset again")
        if current.get("fingerprint") != artifact.fingerprint:
            raise StoreError(f"{artifact.folder} is no longer what readers use: ask for the artifact again.")
        return section(current, "configuration", path)

    def _folder(self, key: ShardKey) -> Path:
        return self.root / key.domain / key.asset / key.shard


def open_store(storage: Storage, connect: Connect = connect_with_boto3) -> Store:
    """The store that a catalogue names."""
    if storage.remote is None:
        return Store(storage.local)
    return Store(
        storage.local, _remote(storage.local, storage.remote, connect, os.environ.get("AWS_ENDPOINT_URL"))
    )


@lru_cache(maxsize=8)
def _remote(local: Path, location: str, connect: Connect, endpoint: str | None) -> Remote:
    """One connection serves all of a process; another `endpoint` is another one."""
    del endpoint
    return Remote(local, location, connect)
