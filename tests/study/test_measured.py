"""What is measured besides answers is kept by what was shown, and nothing else."""

import pytest

from isobath.study import components
from isobath.study.arm import PLAIN, UNTRAINED
from isobath.study.bases import shipped
from isobath.study.components import GPERef
from isobath.study.measured import frames_of, measure_spec, tasks_of
from isobath.study.study import Study
from isobath.train.recipe import Recipe
from isobath.world.decisions import gpes


@pytest.fixture
def study(monkeypatch):
    monkeypatch.setitem(components.BUILT_IN, "few", "test_measured:few")
    return Study(
        name="few",
        bases=shipped(1, world="decisions"),
        gpes=(GPERef(name="few"),),
        arms=(UNTRAINED, PLAIN),
        recipe=Recipe(steps=2),
        conditions=("none",),
        measures=("distances", "readouts"),
    )


def few(world=None, description=""):
    whole = gpes.decisions(world)
    headline = whole.traits[0]
    small = headline.model_copy(update={"questions": headline.questions[::12]})
    signal = whole.signal.model_copy(update={"rows": whole.signal.rows[:120]})
    return whole.model_copy(update={"name": "few", "traits": (small,), "signal": signal, "description": description})


def test_the_run_measures_and_the_report_reads_it_back(study, tmp_path, monkeypatch):
    from isobath.store import Store
    from isobath.study import measured

    results = study.run(tmp_path / "store", tmp_path / "out", engine="inline")
    assert not results.failures
    monkeypatch.setattr(measured, "_write", lambda *_: pytest.fail("measured twice"))
    store = Store(tmp_path / "store")
    frames = frames_of(study, store, study.cells(store))
    asked = {q.id for q in few().traits[0].questions}
    assert set(frames["distances"]["question"]) == asked and frames["distances"]["perplexity"].notna().all()
    assert set(frames["readouts"]["arm"]) == {"untrained", "plain"}
    assert {"kind", "principal", "stakes", "count", "right decision"} == set(frames["readouts"]["target"])
    page = results.report().read_text()
    assert "What can be read off hidden states" in page and "Which distance predicts failure?" in page


def test_names_and_descriptions_measure_nothing_anew(study, tmp_path):
    from isobath.store import Store

    store = Store(tmp_path)
    told = study.changed(gpes=(GPERef(name="few", options={"description": "told at length"}),))
    first, second = (
        [measure_spec(t.cell, t.what, store) for t in tasks_of(s, s.cells(store), store)] for s in (study, told)
    )
    assert first == second and len(first) == 3  # distances of the base, readouts of both arms


def test_studies_without_measures_keep_their_identity(study, tmp_path):
    from isobath.store import Store

    bare = study.changed(measures=())
    assert bare.fingerprint(Store(tmp_path)) != study.fingerprint(Store(tmp_path))
    assert tasks_of(bare, bare.cells(Store(tmp_path)), Store(tmp_path)) == []
