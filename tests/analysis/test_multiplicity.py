"""Adjusted p values against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from isobath.analysis.multiplicity import benjamini_hochberg, holm


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_and_benjamini_hochberg_are_those_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusting_never_lowers_a_p_value_and_keeps_their_order(p_values):
    for adjust in (holm, benjamini_hochberg):
        adjusted = np.array(adjust(p_values))
        assert (adjusted >= np.array(p_values) - 1e-12).all()
        assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= -1e-12).all()


def test_no_questions_no_p_values():
    assert holm([]) == benjamini_hochberg([]) == []
