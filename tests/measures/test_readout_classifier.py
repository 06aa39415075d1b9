"""Readout classifiers on states whose truth is known: what each finds, what changes nothing, what none can do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.measures.readout_classifier import (
    CCS,
    FEWEST,
    KINDS,
    PairStates,
    _ccs_loss,
    calibrated_slope,
    choice_accuracy,
    direction_of,
    fit_readout,
)

WIDTH = 24
QUICK = CCS(steps=400, tries=4)


def world(pairs, draw, truth, strength=2.0, distractor=None, size=0.0, spread=0.5):
    """States of right and wrong responses: shared content, +- strength along `truth`, noise, and +- a random sign along
    `distractor`."""
    content = draw.normal(size=(pairs, WIDTH))
    sign = draw.choice([-1.0, 1.0], size=(pairs, 1)) * (0 if distractor is None else size)
    along = truth * strength + sign * (0 if distractor is None else distractor)
    noise = draw.normal(0, spread, (2, pairs, WIDTH))
    return PairStates((content + along + noise[0])[None], (content - along + noise[1])[None])


def axes(draw):
    truth, other = np.linalg.qr(draw.normal(size=(WIDTH, 2)))[0].T
    return truth, other


def states(seed=0, train=100, **how):
    draw = np.random.default_rng(seed)
    truth, other = axes(draw)
    how = {**how, "distractor": other} if "size" in how else how
    return truth, [world(n, draw, truth, **how) for n in (train, 40, 300)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_direction_is_found_and_chooses_rightly_elsewhere(kind):
    truth, (train, held_out, test) = states()
    made = fit_readout(kind, train, held_out, seed=0, ccs=QUICK)
    least = 0.6 if kind == "ccs" else 0.95  # any direction that splits the pairs is consistent
    assert made.direction @ truth > least and choice_accuracy(made.margins(test)) > 0.95


@pytest.mark.parametrize("kind", ["lat", "ccs"])
def test_without_labels_means_that_labels_change_the_sign_alone(kind):
    _, (train, _, _) = states()
    right, wrong = train.right[0], train.wrong[0]
    found = direction_of(kind, right, wrong, 3, QUICK)
    relabelled = direction_of(kind, wrong, right, 3, QUICK)  # every label turned round
    assert np.allclose(relabelled, -found, atol=1e-6)


def test_one_label_in_five_wrong_hardly_moves_a_principal_component():
    _, (train, _, _) = states()
    turned = np.random.default_rng(0).random(len(train.right[0])) < 0.2
    right, wrong = (
        np.where(turned[:, None], a[0], b[0]) for a, b in ((train.wrong, train.right), (train.right, train.wrong))
    )
    assert direction_of("lat", right, wrong, 3) @ direction_of("lat", train.right[0], train.wrong[0], 3) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_what_needs_no_labels_finds_the_most_prominent_feature_instead(seed):
    """The known limit: a random but consistent feature three times as large (Farquhar et al. 2023)."""
    _, (train, held_out, test) = states(seed, size=6.0)
    for kind in ("lat", "ccs"):
        made = fit_readout(kind, train, held_out, seed=0, ccs=QUICK)
        assert choice_accuracy(made.margins(test)) < 0.7, kind
    assert choice_accuracy(fit_readout("logistic", train, held_out, seed=0).margins(test)) > 0.95


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(KINDS), st.floats(0.01, 1000), st.floats(-50, 50))
def test_shift_and_scale_of_all_states_change_no_choice_and_no_probability(kind, factor, shift):
    _, parts = states(train=40)
    moved = [PairStates(factor * p.right + shift, factor * p.wrong + shift) for p in parts]
    quick = CCS(steps=60, tries=2)
    plain = fit_readout(kind, parts[0], parts[1], 0, quick).probabilities(parts[2])
    again = fit_readout(kind, moved[0], moved[1], 0, quick).probabilities(moved[2])
    assert np.allclose(plain, again, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_readout_and_swapped_responses_the_opposite_probability(kind):
    _, (train, held_out, test) = states(train=40)
    one, two = (fit_readout(kind, train, held_out, 5, CCS(steps=50, tries=2)) for _ in range(2))
    assert np.array_equal(one.direction, two.direction) and one.slope == two.slope
    assert np.allclose(one.probabilities(test) + one.probabilities(PairStates(test.wrong, test.right)), 1)


def test_the_layer_is_chosen_on_held_out_pairs_of_the_source():
    _, (train, held_out, test) = states()

    def layered(p):
        draw = np.random.default_rng(len(p.right[0]))
        junk = draw.normal(size=(2, 1, *p.right.shape[1:]))
        return PairStates(*(np.concatenate([j, s, np.zeros_like(s)]) for j, s in zip(junk, p, strict=True)))

    made = fit_readout("mean_difference", layered(train), layered(held_out), 0)
    assert made.layer == 1 and made.held_out_accuracy > 0.95
    assert choice_accuracy(made.margins(layered(test))) > 0.95


def test_states_that_do_not_differ_leave_even_choices():
    same = PairStates(np.ones((1, 20, 4)), np.ones((1, 20, 4)))
    for kind in KINDS:
        made = fit_readout(kind, same, same, 0)
        assert made.slope == 0 and choice_accuracy(made.margins(same)) == 0.5
        assert (made.probabilities(same) == 0.5).all()


def test_probabilities_are_calibrated_on_the_held_out_pairs():
    """Overlapping responses: mean probability of the chosen answer meets its accuracy on fresh pairs of the source."""
    truth, _ = axes(np.random.default_rng(4))
    draw = np.random.default_rng(5)
    train, held_out, test = (world(n, draw, truth, strength=0.4, spread=1.0) for n in (200, 400, 4000))
    made = fit_readout("mean_difference", train, held_out, 0)
    right = made.probabilities(test)
    assert abs(np.maximum(right, 1 - right).mean() - choice_accuracy(made.margins(test))) < 0.04


def test_the_slope_is_the_likeliest_and_never_turns_choices_round():
    margins = np.array([1.0] * 30 + [-1.0] * 10)
    target = (30 * 41 / 42 + 10 * 1 / 42) / 40  # the share right after Platt's targets, in odds
    assert calibrated_slope(margins) == pytest.approx(np.log(target / (1 - target)), abs=0.05)
    assert calibrated_slope(-margins) == 0 and calibrated_slope(np.zeros(9)) == 0
    perfect = calibrated_slope(np.ones(20))
    assert np.isfinite(perfect) and 1 / (1 + np.exp(-perfect)) == pytest.approx(21 / 22)


def test_the_gradient_of_the_consistency_loss_is_that_of_its_loss():
    draw = np.random.default_rng(0)
    x0, x1, both = draw.normal(size=(9, 4)), draw.normal(size=(9, 4)), draw.normal(size=(2, 5))
    gradient = _ccs_loss(both, x0, x1)[1]
    for i in np.ndindex(*both.shape):
        step = np.zeros_like(both)
        step[i] = 1e-6
        rise = _ccs_loss(both + step, x0, x1)[0] - _ccs_loss(both - step, x0, x1)[0]
        assert gradient[i] == pytest.approx(rise[i[0]] / 2e-6, abs=1e-6)


def test_the_consistency_loss_by_hand():
    """p0 = p1 = .5: consistent, but it says nothing: loss .25. Certain and consistent: 0. Both certain: 1 + 1."""
    far, zero = 50.0, np.zeros((1, 2))
    assert _ccs_loss(zero, np.ones((3, 1)), -np.ones((3, 1)))[0] == pytest.approx(0.25)
    sure = np.array([[far, 0.0]])
    assert _ccs_loss(sure, np.ones((3, 1)), -np.ones((3, 1)))[0] == pytest.approx(0)
    assert _ccs_loss(sure, np.ones((3, 1)), np.ones((3, 1)))[0] == pytest.approx(2)


def test_ties_are_half_right():
    assert choice_accuracy([1.0, -1.0, 0.0, 0.0]) == 0.5


@pytest.mark.parametrize(
    ("train", "held_out", "what"),
    [
        (FEWEST - 1, 20, "training pairs"),
        (20, FEWEST - 1, "held-out pairs"),
    ],
)
def test_few_pairs_are_refused(train, held_out, what):
    parts = [PairStates(np.ones((1, n, 4)), np.zeros((1, n, 4))) for n in (train, held_out)]
    with pytest.raises(InputError, match=what):
        fit_readout("lat", *parts, 0)


def test_shapes_that_differ_and_numbers_that_are_none_are_refused():
    good = PairStates(np.ones((1, 20, 4)), np.zeros((1, 20, 4)))
    for bad in (
        PairStates(np.ones((1, 20, 4)), np.zeros((1, 19, 4))),
        PairStates(np.ones((20, 4)), np.zeros((20, 4))),
        PairStates(np.full((1, 20, 4), np.nan), np.zeros((1, 20, 4))),
        PairStates(np.ones((2, 20, 4)), np.zeros((2, 20, 4))),
    ):
        with pytest.raises(InputError):
            fit_readout("lat", good, bad, 0)
