"""Texts as word and word-pair indicators: what `LearntTagger` learns from."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isobath.measures.verification.words import tokens

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST_TEXTS = 3
"""Texts of the fit that must hold an n-gram before it is a feature."""
_BASE = 1 << 20


class NGrams:
    """The words and pairs of words of the texts it is made of, those that stand in `LEAST_TEXTS` or more."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._word = _Numbers({word: i + 1 for i, word in enumerate(sorted(set(chain.from_iterable(texts))))})
        grams, owner = self._grams(texts)
        known, place = np.unique(grams, return_inverse=True)
        once = np.unique(place * len(texts) + owner) // max(1, len(texts))
        self._known: NDArray[np.int64] = known[np.bincount(once, minlength=len(known)) >= LEAST_TEXTS]

    def __len__(self) -> int:
        return len(self._known)

    def only(self, features: NDArray[np.intp]) -> NGrams:
        """The same with these features alone, ascending."""
        made = copy(self)
        made._known = self._known[features]
        return made

    def matrix(self, texts: Sequence[Sequence[str]]) -> csr_matrix:
        """Indicators (texts, features), sparse; n-grams that were not in the fit are not seen."""
        from scipy.sparse import csr_matrix

        grams, owner = self._grams(texts)
        place = np.minimum(np.searchsorted(self._known, grams), len(self._known) - 1)
        fine = self._known[place] == grams
        shape = (len(texts), len(self._known))
        made = csr_matrix((np.ones(int(fine.sum())), (owner[fine], place[fine])), shape=shape)
        made.data[:] = 1.0  # duplicates were summed
        return made

    def _grams(self, texts: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the n-grams of all texts, and the text of each; words that are not known are left out."""
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        flat = chain.from_iterable(texts)
        words = np.fromiter(map(self._word.__getitem__, flat), np.int64, int(lengths.sum()))
        owner = np.repeat(np.arange(len(texts)), lengths)
        known = words > 0
        pair = known[:-1] & known[1:] & (owner[:-1] == owner[1:])
        grams = np.concatenate([words[known], words[:-1][pair] * _BASE + words[1:][pair]])
        return grams, np.concatenate([owner[known], owner[:-1][pair]])


class _Numbers(dict[str, int]):
    """Word -> its number; 0 for one that is not known."""

    def __missing__(self, word: str) -> int:
        return 0


def words_of(text: str) -> list[str]:
    """The words of a text as they are learnt from."""
    return tokens(text)
