"""Pools of wordings of the decision world: complete sets of trained cells, and nothing that is tested."""

from collections import Counter, defaultdict

import pytest

from isobath.base.identity import fingerprint
from isobath.interventions.stack import apply_signal
from isobath.interventions.vary import Vary
from isobath.study.arm import Arm
from isobath.world.decisions.coverage import coverage
from isobath.world.decisions.gpes import decisions
from isobath.world.decisions.rows import GUISES, WORDINGS
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, request
from isobath.world.decisions.spec import DecisionsSpec


@pytest.fixture(scope="module", params=[0, 3])
def seeded(request):
    return request.param, decisions(DecisionsSpec(world_seed=request.param))


def point_of(row):
    return {name: row.metadata[name] for name in SPACE.names}


def key(point, names):
    return tuple(point[name] for name in names)


def test_every_trained_cell_has_complete_sets_in_levels_that_are_not_kept_for_tests(seeded):
    seed, gpe = seeded
    cells = {key(point_of(r), RELEVANT) for r in gpe.signal.rows}
    for name, size in (("wordings", WORDINGS), ("guises", GUISES)):
        sets = defaultdict(list)
        for row in gpe.offered[name]:
            point = point_of(row)
            assert row.messages[0].content == request(point) and row.metadata["action"] == gpe.gold(point)
            assert all(point[n] in coverage(seed).broad[n] for n in IRRELEVANT) and SPACE.allows(point)
            sets[key(point, RELEVANT)].append(row)
        assert set(sets) == cells
        for rows in sets.values():
            assert [r.metadata["guise"] for r in rows] == list(range(size))
            assert len({r.messages[0].content for r in rows}) == size


def test_guises_are_the_same_for_all_cells_and_balanced(seeded):
    _, gpe = seeded
    told = {(r.metadata["guise"], key(point_of(r), IRRELEVANT)) for r in gpe.offered["guises"]}
    assert len(told) == GUISES
    levels = [guise for _, guise in sorted(told)]
    assert max(Counter(levels[i][1] for i in range(GUISES)).values()) <= 3  # four wordings, eight guises


def test_no_tested_point_is_in_a_pool_and_they_are_no_part_of_the_identity(seeded):
    seed, gpe = seeded
    tested = {key(q.levels, SPACE.names) for t in gpe.traits for q in t.questions if q.place}
    for rows in gpe.offered.values():
        assert not tested & {key(point_of(r), SPACE.names) for r in rows}
    if seed == 0:
        assert fingerprint(gpe.model_copy(update={"offered": {}})) == fingerprint(gpe)


def test_a_study_names_them_and_gets_rows_of_the_same_cells(seeded):
    _, gpe = seeded
    for entry in (
        Vary(source="wordings", same=RELEVANT),
        Vary(source="guises", same=RELEVANT, fixed=2, guise=("guise",)),
    ):
        arm = Arm(name="varied", role="treatment", stack=(entry,))
        rows = apply_signal(arm.stack_for(gpe), arm.rows_of(gpe), 0)
        assert [key(point_of(r), RELEVANT) for r in rows] == [key(point_of(r), RELEVANT) for r in gpe.signal.rows]
        assert len({key(point_of(r), IRRELEVANT) for r in rows}) > 100 or entry.fixed == 2
        if entry.fixed:
            assert len({key(point_of(r), IRRELEVANT) for r in rows}) == 2
    control = Arm(
        name="c",
        role="control",
        data="control",
        stack=(Vary(source="wordings", same=RELEVANT, keep_answers=True),),
    )
    rows = apply_signal(control.stack_for(gpe), control.rows_of(gpe), 0)
    assert [r.metadata["action"] for r in rows] == [r.metadata["action"] for r in gpe.control.rows]
    assert [r.messages[-1] for r in rows] == [r.messages[-1] for r in gpe.control.rows]
