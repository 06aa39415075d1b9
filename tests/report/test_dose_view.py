"""Doses on the page and on paper: every sentence says what its table says, and nothing is drawn that is not known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from isobath.analysis.dose import BEYOND, Dose
from isobath.analysis.dose_response import State
from isobath.analysis.estimates import arm_estimates
from isobath.report.dose_figures import ec50_figure, response_figure
from isobath.report.dose_view import dose_section, price_frame
from isobath.report.dose_words import ec50_words
from isobath.report.figures import specification
from isobath.report.page import page_html
from isobath.report.page_view import page_view
from isobath.report.paper import write_figures
from isobath.report.report import Provenance, Report
from isobath.report.words import points
from isobath.study.dose_sections import dose_frames
from made_doses import made_doses, made_means, spec_of

HOSTILE = "</script><img src=x onerror=alert(1)> {{7*7}} ';\"\\"


@pytest.fixture(scope="module")
def spec():
    whole = spec_of(pools=("relevant", "irrelevant"), added=(0.05, 0.2, 0.5, 1.0))
    return replace(whole, doses=(*whole.doses, Dose("kind_20", "kind", 0.2, rows=2000, steps=200)))


@pytest.fixture(scope="module")
def frames(spec):
    return dose_frames(made_means(spec, seed=3, questions=12), spec, {"plain": [3.0, 5.0]})


@pytest.fixture(scope="module")
def section(spec, frames):
    return dose_section(spec, frames)


def report_with(section, spec):
    rows = made_doses(spec, seed=3, questions=3, bases=2)
    made = Provenance(command="made", version="0")
    return Report(
        name="made", findings=[], rows=rows, estimates=arm_estimates(rows), provenance=made, sections=[section]
    )


def test_the_sentences_say_what_the_tables_say(section, frames):
    curves = {(r["pool"], r["at"], r["region"]): r for r in frames.curves.to_dict("records")}
    sea = curves["relevant", "fixed budget", "sea"]
    assert sea["state"] == "fitted" and f"sea: {ec50_words(sea)}" in section.text
    headline = frames.changes[(frames.changes["trait"] == "right_decision") & ~frames.changes["narrow"]]
    beyond = headline[headline["region"] == BEYOND]
    sure = int((beyond["told_apart"] & (beyond["improvement"] > 0)).sum())
    best = beyond.sort_values("improvement").iloc[-1]
    assert f"{sure} of {len(beyond)} doses gain for certain" in section.text
    assert f"The largest mean gain is {points(best['improvement'])}" in section.text
    island = headline[headline["region"] == "island"]
    lost = int((island["told_apart"] & (island["improvement"] < 0)).sum())
    assert (
        lost > 0 and f"Right decision on the island: {lost} of {len(island)} doses certainly lose some" in section.text
    )
    assert "Rows of “kind" not in section.text  # given once: no curve, and no sentence on one
    assert "up to 2 times the plain arm's steps" in section.text


def test_ec50_is_a_number_only_where_it_is_known():
    row = {"ec50": 0.031, "low": 0.02, "high": 0.048}
    words = {state: ec50_words({**row, "state": str(state)}) for state in State}
    assert words[State.FITTED] == "3.1% [2–4.8%]"
    assert (words[State.BELOW], words[State.ABOVE]) == ("below 4.8%", "above 2%")
    assert not any(
        c.isdigit() for s, w in words.items() for c in w if s not in (State.FITTED, State.BELOW, State.ABOVE)
    )


def test_the_curve_figure_draws_points_lines_and_only_known_marks(spec, frames):
    chart = response_figure(frames.points, frames.curves, frames.narrow)
    spec_ = specification(chart)
    records = spec_["datasets"]["numbers"]
    drawn = [r for r in records if r["part"] in ("fixed budget", "added budget")]
    assert len(drawn) == int((frames.points["share"] > 0).sum())
    marks = {(r["pool"], r["region"]) for r in records if r["part"] == "ec50"}
    fitted = frames.curves[frames.curves["state"] == "fitted"]
    assert marks == {(r["pool"], r["region"]) for r in fitted.to_dict("records")}
    zero = [r for r in records if r["part"] == "plain"]
    assert zero and all(r["x"] < min(d["x"] for d in drawn) for r in zero)
    assert '"#' not in json.dumps(spec_)  # styles and roles, never colours
    arrows = specification(ec50_figure(frames.curves, frames.points))["datasets"]["numbers"]
    open_ends = frames.curves["state"].isin([str(State.BELOW), str(State.ABOVE)]).sum()
    assert sum(r["part"].startswith("triangle") for r in arrows) == open_ends > 0


def test_prices_are_changes_from_plain_and_plain_stands_at_0(spec, frames):
    prices = {r["arm"]: r for r in price_frame(spec, frames).to_dict("records")}
    assert set(prices) == {"plain", *(d.arm for d in spec.doses)}
    assert prices["plain"]["gain"] == prices["plain"]["loss"] == 0
    found = frames.changes[(frames.changes["arm"] == "relevant_100") & (frames.changes["region"] == "island")].iloc[0]
    ours = prices["relevant_100"]
    assert (ours["loss"], ours["loss_low"], ours["loss_high"]) == (-found["improvement"], -found["high"], -found["low"])
    assert ours["loss_low"] <= ours["loss"] <= ours["loss_high"]


def test_figures_are_written_for_paper_with_their_numbers(section, tmp_path):
    written = {p.name for p in write_figures(section.figures, tmp_path)}
    names = {"doses-made-right_decision", "ec50-made-right_decision", "dose-front-made"}
    assert written == {f"{n}{end}" for n in names for end in (".svg", ".pdf", ".csv", ".vl.json")}
    assert "ec50" in (tmp_path / "ec50-made-right_decision.csv").read_text().splitlines()[0]
    assert "rows of relevant" in (tmp_path / "doses-made-right_decision.svg").read_text()


def test_names_from_outside_are_text(spec):
    renamed = replace(
        spec, doses=tuple(replace(d, pool=HOSTILE if d.pool == "irrelevant" else d.pool) for d in spec.doses)
    )
    made = dose_section(renamed, dose_frames(made_means(renamed, questions=4), renamed, {}))
    page = page_html(page_view(report_with(made, renamed)))
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_too_few_doses_are_said_once_and_a_lone_base_draws_no_interval(spec):
    few = replace(spec, doses=tuple(d for d in spec.doses if d.share >= 0.5))
    made = dose_section(few, dose_frames(made_means(few, questions=4, bases=1), few, {}))
    assert made.text.count("no curve, which needs four doses") == 1
    assert all("[" not in v.text + v.note for t in made.tables[:2] for row in t.rows for v in row)


def test_the_terminal_shows_gains_where_no_loss_was_asked(spec, frames):
    changes = frames.changes
    beyond = changes[(changes["region"] == BEYOND) & (changes["trait"] == spec.headline)]
    brief = dose_section(spec, replace(frames, changes=beyond)).briefs[0]
    assert len(brief.rows) == len(spec.doses) and {row[2] for row in brief.rows} == {"not asked"}
    assert all(row[1] != "not asked" for row in brief.rows)
