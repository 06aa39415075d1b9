"""MinHash signatures and their bands, for many texts at once (Broder 1997; bands: Indyk and Motwani 1998)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.shingles import Bits, Shingled, mixed

MOST_HASHES = 256
RECALL = 0.99
"""Least share of pairs at the very threshold that agree on a band."""

TEXTS_AT_ONCE = 2_000
EMPTY = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Signatures:
    """Of each text: the low byte of every minimum, shape (texts, hashes), and a key per band, shape (texts, bands).

    The share of equal bytes estimates the Jaccard similarity (b-bit minwise hashing: Li and Koenig 2010).
    """

    low: npt.NDArray[np.uint8]
    bands: Bits


class MinHash:
    """Hashes and bands for a threshold: as many rows to a band as keep `RECALL` at the threshold with 256 hashes."""

    def __init__(self, threshold: float) -> None:
        if not 0 < threshold <= 1:
            raise InputError(f"threshold {threshold}", "a similarity above 0, up to 1", "use .8 for near-duplicates")
        self.rows = max([1, *(r for r in range(1, 33) if recall(threshold, MOST_HASHES // r, r) >= RECALL)])
        self.bands = MOST_HASHES // self.rows
        self.hashes = self.rows * self.bands
        stream = rng(0, "design", "minhash")
        self._times = stream.integers(0, 2**31, self.hashes, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
        self._plus = stream.integers(0, 2**32, self.hashes, dtype=np.uint32)
        self._salt = stream.integers(0, 2**63, (self.bands, self.rows), dtype=np.uint64) * np.uint64(2) + np.uint64(1)

    def __call__(self, texts: Shingled) -> Signatures:
        """The signatures of `texts`."""
        low = np.empty((len(texts), self.hashes), dtype=np.uint8)
        bands = np.empty((len(texts), self.bands), dtype=np.uint64)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            end = min(start + TEXTS_AT_ONCE, len(texts))
            minima = self._minima(texts, start, end)
            low[start:end] = minima.T
            split = minima.T.reshape(-1, self.bands, self.rows).astype(np.uint64)
            bands[start:end] = mixed((mixed(split + self._salt) * self._salt).sum(axis=2, dtype=np.uint64))
        return Signatures(low, bands)

    def _minima(self, texts: Shingled, start: int, end: int) -> npt.NDArray[np.uint32]:
        """The least hash of each text under each function, shape (hashes, texts)."""
        first, last = int(texts.starts[start]), int(texts.starts[end])
        codes = (texts.codes[first:last] >> np.uint64(32)).astype(np.uint32)
        out = np.full((self.hashes, end - start), EMPTY)
        starts = texts.starts[start:end] - first
        some = np.diff(texts.starts[start : end + 1]) > 0
        if not some.any():
            return out
        hashed = np.empty_like(codes)
        for k in range(self.hashes):
            np.multiply(codes, self._times[k], out=hashed)
            np.add(hashed, self._plus[k], out=hashed)
            out[k, some] = np.minimum.reduceat(hashed, starts[some])
        return out


def recall(similarity: float, bands: int, rows: int) -> float:
    """Probability that two texts of that Jaccard similarity agree on at least one band."""
    return 1 - float((1 - similarity**rows) ** bands)
