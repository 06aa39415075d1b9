"""`LexicalEmbedding`: texts to vectors by their words alone, for checks that have no model at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.measures.verification.words import tokens

if TYPE_CHECKING:
    from isobath.models.hidden import Item

BUCKETS, WIDTH = 2**15, 128
CHUNK = 2_000


class LexicalEmbedding:
    """TF-IDF of words and pairs of words, hashed to `BUCKETS` and projected at random to `WIDTH` columns.

    Inverse document frequencies come from the texts it is made of, and from no others; a word they do not have counts
    as the rarest. The projection (random signs, the same each time) keeps distances to some 1/sqrt(`WIDTH`). It knows
    no synonyms: two texts without a word in common are as far apart as can be.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        if not texts:
            raise InputError("no text", "word frequencies come from the real texts", "give some")
        seen = np.zeros(BUCKETS)
        self._place: dict[str, int] = {}
        for text in texts:
            seen[np.unique(self._grams(text))] += 1
        self._idf = np.log((1 + len(texts)) / (1 + seen)) + 1
        stream = rng(0, "verification", "lexical")
        self._signs = (stream.integers(0, 2, (BUCKETS, WIDTH), dtype=np.int8) * 2 - 1).astype(np.float32)

    def __call__(self, items: Sequence[Item]) -> NDArray[np.float64]:
        """Vectors (texts, `WIDTH`). A chat is the text of its turns, a line each."""
        from scipy.sparse import csr_matrix

        texts = [item if isinstance(item, str) else "\n".join(m.content for m in item) for item in items]
        out = np.zeros((len(texts), WIDTH))
        for start in range(0, len(texts), CHUNK):
            grams = [self._grams(text) for text in texts[start : start + CHUNK]]
            ends = np.cumsum([0, *(len(one) for one in grams)])
            columns = np.concatenate([*grams, np.empty(0, dtype=np.int64)])
            counts = csr_matrix(
                (np.ones(len(columns), dtype=np.float32), columns, ends), shape=(len(grams), BUCKETS), dtype=np.float32
            )
            counts.sum_duplicates()
            counts.data = (1 + np.log(counts.data)) * self._idf[counts.indices].astype(np.float32)
            out[start : start + CHUNK] = counts @ self._signs
        return out

    def _grams(self, text: str) -> NDArray[np.int64]:
        place, made = self._place, []
        for word in tokens(text):
            number = place.get(word)
            if number is None:
                number = place[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big")
            made.append(number)
        single = np.array(made, dtype=np.int64)
        pairs = single[:-1] * 1_000_003 + single[1:] * 8_191 if len(single) > 1 else single[:0]
        found: NDArray[np.int64] = np.concatenate([single, pairs]) % BUCKETS
        return found
