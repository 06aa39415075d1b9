"""`KnownTexts`: which of a few known texts does a text nearly repeat? By the exact Jaccard index, of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isobath.base.errors import InputError
from isobath.design.shingles import Shingled, Shingler

CHUNK = 2_000


class KnownTexts:
    """Texts that others are compared with: hundreds to thousands, exactly; `NearDuplicates` is for more."""

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        if not 0 < threshold <= 1:
            raise InputError(f"threshold = {threshold:g}", "a Jaccard index is above 0 and at most 1", "use 0.8")
        self.threshold = threshold
        self._shingler = Shingler()
        known = self._shingler(texts)
        self._sizes = known.sizes
        self._codes = np.unique(known.codes)
        self._known = self._matrix(known)

    def nearest(self, texts: Sequence[str]) -> list[tuple[int | None, float]]:
        """Per text the known text most like it and their Jaccard index; None where all are below the threshold."""
        if not len(self._sizes):
            return [(None, 0.0)] * len(texts)
        found: list[tuple[int | None, float]] = []
        for start in range(0, len(texts), CHUNK):
            found += self._chunk(texts[start : start + CHUNK])
        return found

    def _chunk(self, texts: Sequence[str]) -> list[tuple[int | None, float]]:
        own = self._shingler(texts)
        shared = (self._matrix(own) @ self._known.T).toarray()
        either = own.sizes[:, None] + self._sizes[None, :] - shared
        share = np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)
        best = share.argmax(1)
        top = share[np.arange(len(texts)), best]
        return [(int(b) if t >= self.threshold else None, float(t)) for b, t in zip(best, top, strict=True)]

    def _matrix(self, texts: Shingled) -> Any:
        """Which known shingles each text has, sparse."""
        from scipy.sparse import csr_matrix

        shape = (len(texts), max(1, len(self._codes)))
        if not len(self._codes):
            return csr_matrix(shape)
        owner = np.repeat(np.arange(len(texts)), texts.sizes)
        place = np.minimum(np.searchsorted(self._codes, texts.codes), len(self._codes) - 1)
        fine = self._codes[place] == texts.codes
        return csr_matrix((np.ones(int(fine.sum())), (owner[fine], place[fine])), shape=shape)
