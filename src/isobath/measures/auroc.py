"""The area under the ROC curve: the chance that a text the model got wrong scores higher than one it got right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Groups = NDArray[np.intp]


class Auroc(NamedTuple):
    """`value`, and each item's `influence` (n,): their mean is the value, and their spread gives its variance.

    `pairs` is the weight of the pairs compared; 0, and both others NaN, where there is none.
    """

    value: float
    influence: Array
    pairs: float


def auroc(scores: Array, wrong: Array, groups: Groups | None = None) -> Auroc:
    """P(score of a wrong item > score of a right one) + P(equal)/2, over pairs of the same group.

    `wrong` (n,) is 1 or 0, or the share of an item's answers that are wrong: such an item stands on both sides with
    that weight. `groups` (n,) are numbers; None compares all with all. The influences are DeLong's structural
    components (DeLong, DeLong and Clarke-Pearson 1988), put into one number per item.
    """
    n = len(scores)
    group = np.zeros(n, dtype=np.intp) if groups is None else groups
    above, against, below, within = (np.zeros(n) for _ in range(4))
    total = 0.0
    for members in (np.flatnonzero(group == g) for g in np.unique(group)):
        right = 1 - wrong[members]
        above[members] = _weight_below(scores[members], scores[members], right)
        below[members] = wrong[members].sum() - _weight_below(scores[members], scores[members], wrong[members])
        against[members], within[members] = right.sum(), wrong[members].sum()
        total += float(wrong[members].sum() * right.sum())
    if total <= 0:
        return Auroc(float("nan"), np.full(n, np.nan), 0.0)
    value = float((wrong * above).sum() / total)
    pull = wrong * (above - value * against) + (1 - wrong) * (below - value * within)
    return Auroc(value, value + n / total * pull, total)


def _weight_below(at: Array, scores: Array, weights: Array) -> Array:
    """For each of `at`, the weight of the `scores` below it, ties counted half."""
    order = np.argsort(scores, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    left = np.searchsorted(scores[order], at, side="left")
    right = np.searchsorted(scores[order], at, side="right")
    found: Array = (sums[left] + sums[right]) / 2
    return found
