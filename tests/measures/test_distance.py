"""Distances, p values and labels on constructed embeddings, where the truth is known."""

from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from isobath.analysis.multiplicity import benjamini_hochberg
from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.region import Region
from isobath.measures.auroc import auroc
from isobath.measures.distance import BareLabel, TrainingTexts, bare_label, conformal_p, distance_covariates
from isobath.measures.logistic import binary_logistic
from isobath.measures.shrinkage import ledoit_wolf
from isobath.measures.two_sample import c2st, likeness, reduced


def normal(n, width, *names, shift=0.0):
    found = rng(0, "test", "distance", *names).normal(size=(n, width))
    found[:, 0] += shift
    return found


def test_ledoit_wolf_by_hand():
    """Rows (2, 0), (-2, 0), (0, 1), (0, -1): S = diag(2, 0.5), mu = 1.25, d2 = 0.5625, and by hand
    sum |x x' - S|^2 / p = (2 (2^2 + 0.5^2) + 2 (2^2 + 0.5^2)) / 2 = 8.5, so b2 = 8.5/16 and b2/d2 = 17/18."""
    found = ledoit_wolf(np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]]))
    assert found.shrinkage == pytest.approx(17 / 18)
    np.testing.assert_allclose(found.covariance, np.diag([1.25 + 0.75 / 18, 1.25 - 0.75 / 18]))


@given(n=st.integers(2, 12), p=st.integers(1, 6), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_ledoit_wolf_is_its_formula_term_by_term(n, p, seed):
    values = rng(seed, "test", "shrinkage").normal(size=(n, p)) * np.arange(1, p + 1)
    centred = values - values.mean(0)
    sample = centred.T @ centred / n
    target = np.trace(sample) / p * np.eye(p)
    d2 = ((sample - target) ** 2).sum() / p
    b2 = min(d2, sum(((np.outer(x, x) - sample) ** 2).sum() / p for x in centred) / n**2)
    rho = b2 / d2 if d2 > 1e-12 else 0.0
    found = ledoit_wolf(values)
    if d2 > 1e-12:
        assert found.shrinkage == pytest.approx(rho)
    np.testing.assert_allclose(found.covariance, (1 - rho) * sample + rho * target, atol=1e-9)
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-12


def test_ledoit_wolf_is_nearer_the_truth_than_the_sample():
    truth = np.diag(np.linspace(1, 3, 20))
    values = normal(30, 20, "cov") @ np.sqrt(truth)
    sample = np.cov(values.T, bias=True)
    assert np.linalg.norm(ledoit_wolf(values).covariance - truth) < 0.7 * np.linalg.norm(sample - truth)


def test_knn_and_density_ratio_against_every_pair():
    train, test, k = normal(40, 6, "train"), normal(15, 6, "test"), 3
    found = TrainingTexts(train, k=k).measured(test)
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (train, test)]
    own = [np.sort([np.linalg.norm(a - b) for b in unit[0]])[k] for a in unit[0]]
    for i, vector in enumerate(unit[1]):
        gaps = np.array([np.linalg.norm(vector - b) for b in unit[0]])
        near = np.argsort(gaps)[:k]
        assert found["knn"][i] == pytest.approx(gaps[near[-1]])
        assert found["density_ratio"][i] == pytest.approx(gaps[near[-1]] / np.mean([own[j] for j in near]))


def test_mahalanobis_is_the_distance_of_the_gaussian_it_came_from():
    """In as many dimensions as components, many training texts: the squared distance is chi-square."""
    turn, _ = np.linalg.qr(rng(0, "test", "mix").normal(size=(6, 6)))
    mix = np.diag(np.linspace(1, 2, 6)) @ turn  # of like size: shrinkage weighs on what is small beside the mean
    train, test = normal(4000, 6, "m-train") @ mix, normal(2000, 6, "m-test") @ mix
    squared = TrainingTexts(train).measured(test)["mahalanobis"].to_numpy() ** 2
    assert stats.kstest(squared, "chi2", args=(6,)).pvalue > 0.01
    shifted = TrainingTexts(train).measured(test + 5 * mix[0])["mahalanobis"].to_numpy() ** 2
    assert shifted.mean() == pytest.approx(6 + 25, abs=2)  # three times what drawing both sets leaves open


def test_a_training_text_is_at_no_distance_from_its_copies():
    train = np.repeat(normal(8, 5, "copies"), 6, axis=0)
    found = TrainingTexts(train).measured(np.concatenate([train[:3], normal(1, 5, "other")]))
    assert list(found["knn"][:3]) == [0, 0, 0] and list(found["density_ratio"][:3]) == [1, 1, 1]
    assert np.isinf(found["density_ratio"][3])


def test_the_order_of_test_texts_does_not_matter():
    train, test = normal(60, 40, "o-train"), normal(20, 40, "o-test")
    found = distance_covariates(train, test, normal(30, 40, "o-cal"))
    back = distance_covariates(train, test[::-1], normal(30, 40, "o-cal"))
    for name in ("knn", "density_ratio", "mahalanobis", "c2st", "p_knn", "adjusted_p"):
        np.testing.assert_allclose(found[name], back[name][::-1], rtol=1e-9)


@given(scores=st.lists(st.integers(0, 5), min_size=1, max_size=8), held=st.lists(st.integers(0, 5), min_size=1))
def test_conformal_p_counts(scores, held):
    found = conformal_p(np.array(held, dtype=float), np.array(scores, dtype=float))
    for p, score in zip(found, scores, strict=True):
        assert p == pytest.approx((1 + sum(h >= score for h in held)) / (len(held) + 1))


def test_p_values_hold_their_level_and_find_what_is_far():
    """200 studies of 40 calibration and 40 test texts: under the null p <= .05 at most that often, and the false
    discovery share of Benjamini-Hochberg stays below its level with a quarter of the texts far out."""
    below, false = [], []
    for study in range(200):
        held, test = normal(40, 1, study, "cal")[:, 0], normal(40, 1, study, "test")[:, 0]
        below.append((conformal_p(held, test) <= 0.05).mean())
    assert np.mean(below) < 0.05 + 3 * np.std(below) / 200**0.5
    for study in range(60):
        train, held = normal(120, 8, study, "fdr"), normal(100, 8, study, "fdr-cal")
        test = normal(40, 8, study, "fdr-test")
        test[:10] += 12 * np.eye(8)[0]
        found = TrainingTexts(train).measured(test)["mahalanobis"].to_numpy()
        p = conformal_p(TrainingTexts(train).measured(held)["mahalanobis"].to_numpy(), found)
        rejected = np.array(benjamini_hochberg(list(p))) <= 0.1
        false.append(rejected[10:].sum() / max(1, rejected.sum()))
        assert rejected[:10].all()
    assert np.mean(false) < 0.1 + 3 * np.std(false) / 60**0.5


def test_labels_are_in_distribution_near_and_far():
    held = np.arange(1.0, 101.0)  # median 50.5, 99th percentile 100
    labels = bare_label(held, np.array([50, 96, 97, 140, 149.6, 1000.0]))
    assert labels == [
        BareLabel.IN_DISTRIBUTION,
        BareLabel.IN_DISTRIBUTION,
        BareLabel.NEAR,
        BareLabel.NEAR,
        BareLabel.FAR,
        BareLabel.FAR,
    ]
    assert bare_label(held, np.array([101.0, 100.0]), margin=0.0) == [BareLabel.FAR, BareLabel.FAR]
    with pytest.raises(InputError, match="needs at least 20"):
        bare_label(held[:19], held)
    assert bare_label(held[:20], np.array([200.0])) == [BareLabel.FAR]


def test_a_label_cannot_name_a_region():
    assert {str(x) for x in BareLabel} == {"in-distribution", "near", "far"}
    assert not {str(x) for x in BareLabel} & {str(x) for x in Region}
    assert get_type_hints(bare_label)["return"] == list[BareLabel]
    for region in Region:
        with pytest.raises(ValueError):
            BareLabel(str(region))


def test_covariates_grow_with_the_shift_and_calibration_is_held_out():
    train = normal(300, 16, "c-train")
    test = np.concatenate([normal(50, 16, "c", str(s), shift=s) for s in (0, 4, 40)])
    found = distance_covariates(train, test)
    again = distance_covariates(train, test)
    assert found.equals(again) and not found.equals(distance_covariates(train, test, seed=1))
    means = found.groupby(np.repeat([0, 4, 40], 50))[["knn", "mahalanobis"]].mean()
    assert means["mahalanobis"].is_monotonic_increasing
    labels = found["label"].to_numpy().reshape(3, 50)
    assert (labels[0] == "in-distribution").mean() > 0.8
    assert (found["p_mahalanobis"].to_numpy().reshape(3, 50)[2] < 0.05).all()


def test_two_samples_of_one_distribution_cannot_be_told_apart():
    """Over 40 pairs of sets the p values are those of no difference: as often below .1 as they should be."""
    p = [c2st(normal(40, 3, s, "a"), normal(30, 3, s, "b"), seed=s, permutations=19).p for s in range(40)]
    assert min(p) >= 1 / 20
    assert stats.binomtest(sum(x <= 0.1 for x in p), 40, 0.1).pvalue > 0.01


def test_a_known_difference_has_its_known_area():
    """Normals one apart: the best linear direction has the area Phi(1/sqrt 2) = 0.76."""
    found = c2st(normal(600, 3, "near"), normal(600, 3, "apart", shift=1.0), permutations=19)
    assert found.auc == pytest.approx(stats.norm.cdf(1 / 2**0.5), abs=0.03) and found.p == pytest.approx(0.05)


def test_more_columns_than_texts_are_fitted_the_same_on_principal_axes():
    values, labels = normal(30, 80, "wide"), np.arange(30) % 3 == 0
    standard, turned = (values - values.mean(0)) / values.std(0), reduced(values)
    plain, axes = (binary_logistic(v, labels, 1.0) for v in (standard, turned))
    np.testing.assert_allclose(standard @ plain[:-1] + plain[-1], turned @ axes[:-1] + axes[-1], atol=1e-6)


def test_likeness_to_a_test_text_finds_those_that_are_different():
    train, test = normal(300, 8, "like-train"), normal(60, 8, "like-test")
    test[:20, 0] += 5
    found = likeness(train, test)
    assert auroc(found, (np.arange(60) < 20).astype(float)).value > 0.95
    same = likeness(train, normal(60, 8, "like-same"))
    assert abs(auroc(same, (np.arange(60) < 20).astype(float)).value - 0.5) < 0.25
    assert np.isnan(likeness(train, test[:4])).all()


def test_turning_onto_principal_axes_keeps_distances():
    values = normal(12, 50, "turn")
    turned = reduced(values)
    assert turned.shape == (12, 12)
    standard = (values - values.mean(0)) / values.std(0)
    np.testing.assert_allclose(turned @ turned.T, standard @ standard.T, atol=1e-9)
    assert reduced(np.ones((5, 3))).shape == (5, 1)


def test_what_cannot_be_measured_is_refused():
    train = normal(20, 4, "r")
    for bad, match in ((np.ones((20, 4)), "1 of them different"), (train[:5], "5 training texts")):
        with pytest.raises(InputError, match=match):
            TrainingTexts(bad)
    with pytest.raises(InputError, match="not all finite"):
        TrainingTexts(np.where(train > 2, np.nan, np.inf))
    with pytest.raises(InputError, match="width 3"):
        distance_covariates(train, normal(9, 3, "r"), train)
    with pytest.raises(InputError, match="calibration vectors"):
        distance_covariates(train, train, train[:0])
    with pytest.raises(InputError, match="no calibration"):
        conformal_p(np.array([]), np.ones(2))
    with pytest.raises(InputError, match="each fold of 5"):
        c2st(train, train[:4])
    with pytest.raises(InputError, match="at least two"):
        ledoit_wolf(np.ones((1, 3)))
