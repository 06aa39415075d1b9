"""The area under the curve against counting pairs and normal theory, and its variance against DeLong's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from isobath.base.seeding import rng
from isobath.measures.auroc import auroc

ITEM = st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(0, 2))


def counted(items, grouped):
    """Every pair, one by one."""
    above = total = 0.0
    for a, wrong, g in items:
        for b, other, h in items:
            if g == h or not grouped:
                pair = wrong * (1 - other)
                above, total = above + pair * ((a > b) + (a == b) / 2), total + pair
    return above / total if total else np.nan


@given(items=st.lists(ITEM, min_size=1, max_size=12), grouped=st.booleans())
@settings(max_examples=150, deadline=None)
def test_it_is_the_share_of_pairs_in_the_right_order(items, grouped):
    scores, wrong, group = (np.array(column) for column in zip(*items, strict=True))
    found = auroc(scores.astype(float), wrong, group if grouped else None)
    expected = counted(items, grouped)
    assert found.value == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert np.mean(found.influence) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_two_normals_give_their_known_area():
    stream = rng(0, "test", "auroc")
    wrong = stream.random(20_000) < 0.3
    scores = stream.normal(size=20_000) + 1.0 * wrong
    assert auroc(scores, wrong.astype(float)).value == pytest.approx(special.ndtr(1 / 2**0.5), abs=0.01)


def test_influences_have_delongs_variance():
    stream = rng(1, "test", "auroc")
    wrong = np.repeat([1.0, 0.0], [40, 60])
    scores = stream.normal(size=100) + 0.7 * wrong
    found = auroc(scores, wrong)
    kernel = (scores[:40, None] > scores[None, 40:]).astype(float)
    delong = kernel.mean(1).var(ddof=1) / 40 + kernel.mean(0).var(ddof=1) / 60
    assert found.influence.var(ddof=1) / 100 == pytest.approx(delong, rel=0.02)


def test_infinite_scores_are_only_ranks():
    assert auroc(np.array([np.inf, np.inf, 1.0, -np.inf]), np.array([1.0, 0, 1, 0])).value == pytest.approx(0.625)


def test_nothing_wrong_or_nothing_right_is_no_number():
    for wrong in (np.zeros(3), np.ones(3)):
        found = auroc(np.arange(3.0), wrong)
        assert np.isnan(found.value) and found.pairs == 0
    apart = auroc(np.arange(4.0), np.array([1.0, 1, 0, 0]), np.array([0, 0, 1, 1]))
    assert np.isnan(apart.value) and apart.pairs == 0
