"""Fitting a linear readout on one part of some texts and choosing its penalty on another."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from isobath.measures.logistic import Linear, softmax_regression

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

PENALTIES = (10.0, 1.0, 0.1, 0.01, 1e-3, 1e-4)
"""L2 penalties that are tried, on standardised states, per text; the strongest first."""


class Part(IntEnum):
    """What a text is used for."""

    NONE = 0
    FIT = 1
    CHOOSE = 2
    TEST = 3


class Fitted(NamedTuple):
    """What is `read` from each text (texts,): a label's number, or a rank; the penalty that was chosen, and its loss on
    the texts held out to choose with (mean log loss, or mean squared error)."""

    read: Array
    penalty: float
    loss: float


def fitted(values: Array, codes: Codes, part: Codes, ranks: bool) -> Fitted:
    """The readout of `codes` (n,) from `values` (n, width): multinomial logistic, or ridge regression for `ranks`.

    Fitted on the texts of `Part.FIT` alone, standardised by them. The penalty is the one with the least loss on
    `Part.CHOOSE`, going from the strongest to weaker ones until the loss rises; where no text is held out to choose
    with, the fitted texts serve.
    """
    fit = (part == Part.FIT) & (codes >= 0)
    held = (part == Part.CHOOSE) & (codes >= 0)
    held = held if held.any() else fit
    turned = _turned(values, fit)
    count = int(codes[fit].max()) + 1
    held &= np.isin(codes, np.unique(codes[fit])) if not ranks else True
    best: Fitted | None = None
    line: Linear | None = None
    for penalty in PENALTIES:
        if ranks:
            read = _ridge(turned[fit], codes[fit].astype(float), penalty, turned)
            loss = float(((read[held] - codes[held]) ** 2).mean())
        else:
            line = softmax_regression(turned[fit], codes[fit], count, penalty, line)
            scores = line.scores(turned)
            logs = scores - special.logsumexp(scores, axis=1, keepdims=True)
            read, loss = scores.argmax(1).astype(float), float(-logs[held, codes[held]].mean())
        if best is not None and loss >= best.loss:
            break  # the loss falls and then rises along the path
        best = Fitted(read, penalty, loss)
    assert best is not None
    return best


def _turned(values: Array, fit: NDArray[np.bool_]) -> Array:
    """Values standardised by the fitted texts, in the directions that these span: a penalised fit sees no others."""
    spread = values[fit].std(0)
    kept = spread > 1e-9 * (1 + np.abs(values[fit]).max())
    if not kept.any():
        return np.zeros((len(values), 1))
    standard: Array = (values[:, kept] - values[fit][:, kept].mean(0)) / spread[kept]
    if standard.shape[1] <= int(fit.sum()):
        return standard
    _, _, axes = np.linalg.svd(standard[fit], full_matrices=False)
    turned: Array = standard @ axes.T
    return turned


def _ridge(values: Array, target: Array, penalty: float, everywhere: Array) -> Array:
    """Least mean squared error + penalty |weights|^2, with a free intercept, read off `everywhere`."""
    middle, mean = values.mean(0), float(target.mean())
    centred = values - middle
    gram = centred.T @ centred + penalty * len(values) * np.eye(values.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (target - mean))
    found: Array = (everywhere - middle) @ weights + mean
    return found


def rank_correlation(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """Spearman's correlation, ties at their mean rank; NaN where either side does not vary."""
    if not len(first):
        return float("nan")
    a, b = _ranks(np.asarray(first, dtype=float)), _ranks(np.asarray(second, dtype=float))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / size) if size > 0 else float("nan")


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    found: Array = (ends - (counts - 1) / 2)[place]
    return found
