"""Recipes run as they stand, and give the numbers that they promise."""

import runpy
from pathlib import Path

import pytest

RECIPES = sorted((Path(__file__).resolve().parents[2] / "docs" / "recipes").glob("*.py"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_a_recipe_is_short_and_its_study_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(path.read_text().splitlines()) < 60
    study = runpy.run_path(str(path))["study"]
    # the same study, small enough for a test: one base, two steps
    small = study.limited(1).changed(recipe=study.recipe.model_copy(update={"steps": 2}))
    results = small.run(engine="inline")
    assert not results.failures and len(results.findings) == len(study.questions)
    assert all(finding.sentence for finding in results.findings)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_a_recipe_gives_the_numbers_it_promises(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = runpy.run_path(str(path))
    results = made["study"].run()
    assert [str(finding.verdict) for finding in results.findings] == ["yes"] * len(made["study"].questions)
    rates = results.landscape.regions.set_index(["arm", "region", "trait"])["mean"]
    for (arm, region), (mean, low, high) in made["EXPECTED"].items():
        assert low <= mean <= high
        assert abs(rates[arm, region, "right_decision"] - mean) < 0.08, (arm, region)
