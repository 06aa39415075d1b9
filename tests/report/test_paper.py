"""Figures for paper and tables: written without a browser, with the numbers behind them."""

from __future__ import annotations

import pandas as pd
import pytest

from isobath.report.page import save_figures
from isobath.report.tables import markdown, write_tables
from isobath.report.words import duration, percent, points, points_interval, rate_interval


def test_every_figure_comes_as_svg_pdf_and_csv_and_is_not_drawn_twice(report, tmp_path, monkeypatch):
    written = save_figures(report, tmp_path)
    assert {p.suffix for p in written} == {".svg", ".pdf", ".csv", ".json"} and all(p.is_file() for p in written)
    for svg in (p for p in written if p.suffix == ".svg"):
        assert (svg.read_text().startswith("<svg") and "untrained" in svg.read_text()) or "profile" in svg.name
    for pdf in (p for p in written if p.suffix == ".pdf"):
        assert pdf.read_bytes().startswith(b"%PDF")
    numbers = pd.read_csv(tmp_path / "arms-bad_advice.csv")
    assert {"mean", "low", "high", "replicates", "questions", "rows"} <= set(numbers.columns)
    assert list(dict.fromkeys(numbers["arm"])) == [a.name for a in report.arms]

    for spec in (p for p in written if p.suffix == ".json"):
        assert "untrained" in spec.read_text() or "profile" in spec.name

    def never(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr("vl_convert.vegalite_to_svg", never)
    assert save_figures(report, tmp_path) == written


def test_a_missing_number_is_an_empty_field(tmp_path):
    frame = pd.DataFrame({"arm": ["plain|x", "control"], "mean": [0.25, None], "n": pd.array([3, None], dtype="Int64")})
    text = markdown(frame)
    assert text.splitlines()[2:] == ["| plain\\|x | 0.25 | 3 |", "| control |  |  |"]
    paths = write_tables({"arms": frame}, tmp_path)
    assert [p.name for p in paths] == ["arms.csv", "arms.md"]
    assert pd.read_csv(paths[0])["mean"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.414, "41%"),
        (0.062, "6.2%"),
        (0.999, "99.9%"),
        (0.0001, "<0.1%"),
        (0.99999, ">99.9%"),
    ],
)
def test_percent_never_rounds_something_to_nothing(value, said):
    assert percent(value) == said


def test_points_are_signed_and_zero_has_no_sign():
    assert points(0.414) == "+41 points" and points(-0.031) == "−3.1 points"
    assert points(0.0) == points(-0.0001) == "0.0 points"
    assert points_interval(-0.031, 0.49) == "−3.1 to +49 points"
    assert rate_interval(0.33, 0.49) == "33–49%"


def test_durations_read_as_a_person_says_them():
    assert [duration(s) for s in (4.21, 42, 72, 7500)] == ["4.2 s", "42 s", "1 min 12 s", "2 h 05 min"]
