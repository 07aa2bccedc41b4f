"""Scoring with plain transformers on the CPU or one GPU: padded batches of similar length, or packs."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prox_assets.errors import RefinerError
from prox_assets.inference.batching import length_sorted_batches, pass_tokens, within_memory
from prox_assets.inference.checkpoint_check import check_checkpoint, check_sequences, usable_positions
from prox_assets.inference.engine import EngineSettings, Probabilities, Task
from prox_assets.inference.loading import HEAD_OF, load_trained
from prox_assets.inference.packed import PackedModel, can_pack, packs, pays, sent_to


class TransformersEngine:
    """A `ScoringEngine` around a loaded classification model, which it moves to the settings' device."""

    def __init__(self, model: Any, settings: EngineSettings) -> None:
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self._device = torch_device(settings.device)
        self._batch_tokens = pass_tokens(self._device.type, settings.batch_tokens)
        self._model = model.to(self._device).eval()
        self._pad_id = model.config.pad_token_id or 0
        self._limit = usable_positions(model.config.to_dict())
        self._packed = self._pack(settings)

    @classmethod
    def load(cls, checkpoint: Path, task: Task, settings: EngineSettings) -> "TransformersEngine":
        """Load a checkpoint directory. Raises RefinerError when it is not a trained checkpoint of `task`."""
        check_checkpoint(checkpoint, task)
        return cls(load_trained(checkpoint, HEAD_OF[task], settings.dtype), settings)

    def document_probabilities(self, ids: Sequence[Sequence[int]]) -> Probabilities:
        """P(keep), `(n,)`."""
        result = np.zeros(len(ids), dtype=np.float32)
        for batch, keep in self._all(self._judged, ids):
            result[batch] = keep.cpu().numpy()
        return result

    def token_probabilities(self, ids: Sequence[Sequence[int]]) -> list[Probabilities]:
        """P(noise) of every token."""
        result: list[Probabilities] = [np.zeros(0, dtype=np.float32)] * len(ids)
        for batch, noise in self._all(self._scored, ids):
            rows = np.split(noise.cpu().numpy(), np.cumsum([len(ids[position]) for position in batch])[:-1])
            for position, row in zip(batch, rows, strict=True):
                result[position] = row.copy()
        return result

    def close(self) -> None:
        """Drop the model, and give its memory back."""
        del self._model, self._packed
        give_back(self._device)

    def _pack(self, settings: EngineSettings) -> PackedModel | None:
        wanted = settings.packing == "always" or (
            settings.packing == "auto" and pays(self._device, self._model.dtype)
        )
        if wanted and can_pack(self._model.config):
            return PackedModel(self._model, settings.compiled)
        if settings.packing == "always" or settings.compiled:
            raise RefinerError(
                "inference.packing or compile asks for packed batches, which a "
                f"{self._model.config.model_type} in {self._model.dtype} on {self._device} does not take: "
                "set packing to auto and compile to false."
            )
        return None

    def _all(
        self, score: Callable[[Sequence[Sequence[int]]], torch.Tensor], ids: Sequence[Sequence[int]]
    ) -> list[tuple[list[int], torch.Tensor]]:
        """All batches with what `score` makes of each; a GPU may still be at work on it."""
        with torch.inference_mode(), within_memory(self._batch_tokens):
            return [(batch, score([ids[position] for position in batch])) for batch in self._batches(ids)]

    def _batches(self, ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        check_sequences(ids, self._limit)
        lengths = [len(sequence) for sequence in ids]
        if self._packed is None:
            return length_sorted_batches(lengths, self._batch_tokens)
        return packs(lengths, self._batch_tokens)

    def _judged(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """P(keep), `(n,)`."""
        if self._packed is None:
            return _probabilities(self._padded_logits(ids)[0])
        return _probabilities(self._packed.document_logits(ids))

    def _scored(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """P(noise) of the tokens of all sequences, one after another, `(tokens,)`."""
        if self._packed is None:
            logits, places = self._padded_logits(ids)
            return _probabilities(logits).flatten()[places]
        return _probabilities(self._packed.token_logits(ids))

    def _padded_logits(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits of padded sequences, and which places of theirs, counted row by row, hold tokens."""
        width = max(map(len, ids))
        tokens = np.full((len(ids), width), self._pad_id, dtype=np.int64)
        lengths = np.array([len(sequence) for sequence in ids])
        for row, sequence in enumerate(ids):
            tokens[row, : len(sequence)] = sequence
        there = np.arange(width) < lengths[:, None]
        logits = self._model(
            input_ids=sent_to(self._device, tokens),
            attention_mask=sent_to(self._device, there.astype(np.int64)),
        ).logits
        return logits, sent_to(self._device, np.flatnonzero(there))


def _probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Those of the second of two labels."""
    return logits.float().softmax(-1)[..., 1]


def torch_device(name: str) -> Any:
    """The device of a setting; `auto` takes the GPU where there is one.

    RefinerError for a GPU that is not.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise RefinerError("inference.device is cuda and no GPU is visible. Set it to auto or cpu.")
    return torch.device(name)


def give_back(device: torch.device) -> None:
    """Let others have the memory of a device that nothing here holds any more."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
