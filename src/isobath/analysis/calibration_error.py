"""How far probabilities are from frequencies: RMS and expected calibration error over equal-mass bins, Brier score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isobath.analysis.two_way import Array
from isobath.base.errors import InputError

BIN = 20
"""Items of a bin, unless told otherwise. Hendrycks et al. take 100; tests of transfer often have a hundred in all."""


class Bins(NamedTuple):
    """Per bin: share of the items, mean confidence, and share that is right. Bins go up in confidence."""

    share: Array
    confidence: Array
    accuracy: Array


def bins_of(confidence: Array, correct: Array, size: int = BIN) -> Bins:
    """Items cut into bins of `size` neighbours in confidence; what is left over joins the last bin.

    `confidence` is the probability (items,) of the answer that was given, `correct` (items,) its share right: 1, 0, or
    .5 for a tie. Items of one confidence count by their mean, so that the order of a file changes nothing.
    Equal-mass bins after Hendrycks, Mazeika and Dietterich (2019, arXiv:1812.04606). Raises `InputError` on fewer items
    than a bin, and on numbers outside [0, 1].
    """
    confidence, correct = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    if size < 1 or len(confidence) < size or confidence.shape != correct.shape:
        raise InputError(
            f"{len(confidence)} confidences, {len(correct)} outcomes and bins of {size}",
            "each item has both, and there is at least one full bin",
            "ask more items, or give a smaller bin size",
        )
    for name, values in (("confidence", confidence), ("outcome", correct)):
        if not ((values >= 0) & (values <= 1)).all():  # NaN fails too
            raise InputError(f"a {name} outside 0 to 1", "both are shares", "leave out items without an answer")
    _, place, count = np.unique(confidence, return_inverse=True, return_counts=True)
    correct = (np.bincount(place, weights=correct) / count)[place]  # ties: their mean
    order = np.argsort(confidence, kind="stable")
    starts = np.arange(len(order) // size) * size
    sizes = np.diff([*starts, len(order)])
    sums = [np.add.reduceat(values[order], starts) for values in (confidence, correct)]
    return Bins(sizes / len(order), sums[0] / sizes, sums[1] / sizes)


def rms_calibration_error(confidence: Array, correct: Array, size: int = BIN) -> float:
    """Root of the mean over items of the squared gap between confidence and accuracy of the item's bin.

    Formula and bins of Hendrycks, Mazeika and Dietterich (2019), over *all* bins (the script they published stops
    before the last). As any binned error it is biased upwards: perfect calibration gives about sqrt(p (1 - p) / size).
    """
    bins = bins_of(confidence, correct, size)
    return float(np.sqrt((bins.share * (bins.confidence - bins.accuracy) ** 2).sum()))


def expected_calibration_error(confidence: Array, correct: Array, size: int = BIN) -> float:
    """Mean over items of the gap between confidence and accuracy of the item's bin, in equal-mass bins."""
    bins = bins_of(confidence, correct, size)
    return float((bins.share * np.abs(bins.confidence - bins.accuracy)).sum())


def brier(right: Array) -> float:
    """Mean of (1 - probability of the right one of two answers)^2 (Brier 1950, for two outcomes). `right` is (items,).

    0 is certain and right, .25 is one half each time, 1 is certain and wrong.
    """
    return float(((1 - np.asarray(right, dtype=float)) ** 2).mean())


def choice(right: Array) -> tuple[Array, Array]:
    """Confidence and outcome, (items,) each, of a choice between two answers; `right` is the right one's probability.

    An even choice is a tie: half right.
    """
    right = np.asarray(right, dtype=float)
    correct: Array = np.where(right > 0.5, 1.0, np.where(right < 0.5, 0.0, 0.5))
    confidence: Array = np.maximum(right, 1 - right)
    return confidence, correct
