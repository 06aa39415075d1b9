"""Doses as arms of a study: names, rows, steps, controls; read back from any arms; their section in a small study."""

import math

import pytest

from isobath.base.errors import InputError
from isobath.base.row import Role
from isobath.interventions.inoculate import Inoculate
from isobath.interventions.mix import Mix
from isobath.interventions.stack import apply_signal
from isobath.study.arm import CONTROL, MIXED, PLAIN, UNTRAINED, Arm
from isobath.study.dose import dose_spec, doses, grown_steps
from isobath.train.recipe import Recipe
from isobath.world.personas.gpes import bad_advice

RECIPE = Recipe(steps=30)
BOTH = ("fixed budget", "added budget")


@pytest.fixture(scope="module")
def gpe():
    return bad_advice()


def test_doses_have_names_roles_and_steps_that_grow_with_the_rows(gpe):
    arms = doses(PLAIN, ("benign", "control"), (0.125, 1), BOTH, recipe=RECIPE)
    assert [a.name for a in arms] == [
        *("benign_12.5", "benign_100", "benign_plus_12.5", "benign_plus_100"),
        *("control_12.5", "control_100", "control_plus_12.5", "control_plus_100"),
        *("narrow_plus_12.5", "narrow_plus_100"),
    ]
    by_name = {a.name: a for a in arms}
    assert {a.role for a in arms[:8]} == {Role.TREATMENT} and {a.role for a in arms[8:]} == {Role.PLACEBO}
    assert all(by_name[n].recipe is None for n in ("benign_12.5", "benign_100"))  # the study's own
    assert by_name["benign_plus_12.5"].recipe == RECIPE.model_copy(update={"steps": 34})  # 33.75
    assert by_name["narrow_plus_100"].recipe.steps == by_name["control_plus_100"].recipe.steps == 60
    narrow = [*gpe.signal.rows]
    for name, total in (("benign_100", 1), ("benign_plus_100", 2), ("narrow_plus_100", 2)):
        rows = apply_signal(by_name[name].stack_for(gpe), gpe.signal.rows, 0)
        assert len(rows) == total * len(narrow)
    repeated = apply_signal(by_name["narrow_plus_100"].stack_for(gpe), gpe.signal.rows, 0)
    assert repeated[: len(narrow)] == tuple(narrow) and all(row in narrow for row in repeated)


def test_passes_over_the_data_are_matched():
    assert [grown_steps(200, s) for s in (0.01, 0.05, 0.2, 1.0)] == [202, 210, 240, 400]
    assert grown_steps(3, 0.5) == 5  # half up
    unscaled = doses(PLAIN, "benign", (0.5,), ("added budget",), scale_steps=False)
    assert all(a.recipe is None for a in unscaled)
    own = PLAIN.model_copy(update={"recipe": Recipe(steps=10)})
    assert [a.recipe.steps for a in doses(own, "benign", (0.5,), ("added budget",))] == [15, 15]
    assert len(doses(PLAIN, "benign", (0.5,), ("added budget",), recipe=RECIPE, narrow=None)) == 1


def test_an_arm_keeps_its_own_interventions_and_the_pool_comes_after_them(gpe):
    (arm,) = doses(PLAIN.model_copy(update={"stack": (Inoculate(prompt="generic"),)}), "benign", (0.5,))
    rows = apply_signal(arm.stack_for(gpe), gpe.signal.rows, 0)
    told = [row.messages[0].role == "system" for row in rows]
    assert sum(told) == len(rows) / 2  # the pool's rows stand without the prompt


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shares": (0.0, 0.5)}, "above 0 and at most 1"),
        ({"shares": (0.5, 0.5)}, "distinct"),
        ({"shares": ()}, r"\(none\)"),
        ({"shares": (1.5,)}, "at most 1"),
        ({"arm": UNTRAINED}, "trains on the signal"),
        ({"arm": MIXED}, "mixes in nothing"),
        ({"at": ("added budget",)}, "no recipe"),
        ({"at": ()}, "no budget"),
    ],
)
def test_doses_that_make_no_sense_are_an_error(given, said):
    fields = {"arm": PLAIN, "shares": (0.5,), "at": ("fixed budget",), **given}
    with pytest.raises(InputError, match=said):
        doses(fields["arm"], "benign", fields["shares"], fields["at"])


def test_doses_are_read_off_any_arms_however_they_were_written(small, gpe):
    by_fields = tuple(Arm(name=f"m{s}", role=Role.TREATMENT, mix=s / 100, mix_from="contradicting") for s in (10, 100))
    made = doses(PLAIN, "benign", (0.1, 0.5), BOTH, recipe=small.recipe)
    other = Arm(name="told", role=Role.TREATMENT, stack=(Inoculate(prompt="generic"), Mix(source="benign", share=0.2)))
    study = small.changed(arms=(UNTRAINED, PLAIN, CONTROL, *by_fields, *made, other))
    spec = dose_spec(study, gpe)
    read = {d.arm: d for d in spec.doses}
    assert set(read) == {"m10", "m100", *(a.name for a in made)}  # `told` has a prompt that plain lacks
    assert (read["m100"].pool, read["m100"].share, read["m100"].at) == ("contradicting", 1.0, "fixed budget")
    rows = len(gpe.signal.rows)
    assert (read["benign_plus_50"].rows, read["benign_plus_50"].steps) == (rows * 1.5, 3) and spec.rows == rows
    assert read["narrow_plus_50"].narrow and spec.matched(read["benign_plus_50"]) is read["narrow_plus_50"]
    assert spec.matched(read["benign_50"]) is None  # the plain arm has as many rows
    assert spec.wanted["bad_held_out"] == "lower" and next(iter(spec.wanted)) == gpe.headline
    assert "coherence" in spec.kept and "bad_in_domain" not in spec.wanted


def test_arms_that_are_no_doses_make_none(small, gpe):
    assert dose_spec(small, gpe) is None
    assert dose_spec(small.changed(arms=(PLAIN, MIXED), questions=()), gpe) is None  # one dose is no series
    assert dose_spec(small.changed(arms=(CONTROL, *doses(PLAIN, "benign", (0.1, 0.5))), questions=()), gpe) is None


def test_a_dose_larger_than_its_pool_is_said_before_anything_is_run(small, tmp_path):
    arm = Arm(name="much", role=Role.TREATMENT, stack=(Mix(source="unasked", share=1.0),))
    with pytest.raises(InputError, match=r"rows of 'unasked'.*each of these rows comes in at most once"):
        small.changed(arms=(UNTRAINED, PLAIN, arm)).plan(tmp_path / "store")


def test_a_small_study_of_doses_has_the_section_on_its_page_and_in_its_summary(small, tmp_path):
    made = doses(PLAIN, "benign", (0.1, 0.25, 0.5, 1), BOTH, recipe=small.recipe)
    kept = [a for a in made if "plus" not in a.name or a.name.endswith("plus_100")]
    study = small.changed(arms=(UNTRAINED, PLAIN, *kept), questions=())
    results = study.run(tmp_path / "store", tmp_path / "out", engine="inline")
    assert not results.failures
    section = next(s for s in results.whole_report.sections if s.title == "Doses")
    assert "replicates" in section.text and "EC50" in section.text
    costs = {row[0].text: [v.text for v in row[1:4]] for row in section.tables[-1].rows}
    rows = len(bad_advice().signal.rows)
    assert costs["plain"] == [f"{rows:,}", "2", "1"]
    assert costs["benign plus 100"] == [f"{2 * rows:,}", "4", "2"] == costs["narrow plus 100"]
    assert all(float(row[4].text) > 0 for row in section.tables[-1].rows)
    page = results.report().read_text()
    assert "doses-small-bad_held_out" in page and "dose-front-small" in page
    for end in ("svg", "pdf", "csv", "vl.json"):
        assert (results.folder / "figures" / f"doses-small-bad_held_out.{end}").is_file()
    assert "Doses, small: change from plain in points" in " ".join((results.folder / "summary.txt").read_text().split())
    # two bases: nothing is certain, and no star says so
    assert not any("*" in value.text for table in section.tables for row in table.rows for value in row)
    assert not math.isnan(float(results.means["value"].iloc[0]))
