"""Sets of wordings of a scenario's relevant cells: complete, different, the same decision, and no test point."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design.factor import Factor
from isobath.design.space import Space
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.gpe.scenarios.wordings import WordingSets, cell_name, wording_rows
from isobath.models.chat import Message

SPACE = Space(
    name="toy",
    factors=(
        Factor(name="stakes", kind="ordinal", levels=("low", "middle", "high")),
        Factor(name="asker", levels=("owner", "other")),
        Factor(name="place", relevant=False, levels=("here", "there", "away", "home")),
        Factor(name="style", relevant=False, levels=("plain", "terse", "grand")),
    ),
    forbidden=({"stakes": ("high",), "place": ("home",)},),
)


class Toy:
    """Contested where the stakes are middling and another one asks; the seed picks a greeting."""

    name, version, space, options, renderings = "toy", 1, SPACE, {"yes": "yes", "no": "no"}, ("single",)

    def decide(self, point):
        if point["stakes"] == "middle" and point["asker"] == "other":
            return None
        return "yes" if point["asker"] == "owner" else "no"

    def draft(self, point, seed, rendering="single"):
        asked = f"{('hello', 'hi')[seed % 2]} {' '.join(point.values())}"
        turns = (Message(role="user", content=asked), Message(role="assistant", content=self.decide(point) or ""))
        return Draft(self.name, point, self.decide(point), turns, seed, rendering)

    def phrases(self, factor):
        return {}


POINTS = list(SPACE.points())
TOY = Toy()


def sets_of(drafts):
    found = defaultdict(list)
    for draft in drafts:
        found[cell_name("toy", SPACE, draft.point)].append(draft)
    return found


@given(st.integers(0, 1000), st.integers(1, 6), st.booleans())
@settings(max_examples=30, deadline=None)
def test_every_decided_cell_has_m_different_texts_with_its_own_decision(seed, m, shared):
    assert isinstance(TOY, Scenario)
    drafts = WordingSets(m=m, shared=shared).drafts(TOY, POINTS, seed)
    found = sets_of(drafts)
    assert set(found) == {cell_name("toy", SPACE, p) for p in POINTS if TOY.decide(p)} and len(found) == 5
    for here in found.values():
        assert len(here) == m == len({d.text for d in here})
        assert all(SPACE.allows(d.point) and d.decision == TOY.decide(d.point) for d in here)
    if shared:
        guises = {tuple((d.point["place"], d.point["style"], d.seed) for d in here) for here in found.values()}
        assert len(guises) == 1 and "home" not in {place for place, _, _ in next(iter(guises))}
    assert drafts == WordingSets(m=m, shared=shared).drafts(TOY, POINTS, seed)


@pytest.mark.parametrize("shared", [False, True])
def test_no_test_point_and_no_barred_cell_is_ever_made(shared):
    tested = [p for p in POINTS if p["style"] == "grand" or p["place"] == "here"]

    def barred(codes):
        return np.asarray(codes)[:, 0] == 2  # high stakes are held out

    sets = WordingSets(m=3, shared=shared, tested=tested, barred=barred)
    for seed in range(5):
        drafts = sets.drafts(TOY, POINTS, seed)
        assert drafts and not [d for d in drafts if dict(d.point) in tested]
        assert {d.point["stakes"] for d in drafts} == {"low", "middle"}


def test_levels_keep_to_those_named_and_come_about_equally_often():
    drafts = WordingSets(m=4, levels={"place": ("there", "away")}).drafts(TOY, POINTS, 0)
    told = Counter(d.point["place"] for d in drafts)
    assert set(told) == {"there", "away"} and len({d.point["style"] for d in drafts}) == 3
    for here in sets_of(drafts).values():
        assert Counter(d.point["place"] for d in here)["there"] in (1, 2, 3)


def test_a_set_that_cannot_be_complete_is_an_error():
    levels = {"place": ("here",), "style": ("plain",)}
    with pytest.raises(InputError, match="2 of 3 wordings"):  # two greetings are all there is
        WordingSets(m=3, levels=levels).drafts(TOY, POINTS, 0)
    with pytest.raises(InputError, match="0 of 1 wordings"):
        WordingSets(m=1, tested=POINTS).drafts(TOY, POINTS, 0)


def test_rows_say_what_they_are_a_wording_of():
    drafts = WordingSets(m=3).drafts(TOY, POINTS, 0)
    rows = wording_rows(drafts, SPACE)
    assert [r.metadata["guise"] for r in rows] == [0, 1, 2] * 5
    assert all(r.metadata["same"] == cell_name("toy", SPACE, d.point) for r, d in zip(rows, drafts, strict=True))
    assert all(r.metadata["stakes"] == d.point["stakes"] for r, d in zip(rows, drafts, strict=True))
