"""Sequences laid end to end, without padding: variable-length attention for encoders.

A batch of sequences of t1, t2, … tokens is one row of t1 + t2 + … tokens; attention never crosses from one
sequence to the next, so that no operation is spent on padding. On a GPU in half precision the attention is
PyTorch's flash kernel for variable lengths (`torch.nn.attention.varlen`); elsewhere each sequence is
attended to by itself, which is the same sum and the test of the rest.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

ATTENTION = "prox_packed"
_MODELS = ("modernbert",)
_HALF = (torch.bfloat16, torch.float16)


def can_pack(config: Any) -> bool:
    """Tell whether a model of this configuration runs packed: an encoder whose pooling is known here."""
    return config.model_type in _MODELS


def pays(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether packing is faster than padding: where the flash kernel runs."""
    return device.type == "cuda" and dtype in _HALF


def packs(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield the positions of `lengths`, in order, in packs whose tokens together fit `batch_tokens`.

    A sequence longer than the budget makes a pack of its own.
    """
    pack: list[int] = []
    total = 0
    for position, length in enumerate(lengths):
        if pack and total + length > batch_tokens:
            yield pack
            pack, total = [], 0
        pack.append(position)
        total += length
    if pack:
        yield pack


class PackedModel:
    """A classification encoder that takes packs. `model` is set to packed attention for good."""

    def __init__(self, model: Any, compiled: bool = False) -> None:
        _register()
        model.set_attn_implementation(ATTENTION)
        self._model = model
        self._longest = int(model.config.max_position_embeddings)
        self._encoder = torch.compile(model.model, dynamic=True) if compiled else model.model

    def token_logits(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """The logits of the tokens of all sequences, one after another, `(tokens, 2)`."""
        states, _ = self._states(ids)
        logits: torch.Tensor = self._model.classifier(self._model.head(states))
        return logits

    def document_logits(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """The logits of each sequence, `(n, 2)`, pooled as the model's configuration says."""
        states, ends = self._states(ids)
        if self._model.config.classifier_pooling == "cls":
            pooled = states[torch.tensor([start for start, _ in _spans(ends)], device=states.device)]
        else:
            pooled = torch.stack([states[start:stop].mean(dim=0) for start, stop in _spans(ends)])
        logits: torch.Tensor = self._model.classifier(self._model.head(pooled))
        return logits

    def _states(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, list[int]]:
        """The last hidden state of the pack, `(tokens, hidden)`, and where each sequence ends in it."""
        device = self._model.device
        ends = [0]
        for sequence in ids:
            ends.append(ends[-1] + len(sequence))
        tokens = torch.tensor([token for sequence in ids for token in sequence], device=device)
        places = torch.cat([torch.arange(len(sequence)) for sequence in ids]).to(device)
        states = self._encoder(
            input_ids=tokens[None],
            position_ids=places[None],
            cu_seq_lens_q=torch.tensor(ends, dtype=torch.int32, device=device),
            max_length_q=self._longest,
        ).last_hidden_state[0]
        return states, ends


def _spans(ends: Sequence[int]) -> list[tuple[int, int]]:
    return list(pairwise(ends))


@cache
def _register() -> None:
    AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, _no_mask)


def _no_mask(*_: Any, **__: Any) -> None:
    """Sequences are told apart by their ends, not by a mask."""


def _attention(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: None,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The attention of a pack; tensors are `(1, heads, tokens, size)`, the result `(1, tokens, heads, size)`.

    `sliding_window` is one more than the tokens seen on either side, as transformers gives it to its flash
    kernels.
    """
    reach = -1 if sliding_window is None else sliding_window - 1
    if query.is_cuda and query.dtype in _HALF:
        from torch.nn.attention.varlen import varlen_attn

        ours = [one[0].transpose(0, 1).contiguous() for one in (query, key, value)]
        ends = (cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q)
        return varlen_attn(*ours, *ends, scale=scaling, window_size=(reach, reach))[None], None
    parts = []
    for start, stop in _spans(cu_seq_lens_q.tolist()):
        band = _band(stop - start, reach, query.device)
        q, k, v = (one[:, :, start:stop] for one in (query, key, value))
        parts.append(scaled_dot_product_attention(q, k, v, attn_mask=band, scale=scaling))
    return torch.cat(parts, dim=2).transpose(1, 2), None


def _band(length: int, reach: int, device: torch.device) -> torch.Tensor | None:
    """Which tokens see which; None where all see all."""
    if reach < 0 or length <= reach + 1:
        return None
    places = torch.arange(length, device=device)
    return (places[:, None] - places).abs() <= reach
