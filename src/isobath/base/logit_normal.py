"""Means of rates whose logits are normal: the truth of every simulated study."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

NODES = 61
"""Points of the Gauss-Hermite rule; errors are far below 1e-6 for standard deviations up to 3."""


def expit(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    half: Array = 0.5 * (1 + np.tanh(0.5 * np.asarray(x, dtype=float)))
    return half


def logit(p: float) -> float:
    """log(p / (1 - p))."""
    return float(np.log(p / (1 - p)))


def logit_normal_means(centres: Array, sd: float, nodes: int = NODES) -> Array:
    """E[expit(centre + sd z)] over standard normal z, for each centre. Small `sd` needs few nodes."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    means: Array = expit(np.asarray(centres, dtype=float)[..., None] + sd * points) @ (weights / weights.sum())
    return means


def logit_normal_mean(centre: float, sd: float) -> float:
    """`logit_normal_means` of one centre."""
    return float(logit_normal_means(np.array([centre]), sd)[0])


def centre_for(rate: float, sd: float) -> float:
    """The centre whose `logit_normal_mean` is `rate` (bisection)."""
    low, high = -60.0, 60.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if logit_normal_mean(middle, sd) < rate else (low, middle)
    return (low + high) / 2
