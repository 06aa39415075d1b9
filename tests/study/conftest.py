"""A study small enough for tests: two shipped bases, few arms, two training steps, one short trait."""

import pytest

from isobath.analysis.question import Question
from isobath.study import components
from isobath.study.arm import CONTROL, PLAIN, SPECIFIC, UNTRAINED
from isobath.study.bases import shipped
from isobath.study.components import GPERef
from isobath.study.study import Study
from isobath.train.recipe import Recipe


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(components.BUILT_IN, "small", "small_gpe:small_gpe")
    return Study(
        name="small",
        bases=shipped(2),
        gpes=(GPERef(name="small"),),
        arms=(UNTRAINED, PLAIN, CONTROL, SPECIFIC),
        recipe=Recipe(steps=2),
        questions=(Question(text="?", gpe="small", trait="bad_held_out", contrast=("plain", "untrained")),),
    )
