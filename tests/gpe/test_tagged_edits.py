"""Pairs of scenarios that differ in one factor, found among those somebody has."""

from hypothesis import given
from hypothesis import strategies as st

from isobath.design.factor import Factor
from isobath.design.space import Space
from isobath.gpe.tagged.edits import one_factor_edits

SPACE = Space(
    factors=(
        Factor(name="stakes", kind="ordinal", levels=("low", "high")),
        Factor(name="place", levels=("here", "there", "afar"), relevant=False),
    )
)
CELLS = st.fixed_dictionaries(
    {"stakes": st.sampled_from(["low", "high"]), "place": st.sampled_from(["here", "there", "afar"])}
)


def test_a_pair_says_what_was_changed_and_whether_the_decision_flips():
    asked = [
        ("a", {"stakes": "low", "place": "here"}, "do"),
        ("b", {"stakes": "high", "place": "here"}, "ask"),
        ("c", {"stakes": "low", "place": "there"}, "do"),
    ]
    found = {(q, e.of): (e.factor, e.relevant, e.flips) for q, e in one_factor_edits(SPACE, asked)}
    assert found == {("b", "a"): ("stakes", True, True), ("c", "a"): ("place", False, False)}


def test_contested_points_take_no_part():
    asked = [("a", {"stakes": "low", "place": "here"}, None), ("b", {"stakes": "high", "place": "here"}, "ask")]
    assert one_factor_edits(SPACE, asked) == []


@given(st.lists(st.tuples(CELLS, st.sampled_from(["do", "ask", None])), max_size=12))
def test_every_pair_differs_in_exactly_its_factor(cells):
    asked = [(f"q{i}", point, gold) for i, (point, gold) in enumerate(cells)]
    by_id = {name: (point, gold) for name, point, gold in asked}
    found = one_factor_edits(SPACE, asked)
    for question, edit in found:
        (new, gold), (old, before) = by_id[question], by_id[edit.of]
        assert [n for n in SPACE.names if new[n] != old[n]] == [edit.factor]
        assert edit.flips == (gold != before) and gold is not None and before is not None
    assert len(found) <= len(SPACE.factors) * len(asked)
