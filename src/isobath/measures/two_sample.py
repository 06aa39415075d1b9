"""Can two sets of texts be told apart? The classifier two-sample test (Lopez-Paz and Oquab 2017, arXiv:1610.06545)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.measures.auroc import auroc
from isobath.measures.logistic import binary_logistic

Array = NDArray[np.float64]

MOST_TRAINING = 1_000
"""Training texts that test texts are told from: more cost time and change little."""


class TwoSample(NamedTuple):
    """`auc`: cross-validated, 0.5 where the sets cannot be told apart. `p`: share of random divisions that do as well.

    Near 1 for any change of template or wording: it says that two sets differ, not how far or in what.
    """

    auc: float
    p: float
    permutations: int
    folds: int


def c2st(train: Array, test: Array, *, seed: int = 0, folds: int = 5, permutations: int = 99) -> TwoSample:
    """Train a logistic regression to tell the rows of `train` (n, width) from those of `test` (m, width).

    `auc` is the mean over stratified folds of the area under the ROC curve of the held-out rows; its p value comes from
    doing all of it again with the sets' names shuffled. Features are standardised; the penalty is |slopes|^2 / 2 to the
    sum of the losses. Raises `InputError` where either set has fewer rows than folds.
    """
    if min(len(train), len(test)) < folds:
        raise InputError(
            f"sets of {len(train)} and {len(test)} texts",
            f"each fold of {folds} holds out some of either set",
            "give more texts, or fewer folds",
        )
    values = reduced(np.concatenate([train, test]).astype(float))
    labels = np.arange(len(values)) >= len(train)
    stream = rng(seed, "distance", "c2st")
    found = _held_out_auc(values, labels, folds, stream)
    draws = [_held_out_auc(values, stream.permutation(labels), folds, stream) for _ in range(permutations)]
    as_good = sum(draw >= found for draw in draws)
    return TwoSample(found, (1 + as_good) / (permutations + 1), permutations, folds)


def likeness(train: Array, test: Array, *, folds: int = 5) -> Array:
    """For each test text (m,), the log-odds that it is one, by a classifier that was not trained on it.

    The two-sample test's classifier as a covariate: high where a text has what sets the test texts apart. It depends on
    which test texts there are. Folds and the training texts used (at most `MOST_TRAINING`) follow from the vectors
    alone, so that the order of the texts changes nothing. NaN where either set has fewer texts than folds.
    """
    if min(len(train), len(test)) < folds:
        return np.full(len(test), np.nan)
    known = train[_content_order(train)][:: max(1, -(-len(train) // MOST_TRAINING))]
    values = reduced(np.concatenate([known, test]).astype(float))
    labels = np.arange(len(values)) >= len(known)
    fold = np.arange(len(known)) % folds
    of_test = np.empty(len(test), dtype=np.intp)
    of_test[_content_order(test)] = np.arange(len(test)) % folds
    fold, scores = np.concatenate([fold, of_test]), np.empty(len(values))
    for number in range(folds):
        out = fold == number
        beta = binary_logistic(values[~out], labels[~out], penalty=1.0)
        scores[out] = values[out] @ beta[:-1] + beta[-1]
    found: Array = scores[len(known) :]
    return found


def _content_order(values: Array) -> NDArray[np.intp]:
    order: NDArray[np.intp] = np.lexsort(np.asarray(values).T)
    return order


def reduced(values: Array) -> Array:
    """Standardised rows, turned onto their principal axes: the same distances in at most as many columns as rows.

    Columns that do not vary are left out. A penalised linear fit is the same after a rotation.
    """
    spread = values.std(0)
    kept = values[:, spread > 1e-9 * (1 + np.abs(values).max())]
    if not kept.shape[1]:
        return np.zeros((len(values), 1))
    standard: Array = (kept - kept.mean(0)) / kept.std(0)
    if standard.shape[1] <= len(standard):
        return standard
    left, sizes, _ = np.linalg.svd(standard, full_matrices=False)
    found: Array = left * sizes
    return found


def _held_out_auc(values: Array, labels: NDArray[np.bool_], folds: int, stream: np.random.Generator) -> float:
    fold = np.empty(len(labels), dtype=np.intp)
    for side in (False, True):
        places = np.flatnonzero(labels == side)
        fold[stream.permutation(places)] = np.arange(len(places)) % folds
    areas = []
    for number in range(folds):
        out = fold == number
        beta = binary_logistic(values[~out], labels[~out], penalty=1.0)
        areas.append(auroc(values[out] @ beta[:-1], labels[out].astype(float)).value)
    return float(np.mean(areas))
