"""The program of a rewrite: which lines and spans of a chunk the rewrite leaves out, as calls."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from prox_assets.chunking import Chunk, line_spans
from prox_assets.programs import Call, Program, keep_chunk, removing
from prox_assets.teacher.alignment.calls import Change, calls_for
from prox_assets.teacher.alignment.deciding import left_out
from prox_assets.teacher.alignment.matching import gaps, matched
from prox_assets.teacher.alignment.spans import Aligned, Removed, removed
from prox_assets.teacher.alignment.words import words_of

# UltraX rejects edits of strings longer than this (arXiv 2607.08646).
_LONGEST_REPLACEMENT = 150
# Lines that open or close a fence; models put one around their answer.
_FENCE = re.compile(r"^[ \t]*```[ \t]*\w*[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Alignment:
    """The program of a rewrite, and the changes that no call can make without hitting other text."""

    program: Program
    left: tuple[Change, ...] = ()


def program_from_rewrite(text: str, chunk: Chunk, rewrite: str, replacements: bool = False) -> Program:
    """The program that turns a chunk of `text` into a teacher's rewrite of it, as far as deletions can.

    `rewrite` is of what the chunk owns, without its context lines. Lines that the rewrite lacks are removed;
    spans inside other lines are deleted by `normalize` with a string that hits nothing else. Nothing that
    the rewrite says in other words is deleted, nor marks inside a line alone, nor blank lines alone. With
    `replacements`, words that the rewrite says otherwise inside a line are replaced, up to 150 characters
    each. Any rewrite gives a program; one that changes nothing gives `keep_chunk()`.
    """
    return aligned_program(text, chunk, rewrite, replacements).program


def aligned_program(text: str, chunk: Chunk, rewrite: str, replacements: bool = False) -> Alignment:
    """`program_from_rewrite` with what could not be done."""
    aligned = _aligned(text, chunk, rewrite)
    gone = removed(aligned)
    changes = [Change(start, stop) for start, stop in gone.spans]
    if replacements:
        changes += _replaced(aligned)
    spans = _characters(text, chunk, gone)
    written = calls_for(text, chunk, aligned.words, changes, spans)
    removals: tuple[Call, ...] = removing(gone.lines).calls if gone.lines else ()
    calls = (*removals, *written.calls)
    return Alignment(Program(calls or (keep_chunk(),)), written.left)


def _aligned(text: str, chunk: Chunk, rewrite: str) -> Aligned:
    words = words_of(text, chunk.start, chunk.stop)
    if "```" not in text[chunk.start : chunk.stop]:
        rewrite = _FENCE.sub("", rewrite)
    rewrite_words = words_of(rewrite)
    partner = matched(words, rewrite_words)
    goes = left_out(words, rewrite_words, partner)
    return Aligned(text, chunk, words, rewrite, rewrite_words, partner, goes)


def _characters(text: str, chunk: Chunk, gone: Removed) -> Iterator[tuple[int, int]]:
    """The characters of the lines that go, newlines included."""
    start = chunk.start
    for line, (begin, end) in enumerate(line_spans(text[chunk.start : chunk.stop]), chunk.line_start):
        if line in gone.lines:
            yield start + begin, start + end + 1


def _replaced(aligned: Aligned) -> Iterator[Change]:
    """The words of a line that the rewrite says otherwise, between words that both have."""
    words, rewrite_words = aligned.words, aligned.rewrite_words
    for a, b, c, d in gaps(aligned.partner, len(rewrite_words)):
        if a == b or c == d or words[a].line != words[b - 1].line or aligned.goes[a:b].any():
            continue
        start, stop = words[a].start, words[b - 1].stop
        target = aligned.rewrite[rewrite_words[c].start : rewrite_words[d - 1].stop]
        bounded = max(stop - start, len(target)) <= _LONGEST_REPLACEMENT and len(target) <= 2 * (stop - start)
        if bounded and "\n" not in target and target != aligned.text[start:stop]:
            yield Change(start, stop, target)
