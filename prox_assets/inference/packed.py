"""Sequences laid end to end, without padding: variable-length attention for encoders.

A batch of sequences of t1, t2, … tokens is one row of t1 + t2 + … tokens; attention never crosses from one
sequence to the next, so that no operation is spent on padding. On a GPU in half precision the attention is
PyTorch's flash kernel for variable lengths (`torch.nn.attention.varlen`). Elsewhere each sequence is attended
to by itself, and layers that see only the tokens nearby take blocks of queries with the keys around them.

Nothing here waits for a GPU: a pack is sent to it while it works on those before, and what it finds is
fetched by the caller.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.library import custom_op
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

ATTENTION = "prox_packed"
_MODELS = ("modernbert",)
_HALF = (torch.bfloat16, torch.float16)
_LEAST_BLOCK = 16
_LONGEST_STEP = 1024


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
    """Where the sequences of a pack lie, on the model's device.

    `ends` are 0 and where each sequence ends, on the host; `starts` the same on the device. `places` is each
    token's place in its sequence, `(tokens,)`. `longest` is no less than the longest sequence, in coarse
    steps, so that a compiled model meets few of them.
    """

    tokens: torch.Tensor
    ends: list[int]
    starts: torch.Tensor
    places: torch.Tensor
    longest: int

    @classmethod
    def of(cls, ids: Sequence[Sequence[int]], device: torch.device) -> "Pack":
        """The pack of these sequences."""
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        ends = np.concatenate(([0], lengths.cumsum()))
        tokens = np.fromiter(chain.from_iterable(ids), np.int64, int(ends[-1]))
        places = np.arange(ends[-1]) - ends[:-1].repeat(lengths)
        longest = int(-(-lengths.max() // _LONGEST_STEP) * _LONGEST_STEP)
        sent = (sent_to(device, array) for array in (tokens, ends.astype(np.int32), places))
        return cls(next(sent), ends.tolist(), next(sent), next(sent), longest)


def sent_to(device: torch.device, array: npt.NDArray[Any]) -> torch.Tensor:
    """The array on the device; a GPU fetches it when it comes to it, and nobody waits."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def nearby_mask(ends: Sequence[int], reach: int, like: torch.Tensor) -> torch.Tensor:
    """What to add to the scores of the keys around a block, so that its queries see the right ones.

    0 or minus infinity, `(blocks, 1, block, block + 2 * reach)`, in the type and on the device of `like`.
    """
    block = _block(reach)
    lengths = torch.tensor([stop - start for start, stop in pairwise(ends)])
    numbers = torch.arange(len(lengths)).repeat_interleave(lengths)
    behind = -len(numbers) % block
    mine = pad(numbers, (0, behind), value=-1).view(-1, block, 1)
    theirs = pad(numbers, (reach, behind + reach), value=-2).unfold(0, block + 2 * reach, block)
    apart = torch.arange(block + 2 * reach) - reach - torch.arange(block)[:, None]
    # Padding sees itself: a softmax over nothing is not a number.
    seen = (mine == theirs[:, None]) & (apart.abs() <= reach) | (mine < 0) & (apart == 0)
    mask = torch.zeros(seen.shape, dtype=like.dtype).masked_fill_(~seen, float("-inf"))
    return mask[:, None].to(like.device)


def _block(reach: int) -> int:
    """How many queries are taken together where each sees `reach` tokens on either side."""
    return max(reach // 2, _LEAST_BLOCK)


class PackedModel:
    """A classification encoder that takes packs. `model` is set to packed attention for good.

    Compiled, it is so layer by layer: layers of one kind share their code, whatever the size of the pack.
    """

    def __init__(self, model: Any, compiled: bool = False) -> None:
        _register()
        model.set_attn_implementation(ATTENTION)
        self._model = model
        self._reach = _reach(model.model)
        if compiled:
            for layer in model.model.layers:
                layer.compile(dynamic=True)

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
        given = {"longest": pack.longest, "starts": pack.starts}
        if self._reach is not None and not _flashes(self._model.device, self._model.dtype):
            given["nearby"] = nearby_mask(pack.ends, self._reach, like=self._model.classifier.weight)
        found = self._model.model(input_ids=pack.tokens[None], position_ids=pack.places[None], **given)
        return found.last_hidden_state[0], pack


def _reach(encoder: Any) -> int | None:
    """How many tokens the local layers see on either side; None where there are none."""
    widths = {layer.attn.sliding_window for layer in encoder.layers} - {None}
    return max(widths) - 1 if widths else None


def _flashes(device: torch.device, dtype: torch.dtype) -> bool:
    return device.type == "cuda" and dtype in _HALF


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
    starts: torch.Tensor,
    longest: int,
    nearby: torch.Tensor | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The attention of a pack; tensors are `(1, heads, tokens, size)`, the result `(1, tokens, heads, size)`.

    `sliding_window` is one more than the tokens seen on either side, as transformers gives it to its flash
    kernels.
    """
    if _flashes(query.device, query.dtype):
        reach = -1 if sliding_window is None else sliding_window - 1
        return _flash(query, key, value, scaling, starts, longest, reach), None
    if sliding_window is None:
        return _attend_whole(query, key, value, starts, scaling), None
    return _attend_near(query, key, value, nearby, scaling, sliding_window - 1), None


def _flash(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float,
    starts: torch.Tensor,
    longest: int,
    reach: int,
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    q, k, v = (one[0].transpose(0, 1).contiguous() for one in (query, key, value))
    window = (reach, reach)
    found: torch.Tensor = varlen_attn(
        q, k, v, starts, starts, longest, longest, scale=scaling, window_size=window
    )
    return found[None]


def _whole(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, starts: torch.Tensor, scaling: float
) -> torch.Tensor:
    """Attention inside each sequence."""
    parts = []
    for start, stop in pairwise(starts.tolist()):
        q, k, v = (one[:, :, start:stop] for one in (query, key, value))
        parts.append(scaled_dot_product_attention(q, k, v, scale=scaling))
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous()


def _near(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    nearby: torch.Tensor,
    scaling: float,
    reach: int,
) -> torch.Tensor:
    """Attention to `reach` tokens on either side: blocks of queries at once, and the keys around each."""
    heads, tokens, size = query.shape[1:]
    block = _block(reach)
    behind = -tokens % block
    queries = pad(query[0], (0, 0, 0, behind)).view(heads, -1, block, size).transpose(0, 1)
    keys, values = (
        pad(one[0], (0, 0, reach, behind + reach)).unfold(1, block + 2 * reach, block).permute(1, 0, 3, 2)
        for one in (key, value)
    )
    found = scaled_dot_product_attention(queries, keys, values, attn_mask=nearby, scale=scaling)
    return found.transpose(1, 2).reshape(1, tokens + behind, heads, size)[:, :tokens].contiguous()


def _like_result(query: torch.Tensor, *_: Any) -> torch.Tensor:
    heads, tokens, size = query.shape[1:]
    return query.new_empty((1, tokens, heads, size))


# Operators of their own, so that a compiler takes them as they are: it would otherwise make a program for
# every number of sequences.
_attend_whole = custom_op("prox_assets::attend_whole", _whole, mutates_args=())
_attend_near = custom_op("prox_assets::attend_near", _near, mutates_args=())
for _operator in (_attend_whole, _attend_near):
    _operator.register_fake(_like_result)
