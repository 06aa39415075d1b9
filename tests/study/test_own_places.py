"""Where questions lie around what each arm was trained on: broadening moves them inwards, whatever the signal is."""

from isobath.base.row import Role
from isobath.design.places import place_all
from isobath.design.region import Region
from isobath.study.arm import CONTROL, PLAIN, UNTRAINED, Arm
from isobath.study.own_places import own_places, support_in
from isobath.world.decisions.gpes import decisions

BROAD = Arm(name="broad", role=Role.TREATMENT, mix=0.2, mix_from="relevant")
GPE = decisions()


def counts(arm):
    frame = own_places(GPE, [arm], 0)
    return dict(zip(frame["region"], frame["questions"], strict=True))


def test_around_the_signal_questions_lie_where_their_rows_say():
    headline = next(t for t in GPE.traits if t.name == GPE.headline)
    stated = {}
    for question in headline.questions:
        stated[str(question.place.region)] = stated.get(str(question.place.region), 0) + 1
    assert counts(PLAIN) == stated == counts(CONTROL)


def test_broader_rows_turn_sea_into_lake():
    assert counts(PLAIN)[Region.SEA] > 50 and counts(BROAD).get(Region.SEA, 0) == 0
    assert counts(BROAD)[Region.LAKE] > counts(PLAIN)[Region.LAKE]


def test_untrained_models_have_no_support_of_their_own():
    assert own_places(GPE, [UNTRAINED], 0).empty


def test_cells_with_too_few_rows_are_no_support():
    few = GPE.model_copy(update={"n_min": 10_000})
    assert support_in(few, GPE.signal.rows) is None
    points = [q.levels for q in GPE.traits[0].questions]
    every = place_all(support_in(GPE, GPE.signal.rows), points).counts()
    assert every[Region.ISLAND] > 0
