"""Sequences laid end to end, without padding: variable-length attention for encoders.

A batch of sequences of t1, t2, … tokens is one row of t1 + t2 + … tokens; attention never crosses from one
sequence to the next, so that no operation is spent on padding. On a GPU in half precision the attention is
PyTorch's flash kernel for variable lengths (`torch.nn.attention.varlen`). Elsewhere each sequence is attended
to by itself, and layers that see only the tokens nearby take blocks of queries with the keys around them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

ATTENTION = "prox_packed"
_MODELS = ("modernbert",)
_HALF = (torch.bfloat16, torch.float16)
_LEAST_BLOCK = 16


def can_pack(config: Any) -> bool:
    """Tell whether a model of this configuration runs packed: an encoder whose pooling is known here."""
    return config.model_type in _MODELS


def pays(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether packing is faster than padding: on a CPU, and where the flash kernel runs."""
    return device.type == "cpu" or dtype in _HALF


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


@dataclass(frozen=True, slots=True)
class Pack:
    """Where the sequences of a pack lie.

    `ends` are 0 and where each sequence ends, `starts` the same for the flash kernel; `places` and `numbers`
    give each token's place in its sequence and the number of that, `(tokens,)`.
    """

    ends: list[int]
    longest: int
    starts: torch.Tensor
    places: torch.Tensor
    numbers: torch.Tensor
    masks: dict[int, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, ids: Sequence[Sequence[int]], device: torch.device) -> "Pack":
        """The pack of these sequences."""
        lengths = torch.tensor([len(sequence) for sequence in ids])
        ends = pad(lengths.cumsum(0), (1, 0))
        numbers = torch.arange(len(ids)).repeat_interleave(lengths)
        places = torch.arange(int(ends[-1])) - ends[numbers]
        starts, places, numbers = (one.to(device) for one in (ends.to(torch.int32), places, numbers))
        return cls(ends.tolist(), int(lengths.max()), starts, places, numbers)

    @staticmethod
    def block(reach: int) -> int:
        """How many queries are taken together where each sees `reach` tokens on either side."""
        return max(2 * reach, _LEAST_BLOCK)

    def mask(self, reach: int) -> torch.Tensor:
        """Which keys around a block its queries see, `(blocks, 1, block, block + 2 * reach)`; made once."""
        if reach not in self.masks:
            block = self.block(reach)
            behind = -len(self.numbers) % block
            mine = pad(self.numbers, (0, behind), value=-1).view(-1, block, 1)
            theirs = pad(self.numbers, (reach, behind + reach), value=-2).unfold(0, block + 2 * reach, block)
            apart = torch.arange(block + 2 * reach) - reach - torch.arange(block)[:, None]
            near, itself = ((one).to(mine.device) for one in (apart.abs() <= reach, apart == 0))
            # Padding sees itself: a softmax over nothing is not a number.
            self.masks[reach] = ((mine == theirs[:, None]) & near | (mine < 0) & itself)[:, None]
        return self.masks[reach]


class PackedModel:
    """A classification encoder that takes packs. `model` is set to packed attention for good."""

    def __init__(self, model: Any, compiled: bool = False) -> None:
        _register()
        model.set_attn_implementation(ATTENTION)
        self._model = model
        self._encoder = torch.compile(model.model, dynamic=True) if compiled else model.model

    def token_logits(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """The logits of the tokens of all sequences, one after another, `(tokens, 2)`."""
        states, _ = self._states(ids)
        logits: torch.Tensor = self._model.classifier(self._model.head(states))
        return logits

    def document_logits(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """The logits of each sequence, `(n, 2)`, pooled as the model's configuration says."""
        states, pack = self._states(ids)
        if self._model.config.classifier_pooling == "cls":
            pooled = states[pack.starts[:-1].long()]
        else:
            pooled = torch.stack([states[start:stop].mean(dim=0) for start, stop in pairwise(pack.ends)])
        logits: torch.Tensor = self._model.classifier(self._model.head(pooled))
        return logits

    def _states(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, Pack]:
        """The last hidden state of the pack, `(tokens, hidden)`."""
        pack = Pack.of(ids, self._model.device)
        tokens = torch.tensor([token for sequence in ids for token in sequence], device=self._model.device)
        found = self._encoder(input_ids=tokens[None], position_ids=pack.places[None], pack=pack)
        return found.last_hidden_state[0], pack


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
    pack: Pack,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The attention of a pack; tensors are `(1, heads, tokens, size)`, the result `(1, tokens, heads, size)`.

    `sliding_window` is one more than the tokens seen on either side, as transformers gives it to its flash
    kernels.
    """
    reach = -1 if sliding_window is None else sliding_window - 1
    if query.is_cuda and query.dtype in _HALF:
        return _flash(query, key, value, scaling, pack, reach), None
    if reach >= 0:
        return _nearby(query, key, value, scaling, pack, reach), None
    parts = []
    for start, stop in pairwise(pack.ends):
        q, k, v = (one[:, :, start:stop] for one in (query, key, value))
        parts.append(scaled_dot_product_attention(q, k, v, scale=scaling))
    return torch.cat(parts, dim=2).transpose(1, 2), None


def _flash(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, pack: Pack, reach: int
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    q, k, v = (one[0].transpose(0, 1).contiguous() for one in (query, key, value))
    window = (reach, reach)
    found: torch.Tensor = varlen_attn(
        q, k, v, pack.starts, pack.starts, pack.longest, pack.longest, scale=scaling, window_size=window
    )
    return found[None]


def _nearby(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, pack: Pack, reach: int
) -> torch.Tensor:
    """Attention to `reach` tokens on either side: blocks of queries at once, and the keys around each."""
    heads, tokens, size = query.shape[1:]
    block = pack.block(reach)
    behind = -tokens % block
    queries = pad(query[0], (0, 0, 0, behind)).view(heads, -1, block, size).transpose(0, 1)
    keys, values = (
        pad(one[0], (0, 0, reach, behind + reach)).unfold(1, block + 2 * reach, block).permute(1, 0, 3, 2)
        for one in (key, value)
    )
    found = scaled_dot_product_attention(queries, keys, values, attn_mask=pack.mask(reach), scale=scaling)
    return found.transpose(1, 2).reshape(1, tokens + behind, heads, size)[:, :tokens]
