"""Logistic regression with an L2 penalty: two classes by Newton's method, any number by L-BFGS."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import minimize

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

NEWTON_STEPS, SMALL_STEP = 50, 1e-9


class Linear(NamedTuple):
    """`values @ weights + bias`: scores (n, classes) for weights (p, classes) and bias (classes,)."""

    weights: Array
    bias: Array

    def scores(self, values: Array) -> Array:
        """Scores (n, classes) of values (n, p)."""
        found: Array = values @ self.weights + self.bias
        return found


def binary_logistic(values: Array, labels: NDArray[np.bool_], penalty: float) -> Array:
    """Slopes (p,) and, last, intercept of the logistic regression of `labels` (n,) on `values` (n, p).

    Minimises sum of log losses + penalty/2 |slopes|^2 (the intercept is free). With a penalty above 0 the minimum
    exists also where the classes can be parted without error.
    """
    design = np.column_stack([values, np.ones(len(values))])
    ridge = np.append(np.full(values.shape[1], penalty), 0.0)
    beta = np.zeros(design.shape[1])
    loss = _binary_loss(design, labels, ridge, beta)
    for _ in range(NEWTON_STEPS):
        p = special.expit(design @ beta)
        gradient = design.T @ (p - labels) + ridge * beta
        curvature = (design * (p * (1 - p))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += ridge + 1e-10
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (new := _binary_loss(design, labels, ridge, beta - size * step)) > loss and size > 1e-6:
            size /= 2
        beta, loss = beta - size * step, min(new, loss)
        if np.abs(size * step).max() < SMALL_STEP * (1 + np.abs(beta).max()):
            break
    return beta


def _binary_loss(design: Array, labels: NDArray[np.bool_], ridge: Array, beta: Array) -> float:
    scores = design @ beta
    return float(np.logaddexp(0.0, np.where(labels, -scores, scores)).sum() + (ridge * beta**2).sum() / 2)


def softmax_regression(
    values: Array, classes: Codes, count: int, penalty: float, start: Linear | None = None
) -> Linear:
    """The multinomial logistic regression of `classes` (n,), numbered below `count`, on `values` (n, p).

    Minimises mean log loss + penalty/2 |weights|^2 (the biases are free). `start` only saves time.
    """
    n, p = values.shape
    target = np.zeros((n, count))
    target[np.arange(n), classes] = 1.0

    def loss(flat: Array) -> tuple[float, Array]:
        weights, bias = flat[: p * count].reshape(p, count), flat[p * count :]
        scores = values @ weights + bias
        total = special.logsumexp(scores, axis=1)
        wrong = (np.exp(scores - total[:, None]) - target) / n
        value = float(total.mean() - (scores * target).sum() / n + penalty * (weights**2).sum() / 2)
        return value, np.concatenate([(values.T @ wrong + penalty * weights).ravel(), wrong.sum(0)])

    first = np.zeros((p + 1) * count) if start is None else np.concatenate([start.weights.ravel(), start.bias])
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-8, "gtol": 1e-5})
    return Linear(found.x[: p * count].reshape(p, count), found.x[p * count :])
