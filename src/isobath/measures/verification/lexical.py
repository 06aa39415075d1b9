"""`LexicalEmbedding`: texts to vectors by their words alone, for checks that have no model at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

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
        self._place = _Numbers()
        seen = np.bincount(self._counts(texts).indices, minlength=BUCKETS)
        self._idf = np.log((1 + len(texts)) / (1 + seen)) + 1
        stream = rng(0, "verification", "lexical")
        self._signs = (stream.integers(0, 2, (BUCKETS, WIDTH), dtype=np.int8) * 2 - 1).astype(np.float32)

    def __call__(self, items: Sequence[Item]) -> NDArray[np.float64]:
        """Vectors (texts, `WIDTH`). A chat is the text of its turns, a line each."""
        texts = [item if isinstance(item, str) else "\n".join(m.content for m in item) for item in items]
        out = np.zeros((len(texts), WIDTH))
        for start in range(0, len(texts), CHUNK):
            counts = self._counts(texts[start : start + CHUNK])
            counts.data = (1 + np.log(counts.data)) * self._idf[counts.indices].astype(np.float32)
            out[start : start + CHUNK] = counts @ self._signs
        return out

    def _counts(self, texts: Sequence[str]) -> Any:
        """How often each text has each bucket's n-grams, sparse."""
        from scipy.sparse import csr_matrix

        split = [tokens(text) for text in texts]
        lengths = np.array([len(words) for words in split], dtype=np.int64)
        words = np.fromiter(map(self._place.__getitem__, chain.from_iterable(split)), np.int64, int(lengths.sum()))
        owner = np.repeat(np.arange(len(texts)), lengths)
        inside = np.flatnonzero(owner[1:] == owner[:-1])
        pairs = words[inside] * 1_000_003 + words[inside + 1] * 8_191
        columns = np.concatenate([words, pairs]) % BUCKETS
        made = (np.ones(len(columns), dtype=np.float32), (np.concatenate([owner, owner[inside]]), columns))
        return csr_matrix(made, shape=(len(texts), BUCKETS))


class _Numbers(dict[str, int]):
    """Word -> its number, made when first asked for; the same everywhere."""

    def __missing__(self, word: str) -> int:
        self[word] = number = int.from_bytes(
            hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big"
        )
        return number
