"""Transfer triples on the page: the figures hold the numbers, what is undefined says so, no name becomes markup."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from isobath.analysis.transfer import transfer_frame
from isobath.base.errors import InputError
from isobath.base.transfer_row import MASS
from isobath.report.page import save_figures, write_report
from isobath.report.transfer_view import transfer_section

EVIL = "<script>alert(1)</script>"


def rows(intervention, gens, bases=("b0", "b1", "b2", "b3", "b4"), **cells):
    usual = {"model": "tiny", "baseline_accuracy": 0.6, "target_tuned_capability": 0.9, "chance": 0.5, "items": 100}
    usual |= {"source_accuracy": 0.95, "source_items": 100, "reference_items": 100, "category": "difficulty"}
    return [
        {
            **usual,
            "intervention": intervention,
            "source": f"easy {i}",
            "target": f"hard {i}",
            "target_reference": f"hard {i}",
            "base": base,
            "generalisation_accuracy": round(float(gen) + 0.01 * b * (-1) ** i, 4),
            **cells,
        }
        for i, gen in enumerate(gens)
        for b, base in enumerate(bases)
    ]


@pytest.fixture(scope="module")
def frame():
    zero = [dict(r, generalisation_accuracy=0.6) for r in rows("zero_shot", [0.6, 0.6, 0.6])]
    tuned = rows("fine_tuning", [0.8, 0.75, 0.85], calibration_error=0.1, calibration=MASS)
    return transfer_frame([*zero, *tuned, *rows("ccs", [0.55, 0.52, 0.6])])


def texts(table):
    return [[" ".join(filter(None, (v.text, v.interval, v.note))) for v in row] for row in table.rows]


def test_the_section_says_what_it_rests_on_and_compares_with_fine_tuning(frame):
    section = transfer_section(frame)
    assert "5 bases and 3 shifts" in section.text and "Differential elicitation" in section.text
    table, differences = section.tables
    heads = [c.text for c in table.columns]
    rows_of = {r[0]: dict(zip(heads, r, strict=True)) for r in texts(table)}
    tuned = rows_of["fine tuning"]
    assert tuned["baseline"].startswith("60%") and tuned["elicitation"].startswith("+0.2")
    assert tuned["calibration error (RMS)"].startswith("0.10") and rows_of["ccs"]["calibration error (RMS)"] == ""
    assert rows_of["zero shot"]["elicitation"] == "0.00" and tuned["shifts"] == "3" and tuned["replicates"] == "5"
    assert MASS in table.caption
    assert "Differences from fine tuning" in differences.caption
    assert {r[0] for r in texts(differences)} == {"zero shot", "ccs"}


def test_the_figures_hold_every_accuracy_between_its_two_rings(frame):
    elicited, shifts = transfer_section(frame).figures
    records = json.loads(json.dumps(shifts.spec))["datasets"]["numbers"]
    dots = [r for r in records if r["part"] == "measured"]
    assert len(dots) == 6, "three shifts of two interventions; zero-shot is the ring"
    means = frame[frame["intervention"] == "ccs"].groupby("target")["generalisation_accuracy"].mean()
    found = {r["shift"]: r["value"] for r in dots if r["arm"] == "ccs"}
    assert found["easy 0 -> hard 0"] == pytest.approx(means["hard 0"])
    assert all(r["low"] < r["value"] < r["high"] for r in dots)
    rings = {(r["what"], round(r["value"], 9)) for r in records if r["part"] == "ring"}
    assert rings == {("baseline", 0.6), ("target-tuned", 0.9)}
    assert {r["value"] for r in records if r["part"] == "chance"} == {0.5}
    ticks = json.loads(json.dumps(elicited.spec))["datasets"]["numbers"]
    assert {round(r["value"], 9) for r in ticks if r["part"] == "guess"} == {round(-1 / 9, 9)}


def test_what_is_undefined_or_missing_is_said_and_never_drawn_as_zero(frame):
    records = rows("fine_tuning", [0.8, 0.8, 0.8])
    for r in records:
        r |= {"baseline_accuracy": 0.95} if r["source"] == "easy 0" else {}
        r |= {"generalisation_accuracy": None} if r["source"] == "easy 1" else {}
    section = transfer_section(transfer_frame(records))
    heads = [c.text for c in section.tables[0].columns]
    (row,) = texts(section.tables[0])
    assert dict(zip(heads, row, strict=True))["elicitation"].startswith("not measurable")
    elicited, shifts = section.figures
    drawn = shifts.spec["datasets"]["numbers"]
    assert {r["shift"] for r in drawn if r["part"] == "measured"} == {"easy 0 -> hard 0", "easy 2 -> hard 2"}
    assert [r for r in elicited.spec["datasets"]["numbers"] if r["part"] == "measured"] == []
    said = {r[0]: r[-1] for r in texts(shifts.table)}
    assert "baseline above" in said["easy 0 -> hard 0"] and "missing" in said["easy 1 -> hard 1"]


def test_a_coin_on_a_baseline_below_chance_is_warned_of():
    section = transfer_section(transfer_frame(rows("ccs", [0.5, 0.52, 0.49], baseline_accuracy=0.05)))
    assert "Beware: tiny, ccs" in section.text and "+0.50" in section.text


def test_several_models_have_a_figure_each_under_names_fit_for_files(frame):
    more = [dict(r, model=m) for m in ("a/b", "a b") for r in rows("fine_tuning", [0.7, 0.8])]
    figures = transfer_section(transfer_frame(more)).figures
    names = [f.name for f in figures]
    assert len(set(names)) == 3 and all(n.replace("-", "").isalnum() for n in names)


def test_without_an_elicitation_there_is_no_figure_of_it_and_an_unknown_reference_is_refused(frame):
    bare = transfer_frame([dict(r, baseline_accuracy=None) for r in rows("lora", [0.7, 0.8])])
    section = transfer_section(bare)
    assert [f.name for f in section.figures] == ["transfer-shifts-tiny"] and len(section.tables) == 1
    with pytest.raises(InputError, match="no intervention 'mms'"):
        transfer_section(frame, "mms")


def test_the_page_shows_it_escaped_and_the_paper_gets_its_figures(report, tmp_path):
    evil = transfer_frame(rows(EVIL, np.array([0.7, 0.75]), model=EVIL, category=EVIL))
    whole = replace(report, sections=[transfer_section(evil)])
    text = write_report(whole, tmp_path / "report.html").read_text()
    assert EVIL not in text and "&lt;script&gt;" in text
    written = [p for p in save_figures(whole, tmp_path) if "transfer" in p.name]
    assert {p.suffix for p in written} == {".svg", ".pdf", ".csv", ".json"}
