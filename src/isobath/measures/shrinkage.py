"""A covariance matrix that can be inverted although there are few texts and many dimensions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isobath.base.errors import InputError

Array = NDArray[np.float64]


class Shrunk(NamedTuple):
    """`covariance` (p, p) = (1 - shrinkage) S + shrinkage mu I, S being the sample covariance and mu its mean
    variance."""

    covariance: Array
    shrinkage: float


def ledoit_wolf(values: Array) -> Shrunk:
    """Covariance of the rows of `values` (n, p), shrunk towards a multiple of the identity.

    Ledoit and Wolf 2004 ("A well-conditioned estimator for large-dimensional covariance matrices"): in the norm
    |A|^2 = tr(A A')/p, with S the covariance (divided by n), mu = tr(S)/p, d2 = |S - mu I|^2 and
    b2 = min(d2, sum_k |x_k x_k' - S|^2 / n^2), the shrinkage is b2/d2. Raises `InputError` for fewer than two rows.
    """
    n, p = values.shape
    if n < 2:
        raise InputError(f"{n} row", "a covariance is of at least two", "give more texts")
    centred = values - values.mean(0)
    sample = centred.T @ centred / n
    mean_variance = float(np.trace(sample)) / p
    from_target = float(((sample - mean_variance * np.eye(p)) ** 2).sum()) / p
    fourth = float(((centred**2).sum(1) ** 2).sum())
    noise = (fourth - n * float((sample**2).sum())) / n**2 / p
    shrinkage = min(max(noise, 0.0), from_target) / from_target if from_target > 0 else 0.0
    return Shrunk((1 - shrinkage) * sample + shrinkage * mean_variance * np.eye(p), shrinkage)
