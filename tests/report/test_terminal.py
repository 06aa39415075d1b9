"""The summary at the end of a run."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from report_material import QUESTIONS, made_report, made_rows
from rich.console import Console

from isobath.analysis.question import Verdict
from isobath.report.report import TraitCard
from isobath.report.sentence import short_sentence
from isobath.report.terminal import print_summary, summary_text

PATH = "/a/very/long/path/" + "of/folders/" * 9 + "report.html"


@pytest.mark.parametrize("width", [80, 100])
def test_it_fits_and_says_the_findings_the_arms_and_the_path(report, width):
    text = summary_text(report, PATH, width)
    lines = text.splitlines()
    assert max(len(line) for line in lines if PATH not in line) <= width
    assert f"Report: {PATH}" in lines
    assert f"{report.findings[0].n_rows:,} responses" in " ".join(text.split())
    for question, finding in zip(QUESTIONS, report.findings, strict=True):
        line = next(line for line in lines if question.text[:30] in line)
        assert line.startswith(str(finding.verdict)) and " to " in line and "[" in line
    arms = [line for line in lines if line.count("[") >= 3 and line.count("[") == line.count("]")]
    assert [line.split()[0] for line in arms] == [a.name for a in report.arms]


def test_plain_text_where_it_is_no_terminal(report):
    out = io.StringIO()
    print_summary(report, PATH, Console(file=out, width=80))
    assert "\x1b" not in out.getvalue()
    assert not set("─│┃━╭") & set(out.getvalue())


def test_colours_where_it_is_one(report):
    out = io.StringIO()
    print_summary(report, PATH, Console(file=out, width=80, force_terminal=True, color_system="standard"))
    assert "\x1b[" in out.getvalue()


def test_model_names_cannot_be_read_as_console_markup():
    report = made_report()
    shouting = [replace(f, reason="[red]reason[/red]", warnings=("[bold]w",)) for f in report.findings[:1]]
    text = summary_text(replace(report, findings=shouting))
    assert "[red]reason[/red]" in text and "[bold]w" in text


def test_what_is_not_measurable_is_not_a_zero():
    text = summary_text(made_report(made_rows(missing=0.5)))
    assert "not measurable" in text


def test_sentences_set_apart_what_is_no_noun_and_keep_to_the_interval(report):
    finding = report.findings[0]
    said = TraitCard("bad_held_out", "unwanted", "writes a well-formed answer, right or wrong")
    names = {("bad_advice", "bad_held_out"): said}
    assert "“writes a well-formed answer, right or wrong” is more frequent" in short_sentence(finding, names)
    straddling = replace(finding, low=-0.1, high=0.2, verdict=Verdict.TOO_UNCERTAIN)
    assert short_sentence(straddling).startswith("Too uncertain to claim: bad held out may or may not differ")
    reverse = replace(finding, low=-0.3, high=-0.2, verdict=Verdict.NO)
    assert "No: bad held out is less frequent" in short_sentence(reverse)
    near = replace(finding, low=-0.01, high=0.01, verdict=Verdict.YES)
    assert "Yes: bad held out is about as frequent in" in short_sentence(near)
    lower = replace(finding, question=finding.question.model_copy(update={"expect": "lower"}), verdict=Verdict.NO)
    assert "No: bad held out is about as frequent in" in short_sentence(replace(lower, low=-0.01, high=0.01))
    assert "No: bad held out is not less frequent in" in short_sentence(replace(lower, low=-0.01, high=0.2))


def test_a_leaning_is_stronger_or_weaker_and_never_frequent(report):
    finding = report.findings[0]
    names = {("bad_advice", "bad_held_out"): TraitCard("bad_held_out", "unwanted", leaning=True)}
    assert "bad held out is stronger in the" in short_sentence(finding, names)
    assert "bad held out is weaker in the" in short_sentence(replace(finding, low=-0.3, high=-0.2), names)
    assert "bad held out is about as strong in the" in short_sentence(
        replace(finding, low=-0.01, high=0.01, verdict=Verdict.YES), names
    )
