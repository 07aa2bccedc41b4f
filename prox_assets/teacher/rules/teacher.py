"""The rules teacher: published filter rules instead of a model, for documents, lines and spans.

Citation and edit marks (C4), long addresses and trailing share text (ProX's families of noise), and
bracketed or short pieces that the line rules would call noise if they stood in a line of their own.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict
from importlib import resources
from itertools import pairwise

import pyarrow as pa

from prox_assets.chunking import line_spans
from prox_assets.documents.files import fingerprint
from prox_assets.languages import CLOSING_MARKS, OWN_MARKS, SPACED_MARKS, Lexicon, words_of
from prox_assets.teacher.annotations import (
    Marks,
    Row,
    Signature,
    Span,
    chunk_rows,
    chunk_table,
    document_row,
    document_table,
)
from prox_assets.teacher.interface import ANNOTATED, LabelRule
from prox_assets.teacher.rules.judging import (
    BIAS,
    Corpus,
    JudgedDocument,
    judged,
    scored,
    shared_lines,
    site_of,
)
from prox_assets.teacher.rules.line_rules import evidence, measure

_MARK = re.compile(
    r"\s?\[(?:\d+|citation needed|来源请求)\]"
    r"|\s?\[(?:edit|show|hide|source|bearbeiten|quelltext|anzeigen|verbergen|编辑|編輯|显示|隐藏)[^\[\]]{0,30}\]"
    r"|\s?[¶↑↓]|(?<=\w)\s?[#§]\d*$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\s?[(<\[（]?\s?(?:https?://|www\.)[^\s()<>\[\]（）]{20,}[)>\]）]?")
_SCRIPT = re.compile(r"\s?\(?\w+ ?= ?window\.\S+[^;]*;?|\s?\(function\(.*?\}\)\([^)]*\);?")
_BRACKETED = re.compile(r"\s?(?:\[[^\[\]]{1,80}\]|\([^()]{1,80}\)|【[^【】]{1,80}】|（[^（）]{1,80}）)")
_SENTENCE = re.compile(
    rf"(?<=[{SPACED_MARKS}])\s+(?=\S)|(?<=[{OWN_MARKS}])\s*(?=[^\s{OWN_MARKS}{CLOSING_MARKS}])"
)
_MAX_PIECE = 80
# Evidence that a piece must reach to be noise: more than shortness alone gives it.
PIECE_EVIDENCE = 1.5


def noise_spans(line: str, lexicon: Lexicon) -> list[Span]:
    """Half-open spans of noise inside a line of content, in order and apart; never the whole line."""
    found = sorted(_all(line, lexicon))
    merged: list[Span] = []
    for start, stop in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    rest = len(line.strip()) - sum(stop - start for start, stop in merged)
    return merged if rest > 0 else []


def _all(line: str, lexicon: Lexicon) -> Iterator[Span]:
    for pattern in (_MARK, _ADDRESS, _SCRIPT):
        yield from (match.span() for match in pattern.finditer(line))
    for match in _BRACKETED.finditer(line):
        inside = match.group().strip()[1:-1]
        if words_of(inside) and _is_noise(inside, lexicon):
            yield match.span()
    yield from _pieces(line, lexicon)


def _pieces(line: str, lexicon: Lexicon) -> Iterator[Span]:
    """Short pieces between sentence ends that would be noise on their own, with the space before them."""
    cuts = [0, *(match.start() for match in _SENTENCE.finditer(line)), len(line)]
    for start, stop in pairwise(cuts):
        piece = line[start:stop].strip()
        if piece and len(piece) <= _MAX_PIECE and _is_noise(piece, lexicon):
            yield start, stop


def _is_noise(piece: str, lexicon: Lexicon) -> bool:
    return evidence(measure(piece, lexicon), BIAS) >= PIECE_EVIDENCE


DEFAULT_CHUNK_CHARS = 6_000
RULES_VERSION = 1
"""Raise it with every change that makes the rules say something else; a test knows what this version says."""


class RulesTeacher:
    """Scores documents on both rubrics and judges lines by published quality signals.

    Lines that recur across the documents of one site of `corpus` count as boilerplate; without a corpus a
    document is judged by itself. Either way its annotations do not depend on the other seeds.
    """

    def __init__(
        self,
        label_rule: LabelRule | None = None,
        chunk_chars: int = DEFAULT_CHUNK_CHARS,
        corpus: Corpus | None = None,
    ) -> None:
        self._label_rule = label_rule or LabelRule()
        self._chunk_chars = chunk_chars
        self._corpus = corpus

    @property
    def name(self) -> str:
        """`rules`: which ones, the hash says."""
        return "rules"

    @property
    def prompt_hash(self) -> str:
        """Hash of the rules' version, their words, the settings and the corpus."""
        folder = resources.files("prox_assets") / "words"
        files = [file for file in folder.iterdir() if file.name.endswith(".txt")]
        return fingerprint(
            {
                "rules": RULES_VERSION,
                "words": {file.name: file.read_text("utf-8") for file in files},
                "label_rule": asdict(self._label_rule),
                "chunk_chars": self._chunk_chars,
                "corpus": self._corpus.fingerprint if self._corpus else None,
            }
        )

    @property
    def repetition(self) -> str:
        """In which documents repeated lines are counted, for people."""
        return self._corpus.name if self._corpus else "each document by itself"

    def annotate_documents(self, seeds: pa.Table) -> pa.Table:
        """Score each seed; the justification names the signals that decided."""
        signature = Signature(self.name, self.prompt_hash)
        return document_table(
            self._document(doc_id, document, signature) for doc_id, _, document in self._judged(seeds)
        )

    def annotate_chunks(self, seeds: pa.Table) -> pa.Table:
        """Programs that remove the lines and spans that the rules call noise."""
        signature = Signature(self.name, self.prompt_hash)
        rows: list[Row] = []
        for doc_id, text, document in self._judged(seeds):
            rows += chunk_rows(doc_id, text, marks_of(text, document), self._chunk_chars, signature)
        return chunk_table(rows)

    def _judged(self, seeds: pa.Table) -> Iterator[tuple[str, str, JudgedDocument]]:
        """Each seed's id, text and judged lines."""
        shared = shared_lines(seeds, self._corpus)
        for row in _rows(seeds, ["doc_id", "text", "url", "source", "language"]):
            site = site_of(row["url"], row["source"])
            yield row["doc_id"], row["text"], judged(row["text"], row["language"], shared, site)

    def _document(self, doc_id: str, document: JudgedDocument, signature: Signature) -> Row:
        scores = scored(document)
        keep = self._label_rule.keeps(scores.educational, scores.layout)
        verdict = signature.verdict(ANNOTATED)
        return document_row(doc_id, keep, scores.justification, verdict, scores.educational, scores.layout)


def marks_of(text: str, document: JudgedDocument) -> Marks:
    """The noise lines of a judged document, and the noise spans inside its other lines outside blocks."""
    noise = frozenset(number for number in range(len(document.lines)) if document.is_noise(number))
    whole = noise | document.in_blocks()
    spans = tuple(
        (begin + start, begin + stop)
        for number, (begin, end) in enumerate(line_spans(text))
        if number not in whole
        for start, stop in noise_spans(text[begin:end], document.lexicon)
    )
    return Marks(noise, spans)


def _rows(seeds: pa.Table, columns: list[str]) -> Iterator[Row]:
    for batch in seeds.select(columns).to_batches(max_chunksize=256):
        yield from batch.to_pylist()
