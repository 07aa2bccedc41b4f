"""Alignment on its own merits: people's main text as a perfect rewrite of real pages.

    python benchmarks/alignment_real_pages.py --data DIR [--pages N] [--output FILE]

DIR holds `linelabels.parquet` (whole pages) and `linelabels_main.parquet` (the same pages as extracted by
trafilatura), with people's labels projected onto lines. The rewrite of a page is the text of its lines that
are not noise, in one of these forms:

    lines       the lines as they are
    reflowed    lines joined into paragraphs of three, with one space
    plain       NFKC, straight quotes and dashes, runs of white space collapsed, lines trimmed
    markdown    titles, list markers, bold words and a fence added, as language models like to
    extracted   not of this page's lines at all: the not-noise lines of the other extraction of the same page
    reworded_N  N percent of the words replaced by words that stand nowhere, and as many neighbours swapped

The program is executed on the page, and the visible characters that are left are compared with those of the
lines that are not noise: precision is the share of what is left that should be, recall the share of what
should be left that is. Each page is one chunk, however long.
"""

import argparse
import hashlib
import json
import platform
import random
import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prox_assets.chunking import whole
from prox_assets.programs import Rails, applied, execute_chunks
from prox_assets.teacher.alignment import aligned_program
from prox_assets.teacher.alignment.matching import folded, words_of

_NO_RAILS = Rails(max_removed_share=1.0, max_added_share=1.0, min_kept_chars=0)
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]{4}")
_COLUMNS = ["id", "lines", "is_noise", "source"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, its lines with the labels, and the main text of the same page by another extraction."""

    lines: list[str]
    is_noise: list[bool]
    source: str
    extracted: str | None = None

    @property
    def kept(self) -> list[str]:
        return [line for line, noise in zip(self.lines, self.is_noise, strict=True) if not noise]


@dataclass(slots=True)
class Score:
    """Visible characters over all pages of a group, and each page's precision and recall."""

    pages: int = 0
    kept_right: int = 0
    kept: int = 0
    wanted: int = 0
    noise: int = 0
    left: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    good_pages: int = 0
    worst: list[tuple[float, int]] = field(default_factory=list)

    def add(self, wanted: list[bool], kept: list[bool], left: int, seconds: float) -> None:
        right = sum(w and k for w, k in zip(wanted, kept, strict=True))
        self.pages += 1
        self.kept_right += right
        self.kept += sum(kept)
        self.wanted += sum(wanted)
        self.noise += len(wanted) - sum(wanted)
        self.left += left
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds)
        self.good_pages += right >= 0.97 * sum(kept) and right >= 0.97 * sum(wanted)

    def figures(self) -> dict[str, Any]:
        return {
            "pages": self.pages,
            "precision": round(self.kept_right / max(self.kept, 1), 5),
            "recall": round(self.kept_right / max(self.wanted, 1), 5),
            "noise_removed": round(1 - (self.kept - self.kept_right) / max(self.noise, 1), 5),
            "pages_with_both_from_0.97": round(self.good_pages / max(self.pages, 1), 4),
            "changes_no_call_could_make": self.left,
            "seconds_a_page": round(self.seconds / max(self.pages, 1), 5),
            "slowest_page_seconds": round(self.slowest, 3),
        }


def reflowed(page: Page) -> str:
    groups = (page.kept[start : start + 3] for start in range(0, len(page.kept), 3))
    return "\n\n".join(" ".join(group) for group in groups)


def plain(page: Page) -> str:
    text = folded(unicodedata.normalize("NFKC", "\n".join(page.kept)))
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def markdown(page: Page) -> str:
    lines = []
    for number, line in enumerate(page.kept):
        words = line.split(" ")
        if len(words) > 8:
            words[number % 5] = f"**{words[number % 5]}**"
            lines += [" ".join(words), ""]
        else:
            lines += [f"## {line}" if number % 2 else f"- {line}"]
    return "```markdown\n" + "\n".join(lines) + "\n```"


def reworded(share: float) -> Callable[[Page], str]:
    def variant(page: Page) -> str:
        return "\n".join(_reworded(line, share) for line in page.kept)

    return variant


def _reworded(line: str, share: float) -> str:
    """Replace a share of the words by made-up ones and swap as many neighbours: always alike."""
    random_ = random.Random(hashlib.sha256(line.encode()).digest())
    pieces = list(line) if _UNSPACED.search(line) else re.split(r"(\s+)", line)
    words = [index for index, piece in enumerate(pieces) if piece.strip()]
    for index in words:
        if random_.random() < share:
            pieces[index] = "".join(random_.choice("bdfgklmnprstvz") + random_.choice("aeiou") for _ in "123")
    for one, other in pairwise(words):
        if random_.random() < share:
            pieces[one], pieces[other] = pieces[other], pieces[one]
    return "".join(pieces)


VARIANTS: dict[str, Callable[[Page], str | None]] = {
    "lines": lambda page: "\n".join(page.kept),
    "reflowed": reflowed,
    "plain": plain,
    "markdown": markdown,
    "extracted": lambda page: page.extracted,
    "reworded_10": reworded(0.1),
    "reworded_30": reworded(0.3),
    "reworded_50": reworded(0.5),
}


def measure(page: Page, rewrite: str) -> tuple[list[bool], list[bool], int, float]:
    """For every visible character whether it should stay and whether it does; changes left; seconds."""
    text = "\n".join(page.lines)
    chunk = whole(text)
    started = time.perf_counter()
    found = aligned_program(text, chunk, rewrite)
    seconds = time.perf_counter() - started
    gone = bytearray(len(text))
    for edit in applied(execute_chunks(text, [(chunk, found.program, None)], _NO_RAILS).edits):
        gone[edit.start : edit.stop] = b"\1" * (edit.stop - edit.start)
    wanted = [not noise for line, noise in zip(page.lines, page.is_noise, strict=True) for _ in line + "\n"]
    visible = [index for index, character in enumerate(text) if not character.isspace()]
    return [wanted[i] for i in visible], [not gone[i] for i in visible], len(found.left), seconds


def pages_of(folder: Path, name: str, other: str) -> Iterator[Page]:
    """The labelled pages of a file, in an order that is no source's."""
    rows = pq.read_table(folder / f"{name}.parquet", columns=_COLUMNS).to_pylist()
    others = {
        row["id"]: row for row in pq.read_table(folder / f"{other}.parquet", columns=_COLUMNS).to_pylist()
    }
    rows.sort(key=lambda row: hashlib.sha256(row["id"].encode()).digest())
    for row in rows:
        pair = others.get(row["id"])
        extracted = None
        if pair is not None:
            extracted = "\n".join(Page(pair["lines"], pair["is_noise"], "").kept)
        yield Page(row["lines"], row["is_noise"], row["source"], extracted)


def run(pages: Sequence[Page], count: int | None) -> dict[str, Any]:
    """Scores by form, in all and by source: the lines of all pages, other forms of the first `count`."""
    result: dict[str, Any] = {}
    for name, variant in VARIANTS.items():
        scores: dict[str, Score] = {"all": Score()}
        for page in pages if name == "lines" else pages[:count]:
            rewrite = variant(page)
            if rewrite is None or not words_of("\n".join(page.kept)):
                continue
            measured = measure(page, rewrite)
            for group in ("all", page.source):
                scores.setdefault(group, Score()).add(*measured)
        result[name] = {group: score.figures() for group, score in sorted(scores.items())}
        print(name, json.dumps(result[name]["all"]), flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--pages", type=int, help="pages of each file for forms other than lines; all by default"
    )
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    files = {"linelabels": "linelabels_main", "linelabels_main": "linelabels"}
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "files": {
            name: run(list(pages_of(arguments.data, name, other)), arguments.pages)
            for name, other in files.items()
        },
    }
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
