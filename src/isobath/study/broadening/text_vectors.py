"""Texts as vectors without a model: hashed words and pairs of words, weighted by rarity."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from isobath.base.seeding import rng

Reals = npt.NDArray[np.float32]

BUCKETS, DIMENSIONS = 2**14, 192
_WORD = re.compile(r"\w+")


def text_kernel(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Cosine of every two texts, shape (texts, texts), ones on the diagonal; for some thousands of texts at most."""
    rows = np.zeros((len(texts), BUCKETS), dtype=np.float32)
    for i, (at, weights) in enumerate(_weighted(texts)):
        rows[i, at] = weights
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(norms > 0, norms, 1)
    kernel = (rows @ rows.T).astype(np.float64)
    kernel = (kernel + kernel.T) / 2
    np.fill_diagonal(kernel, 1.0)
    return kernel


def text_vectors(texts: Sequence[str], dimensions: int = DIMENSIONS) -> Reals:
    """Unit vectors of `texts`, shape (texts, dimensions), of which cosines are kept to about 1 / sqrt(dimensions).

    Log(1 + count) times log inverse frequency of words and pairs, projected by the signs of one named random stream.
    """
    signs = rng(0, "broaden", "text vectors").integers(0, 2, size=(BUCKETS, dimensions), dtype=np.int8)
    plane = (2.0 * signs - 1).astype(np.float32)
    made = np.zeros((len(texts), dimensions), dtype=np.float32)
    for i, (at, weights) in enumerate(_weighted(texts)):
        made[i] = weights @ plane[at]
    norms = np.linalg.norm(made, axis=1, keepdims=True)
    made /= np.where(norms > 0, norms, 1)
    return made


def _weighted(texts: Sequence[str]) -> list[tuple[npt.NDArray[np.int64], Reals]]:
    """Buckets and weights of each text."""
    found = [_features(text) for text in texts]
    frequency = np.zeros(BUCKETS)
    for at, _ in found:
        frequency[at] += 1
    # a feature that all texts have still weighs something: texts that are all alike have a length too
    rarity = np.log((1 + len(texts)) / (1 + frequency)) + 0.01
    return [(at, (np.log1p(counts) * rarity[at]).astype(np.float32)) for at, counts in found]


def _features(text: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    words = _WORD.findall(text.lower())
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    counts = Counter(zlib.crc32(word.encode()) % BUCKETS for word in (*words, *pairs))
    return np.array(list(counts), dtype=np.int64), np.array(list(counts.values()), dtype=np.int64)
