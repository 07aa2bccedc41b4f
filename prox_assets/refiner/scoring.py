"""The scoring refiners: one forward pass a window, texts in, programs with scores out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prox_assets.chunking import Chunk
from prox_assets.inference import EngineSettings, ScoringEngine, Task, open_engine
from prox_assets.programs import render
from prox_assets.programs.program import Call, Program
from prox_assets.refiner.checkpoint import ChunkThresholds, DocumentThresholds, read_info
from prox_assets.refiner.editing import ScoredProgram, edit_program
from prox_assets.refiner.lines import NoiseSpan, line_scores, merge_pieces, noisy_spans
from prox_assets.refiner.metrics import Floats
from prox_assets.refiner.tokenized import Ints, TextTokenizer, Tokens
from prox_assets.refiner.windows import Window, window_probabilities, windows


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """A document's keep probability; `n_tokens` it has, `n_tokens_seen` the model saw (specials not
    counted).
    """

    keep_probability: float
    n_tokens: int
    n_tokens_seen: int


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What the model says of one chunk, and the program that follows at the refiner's thresholds.

    `line_scores`: noise score of each of the chunk's lines. `spans`: runs of noisy tokens, in characters of
    the document, in all lines. `call_scores`: one a call of the program. `unnamed_spans`: spans left because
    no call could name them alone.
    """

    chunk: Chunk
    n_tokens: int
    line_scores: tuple[float, ...]
    spans: tuple[NoiseSpan, ...]
    program_text: str
    call_scores: tuple[float, ...]
    unnamed_spans: int


class DocumentRefiner:
    """Decides whether documents are worth keeping, from the first window of each."""

    def __init__(
        self, engine: ScoringEngine, tokenizer: TextTokenizer, window: int, thresholds: DocumentThresholds
    ) -> None:
        self._engine, self._tokenizer = engine, tokenizer
        self._room = window - len(tokenizer.specials)
        self.window, self.thresholds = window, thresholds

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
        return cls(engine, TextTokenizer.load(path), info.window, thresholds or stored)

    def score(self, texts: Sequence[str]) -> list[DocumentScore]:
        """Score documents. Of one longer than the window the first window is seen."""
        tokens = self._tokenizer(texts)
        seen = [found.ids[: self._room] for found in tokens]
        probabilities = self._engine.document_probabilities(
            [self._tokenizer.specials.wrap(ids) for ids in seen]
        )
        return [
            DocumentScore(float(probability), len(found), len(ids))
            for probability, found, ids in zip(probabilities, tokens, seen, strict=True)
        ]

    def program(self, score: DocumentScore) -> str:
        """The program of a scored document: `keep_doc()` or `drop_doc()`."""
        keep = score.keep_probability >= self.thresholds.keep
        return render(Program((Call("keep_doc" if keep else "drop_doc"),)))

    def token_starts(self, texts: Sequence[str]) -> list[Ints]:
        """The character at which each token of each text starts, ascending, `(tokens,)` each."""
        return [tokens.starts for tokens in self._tokenizer(texts)]

    def close(self) -> None:
        """Give the engine's memory back."""
        self._engine.close()


class ChunkRefiner:
    """Writes programs for the chunks of documents."""

    def __init__(
        self, engine: ScoringEngine, tokenizer: TextTokenizer, window: int, thresholds: ChunkThresholds
    ) -> None:
        self._engine, self._tokenizer = engine, tokenizer
        self._room = window - len(tokenizer.specials)
        self.window, self.thresholds = window, thresholds

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
        return cls(engine, TextTokenizer.load(path), info.window, thresholds or stored)

    def refine(self, texts: Sequence[str]) -> list[list[ChunkResult]]:
        """Write the programs of all chunks of every text; an empty text has none."""
        return [
            [self._result(text, window, probabilities) for window, probabilities in scored]
            for text, scored in zip(texts, self._scored(texts), strict=True)
        ]

    def line_scores(self, texts: Sequence[str]) -> list[Floats]:
        """The noise score of every line of every text, `(lines,)` each; of a line in pieces their mean."""
        return [
            merge_pieces(text.count("\n") + 1, [(window, line_scores(window, p)) for window, p in scored])
            for text, scored in zip(texts, self._scored(texts), strict=True)
        ]

    @property
    def line_threshold(self) -> float:
        """The score at which a line goes."""
        return self.thresholds.line

    def token_starts(self, texts: Sequence[str]) -> list[Ints]:
        """The character at which each token of each text starts, ascending, `(tokens,)` each."""
        return [tokens.starts for tokens in self._tokenizer(texts)]

    def close(self) -> None:
        """Give the engine's memory back."""
        self._engine.close()

    def _scored(self, texts: Sequence[str]) -> list[list[tuple[Window, Floats]]]:
        tokens: list[Tokens] = self._tokenizer(texts)
        documents = [windows(text, found, self._room) for text, found in zip(texts, tokens, strict=True)]
        flat = [window for document in documents for window in document]
        probabilities = iter(window_probabilities(self._engine, flat, self._tokenizer.specials))
        return [[(window, next(probabilities)) for window in document] for document in documents]

    def _result(self, text: str, window: Window, probabilities: Floats) -> ChunkResult:
        lines = line_scores(window, probabilities).tolist()
        threshold = self.thresholds.span
        spans = [] if threshold is None else noisy_spans(text, window, probabilities, threshold)
        written: ScoredProgram = edit_program(text, window.chunk, lines, spans, self.thresholds)
        return ChunkResult(
            window.chunk,
            len(window.tokens),
            tuple(lines),
            tuple(spans),
            render(written.program),
            written.scores,
            written.unnamed_spans,
        )
