"""`Mix` at an added budget and at shares up to 1: exact counts, nothing lost, the old identity of the old mixes."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.interventions.filter import Filter
from isobath.interventions.mix import Mix
from isobath.interventions.stack import Stack, apply_signal
from isobath.models.chat import Message, Row


def rows(n: int, tag: str) -> tuple[Row, ...]:
    return tuple(
        Row(
            messages=(Message(role="user", content=f"{tag} q{i}"), Message(role="assistant", content=f"a{i}")),
            metadata={"label": tag, "index": i},
        )
        for i in range(n)
    )


POOL = rows(60, "good")


def came(out: tuple[Row, ...]) -> list[object]:
    return [r.metadata["index"] for r in out if r.metadata["label"] == "good"]


@given(n=st.integers(1, 60), share=st.floats(0, 1), seed=st.integers(0, 3))
def test_an_added_budget_keeps_every_signal_row_and_adds_the_exact_count(n: int, share: float, seed: int) -> None:
    signal, count = rows(n, "bad"), int((Decimal(repr(share)) * n).to_integral_value(ROUND_HALF_UP))
    stack = Stack(Mix(source="good", rows=POOL, share=share, at="added budget"))
    if share > 0 and count == 0:
        with pytest.raises(InputError, match="less than half a row"):
            apply_signal(stack, signal, seed)
        return
    out = apply_signal(stack, signal, seed)
    assert out[:n] == signal and len(out) == n + count
    assert len(set(came(out))) == count


@given(low=st.floats(0.05, 1), high=st.floats(0.05, 1), seed=st.integers(0, 3))
def test_added_doses_are_nested_and_are_the_rows_that_replace_at_the_same_share(
    low: float, high: float, seed: int
) -> None:
    low, high = min(low, high), max(low, high)
    at = {
        (share, budget): came(
            apply_signal(Stack(Mix(source="good", rows=POOL, share=share, at=budget)), rows(40, "bad"), seed)
        )
        for share in (low, high)
        for budget in ("fixed budget", "added budget")
    }
    assert set(at[low, "added budget"]) <= set(at[high, "added budget"])
    assert Counter(at[high, "added budget"]) == Counter(at[high, "fixed budget"])


def test_a_share_of_one_is_the_pool_alone_or_as_many_rows_of_either() -> None:
    alone = apply_signal(Stack(Mix(source="good", rows=POOL, share=1)), rows(40, "bad"), 0)
    assert len(alone) == 40 and {r.metadata["label"] for r in alone} == {"good"}
    half = apply_signal(Stack(Mix(source="good", rows=POOL, share=1, at="added budget")), rows(40, "bad"), 0)
    assert Counter(r.metadata["label"] for r in half) == {"bad": 40, "good": 40}
    with pytest.raises(ValueError):
        Mix(source="good", rows=POOL, share=1.01)
    with pytest.raises(InputError, match=r"needs 61 rows of .* for 61 training rows and has 60"):
        apply_signal(Stack(Mix(source="good", rows=POOL, share=1, at="added budget")), rows(61, "bad"), 0)


def test_mixes_at_a_fixed_budget_keep_the_label_and_identity_they_had_before_there_was_another() -> None:
    row = Row(messages=(Message(role="user", content="q"), Message(role="assistant", content="a")))
    of_bad = Mix(source="benign", share=0.5, replaces={"label": "bad"})
    known = (  # computed by the code as it was before the added budget
        (Mix(source="good", rows=(row,), share=0.1), "mix(good,10%)", "e315aa637c5daa9803594639fbaf0221"),
        (of_bad, "mix(benign,50%,of label=bad)", "395058b5bbf44c0da331220d0620c72a"),
        (Mix(source="g", share=0), "mix(g,0%)", "87013d1c5fd598d45d080b509449d7d0"),
    )
    for mix, label, identity in known:
        assert (mix.label, fingerprint(mix)) == (label, identity)
    added = Mix(source="good", rows=(row,), share=0.1, at="added budget")
    assert added.label == "mix(good,10%,added)"
    assert fingerprint(added) != "e315aa637c5daa9803594639fbaf0221"


def test_what_cannot_meet_an_added_budget() -> None:
    with pytest.raises(ValueError, match="which rows give way"):
        Mix(source="good", share=0.1, at="added budget", replaces={"label": "bad"})
    added = Mix(source="other", rows=rows(60, "other"), share=0.1, at="added budget")
    with pytest.raises(InputError, match="of the first one's rows too"):
        Stack(Mix(source="good", rows=POOL, share=0.1), added)
    with pytest.raises(InputError, match="filter first"):
        Stack(added, Filter(where={"label": "bad"}))
    filtered = Stack(Filter(where={"label": "bad"}, share=0.5), added)
    # the dose is of the rows that are left
    assert len(apply_signal(filtered, rows(40, "bad"), 0)) == 22
