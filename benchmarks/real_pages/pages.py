"""The labelled pages: their lines, their sites, and which of them train, validate and test."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prox_assets.documents.schema import SFT_CHUNKS
from prox_assets.refiner.evaluation import LabelledLines, labelled_lines
from prox_assets.refiner.metrics import Bools, Floats

FOLDS = 5
FILES = {"main": "linelabels_main.parquet", "full": "linelabels.parquet"}
_COLUMNS = ["id", "lines", "is_noise", "ambiguous", "source", "lang", "page_type", "url", "host"]
_SUSPECT = {"suspect_in": 0.1, "suspect_out": 0.25}  # how much of a page the labels may seem to leave out


@dataclass(frozen=True, slots=True)
class Split:
    """Flags of pages, or of the lines that count, as the caller asked."""

    train: Bools
    validation: Bools
    test: Bools


@dataclass(frozen=True, slots=True)
class Pages:
    """All labelled pages of a kind. `site`, `fold`, `validation` and `strict` are of pages, `lines` are those
    that count."""

    labels: pa.Table
    site: np.ndarray
    fold: np.ndarray
    validation: Bools
    strict: Bools
    lines: LabelledLines

    def split_pages(self, fold: int) -> Split:
        """Which pages do what when `fold` is scored."""
        test = self.fold == fold
        return Split(~test & ~self.validation, ~test & self.validation, test)

    def split(self, fold: int) -> Split:
        """The same for the lines that count."""
        pages = self.split_pages(fold)
        train, validation, test = (self.of_lines(one) for one in (pages.train, pages.validation, pages.test))
        return Split(train, validation, test)

    def of_lines(self, of_pages: Bools) -> Bools:
        """A flag of pages for each line that counts."""
        flags: Bools = of_pages[self.lines.document]
        return flags

    def undecided(self) -> Floats:
        """NaN for each line that counts."""
        return np.full(len(self.lines.truth), np.nan)

    def sft(self, fold: int) -> pa.Table:
        """The pages outside of a fold as a chunk refiner is taught."""
        outside = self.fold != fold
        rows = self.labels.filter(pa.array(outside)).to_pylist()
        return pa.Table.from_pylist(
            [_sft_row(*one) for one in zip(rows, self.validation[outside], strict=True)], SFT_CHUNKS
        )


def read_pages(data: Path, kind: str, every: int = 1) -> Pages:
    """The pages of `data` of one kind of `FILES`, every so-manieth."""
    table = pq.read_table(data / FILES[kind], columns=[*_COLUMNS, *_SUSPECT])
    labels = table.take(pa.array(range(0, table.num_rows, every)))
    site = np.array(list(_sites(data, labels)))
    strict = np.all([labels[name].to_numpy() <= most for name, most in _SUSPECT.items()], axis=0)
    return Pages(
        labels,
        site,
        np.array([int(_share(name, "fold") * FOLDS) for name in site]),
        np.array([_share(name, "validation") < 1 / 8 for name in site]),
        strict,
        labelled_lines(labels),
    )


def _sites(data: Path, labels: pa.Table) -> Iterator[str]:
    known = pq.read_table(data / "webdocs.parquet", columns=["id", "registrable_domain"]).to_pylist()
    domains = {row["id"]: row["registrable_domain"] for row in known}
    for name, host in zip(labels["id"].to_pylist(), labels["host"].to_pylist(), strict=True):
        yield domains.get(name) or host or name


def _share(name: str, purpose: str) -> float:
    digest = blake2b(name.encode(), digest_size=8, key=purpose.encode()).digest()
    return int.from_bytes(digest, "big") / 2**64


def _sft_row(row: dict[str, Any], validation: bool) -> dict[str, Any]:
    spans: dict[str, list[dict[str, int]]] = {"noise": [], "ignored": []}
    start = 0
    for line, noise, unsure in zip(row["lines"], row["is_noise"], row["ambiguous"], strict=True):
        if line and (noise or unsure):
            spans["ignored" if unsure else "noise"].append({"start": start, "stop": start + len(line)})
        start += len(line) + 1
    text = "\n".join(row["lines"])
    split = "validation" if validation else "train"
    return {"doc_id": row["id"], "split": split, "text": text, "program": "", **spans}
