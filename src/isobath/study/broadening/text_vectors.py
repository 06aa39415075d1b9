"""Texts as vectors without a model: hashed words and pairs of words, weighted by rarity, projected."""

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


def text_vectors(texts: Sequence[str], dimensions: int = DIMENSIONS) -> Reals:
    """Unit vectors of `texts`, shape (texts, dimensions): log(1 + count) times log inverse frequency, then projected.

    The projection is random but fixed (signs of one named stream), so that equal texts have equal vectors wherever they
    are computed with the same other texts; cosines are kept to about 1 / sqrt(dimensions).
    """
    counts = [_features(text) for text in texts]
    frequency = np.zeros(BUCKETS)
    for found in counts:
        frequency[list(found)] += 1
    rarity = np.log((1 + len(texts)) / (1 + frequency)) + 1e-9
    signs = rng(0, "broaden", "text vectors").integers(0, 2, size=(BUCKETS, dimensions), dtype=np.int8)
    plane = (2.0 * signs - 1).astype(np.float32)
    made = np.zeros((len(texts), dimensions), dtype=np.float32)
    for i, found in enumerate(counts):
        at = np.fromiter(found, dtype=np.int64, count=len(found))
        weights = np.log1p(np.fromiter(found.values(), dtype=float, count=len(found))) * rarity[at]
        made[i] = weights.astype(np.float32) @ plane[at]
    norms = np.linalg.norm(made, axis=1, keepdims=True)
    unit: Reals = made / np.maximum(norms, 1e-12)
    return unit


def _features(text: str) -> Counter[int]:
    words = _WORD.findall(text.lower())
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    return Counter(zlib.crc32(word.encode()) % BUCKETS for word in (*words, *pairs))
