"""Hiding part of the input while training: the remedy against learning a few hundred pages by heart."""

import numpy as np

from prox_assets.refiner.recipe import Training
from prox_assets.refiner.tokenized import Ints, TextTokenizer


class Hider:
    """Masks and swaps tokens, differently in every step and alike in every run.

    Newlines and specials stay, for they are the page's layout. Where the tokenizer has no mask token, what
    would be masked is swapped too.
    """

    def __init__(self, tokenizer: TextTokenizer, training: Training) -> None:
        inner = tokenizer.tokenizer
        self._mask = inner.mask_token_id
        (newline,) = tokenizer(["\n"])
        self._fixed = np.array([*inner.all_special_ids, *newline.ids.tolist()], dtype=np.int64)
        self._training = training

    def __call__(self, ids: Ints, step: int) -> Ints:
        """The ids of a padded batch, `(rows, tokens)`, with their shares hidden and swapped."""
        random = np.random.default_rng([self._training.seed, step])
        draws = np.where(np.isin(ids, self._fixed), 1.0, random.random(ids.shape))
        masked = draws < self._training.hidden_share
        swapped = ~masked & (draws < self._training.hidden_share + self._training.swapped_share)
        if not (masked | swapped).any():
            return ids
        others = random.choice(ids[draws < 1.0], ids.shape)
        result: Ints = np.where(swapped, others, ids)
        return np.where(masked, others if self._mask is None else self._mask, result)
