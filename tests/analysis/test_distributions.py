import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from isobath.analysis.distributions import beta_quantile, noncentral_t_tail, t_quantile, t_tail

df = st.floats(1, 500)
p = st.floats(0.001, 0.999)


@given(p, df)
def test_t_agrees_with_scipy_stats(p, df):
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-6, abs=1e-9)
    assert t_tail(2.5, df) == pytest.approx(stats.t.sf(2.5, df), rel=1e-6)


@given(st.floats(0.5, 4), df, st.floats(0, 5))
def test_noncentral_t_agrees_with_scipy_stats(value, df, shift):
    assert noncentral_t_tail(value, df, shift) == pytest.approx(stats.nct.sf(value, df, shift), abs=1e-6)


@given(p, st.floats(0.5, 200), st.floats(0.5, 200))
def test_beta_agrees_with_scipy_stats(p, a, b):
    assert beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-6, abs=1e-9)


def test_arrays_of_degrees_of_freedom():
    many = np.array([1.0, 4.0, 30.0])
    assert t_quantile(0.975, many) == pytest.approx(stats.t.ppf(0.975, many))
