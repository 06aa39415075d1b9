"""Texts as vectors without a model: hashed counts of words and word pairs (Weinberger et al., 0902.2206)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.design.shingles import Shingler, ngrams

TEXTS_AT_ONCE = 2_000


def text_vectors(texts: Sequence[str], dims: int = 256, width: int = 2) -> npt.NDArray[np.float32]:
    """A vector of length 1 for each text, shape (texts, dims); 0 for a text without words.

    Each run of 1 to `width` words adds 1 or -1, by its hash, to the dimension that its hash names; the cosine of two
    texts then estimates that of their counts, with an error of about ``1 / sqrt(dims)``. It is a likeness of words, not
    of meaning. Raises `InputError` for fewer than one dimension or word.
    """
    if dims < 1 or width < 1:
        raise InputError(f"dims = {dims}, width = {width}", "1 or more", "correct it")
    shingler = Shingler()
    out = np.zeros((len(texts), dims), dtype=np.float32)
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        part = texts[start : start + TEXTS_AT_ONCE]
        flat, lengths = shingler.numbers(part)
        total = np.zeros(len(part) * dims)
        for run in range(1, width + 1):
            long = lengths >= run
            kept = flat[np.repeat(long, lengths)]
            codes, owner = ngrams(kept, lengths[long], run)
            place = np.flatnonzero(long)[owner] * dims + (codes >> np.uint64(8)).astype(np.int64) % dims
            sign = 1.0 - 2.0 * (codes & np.uint64(1)).astype(np.float64)
            total += np.bincount(place, sign, minlength=len(total))
        rows = total.reshape(len(part), dims)
        size = np.linalg.norm(rows, axis=1, keepdims=True)
        out[start : start + len(part)] = rows / np.where(size > 0, size, 1.0)
    return out
