"""The scoring refiners: one forward pass a window, texts in, programs with scores out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from prox_assets.inference import EngineSettings, ScoringEngine, Task, open_engine
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds, read_info
from prox_assets.refiner.metrics import Floats, require_numbers
from prox_assets.refiner.scoring.predictions import ChunkResult, DocumentScore, chunk_result
from prox_assets.refiner.scoring.windows import (
    Window,
    line_scores,
    merge_pieces,
    window_probabilities,
    windows,
)
from prox_assets.refiner.thresholds import AS_IT_IS, Calibration
from prox_assets.refiner.tokenization import TextTokenizer


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document's first window as the model reads it, specials included.

    `n_tokens` it has, `n_tokens_seen` are in the window (specials not counted).
    """

    ids: list[int]
    n_tokens: int
    n_tokens_seen: int


def prepare_documents(tokenizer: TextTokenizer, window: int, texts: Sequence[str]) -> list[PreparedDocument]:
    """Tokenize documents and take of each what fits a window of `window` tokens, specials included."""
    room = window - len(tokenizer.specials)
    return [
        PreparedDocument(tokenizer.specials.wrap(found.ids[:room]), len(found), min(len(found), room))
        for found in tokenizer(texts)
    ]


def prepare_chunks(
    tokenizer: TextTokenizer, window: int, texts: Sequence[str], overlap: int = 0
) -> list[list[Window]]:
    """Tokenize documents and cut them at whole lines into windows of `window` tokens, specials and `overlap`
    on either side included.
    """
    room = window - len(tokenizer.specials)
    return [windows(text, found, room, overlap) for text, found in zip(texts, tokenizer(texts), strict=True)]


@lru_cache(maxsize=4)
def tokenizer_of(checkpoint: Path) -> TextTokenizer:
    """A checkpoint's tokenizer, loaded once per process."""
    return TextTokenizer.load(checkpoint)


class DocumentRefiner:
    """Decides whether documents are worth keeping, from the first window of each."""

    def __init__(
        self,
        engine: ScoringEngine,
        tokenizer: TextTokenizer,
        window: int,
        thresholds: DocumentThresholds,
        calibration: Calibration = AS_IT_IS,
    ) -> None:
        self._engine, self._tokenizer = engine, tokenizer
        self.window, self.thresholds, self.calibration = window, thresholds, calibration

    @classmethod
    def load(
        cls, path: Path, settings: EngineSettings, thresholds: DocumentThresholds | None = None
    ) -> "DocumentRefiner":
        """Load a checkpoint directory; `thresholds` replace the stored ones.

        Raises RefinerError when the directory is not a document refiner's.
        """
        info = read_info(path, Task.DOCUMENT)
        stored = info.thresholds
        assert isinstance(stored, DocumentThresholds)
        engine = open_engine(path, Task.DOCUMENT, settings)
        return cls(engine, TextTokenizer.load(path), info.window, thresholds or stored, info.calibration)

    def score(self, texts: Sequence[str]) -> list[DocumentScore]:
        """Score documents. Of one longer than the window the first window is seen."""
        return self.score_prepared(prepare_documents(self._tokenizer, self.window, texts))

    def score_prepared(self, prepared: Sequence[PreparedDocument]) -> list[DocumentScore]:
        """Score documents that were tokenized before: one forward pass each."""
        found = self._engine.document_probabilities([document.ids for document in prepared])
        probabilities = self.calibration(found)
        return [
            DocumentScore(float(probability), document.n_tokens, document.n_tokens_seen)
            for probability, document in zip(probabilities, prepared, strict=True)
        ]

    def close(self) -> None:
        """Give the engine's memory back."""
        self._engine.close()


class ChunkRefiner:
    """Writes programs for the chunks of documents."""

    def __init__(
        self,
        engine: ScoringEngine,
        tokenizer: TextTokenizer,
        window: int,
        thresholds: ChunkThresholds,
        calibration: Calibration = AS_IT_IS,
        overlap: int = 0,
    ) -> None:
        self._engine, self._tokenizer = engine, tokenizer
        self.window, self.thresholds, self.calibration = window, thresholds, calibration
        self.overlap = overlap

    @classmethod
    def load(
        cls, path: Path, settings: EngineSettings, thresholds: ChunkThresholds | None = None
    ) -> "ChunkRefiner":
        """Load a checkpoint directory; `thresholds` replace the stored ones.

        Raises RefinerError when the directory is not a chunk refiner's.
        """
        info = read_info(path, Task.CHUNK)
        stored = info.thresholds
        assert isinstance(stored, ChunkThresholds)
        engine = open_engine(path, Task.CHUNK, settings)
        tokenizer = TextTokenizer.load(path)
        return cls(engine, tokenizer, info.window, thresholds or stored, info.calibration, info.overlap)

    def refine(self, texts: Sequence[str]) -> list[list[ChunkResult]]:
        """Write the programs of all chunks of every text; an empty text has none."""
        prepared = prepare_chunks(self._tokenizer, self.window, texts, self.overlap)
        answers = self.probabilities(prepared)
        return [
            [
                chunk_result(text, *scored, self.thresholds, self.calibration)
                for scored in zip(cut, answer, strict=True)
            ]
            for text, cut, answer in zip(texts, prepared, answers, strict=True)
        ]

    def probabilities(self, prepared: Sequence[Sequence[Window]]) -> list[list[Floats]]:
        """The noise probability of every token of every window of texts that were cut before."""
        flat = [window for cut in prepared for window in cut]
        found = iter(window_probabilities(self._engine, flat, self._tokenizer.specials))
        return [[next(found) for _ in cut] for cut in prepared]

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        """The noise score of every line of every text, `(lines,)` each; of a line in pieces their mean."""
        scored_texts = self._scored(texts)
        for scored in scored_texts:
            for _, found in scored:
                require_numbers(found, "noise probabilities")
        return [
            merge_pieces(
                text.count("\n") + 1,
                [(window, self.calibration(line_scores(window, p))) for window, p in scored],
            )
            for text, scored in zip(texts, scored_texts, strict=True)
        ]

    @property
    def line_threshold(self) -> float:
        """The score at which a line goes."""
        return self.thresholds.line

    def close(self) -> None:
        """Give the engine's memory back."""
        self._engine.close()

    def _scored(self, texts: Sequence[str]) -> list[list[tuple[Window, Floats]]]:
        prepared = prepare_chunks(self._tokenizer, self.window, texts, self.overlap)
        answers = self.probabilities(prepared)
        return [list(zip(cut, answer, strict=True)) for cut, answer in zip(prepared, answers, strict=True)]
