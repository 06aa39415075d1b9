"""The decision world as a scenario: the rows it drafts are the world's own."""

import numpy as np
import pytest

from isobath.base.errors import InputError
from isobath.design.space import Space
from isobath.gpe.scenarios.scenario import Scenario
from isobath.world.decisions.as_scenario import DecisionsScenario
from isobath.world.decisions.rows import signal_rows
from isobath.world.decisions.scenario import SPACE

DRAWN = np.random.default_rng(0).integers(0, SPACE.shape, size=(400, len(SPACE.shape))).astype(np.int16)
POINTS = SPACE.decode(DRAWN[SPACE.allowed(DRAWN)])


def test_it_is_a_scenario():
    assert isinstance(DecisionsScenario(), Scenario)
    assert isinstance(DecisionsScenario().space, Space)


@pytest.mark.parametrize("world_seed", [0, 3])
def test_its_drafts_of_the_signal_are_the_signal(world_seed):
    scenario = DecisionsScenario(world_seed=world_seed)
    for row in signal_rows(world_seed)[:200]:
        point = {name: str(row.metadata[name]) for name in SPACE.names}
        draft = scenario.draft(point, seed=5)
        assert draft.messages == row.messages
        assert draft.decision == row.metadata["action"]
        assert draft.row().metadata["decision"] == row.metadata["action"]


@pytest.mark.parametrize("factor", [name for name in SPACE.names if name != "length"])
def test_the_words_of_a_level_stand_in_its_texts_and_in_no_other(factor):
    scenario = DecisionsScenario()
    known = scenario.phrases(factor)
    assert set(known) == set(SPACE.factor(factor).domain)
    for point in POINTS:
        text = f" {scenario.draft(point, 0).text} "
        found = [level for level, said in known.items() if any(f" {words} " in text for words in said)]
        assert found == [point[factor]]


def test_a_contested_point_has_no_answer():
    scenario = DecisionsScenario()
    contested = [scenario.draft(p, 0) for p in POINTS if scenario.decide(p) is None]
    assert contested
    assert all(draft.asked == draft.messages and draft.messages[-1].role == "user" for draft in contested)


def test_another_rendering_is_refused():
    with pytest.raises(InputError, match="single"):
        DecisionsScenario().draft(POINTS[0], 0, "tools")
