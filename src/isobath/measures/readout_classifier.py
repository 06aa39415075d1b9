"""Readout classifiers: which of two responses is the right one, read linearly from a model's hidden states.

Each method gives one direction; the response further along it is chosen. What tells the methods apart is what they may
look at:

- ``mean_difference``: mean state of right responses minus that of wrong ones (the mass mean shift of GENIES, Clymer et
  al. 2023, arXiv:2311.07723, here on the residual stream; theirs picks attention heads);
- ``lat``: first principal component of the differences between the two, their order drawn at random (linear
  artificial tomography, Zou et al. 2023, arXiv:2310.01405);
- ``ccs``: contrast-consistent search (Burns et al. 2022, arXiv:2212.03827): probabilities of the two that sum to one
  and are not one half. It never sees a label, and neither does ``lat``, but for the sign;
- ``logistic``: L2-regularised logistic regression on the differences, as a reference for what labels can do.

Without labels a method finds whatever feature is most prominent and consistent, the right one or another (Farquhar et
al. 2023, arXiv:2312.10029, show it of CCS; a test here does). Signs come from the training labels and stay: a readout
may well score below one half elsewhere.

Legend: L layers, N pairs, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.base.value import Value

Array = NDArray[np.float64]
Kind = Literal["mean_difference", "lat", "ccs", "logistic"]

KINDS: tuple[Kind, ...] = ("mean_difference", "lat", "ccs", "logistic")
FEWEST = 8
"""Pairs below which a readout is neither fitted nor calibrated."""

VERSION = 1
"""Raised when the same states begin to give another readout."""


class CCS(Value):
    """How contrast-consistent search is optimised; the defaults are those its authors published."""

    steps: int = 1000
    tries: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 0.01


class PairStates(NamedTuple):
    """Hidden states (L, N, W) of the right and the wrong response of each pair, each after its prompt."""

    right: NDArray[np.floating]
    wrong: NDArray[np.floating]


@dataclass(frozen=True)
class Readout:
    """A fitted readout: `direction` (W,) in the states of `layer` (its place among those given), and its `slope`.

    `slope` turns margins into probabilities. `held_out_accuracy` is what the layer was chosen by, and so a little
    flattering.
    """

    kind: Kind
    layer: int
    direction: Array
    slope: float
    held_out_accuracy: float

    def margins(self, states: PairStates) -> Array:
        """How much further along the direction the right response lies, (N,): above 0 where the choice is right."""
        return _along(self.direction, states, self.layer)

    def probabilities(self, states: PairStates) -> Array:
        """Probability given to the right response, (N,); the two of a pair sum to 1 in either order."""
        return _sigmoid(self.slope * self.margins(states))


def fit_readout(kind: Kind, train: PairStates, held_out: PairStates, seed: int, ccs: CCS | None = None) -> Readout:
    """The readout of `kind` fitted on `train`, its layer chosen and its probabilities calibrated on `held_out`.

    Both come from the source: nothing of a target is looked at. A layer is chosen by accuracy, then Brier score, then
    depth, the shallowest first. Raises `InputError` on fewer than `FEWEST` pairs in either, on shapes that differ, and
    on numbers that are not finite.
    """
    for name, states in (("training", train), ("held-out", held_out)):
        _check(name, states)
    if train.right.shape[::2] != held_out.right.shape[::2]:
        raise InputError(
            f"training states {train.right.shape} and held-out states {held_out.right.shape}",
            "both have the same layers and width",
            "read them from one model with the same layers",
        )
    found = []
    for layer in range(len(train.right)):
        direction = direction_of(kind, train.right[layer], train.wrong[layer], seed, ccs)
        margins = _along(direction, held_out, layer)
        slope, accuracy = calibrated_slope(margins), choice_accuracy(margins)
        worse = float(((1 - _sigmoid(slope * margins)) ** 2).mean())
        found.append((-accuracy, worse, layer, Readout(kind, layer, direction, slope, accuracy)))
    return min(found, key=lambda one: one[:3])[3]


def direction_of(
    kind: Kind, right: NDArray[np.floating], wrong: NDArray[np.floating], seed: int, ccs: CCS | None = None
) -> Array:
    """Unit direction (W,) of one layer's states (N, W), pointing from wrong to right; zeros where nothing differs.

    Neither a shift of all states nor a common factor changes it, but for rounding. `seed` draws the order in which
    ``lat`` and ``ccs`` see the two responses, and the starts of ``ccs``.
    """
    right, wrong = np.asarray(right, dtype=float), np.asarray(wrong, dtype=float)
    differences = right - wrong
    scale = float(np.sqrt((differences**2).mean()))
    if scale == 0:
        return np.zeros(right.shape[1])
    if kind == "mean_difference":
        return _unit(differences.mean(0) / scale)
    if kind == "logistic":
        return _unit(_logistic(differences / scale))
    swapped = rng(seed, "readout", kind, "order").random(len(right)) < 0.5
    first, second = np.where(swapped[:, None], right, wrong), np.where(swapped[:, None], wrong, right)
    if kind == "lat":
        centred = (second - first) / scale
        direction: Array = np.linalg.svd(centred - centred.mean(0), full_matrices=False)[2][0]
    else:
        direction = _consistent(first, second, seed, ccs or CCS())
    margins = differences @ direction
    accuracy = choice_accuracy(margins)
    return _unit(direction if (accuracy, margins.mean()) >= (0.5, 0.0) else -direction)


def choice_accuracy(margins: Sequence[float] | Array) -> float:
    """Share of pairs whose right response is chosen; an even choice is half right."""
    values = np.asarray(margins, dtype=float)
    return float(((values > 0) + 0.5 * (values == 0)).mean())


def calibrated_slope(margins: Sequence[float] | Array) -> float:
    """The factor a >= 0 that makes sigmoid(a margin) likeliest on these pairs (N,), all of them right if above 0.

    Temperature scaling with Platt's (1999) target (N + 1)/(N + 2) instead of 1, so that a perfect split stays finite. A
    slope below 0 would turn choices round, so an anti-predictive readout gets 0: probabilities of one half.
    """
    from scipy.optimize import brentq

    values = np.asarray(margins, dtype=float)
    size = float(np.abs(values).max(initial=0.0))
    if size == 0:
        return 0.0
    unit, target = values / size, (len(values) + 1) / (len(values) + 2)

    def slope_of_loss(factor: float) -> float:
        return float((unit * (_sigmoid(factor * unit) - target)).sum())

    if slope_of_loss(0.0) >= 0:
        return 0.0
    high = 1.0
    while slope_of_loss(high) < 0:
        high *= 2
    return float(brentq(slope_of_loss, 0.0, high)) / size


def _check(name: str, states: PairStates) -> None:
    right, wrong = states
    if right.ndim != 3 or right.shape != wrong.shape:
        raise InputError(
            f"{name} states of shapes {right.shape} and {wrong.shape}",
            "right and wrong responses have states (layers, pairs, width) of one shape",
            "give one of each per pair",
        )
    if right.shape[1] < FEWEST:
        raise InputError(
            f"{right.shape[1]} {name} pairs", f"a readout takes at least {FEWEST}", "give it more pairs of responses"
        )
    if not (np.isfinite(right).all() and np.isfinite(wrong).all()):
        raise InputError(f"{name} states that are not finite", "states are finite", "look at the model's precision")


def _along(direction: Array, states: PairStates, layer: int) -> Array:
    found: Array = (np.asarray(states.right[layer], float) - np.asarray(states.wrong[layer], float)) @ direction
    return found


def _sigmoid(x: Array) -> Array:
    half: Array = 0.5 * (1 + np.tanh(0.5 * x))
    return half


def _unit(direction: Array) -> Array:
    size = float(np.linalg.norm(direction))
    return direction / size if size > 0 else direction


def _logistic(differences: Array) -> Array:
    """Minimiser (W,) of sum log(1 + exp(-d.w)) + |w|^2 / 2: no intercept, for the order of a pair means nothing."""
    from scipy.optimize import minimize

    def loss(w: Array) -> tuple[float, Array]:
        margins = differences @ w
        return float(np.logaddexp(0, -margins).sum() + w @ w / 2), w - differences.T @ _sigmoid(-margins)

    found: Array = minimize(loss, np.zeros(differences.shape[1]), jac=True, method="L-BFGS-B").x
    return found


def _consistent(first: Array, second: Array, seed: int, how: CCS) -> Array:
    """Direction (W,) of the best of several searches: mean of (p0 + p1 - 1)^2 + min(p0, p1)^2, by AdamW, full batch.

    Each side is centred on its own mean, as its authors do, and all is brought to one scale. All tries run at once.
    """
    sides = [side - side.mean(0) for side in (first, second)]
    scale = float(np.sqrt(np.mean([(side**2).mean() for side in sides])))
    x0, x1 = (side / scale for side in sides)
    width = first.shape[1]
    draw = rng(seed, "readout", "ccs", "starts")
    both: Array = draw.uniform(-1, 1, (how.tries, width + 1)) / np.sqrt(width)  # weights and bias of every try
    mean, square = np.zeros_like(both), np.zeros_like(both)
    for step in range(1, how.steps + 1):
        gradient = _ccs_loss(both, x0, x1)[1]
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        move = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        both = both * (1 - how.learning_rate * how.weight_decay) - how.learning_rate * move
    best: Array = both[int(_ccs_loss(both, x0, x1)[0].argmin()), :-1]
    return best


def _ccs_loss(both: Array, x0: Array, x1: Array) -> tuple[Array, Array]:
    """Loss (T,) of every try and its gradient (T, W + 1)."""
    p0, p1 = (_sigmoid(x @ both[:, :-1].T + both[:, -1]) for x in (x0, x1))
    sum_gap, lower = p0 + p1 - 1, np.minimum(p0, p1)
    loss: Array = (sum_gap**2 + lower**2).mean(0)
    z0 = 2 * (sum_gap + lower * (p0 <= p1)) * p0 * (1 - p0) / len(x0)
    z1 = 2 * (sum_gap + lower * (p1 < p0)) * p1 * (1 - p1) / len(x0)
    return loss, np.concatenate([z0.T @ x0 + z1.T @ x1, (z0 + z1).sum(0)[:, None]], axis=1)
