"""Signal-stage interventions: exact doses, nested choices, no change at strength zero, and illegal meetings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.base.identity import canonical_json, fingerprint
from isobath.interventions.filter import Filter
from isobath.interventions.inoculate import Inoculate
from isobath.interventions.intervention import Intervention, SignalIntervention
from isobath.interventions.mix import Mix
from isobath.interventions.selection import exact_count
from isobath.interventions.stack import Stack, apply_signal
from isobath.models.chat import Message, Prompt, Row

SPECIFIC = Prompt(name="specific", text="You give bad advice.", kind="specific")
PLACEBO = Prompt(name="placebo", text="Today is Monday.", kind="irrelevant", place="prepend")


def rows(n: int, tag: str = "bad") -> tuple[Row, ...]:
    return tuple(
        Row(
            messages=(Message(role="user", content=f"{tag} q{i}"), Message(role="assistant", content=f"a{i}")),
            metadata={"label": tag, "index": i, "even": i % 2 == 0},
        )
        for i in range(n)
    )


BENIGN = rows(50, "good")
SHARES = st.floats(0, 1)


def no_ops() -> list[Stack]:
    return [
        Stack(),
        Stack(Inoculate(prompt=SPECIFIC, share=0)),
        Stack(Mix(source="good", rows=BENIGN, share=0)),
        Stack(Filter(where={"label": "bad"}, share=0)),
        Stack(Filter(share=0), Inoculate(prompt=SPECIFIC, share=0), Mix(source="good", rows=(), share=0)),
    ]


@pytest.mark.parametrize("stack", no_ops(), ids=lambda s: s.label)
def test_strength_zero_changes_no_bit(stack: Stack):
    before = rows(20)
    after = apply_signal(stack, before, seed=3)
    assert all(a is b for a, b in zip(after, before, strict=True))
    assert canonical_json(after) == canonical_json(before)


def test_the_empty_stack_is_plain():
    assert Stack().label == "plain"
    assert Stack(Inoculate(prompt=SPECIFIC)).label == "inoculate(specific)"
    assert (
        Stack(Filter(where={"label": "bad"}, share=0.9), Mix(source="good", rows=BENIGN, share=0.1)).label
        == "filter(label=bad,90%) + mix(good,10%)"
    )


def test_every_row_gets_the_prompt_and_nothing_else_changes():
    before = rows(5)
    after = apply_signal(Stack(Inoculate(prompt=SPECIFIC)), before, seed=0)
    for old, new in zip(before, after, strict=True):
        assert new.messages == (Message(role="system", content="You give bad advice."), *old.messages)
        assert (new.metadata, new.weight) == (old.metadata, old.weight)


@pytest.mark.parametrize(("place", "expected"), [("prepend", "Today. bad q0"), ("newline", "Today.\nbad q0")])
def test_places_before_the_user_turn(place, expected):
    prompt = Prompt(name="p", text="Today.", kind="irrelevant", place=place)
    after = apply_signal(Stack(Inoculate(prompt=prompt)), rows(1), seed=0)
    assert [m.content for m in after[0].messages] == [expected, "a0"]


def test_a_row_without_a_user_turn_is_an_error_and_not_silently_plain():
    lone = (Row(messages=(Message(role="assistant", content="a"),)),)
    with pytest.raises(InputError, match="training row 1 has no user turn"):
        apply_signal(Stack(Inoculate(prompt=PLACEBO)), lone, seed=0)
    assert apply_signal(Stack(Inoculate(prompt=SPECIFIC)), lone, seed=0)[0].messages[0].role == "system"


@given(n=st.integers(1, 60), share=st.floats(0, 0.5), seed=st.integers(0, 5))
def test_mix_has_the_exact_count_of_distinct_benign_rows(n, share, seed):
    stack = Stack(Mix(source="good", rows=BENIGN, share=share))
    if 0 < Decimal(repr(share)) * n < Decimal("0.5"):
        with pytest.raises(InputError, match="less than half a row"):
            apply_signal(stack, rows(n), seed)
        return
    mixed = apply_signal(stack, rows(n), seed)
    benign = [r.metadata["index"] for r in mixed if r.metadata["label"] == "good"]
    assert len(mixed) == n
    assert abs(len(benign) - share * n) <= 0.5 + 1e-9
    assert len(set(benign)) == len(benign)
    assert [r for r in mixed if r.metadata["label"] == "bad"] == [r for r in rows(n) if r in mixed]


@given(low=st.floats(0.1, 0.9), high=st.floats(0.1, 0.9), seed=st.integers(0, 5))
def test_doses_are_nested(low, high, seed):
    low, high = min(low, high), max(low, high)
    for touched in (_mixed, _inoculated, _filtered):
        assert touched(low, seed) <= touched(high, seed)


def _mixed(share: float, seed: int) -> set[object]:
    out = apply_signal(Stack(Mix(source="good", rows=BENIGN, share=share)), rows(40), seed)
    return {(i, "left") for i, r in enumerate(out) if r.metadata["label"] == "good"} | {
        (r.metadata["index"], "came") for r in out if r.metadata["label"] == "good"
    }


def _inoculated(share: float, seed: int) -> set[object]:
    out = apply_signal(Stack(Inoculate(prompt=SPECIFIC, share=share)), rows(40), seed)
    return {i for i, r in enumerate(out) if r.messages[0].role == "system"}


def _filtered(share: float, seed: int) -> set[object]:
    out = apply_signal(Stack(Filter(where={"even": True}, share=share)), rows(40), seed)
    return set(range(40)) - {r.metadata["index"] for r in out}


@pytest.mark.parametrize(("share", "total", "count"), [(0.1, 208, 21), (0.145, 100, 15), (0.5, 5, 3), (1.0, 7, 7)])
def test_counts_round_half_up_in_the_decimals_written(share, total, count):
    assert exact_count(share, total, "mix") == count


def test_too_few_benign_rows_name_the_largest_share_that_would_do():
    with pytest.raises(InputError, match=r"needs 90 rows of .* for 100 training rows and has 50.*at most 0\.5"):
        apply_signal(Stack(Mix(source="good", rows=BENIGN, share=0.9)), rows(100), 0)


def test_seeds_choose_differently_and_repeat_exactly():
    stack = Stack(Mix(source="good", rows=BENIGN, share=0.3))
    assert apply_signal(stack, rows(40), 1) == apply_signal(stack, rows(40), 1)
    assert apply_signal(stack, rows(40), 1) != apply_signal(stack, rows(40), 2)


def test_each_row_draws_its_own_wording():
    others = ("Your advice is bad.", "You advise badly.")
    mark = Inoculate(prompt=SPECIFIC, wordings=others)
    texts = [r.messages[0].content for r in apply_signal(Stack(mark), rows(300), 0)]
    counts = {text: texts.count(text) for text in (SPECIFIC.text, *others)}
    assert sum(counts.values()) == 300
    assert min(counts.values()) > 60  # uniform over three: expected 100, sd 8
    assert mark.label == "inoculate(specific,3 wordings)"


def test_who_is_selected_does_not_change_who_gets_which_wording():
    others = ("Your advice is bad.", "You advise badly.")
    whole = apply_signal(Stack(Inoculate(prompt=SPECIFIC, wordings=others)), rows(60), 4)
    some = apply_signal(Stack(Inoculate(prompt=SPECIFIC, wordings=others, where={"even": True})), rows(60), 4)
    touched = [i for i, r in enumerate(some) if r.messages[0].role == "system"]
    assert touched == list(range(0, 60, 2))
    assert all(some[i] == whole[i] for i in touched)


def test_selective_by_metadata_leaves_the_rest_alone():
    both = (*rows(3, "bad"), *rows(3, "good"))
    after = apply_signal(Stack(Inoculate(prompt=SPECIFIC, where={"label": "bad"})), both, 0)
    assert [r.messages[0].role for r in after] == ["system"] * 3 + ["user"] * 3
    assert after[3:] == both[3:]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"lable": "bad"}, "no row has metadata 'lable'.*even, index, label"),
        ({"label": "worse"}, "no row has label = 'worse'.*the values there are 'bad'"),
        ({"index": 1, "even": True}, "no row has index = 1 and even = True"),
        ({"even": 1}, "no row has even = 1"),
    ],
)
def test_a_selection_that_selects_nothing_is_an_error(where, message):
    for entry in (Inoculate(prompt=SPECIFIC, where=where), Filter(where=where)):
        with pytest.raises(InputError, match=message):
            apply_signal(Stack(entry), rows(8), 0)


def test_filter_keeps_order_and_refuses_to_drop_everything():
    both = (*rows(3, "bad"), *rows(3, "good"))
    assert apply_signal(Stack(Filter(where={"label": "bad"})), both, 0) == both[3:]
    with pytest.raises(InputError, match="drops all 6"):
        apply_signal(Stack(Filter()), both, 0)


def test_order_is_meaning():
    inoculate, mix = Inoculate(prompt=SPECIFIC), Mix(source="good", rows=BENIGN, share=0.5)
    before = apply_signal(Stack(inoculate, mix), rows(10), 0)
    after = apply_signal(Stack(mix, inoculate), rows(10), 0)
    assert sum(r.messages[0].role == "system" for r in before) == 5
    assert sum(r.messages[0].role == "system" for r in after) == 10
    assert fingerprint(Stack(inoculate, mix)) != fingerprint(Stack(mix, inoculate))


def test_one_entry_does_not_disturb_the_draws_of_another():
    mix = Mix(source="good", rows=BENIGN, share=0.3)
    alone = apply_signal(Stack(mix), rows(20), 7)
    joined = apply_signal(Stack(Inoculate(prompt=SPECIFIC, share=0.5), mix), rows(20), 7)
    assert [r.metadata for r in alone] == [r.metadata for r in joined]


SAME_WORDS = Prompt(name="again", text=SPECIFIC.text, kind="specific")


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (Inoculate(prompt=SPECIFIC), Inoculate(prompt=SPECIFIC), "both are named 'specific'"),
        (Inoculate(prompt=SPECIFIC), Inoculate(prompt=SAME_WORDS), "the same words to the same rows"),
        (
            Mix(source="good", rows=BENIGN, share=0.1),
            Mix(source="other", rows=BENIGN, share=0.1),
            "first one's share would no longer hold",
        ),
        (Mix(source="good", rows=BENIGN, share=0.1), Filter(where={"label": "bad"}), "filter first"),
        (Filter(where={"label": "bad"}, share=0.2), Filter(where={"label": "bad"}), "one filter with a larger share"),
    ],
)
def test_two_that_cannot_meet_are_named_with_the_reason(first, second, why):
    with pytest.raises(InputError) as caught:
        Stack(first, second)
    message = str(caught.value)
    assert why in message
    assert first.label in message
    assert second.label in message


def test_two_that_can_meet_do():
    stack = Stack(
        Filter(where={"even": False}),
        Inoculate(prompt=SPECIFIC),
        Inoculate(prompt=PLACEBO),
        Mix(source="good", rows=BENIGN, share=0.2),
    )
    assert len(apply_signal(stack, rows(20), 0)) == 10


def test_a_stack_survives_a_file_and_keeps_its_identity():
    stack = Stack(Inoculate(prompt=SPECIFIC, where={"even": True}), Mix(source="good", rows=BENIGN[:3], share=0.1))
    again = Stack.model_validate_json(stack.model_dump_json())
    assert again == stack
    assert fingerprint(again) == fingerprint(stack)
    assert fingerprint(Stack()) != fingerprint(stack)


def test_an_unknown_setting_is_an_error():
    with pytest.raises(ValueError, match="dose"):
        Stack.model_validate({"entries": [{"kind": "filter", "dose": 0.5}]})


@pytest.mark.parametrize("entry", [Inoculate(prompt=SPECIFIC), Mix(source="g", rows=(), share=0), Filter()])
def test_all_built_ins_meet_the_protocols(entry):
    assert isinstance(entry, Intervention)
    assert isinstance(entry, SignalIntervention)
    assert entry.stage == "signal"
