"""One factor's classifier: sparse indicators in, a level out, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from isobath.measures.logistic import Linear, softmax_regression

ABSENT = -1
"""No level: it is not told, or not surely."""
FEATURES = 400
PENALTY = 3e-4
"""Of the squared weights, beside the mean log loss."""


def fit_levels(values: Any, levels: NDArray[np.int64], count: int) -> Linear:
    """A classifier of `count` levels and, last, of their absence, from sparse indicators (n, features).

    It sees the `FEATURES` of the largest chi-squared statistic of independence from the levels, chosen from the fit's
    own texts; the others have no weight.
    """
    classes = np.where(levels == ABSENT, count, levels).astype(np.intp)
    chosen = _telling(values, classes, count + 1)
    small = softmax_regression(values[:, chosen], classes, count + 1, PENALTY)
    weights = np.zeros((values.shape[1], count + 1))
    weights[chosen] = small.weights
    return Linear(weights, small.bias)


def _telling(values: Any, classes: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    one_hot = np.zeros((len(classes), count))
    one_hot[np.arange(len(classes)), classes] = 1.0
    found = np.asarray(values.T @ one_hot)
    expected = np.maximum(found.sum(1, keepdims=True) * one_hot.mean(0), 1e-12)  # 0 where nothing was found either
    absent = np.asarray(values.shape[0] - found.sum(1, keepdims=True))
    chi = ((found - expected) ** 2 / expected).sum(1) * values.shape[0] / np.maximum(absent[:, 0], 1)
    chosen: NDArray[np.intp] = np.sort(np.argsort(-chi, kind="stable")[:FEATURES])
    return chosen


def sure_levels(linear: Linear, values: Any, sure: float) -> NDArray[np.int64]:
    """The level of each row of `values`, `ABSENT` where none has the probability `sure`."""
    chance = special.softmax(linear.scores(values), axis=1)
    best = chance.argmax(1)
    named = (chance[np.arange(len(best)), best] >= sure) & (best < chance.shape[1] - 1)
    found: NDArray[np.int64] = np.where(named, best, ABSENT)
    return found
