import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobath.base.errors import IdentityError, InputError
from isobath.base.identity import canonical_json, fingerprint
from isobath.base.seeding import rng, stream_seed
from isobath.base.value import Value

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class A(Value):
    x: int = 1


class B(Value):
    x: int = 1


@given(plain)
def test_equal_values_have_equal_fingerprints_whatever_the_key_order(value):
    turned = dict(reversed(list(value.items()))) if isinstance(value, dict) else value
    assert fingerprint(value) == fingerprint(turned)


@given(plain, plain)
def test_different_json_means_different_fingerprints(one, other):
    assert (canonical_json(one) == canonical_json(other)) == (fingerprint(one) == fingerprint(other))


def test_types_of_values_are_part_of_identity():
    assert fingerprint(A()) != fingerprint(B())
    assert fingerprint(A()) != fingerprint({"x": 1})
    assert fingerprint(1) != fingerprint("1") != fingerprint(True)


@pytest.mark.parametrize("bad", [math.nan, math.inf, {1: 2}, {"f": len}, {1, 2}, object(), b"bytes"])
def test_what_has_no_canonical_form_is_refused_with_its_place(bad):
    with pytest.raises(IdentityError, match="value"):
        fingerprint({"deep": [bad]})


def test_values_are_frozen_and_closed():
    with pytest.raises(ValueError):
        A(y=2)
    with pytest.raises(ValueError):
        A().x = 3


def test_streams_with_other_names_or_types_are_others():
    draws = [tuple(rng(0, *names).integers(0, 2**31, 4)) for names in [("a",), ("b",), ("a", "b"), (1,), ("1",)]]
    assert len(set(draws)) == len(draws)
    assert stream_seed(0, "a") == stream_seed(0, "a") != stream_seed(1, "a")


def test_an_input_error_names_value_rule_and_remedy_and_survives_pickling():
    import pickle

    error = InputError("seed 'x'", "seeds are integers", "write 0", "study.yaml:3")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "study.yaml:3: seed 'x'. Rule: seeds are integers. Remedy: write 0."
