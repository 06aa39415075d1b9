"""Readouts, invariance and likeness on states whose truth is planted."""

from __future__ import annotations

import numpy as np
import pytest

from isobath.base.seeding import rng
from isobath.study.claims.left_out import LATENTS, latent, left_out
from isobath.study.claims.represented import cka, invariance, read_latent, readout, ridge, texts_of
from isobath.world.decisions.coverage import coverage
from isobath.world.decisions.scenario import decision_rule

WIDTH = 24
TEXTS = texts_of(0)


def states(points, shared, draw, factor="principal"):
    """(3 layers, texts, width): nothing; noise; noise and the latent (`shared`) or the bare level as a direction."""
    values = sorted(LATENTS[factor])
    levels = sorted({p[factor] for p in points} | set(coverage(0).relevant[factor]) | set(left_out(0)[factor]))
    directions = np.random.default_rng(1).normal(size=(len(values) + len(levels), WIDTH))
    out = 0.3 * draw.normal(size=(2, len(points), WIDTH))
    for i, p in enumerate(points):
        which = values.index(latent(0, factor, p[factor])) if shared else len(values) + levels.index(p[factor])
        out[1, i] += 2 * directions[which]
    return np.concatenate([np.zeros((1, len(points), WIDTH)), out])  # an embedding that says nothing


def read(shared):
    draw = rng(0, "test", str(shared))
    made = (states(points, shared, draw) for points in (TEXTS.fit, TEXTS.same, TEXTS.new["principal"]))
    return read_latent(*made, TEXTS, "principal", 0)


def test_a_latent_that_levels_share_is_read_at_new_levels():
    found = read(True)
    assert found.same > 0.95 and found.new > 0.95 and found.layer == 2


def test_one_that_is_only_remembered_level_by_level_is_not():
    found = read(False)
    assert found.same > 0.95  # the trained levels are told apart
    assert found.new < 0.75  # chance is a third; new levels lie in directions of their own


def test_the_layer_is_chosen_by_levels_left_out_and_not_by_fit():
    """One layer names the levels without noise, the other their latent with some: the second must be chosen."""
    draw = rng(0, "test", "choice")
    codes = np.repeat([0, 1], 120)
    level = np.repeat(np.arange(6), 40)
    levels = np.eye(6)[level] * 5
    shared = np.eye(2)[codes] + 0.4 * draw.normal(size=(240, 2))
    pad = np.zeros((240, 4))
    fit = np.stack([np.zeros((240, 6)), levels, np.hstack([shared, pad])])
    assert readout(fit, codes, [str(x) for x in level], 0)[0] == 2


def test_ridge_is_least_squares_with_a_penalty():
    draw = rng(0, "test", "ridge")
    x, codes = draw.normal(size=(50, 3)), draw.integers(2, size=50)
    z = (x - x.mean(0)) / (x.std(0) + 1e-9)
    y = np.eye(2)[codes]
    stacked = np.vstack([z, np.sqrt(0.1 * 50) * np.eye(3)])
    target = np.vstack([y - y.mean(0), np.zeros((3, 2))])
    expected = z @ np.linalg.lstsq(stacked, target, rcond=None)[0] + y.mean(0)
    assert ridge(x, codes, 0.1, x, 2) == pytest.approx(expected)


def test_invariance_of_states_that_ignore_the_rendering_and_of_those_that_hold_nothing_else():
    draw = rng(0, "test", "invariance")
    actions = ["a", "b"] * 10
    points, renderings = draw.normal(size=(20, 1, 8)), draw.normal(size=(1, 6, 8))
    fixed = invariance(np.repeat(points, 6, axis=1), actions)
    assert fixed.rendering == pytest.approx(0) and fixed.cosine > 0.9
    moved = invariance(np.repeat(renderings, 20, axis=0), actions)
    assert moved.rendering == pytest.approx(1) and moved.cosine < 0.1
    both = invariance(points + renderings, actions)
    assert 0.3 < both.rendering < 0.7


def test_cka_is_one_up_to_rotation_and_scale_and_small_for_strangers():
    draw = rng(0, "test", "cka")
    x = draw.normal(size=(400, 6))
    turned = 3 * x @ np.linalg.qr(draw.normal(size=(6, 6)))[0] + 1
    assert cka(x, turned) == pytest.approx(1) and cka(x, draw.normal(size=(400, 6))) < 0.1


def test_texts_are_of_trained_levels_but_one_and_renderings_are_new():
    known, new = coverage(0), left_out(0)
    fit, same = ({tuple(p.items()) for p in points} for points in (TEXTS.fit, TEXTS.same))
    assert len(fit) == 480 and len(same) == 160 and not fit & same
    for p in (*TEXTS.fit, *TEXTS.same):
        assert all(p[f] in known.relevant[f] for f in new)
    for factor, points in TEXTS.new.items():
        assert all(p[factor] in new[factor] for p in points)
        assert all(p[f] in known.relevant[f] for p in points for f in new if f != factor)
    rule = decision_rule(0)
    for i in range(0, len(TEXTS.rendered), 6):
        six = TEXTS.rendered[i : i + 6]
        assert len({tuple(p[f] for f in new) for p in six}) == 1 and rule(six[0]) is not None
        assert all(p["context"] in known.kept["context"] and p["wording"] in known.kept["wording"] for p in six)
