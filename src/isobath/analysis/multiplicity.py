"""p values adjusted for how many questions were asked: Holm for headlines, Benjamini-Hochberg for maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

HEADLINES = 10
"""Up to so many comparisons are adjusted by Holm, more by Benjamini and Hochberg: a map, not a list of claims."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values (Holm 1979): controls the chance of any false claim in the list."""
    order = np.argsort(p_values, kind="stable")
    out, running = np.empty(len(p_values)), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        out[i] = running
    return [float(p) for p in out]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values of Benjamini and Hochberg (1995): controls the expected share of false claims in the list."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")[::-1]
    out, running = np.empty(count), 1.0
    for rank, i in enumerate(order):
        running = min(running, count / (count - rank) * p_values[i])
        out[i] = running
    return [float(p) for p in out]


def adjusted(p_values: Sequence[float]) -> tuple[list[float], str]:
    """One family's adjusted p values and by whom: Holm up to `HEADLINES` of them, then Benjamini-Hochberg.

    NaN, a comparison that could not be tested, stays NaN and is not counted.
    """
    tested = [i for i, p in enumerate(p_values) if not math.isnan(p)]
    few = len(tested) <= HEADLINES
    out = [math.nan] * len(p_values)
    for i, p in zip(tested, (holm if few else benjamini_hochberg)([p_values[i] for i in tested]), strict=True):
        out[i] = p
    return out, "Holm" if few else "Benjamini-Hochberg"
