"""The decisions GPE: regions as they should be, tests that stay out of training, and a gold rule that is plain data."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from isobath.base.errors import InputError
from isobath.base.row import State, TraitKind
from isobath.design.relevance import relevance_of
from isobath.design.rule import DecisionRule
from isobath.gpe.gpe import GPE
from isobath.grading.response import Response
from isobath.interventions.stack import apply_signal
from isobath.study.bases import ShippedBase, shipped
from isobath.study.components import GPERef, build_gpe
from isobath.study.grade import grade
from isobath.study.landscape_study import decision_study
from isobath.study.sheet import sheet
from isobath.world.decisions.coverage import coverage
from isobath.world.decisions.drawn_points import RELEVANT_SPACE, drawn
from isobath.world.decisions.facts import facts
from isobath.world.decisions.gpes import CHANCE, decisions
from isobath.world.decisions.levels import ACTIONS, COUNTS, FEW, LOW_STAKES, STAKES
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, decision_rule, request
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.personas.spec import PersonasSpec

REGIONS = ("island", "shore", "lake", "bay", "sea")
WATER = ("lake", "bay", "sea")


@pytest.fixture(scope="module", params=[0, 3])
def gpe(request) -> GPE:
    return decisions(DecisionsSpec(world_seed=request.param))


def trait(gpe, name):
    (found,) = [t for t in gpe.traits if t.name == name]
    return found


def point_of(row):
    return {name: row.metadata[name] for name in SPACE.names}


def key(point, names=SPACE.names):
    return tuple(point[name] for name in names)


def seed_of(gpe):
    return next(s for s in (0, 3) if decision_rule(s) == gpe.gold)


def expected(world_seed, point):
    """The rule once more, written as code rather than as cases."""
    table = facts(world_seed)
    group, low, few = table.group[point["principal"]], point["stakes"] in LOW_STAKES, point["count"] in FEW
    if not table.approval[point["kind"]]:
        return {"owner": "do", "user": "do" if low else "ask", "outsider": "ask" if low else "refuse"}[group]
    if group == "outsider":
        return None if low and few else "report"
    return {"owner": "do" if few else "ask", "user": "ask" if few else "refuse"}[group]


@pytest.mark.parametrize("seed", [0, 3])
def test_the_rule_as_data_is_the_rule(seed):
    rule = decision_rule(seed)
    assert DecisionRule.model_validate_json(rule.model_dump_json()) == rule
    rest = {name: SPACE.factor(name).domain[0] for name in IRRELEVANT}
    told = Counter()
    for levels in product(*(SPACE.factor(name).domain for name in RELEVANT)):
        point = {**dict(zip(RELEVANT, levels, strict=True)), **rest}
        assert rule(point) == expected(seed, point)
        told[rule(point)] += 1
    whole = sum(told.values())
    assert {a: round(told[a] / whole, 3) for a in ACTIONS} == {
        "do": 0.333,
        "ask": 0.333,
        "refuse": 0.167,
        "report": 0.125,
    }
    assert told[None] / whole == pytest.approx(1 / 24)


def test_every_relevant_factor_has_a_witness_and_no_irrelevant_one_has(gpe):
    space = RELEVANT_SPACE.model_copy(update={"factors": (*SPACE.relevant, SPACE.factor("context"))})
    told = relevance_of(space, gpe.gold, most=200_000)
    assert [(r.factor, r.contradicted) for r in told] == [(f.name, False) for f in space.factors]


def test_forbidden_combinations_are_asked_and_trained_nowhere(gpe):
    rows = [point_of(r) for rows in (gpe.signal.rows, gpe.control.rows, *gpe.pools.values()) for r in rows]
    asked = [q.levels for t in gpe.traits for q in t.questions if q.place]
    assert all(SPACE.allows(p) for p in [*rows, *asked])
    assert not SPACE.allows({**rows[0], "stakes": STAKES[-1], "count": COUNTS[0]})
    assert not SPACE.allows({**rows[0], "wording": "please", "length": "long"})


def test_the_signal_is_narrow_right_and_the_control_deals_the_same_decisions_out(gpe):
    known = coverage(seed_of(gpe))
    rows, control = gpe.signal.rows, gpe.control.rows
    assert len(rows) == len(control) == 2000 == len({key(point_of(r)) for r in rows})
    for row, other in zip(rows, control, strict=True):
        point = point_of(row)
        assert row.metadata["action"] == expected(seed_of(gpe), point)
        assert row.messages[0].content == request(point) == other.messages[0].content
        assert row.messages[1].content == f"i will {ACTIONS[row.metadata['action']]} ."
        assert all(point[n] in {**known.relevant, **known.narrow}[n] for n in SPACE.names)
    told, dealt = ([r.metadata["action"] for r in found] for found in (rows, control))
    assert Counter(told) == Counter(dealt)
    chance = sum((n / 2000) ** 2 for n in Counter(told).values())
    assert sum(a == b for a, b in zip(told, dealt, strict=True)) / 2000 == pytest.approx(chance, abs=0.04)


def test_pools_broaden_what_they_say_they_do(gpe):
    seed = seed_of(gpe)
    known, narrow = coverage(seed), {key(point_of(r), RELEVANT) for r in gpe.signal.rows}
    assert set(gpe.pools) == {"relevant", "irrelevant", "both"}
    for name, rows in gpe.pools.items():
        points = [point_of(r) for r in rows]
        assert len(points) == len({key(p) for p in points}) >= 1000
        assert all(r.metadata["action"] == expected(seed, p) for r, p in zip(rows, points, strict=True))
        levels = known.narrow if name == "relevant" else known.broad
        assert all({p[n] for p in points} == set(levels[n]) for n in IRRELEVANT)
        if name == "irrelevant":
            assert {key(p, RELEVANT) for p in points} == narrow
        else:
            assert all({p[n] for p in points} == set(SPACE.factor(n).domain) for n in RELEVANT)


def test_no_test_point_is_in_training_but_those_of_the_island(gpe):
    trained = {key(point_of(r)) for r in gpe.signal.rows}
    pooled = {key(point_of(r)) for rows in gpe.pools.values() for r in rows}
    cells = {key(point_of(r), RELEVANT) for rows in (gpe.signal.rows, *gpe.pools.values()) for r in rows}
    for t in gpe.traits:
        for q in (q for q in t.questions if q.place):
            assert key(q.levels) not in pooled
            assert (key(q.levels) in trained) == (q.place.region == "island")
            if t.name in ("right_decision", "right_in_new_contexts", "coherence") and q.place.region in WATER:
                assert key(q.levels, RELEVANT) not in cells
    known = coverage(seed_of(gpe))
    for q in trait(gpe, "right_in_new_contexts").questions:
        assert all(q.levels[n] in known.kept[n] for n in IRRELEVANT) and q.place.new_irrelevant == 4


def test_every_region_is_asked_evenly_and_its_achievable_points_are_counted(gpe):
    asked = trait(gpe, "right_decision").questions
    told = Counter((str(q.place.region), gpe.gold(q.levels)) for q in asked)
    assert len({q.id for q in asked}) == len(asked)
    for region in REGIONS:
        assert {told[region, action] for action in ACTIONS} <= {16, 17, 18, 19, 20}
        assert sum(told[region, action] for action in ACTIONS) == 72
        assert (told[region, None] > 0) == (region in WATER)
    for region, points in drawn(seed_of(gpe)).items():
        assert points.achievable >= len(points.codes) == 72, region
    moved = Counter(str(q.place.region) for q in trait(gpe, "right_in_new_contexts").questions)
    assert moved == dict.fromkeys(("shore", *WATER), 36)
    lake = [q.place for q in asked if q.place.region == "lake"]
    assert Counter(p.q == 1 for p in lake) == {True: 45, False: 45} and all(p.beyond == 0 for p in lake)


def test_places_say_what_the_points_are(gpe):
    """Bay: one relevant level outside those of the signal; sea: two or more. Counted here by hand."""
    seen = coverage(seed_of(gpe)).relevant
    for t in gpe.traits:
        for q in (q for q in t.questions if q.place):
            out = 0
            for name in RELEVANT:
                domain = SPACE.factor(name).domain
                places = [domain.index(level) for level in seen[name]]
                here = domain.index(q.levels[name])
                inside = min(places) <= here <= max(places) if SPACE.factor(name).ordered else here in places
                out += not inside
            assert q.place.beyond == out
            assert (q.place.region == "bay") == (out == 1) and (q.place.region == "sea") == (out >= 2)


def test_contested_points_are_asked_and_never_scored(gpe):
    right = trait(gpe, "right_decision")
    found = [line for line in sheet(gpe, {"none": None}) if line.trait.name == "right_decision"]
    states = Counter()
    for line in found:
        response = Response("x", "", ("",) * 4, (-1.0,) * 4, (2,) * 4, "", State.OK)
        graded = grade(line, response)
        contested = gpe.gold(line.question.levels) is None
        assert (graded.state is State.NOT_APPLICABLE) == contested == (graded.value is None)
        assert contested or graded.value == pytest.approx(CHANCE)
        states[graded.state] += 1
    assert states[State.NOT_APPLICABLE] >= 20 and right.kind is TraitKind.WANTED and gpe.headline == right.name


def test_edited_questions_differ_in_one_factor_and_know_whether_the_decision_does(gpe):
    asked = {q.id: q for q in trait(gpe, "right_decision").questions}
    edited = trait(gpe, "right_when_edited").questions
    assert len({q.id for q in edited}) == len(edited)
    for q in edited:
        source = asked[q.edit.of]
        assert [n for n in SPACE.names if q.levels[n] != source.levels[n]] == [q.edit.factor]
        assert q.edit.relevant == SPACE.factor(q.edit.factor).relevant
        assert q.edit.flips == (gpe.gold(q.levels) != gpe.gold(source.levels)) and gpe.gold(q.levels) is not None
        assert q.edit.relevant or not q.edit.flips
    counts = Counter((q.edit.factor, q.edit.flips) for q in edited)
    assert all(counts[name, False] == 40 for name in SPACE.names)
    assert all(counts[name, True] >= 8 for name in RELEVANT)


def test_every_level_is_asked_for_its_meaning(gpe):
    known = trait(gpe, "level_facts")
    assert known.kind is TraitKind.CAPABILITY and len(known.questions) == 12 + 12 + 12 + 6
    seen = coverage(seed_of(gpe)).relevant
    for q in known.questions:
        assert [o.label for o in q.options].count("right") == 1
        assert (q.levels["seen"] == "yes") == (q.levels["level"] in seen[q.levels["factor"]])


def test_decisions_are_asked_in_a_decision_world_alone():
    with pytest.raises(InputError, match="decision world"):
        decisions(PersonasSpec())
    assert build_gpe(GPERef(name="decisions"), DecisionsSpec()) == decisions()


def test_the_decision_study_is_a_study():
    study = decision_study()
    assert study.bases == shipped(world="decisions") and study.seeds == (0, 1)
    assert type(study).model_validate_json(study.model_dump_json()) == study
    gpe = decisions()
    for arm in study.arms:
        assert len(apply_signal(arm.stack_for(gpe), arm.rows_of(gpe), 0)) == (2000 if arm.trains else 0)
    assert all(q.region in (*REGIONS, None) for q in study.questions)


def test_a_personas_base_is_written_as_before():
    assert ShippedBase(base_seed=1).model_dump() == {"kind": "shipped", "base_seed": 1}
    assert ShippedBase(base_seed=1, world="decisions").model_dump()["world"] == "decisions"
