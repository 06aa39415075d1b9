"""The landscape on the page and on paper: what is shown, in which order, and what becomes of odd input."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from isobath.analysis.answer import answer
from isobath.analysis.estimates import arm_estimates
from isobath.analysis.flips import flip_rates
from isobath.analysis.landscape import landscape
from isobath.analysis.question import Question
from isobath.report.flip_view import flip_section
from isobath.report.landscape_view import MapOptions, landscape_sections, telling_factors
from isobath.report.page import page_html, write_report
from isobath.report.page_view import page_view
from isobath.report.paper import write_figures
from isobath.report.report import Provenance, Report
from isobath.report.words import unused_name
from made_landscape import Fork, made_landscape, made_pairs

HOSTILE = "</script><img src=x onerror=alert(1)>/../../etc {{7*7}} ';\"\\ ü \u2028 \u2029"
LEVELS = {"tines": ("2", "3", "4", "5", "6"), "stakes": ("low", "middle", "high")}


@pytest.fixture(scope="module")
def frame():
    return made_landscape(per_region=60)


@pytest.fixture(scope="module")
def found(frame):
    return landscape(frame, reference="plain", chance=0.25)


@pytest.fixture(scope="module")
def section(found):
    (made,) = landscape_sections(found, MapOptions(levels=LEVELS))
    return made


@pytest.fixture(scope="module")
def flips():
    return flip_section(flip_rates(made_pairs()))


def report_with(frame, *sections, questions=()):
    return Report(
        name="forks",
        findings=answer(questions, frame),
        rows=frame,
        estimates=arm_estimates(frame),
        provenance=Provenance(command="isobath landscape forks.jsonl", version="0"),
        sections=sections,
        control="plain",
    )


def records(figure):
    return figure.spec["datasets"]["numbers"]


def test_a_section_has_sentences_the_map_curves_points_and_tables(section, found):
    assert section.text.split("\n\n") == [s.replace(" -", " −").replace("[-", "[−") for s in found.sentences]
    names = [figure.name.split("-")[0] for figure in section.figures]
    assert names == ["regions", "distance", "depth", "novelty", "points"]
    assert all(figure.table is not None and figure.caption for figure in section.figures)
    assert len(section.tables) == 2 and "plain" in section.tables[1].caption
    (again,) = landscape_sections(found, first=True)
    assert again.first and not section.first


def test_the_map_shows_every_region_and_arm_with_its_interval(section, found):
    shown = [r for r in records(section.figures[0]) if r["part"] == "measured"]
    assert len(shown) == 20
    of = found.regions.set_index(["arm", "region"])
    for r in shown:
        row = of.loc[(r["arm"], r["group"])]
        assert (r["value"], r["low"], r["high"]) == (row["mean"], row["low"], row["high"])
    rings = [r for r in records(section.figures[0]) if r["part"] == "replicate"]
    assert len(rings) == 100 and {r["value"] for r in records(section.figures[0]) if r["part"] == "chance"} == {0.25}
    spec = json.dumps(section.figures[0].spec)
    assert spec.index('"island"') < spec.index('"shore"') < spec.index('"sea"')
    assert "#" not in spec.replace("#,", "")  # colours come from the theme alone


def test_arms_stand_in_the_order_that_was_asked_for(found):
    (made,) = landscape_sections(found, arms=("broad_relevant", "plain"))
    heads = [c.text for c in made.figures[0].table.columns]
    assert heads == ["region", "broad relevant", "plain", "untrained", "broad irrelevant"]


def test_curves_carry_intervals_and_the_reference_in_every_panel(section):
    for figure in section.figures[1:4]:
        measured = [r for r in records(figure) if r["part"] == "measured"]
        assert measured and all(r["low"] <= r["value"] <= r["high"] for r in measured)
        again = {r["panel"] for r in records(figure) if r["part"] == "comparison"}
        assert again == {"untrained", "broad relevant", "broad irrelevant"}
    assert records(section.figures[3])[0]["level"] in ("none", "1", "2")


def test_points_show_n_grey_few_and_mark_support_and_contested_ground(found):
    (made,) = landscape_sections(found, MapOptions(("tines", "stakes"), LEVELS, fewest=50))
    figure = made.figures[-1]
    shown = records(figure)
    assert {r["part"] for r in shown} <= {"enough", "few", "note"} and {"enough", "few"} <= {r["part"] for r in shown}
    for r in shown:
        assert (r["part"] == "few") == (r["answers"] < 50) or r["part"] == "note"
        assert r["count"] == f"n {r['answers']}" or r["part"] == "note"
    supported = {(r["row"], r["column"]) for r in shown if r["supported"] == "yes"}
    assert supported == {("3", "low"), ("5", "low")}
    assert "50 answers" in figure.caption
    support = [{"tines": "3", "material": "metal", "stakes": "low"}]
    (given,) = landscape_sections(found, MapOptions(("tines", "stakes"), LEVELS, support=support))
    assert {(r["row"], r["column"]) for r in records(given.figures[-1]) if r["supported"] == "yes"} == {("3", "low")}
    (made,) = landscape_sections(found, MapOptions(("material", "stakes"), LEVELS))
    assert any(r["contested"] for r in records(made.figures[-1]))


def test_a_combination_that_is_all_contested_says_so():
    frame = made_landscape(per_region=200, bases=5, forks=(Fork("plain", "plain", 3.0, -1.0),))
    gone = frame["levels"].str.contains('"tines": "2"') & frame["levels"].str.contains('"stakes": "high"')
    frame["state"] = frame["state"].mask(gone, "not_applicable")
    frame["value"] = frame["value"].mask(gone)
    (made,) = landscape_sections(landscape(frame), MapOptions(("tines", "stakes"), LEVELS))
    note = next(r for r in records(made.figures[-1]) if (r["row"], r["column"]) == ("2", "high"))
    assert note["part"] == "note" and note["said"] == "contested" and "value" not in note


def test_factors_are_chosen_by_where_questions_lie(frame):
    assert telling_factors(frame) in {("tines", "stakes"), ("tines", "material"), ("material", "stakes")}
    assert telling_factors(frame) == telling_factors(frame.assign(value=1 - frame["value"]))
    many = [json.dumps({"stakes": str(9 - i % 9), "principal": "abc"[i // 9 % 3]}) for i in range(27)]
    placed = ["lake" if '"a"' in text and '"5"' not in text else "sea" for text in many]
    wide = pd.DataFrame({"gpe": "g", "question": range(27), "levels": many, "region": placed})
    assert telling_factors(wide) == ("stakes", "principal"), "nine levels run down"
    apart = [json.dumps({"kind": "ab"[i % 2], "name": str(i % 4), "place": str(i // 4)}) for i in range(16)]
    lone = pd.DataFrame({"gpe": "g", "question": range(16), "levels": apart, "region": ["bay", "sea"] * 8})
    assert telling_factors(lone) != ("name", "place"), "one question in each cell tells nothing"
    assert telling_factors(lone, ("name", "place")) == ("name", "place"), "the relevant ones, where there are two"
    assert telling_factors(lone, ("name",)) == telling_factors(lone)
    one = frame.assign(levels=pd.array(['{"tines": "3"}'] * len(frame), dtype="string"))
    assert telling_factors(one) is None
    names = [f.name.split("-")[0] for f in landscape_sections(landscape(one))[0].figures]
    assert "points" not in names


def test_levels_without_a_given_order_go_by_size(found):
    (made,) = landscape_sections(found, MapOptions(("stakes", "tines")))
    text = json.dumps(made.figures[-1].spec)
    assert '"domain": ["2", "3", "4", "5", "6"]' in text


def test_what_was_not_measured_is_said_and_never_drawn_as_nought(frame):
    away = frame[~((frame["region"] == "lake") & (frame["arm"] == "plain"))].copy()
    gone = (away["region"] == "bay") & (away["arm"] == "plain")
    away["state"] = away["state"].mask(gone & (away["state"] == "ok"), "refused")
    away["value"] = away["value"].mask(gone)
    (made,) = landscape_sections(landscape(away, reference="plain"))
    shown = {r["group"]: r for r in records(made.figures[0]) if r.get("arm") == "plain" and r["part"] != "replicate"}
    assert shown["lake"]["said"] == "not asked"
    assert shown["bay"]["part"] == "unmeasured" and (shown["bay"]["low"], shown["bay"]["high"]) == (0, 1)
    fields = {row[0].text: row[2].text for row in made.figures[0].table.rows}
    assert fields["lake"] == "not asked" and fields["bay"] == "not measurable"


@pytest.mark.parametrize("bases", [1, 3])
def test_few_replicates_are_shown_with_what_they_lack(bases):
    found = landscape(made_landscape(bases=bases), reference="plain", chance=0.25)
    (made,) = landscape_sections(found)
    page = page_html(page_view(report_with(found.rows, made)))
    assert ("cannot carry a claim" in page) == (bases == 3) and "too few for a claim" in page
    intervals = {r["low"] is None for r in records(made.figures[0]) if r["part"] == "measured"}
    assert intervals == {bases == 1}


def test_several_traits_have_sections_and_files_of_their_own(frame):
    both = pd.concat([frame, frame.assign(trait="right/decision"), frame.assign(condition="training")])
    made = landscape_sections(landscape(both.reset_index(drop=True)))
    assert len({s.title for s in made}) == 3
    names = [f.name for s in made for f in s.figures]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[\w-]+", n) for n in names)
    assert all(s.text.count("Right") or s.text.count("training") for s in made)


def test_names_of_files_are_plain_and_unlike_each_other():
    used: set[str] = set()
    assert [unused_name(n, used) for n in ("a/b", "a b", "../..", "a:b")] == ["a-b", "a-b-2", "figure", "a-b-3"]


def test_flips_have_a_forest_for_each_kind(flips):
    (figure,) = flips.figures
    shown = records(figure)
    assert {r["group"].split(":")[0] for r in shown} == {"spurious reliance", "blindness", "needless change"}
    assert all(0 <= r["random"] <= 1 for r in shown if r["part"] == "random")
    assert len(figure.table.rows) == 10 and figure.frame is not None
    spec = figure.spec
    assert len(spec["vconcat"]) == 3


def test_hostile_names_stay_text(frame, tmp_path):
    words = {"plain": HOSTILE, "broad_relevant": "broad_relevant"}
    odd = frame[frame["arm"].isin(list(words))].assign(trait=HOSTILE, gpe=HOSTILE)
    odd = odd.assign(
        arm=odd["arm"].map(words).astype("string"),
        levels=odd["levels"].str.replace('"home"', json.dumps(HOSTILE)).str.replace("tines", "t</script>"),
    )
    found = landscape(odd, reference=HOSTILE, chance=0.25)
    (made,) = landscape_sections(found, MapOptions(("context", "t</script>")))
    pairs = made_pairs().assign(gpe=HOSTILE, factor=HOSTILE)
    path = write_report(report_with(odd, made, flip_section(flip_rates(pairs))), tmp_path / "page.html")
    page = path.read_text(encoding="utf-8")
    assert "<img src=x" not in page and "49 '" not in page and "</script><img" not in page
    written = write_figures([*made.figures, *flip_section(flip_rates(pairs)).figures], tmp_path / "figures")
    assert all(p.parent == tmp_path / "figures" and p.is_file() for p in written)
    assert not any("<img" in p.read_text() for p in written if p.suffix == ".svg")


def test_figures_are_drawn_for_paper(section, flips, tmp_path):
    written = write_figures([*section.figures, *flips.figures], tmp_path)
    assert len(written) == 4 * 6 and all(p.stat().st_size for p in written)
    regions = next(p for p in written if p.name.startswith("regions") and p.suffix == ".svg").read_text()
    words = re.sub(r"<[^>]+>", " ", regions)
    assert all(
        word in words for word in ("island", "shore", "lake", "bay", "sea", "broad relevant", "share of answers")
    )
    points = next(p for p in written if p.name.startswith("points") and p.suffix == ".svg").read_text()
    assert ">n 1" in points or ">n 2" in points  # the number of answers stands beside every rate
    numbers = pd.read_csv(next(p for p in written if p.name.startswith("regions") and p.suffix == ".csv"))
    assert {"region", "arm", "mean", "low", "high", "questions", "replicates"} <= set(numbers.columns)


def test_the_page_answers_a_question_of_two_regions(frame, section):
    asked = Question(
        text="Is it rarer at sea?",
        trait="right_decision",
        contrast=("plain", "plain"),
        region="sea",
        reference_region="island",
        expect="lower",
    )
    page = page_html(page_view(report_with(frame, section, questions=(asked,))))
    assert "less frequent in the plain arm at sea" in page and "than in the plain arm on the island" in page
    assert "at sea against on the island" in page
    assert page.count('class="chart"') == 5 + 2 and "Landscape" in page


def test_the_same_landscape_makes_the_same_page(frame, section):
    made = report_with(frame, section)
    assert page_html(page_view(made)) == page_html(page_view(made))


def test_of_many_arms_the_plain_one_is_told_and_mapped_and_the_rest_counted(frame):
    import pandas as pd

    plain = frame[frame["role"] == "plain"]
    more = [plain.assign(arm=f"mixed {i}", role="treatment", run=plain["run"] + f"-{i}") for i in range(8)]
    many = pd.concat([frame, *more], ignore_index=True)
    section = landscape_sections(landscape(many, reference="untrained"))[0]
    arms = many["arm"].nunique()
    assert f"The other {arms - 2} arms stand in the figures" in section.text
    assert "mixed 3" not in section.text and "plain" in section.text
