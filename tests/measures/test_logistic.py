"""Logistic regressions against the optimum found another way."""

import numpy as np
import pytest
from scipy.optimize import minimize

from isobath.base.seeding import rng
from isobath.measures.logistic import binary_logistic, softmax_regression


def drawn(n=80, p=4, seed=0):
    stream = rng(seed, "test", "logistic")
    values = stream.normal(size=(n, p))
    return values, values @ [1.0, -2.0, 0.0, 0.5] + stream.logistic(size=n) > 0.3


@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_two_classes_reach_the_optimum(penalty):
    values, labels = drawn()

    def loss(beta):
        scores = (values @ beta[:-1] + beta[-1]) * np.where(labels, 1, -1)
        return np.log1p(np.exp(-scores)).sum() + penalty * (beta[:-1] ** 2).sum() / 2

    best = minimize(loss, np.zeros(5), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 20_000})
    np.testing.assert_allclose(binary_logistic(values, labels, penalty), best.x, atol=1e-4)


def test_classes_that_can_be_parted_still_have_an_optimum():
    values = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    beta = binary_logistic(values, np.array([False, False, True, True]), 1.0)
    assert np.isfinite(beta).all() and beta[0] > 0 and beta[1] == pytest.approx(0, abs=1e-8)


def test_many_classes_agree_with_two():
    """Two columns that are each other's opposite: half the penalty on their difference, and a mean for a sum."""
    values, labels = drawn()
    found = softmax_regression(values, labels.astype(np.intp), 2, penalty=2 * 1.0 / len(values))
    slopes, bias = found.weights[:, 1] - found.weights[:, 0], found.bias[1] - found.bias[0]
    np.testing.assert_allclose([*slopes, bias], binary_logistic(values, labels, 1.0), atol=2e-3)


def test_three_classes_along_one_line_can_all_be_told():
    """Where least squares on indicators would never name the middle one."""
    values = np.repeat([-1.0, 0.0, 1.0], 30)[:, None] + rng(0, "test", "line").normal(size=(90, 1)) * 0.05
    classes = np.repeat([0, 1, 2], 30)
    found = softmax_regression(values, classes, 3, penalty=1e-4)
    assert (found.scores(values).argmax(1) == classes).all()


def test_a_start_changes_the_time_only():
    values, labels = drawn()
    cold = softmax_regression(values, labels.astype(np.intp), 2, 0.01)
    warm = softmax_regression(
        values, labels.astype(np.intp), 2, 0.01, start=softmax_regression(values, labels.astype(np.intp), 2, 1.0)
    )
    np.testing.assert_allclose(cold.scores(values), warm.scores(values), atol=5e-3)
