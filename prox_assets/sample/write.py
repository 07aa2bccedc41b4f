"""Write the embedded corpus to a folder: shards as a team might have them, and the truth beside them."""

import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from prox_assets.documents.files import read_json, temporary_beside
from prox_assets.documents.names import count, nonempty_text, objects, path_inside
from prox_assets.errors import StoreError
from prox_assets.sample.grammar import FOLDER
from prox_assets.sample.pages import DOMAINS, SamplePage, generate_pages

Row = Mapping[str, Any]

WEB_COLUMNS = ("url_hash", "raw_content", "link", "site", "lang", "template_set", "kind")
MATH_COLUMNS = ("id", "text", "url", "origin", "language", "template_set", "kind")
TRUTH_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("lines", pa.list_(pa.string())),
        ("is_noise", pa.list_(pa.bool_())),
        ("keep", pa.bool_()),
        (
            "spans",
            pa.list_(pa.struct([("line", pa.int32()), ("start", pa.int32()), ("stop", pa.int32())])),
        ),
        ("language", pa.string()),
        ("page_kind", pa.string()),
        ("templates", pa.string()),
    ]
)


def source_rows(pages: Sequence[SamplePage], columns: Sequence[str]) -> list[Row]:
    """The pages as rows with the column names of their domain."""
    return [
        dict(
            zip(
                columns,
                (p.doc_id, p.text, p.url, p.source, p.language, p.templates, p.page_kind),
                strict=True,
            )
        )
        for p in pages
    ]


def with_bad_rows(good: Sequence[Row], columns: Sequence[str]) -> list[Row]:
    """The rows and four that a reader must reject: null text, empty text, no id, an id given before."""
    identity, text = columns[:2]
    model = good[0]
    bad = (
        {**model, identity: "bad-null-text", text: None},
        {**model, identity: "bad-empty-text", text: ""},
        {**model, identity: None},
        {**model, text: f"{model[text]}\n(second copy)"},
    )
    third = len(good) // 3
    return [*good[:third], *bad[:2], *good[third:], *bad[2:]]


def parquet_bytes(table_rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """A Parquet file with string columns."""
    schema = pa.schema([(name, pa.string()) for name in columns])
    return table_bytes(pa.Table.from_pylist(list(table_rows), schema=schema))


def truth_bytes(pages: Sequence[SamplePage]) -> bytes:
    """The labels file of the pages: lines, flags, spans, and whether the document stays."""
    records = [
        {
            "id": p.doc_id,
            "lines": list(p.lines),
            "is_noise": list(p.is_noise),
            "keep": p.keep,
            "spans": [{"line": line, "start": start, "stop": stop} for line, start, stop in p.spans],
            "language": p.language,
            "page_kind": p.page_kind,
            "templates": p.templates,
        }
        for p in pages
    ]
    return table_bytes(pa.Table.from_pylist(records, schema=TRUTH_SCHEMA))


def table_bytes(table: pa.Table) -> bytes:
    """The table as a Parquet file; the same table gives the same bytes."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=200)
    return sink.getvalue()


def json_lines(table_rows: Sequence[Row], unreadable: Sequence[str] = ()) -> bytes:
    """One JSON object a line, then lines that are no JSON."""
    lines = [json.dumps(row, ensure_ascii=False) for row in table_rows]
    return "".join(f"{line}\n" for line in (*lines, *unreadable)).encode()


def compressed(data: bytes, path: Path) -> bytes:
    """The data as the suffix of the path says, without a timestamp in it."""
    if path.suffix == ".gz":
        return gzip.compress(data, mtime=0)
    if path.suffix == ".zst":
        return zstandard.ZstdCompressor(level=6).compress(data)
    return data


MARKER = "sample.json"
BAD_SHARD = 1
"""The train shard that has the rejected rows (the last one where there are fewer)."""

Progress = Callable[[int, int], None]
"""Told (pages written, pages in all) after every shard."""


@dataclass(frozen=True, slots=True)
class SampleShard:
    """One file of the corpus. `rows` counts what a reader meets, `documents` the pages among them."""

    domain: str
    path: Path
    templates: str
    rows: int
    documents: int


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """What `write_sample` left in the folder; `written` is false where it was there before."""

    folder: Path
    shards: tuple[SampleShard, ...]
    truth: tuple[Path, ...]
    written: bool

    def of(self, domain: str, templates: str) -> tuple[Path, ...]:
        """The shard files of a domain and template set, in order."""
        return tuple(s.path for s in self.shards if (s.domain, s.templates) == (domain, templates))


@dataclass(frozen=True, slots=True)
class _Plan:
    pages_per_shard: int
    train_shards: int
    eval_shards: int
    seed: int

    def shards(self, templates: str) -> int:
        return self.train_shards if templates == "train" else self.eval_shards


def write_sample(
    folder: Path,
    pages_per_shard: int = 600,
    train_shards: int = 3,
    eval_shards: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> SampleFiles:
    """Write both domains and their truth: `web/*.parquet`, `math/*.jsonl[.gz|.zst]`, `truth/*.parquet`.

    Shards named `part` come from the train templates, those named `heldout` from the eval templates. A folder
    that holds the corpus of these arguments and of this generator is left alone. Files are written beside
    their place and renamed; `sample.json`, renamed last, says that the corpus is complete.
    Raises StoreError for sizes below one.
    """
    plan = _Plan(pages_per_shard, train_shards, eval_shards, seed)
    if min(pages_per_shard, train_shards, eval_shards) < 1:
        raise StoreError(
            f"An embedded corpus of {plan} cannot be written: ask for one page and shard at least."
        )
    fingerprint = _fingerprint(plan)
    if (found := _already_there(folder, fingerprint)) is not None:
        return found
    with temporary_beside(folder / "sample") as staging:
        made = _write_all(staging, plan, progress or (lambda _done, _total: None))
        _publish(staging, folder, made, fingerprint)
    return _files(folder, made, written=True)


def _fingerprint(plan: _Plan) -> str:
    """Of the arguments, the templates and the code that together make the bytes."""
    digest = sha256(json.dumps(asdict(plan), sort_keys=True).encode())
    for path in sorted([*FOLDER.glob("*.txt"), *Path(__file__).parent.glob("*.py")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _write_all(folder: Path, plan: _Plan, progress: Progress) -> list[SampleShard]:
    total = len(DOMAINS) * plan.pages_per_shard * (plan.train_shards + plan.eval_shards)
    made: list[SampleShard] = []
    for domain in DOMAINS:
        pages: list[SamplePage] = []
        for shard, shard_pages in _domain(domain, folder, plan):
            made.append(shard)
            pages += shard_pages
            progress(sum(s.documents for s in made), total)
        _write(folder / "truth" / f"{domain}.parquet", truth_bytes(pages))
    return made


def _domain(domain: str, folder: Path, plan: _Plan) -> Iterator[tuple[SampleShard, list[SamplePage]]]:
    for templates in ("train", "eval"):
        count = plan.shards(templates)
        pages = generate_pages(domain, count * plan.pages_per_shard, plan.seed, templates)
        for number in range(count):
            part = list(islice(pages, plan.pages_per_shard))
            bad = templates == "train" and number == min(BAD_SHARD, count - 1)
            path, rows = _shard(domain, folder, templates, number, part, bad)
            yield SampleShard(domain, path, templates, rows, len(part)), part


def _shard(
    domain: str, folder: Path, templates: str, number: int, pages: Sequence[SamplePage], bad: bool
) -> tuple[Path, int]:
    stem = f"{'part' if templates == 'train' else 'heldout'}-{number:03d}"
    columns = WEB_COLUMNS if domain == "web" else MATH_COLUMNS
    rows = source_rows(pages, columns)
    if bad:
        rows = with_bad_rows(rows, columns)
    if domain == "web":
        path = folder / domain / f"{stem}.parquet"
        _write(path, parquet_bytes(rows, columns))
        return path, len(rows)
    unreadable = ['{"id": "bad-json", "text": "this line ends too ea'] if bad else []
    path = folder / domain / f"{stem}{_json_suffix(templates, number)}"
    _write(path, compressed(json_lines(rows, unreadable), path))
    return path, len(rows) + len(unreadable)


def _json_suffix(templates: str, number: int) -> str:
    if templates == "eval":
        return ".jsonl.gz"
    return ".jsonl" if number == 1 else ".jsonl.zst"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _publish(staging: Path, folder: Path, made: Sequence[SampleShard], fingerprint: str) -> None:
    listed = [
        {**asdict(s), "path": s.path.relative_to(staging).as_posix(), "bytes": s.path.stat().st_size}
        for s in made
    ]
    truth = [f"truth/{domain}.parquet" for domain in DOMAINS]
    _retire(folder, {*truth, *(str(entry["path"]) for entry in listed)})
    for name in (*truth, *(str(entry["path"]) for entry in listed)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).replace(folder / name)
    marker = {"fingerprint": fingerprint, "shards": listed, "truth": truth}
    _write(staging / MARKER, (json.dumps(marker, indent=1) + "\n").encode())
    (staging / MARKER).replace(folder / MARKER)


def _retire(folder: Path, coming: set[str]) -> None:
    """Take away another corpus that this function wrote here before; other files stay."""
    marker = _read_marker(folder)
    if marker is None:
        return
    (folder / MARKER).unlink()
    for shard in marker.shards:
        if shard.path.relative_to(folder).as_posix() not in coming:
            shard.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Marker:
    """What `sample.json` says: the corpus by its fingerprint, its shards and their sizes in bytes."""

    fingerprint: str
    shards: tuple[SampleShard, ...]
    sizes: tuple[int, ...]


def _read_marker(folder: Path) -> _Marker | None:
    """Read `sample.json`; None where there is none. Raises StoreError where it is damaged."""
    path = folder / MARKER
    if not path.exists():
        return None
    marker = read_json(path, "delete it, and write the sample again")
    entries = objects(marker, "shards", path)
    shards = tuple(
        SampleShard(
            nonempty_text(entry.get("domain"), "domain", path),
            path_inside(folder, entry.get("path"), path),
            nonempty_text(entry.get("templates"), "templates", path),
            count(entry.get("rows"), "rows", path),
            count(entry.get("documents"), "documents", path),
        )
        for entry in entries
    )
    sizes = tuple(count(entry.get("bytes"), "bytes", path) for entry in entries)
    return _Marker(nonempty_text(marker.get("fingerprint"), "fingerprint", path), shards, sizes)


def _already_there(folder: Path, fingerprint: str) -> SampleFiles | None:
    marker = _read_marker(folder)
    if marker is None or marker.fingerprint != fingerprint:
        return None
    files = _files(folder, marker.shards, written=False)
    sized = zip(marker.shards, marker.sizes, strict=True)
    whole = all(shard.path.is_file() and shard.path.stat().st_size == size for shard, size in sized)
    return files if whole and all(path.is_file() for path in files.truth) else None


def _files(folder: Path, made: Sequence[SampleShard], *, written: bool) -> SampleFiles:
    placed = tuple(
        SampleShard(s.domain, folder / s.domain / s.path.name, s.templates, s.rows, s.documents) for s in made
    )
    return SampleFiles(folder, placed, tuple(folder / "truth" / f"{d}.parquet" for d in DOMAINS), written)
