"""The report of a re-analysis: the usual page, with sections for what only judged answers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isobath.base.row import COLUMNS, Role
from isobath.grading.score_definitions import DEFINITIONS
from isobath.report.page_view import READING
from isobath.report.report import ArmCard, GPECard, Report, Section, TraitCard
from isobath.report.words import count, known, label, percent, rate_interval
from isobath.study.provenance_card import provenance_card
from isobath.study.reanalysis_examples import examples_of
from isobath.study.reanalysis_tables import (
    definition_table,
    effect_table,
    files_tables,
    honest_tables,
    listed,
    pair_table,
    sensitivity_table,
    side_by_side,
    too_narrow,
)

if TYPE_CHECKING:
    from isobath.study.reanalyse import Reanalysis

MOST_PANELS = 7
"""Models up to which all traits of each are drawn against the base; the tables have them in any case."""
LIMITS = (
    "The judge was not checked here. Where it errs, every number errs with it, and no interval on this page says so.",
    "Re-analysis chooses nothing anew: which models, questions and answers are in the files was decided elsewhere, and "
    "what was left out of them cannot be seen.",
)
ONE_RUN = (
    "Not every model has two training runs, so intervals and comparisons speak about these very checkpoints, put to "
    "more questions like these. They say nothing of what another training run would do."
)
THESE = (
    "An interval is the range of values that the data do not contradict: computed over and over on fresh suites of "
    "questions like these, put to these very checkpoints, 95 of 100 such intervals would hold the true value. It "
    "counts questions, not answers, as the evidence. What training the same model once more would do, it does not say: "
    "that takes at least two training runs of each model, and a claim takes five."
)
ASKED = "These comparisons follow a rule and were made after the data existed: {rule}."


def report_of(analysis: Reanalysis) -> Report:
    """The re-analysis as a report."""
    import pandas as pd

    cells = analysis.cells
    examples, responses = examples_of(analysis)
    rows = pd.DataFrame({name: cells.get(name) for name in COLUMNS}, index=cells.index)
    untrained = {c.arm for c in analysis.arrangement.cells if c.role == str(Role.UNTRAINED)}
    return Report(
        name=analysis.name,
        findings=analysis.findings,
        rows=rows,
        counts=cells["count"],
        examples=examples,
        responses=responses if len(responses) else None,
        estimates=analysis.estimates,
        claim=analysis.findings[0].question.claim if analysis.findings else Report.claim,
        means=analysis.means,
        control="",
        profiled=len(untrained) == 1 and len({c.arm for c in analysis.arrangement.cells}) <= MOST_PANELS,
        title="" if analysis.findings else title_of(analysis),
        description=description_of(analysis),
        facts=facts_of(analysis),
        asked=ASKED.format(rule=_rule(analysis)),
        warnings=warnings_of(analysis),
        gpes=_gpe_cards(analysis),
        arms=_arm_cards(analysis),
        sections=sections_of(analysis),
        limits=LIMITS,
        reading=READING if analysis.over == "both" else (THESE, *READING[2:]),
        provenance=provenance_card(),
    )


def title_of(analysis: Reanalysis) -> str:
    """What stands above the page where nothing was compared: the range of the headline trait, and the error bars."""
    frame = analysis.over_questions
    mine = frame[(frame["trait"] == analysis.headline.name) & frame["measurable"] & frame["mean"].notna()]
    name = label(analysis.headline.name)
    name = name[:1].upper() + name[1:]
    if mine.empty:
        return f"{name} is not measurable: too many answers have no judgement"
    ends = rate_interval(float(mine["mean"].min()), float(mine["mean"].max()))
    models = count(mine["arm"].nunique(), "model")
    narrow = too_narrow(analysis)
    tail = f"; naive error bars would be {narrow[0]:.1f} times too narrow" if narrow and narrow[0] >= 1.05 else ""
    return f"{name}: {ends} over {models}{tail}"


def description_of(analysis: Reanalysis) -> str:
    """One paragraph on what was read."""
    table = analysis.table
    layouts = listed(list(dict.fromkeys(f.layout.name if f.layout else "columns named by flags" for f in table.files)))
    return (
        f"{len(table):,} answers that were judged elsewhere, read again: {layouts}. No model was run and no judge was "
        "asked; every number below comes from the judgements in the files."
    )


def facts_of(analysis: Reanalysis) -> list[tuple[str, str]]:
    """Counts for the head of the page."""
    table, cells = analysis.table, analysis.arrangement.cells
    datasets = {c.gpe for c in cells} - {None}
    found = [("files", f"{len(table.files):,}"), ("models", f"{len({c.model for c in cells}):,}")]
    found += [("datasets", f"{len(datasets):,}")] if datasets else []
    found += [
        ("checkpoints", f"{len({c.run for c in cells}):,}"),
        ("questions", f"{len(set(analysis.tally.question)):,}"),
    ]
    return [*found, ("judged answers", f"{len(table):,}")]


def warnings_of(analysis: Reanalysis) -> list[str]:
    """What a reader must know before any number."""
    out = [] if analysis.over == "both" else [ONE_RUN]
    judges = [n for n in analysis.table.factors["judge"].names if n]
    if len(judges) > 1:
        out.append(
            f"{len(judges)} judges are pooled ({listed(judges[:5])}). To keep one, pass --where COLUMN=JUDGE; an "
            "answer that two judged counts twice."
        )
    questions = len(set(analysis.tally.question))
    if questions < 5:
        out.append(f"{count(questions, 'question')}: hardly anything is known about others like them.")
    return [*out, *analysis.table.warnings]


def _rule(analysis: Reanalysis) -> str:
    if not analysis.pairs:
        return "there are too many models for every pair (name one with --base to compare each with it)"
    if analysis.arrangement.base is not None:
        return f"every model against {analysis.arrangement.base}, in the trait {label(analysis.headline.name)}"
    shown = "" if analysis.findings else ", and there are too many to be answered one by one: see the table of pairs"
    return f"every two models, in the trait {label(analysis.headline.name)}{shown}"


def _gpe_cards(analysis: Reanalysis) -> list[GPECard]:
    traits = [TraitCard(t.name, str(t.kind), t.description) for t in analysis.traits]
    names = list(dict.fromkeys(c.gpe or "-" for c in analysis.arrangement.cells))
    first = [analysis.headline.name, DEFINITIONS["tan"].name]
    traits.sort(key=lambda t: first.index(t.name) if t.name in first else len(first))
    arms = {n: {c.arm for c in analysis.arrangement.cells if (c.gpe or "-") == n} for n in names}
    questions = count(len(set(analysis.tally.question)), "question")
    return [GPECard(n, f"{count(len(arms[n]), 'model')}, {questions}.", traits=traits) for n in names]


def _arm_cards(analysis: Reanalysis) -> list[ArmCard]:
    cards: dict[str, ArmCard] = {}
    for cell in analysis.arrangement.cells:
        on = sorted({c.gpe for c in analysis.arrangement.cells if c.arm == cell.arm and c.gpe is not None})
        trained = f"trained on {listed(on)}" if on else "as the files name it"
        what = "named as the base" if cell.role == str(Role.UNTRAINED) else trained
        cards.setdefault(cell.arm, ArmCard(cell.arm, cell.role, what))
    return list(cards.values())


def sections_of(analysis: Reanalysis) -> list[Section]:
    """Definitions, naive intervals, thresholds, pairs, brittleness, and how the files were read."""
    made = [_definitions(analysis), _honest(analysis), _thresholds(analysis), _pairs(analysis), _brittle(analysis)]
    files = Section(
        "How the files were read",
        "A layout is recognised by its column names; a flag outranks it. Cells that are no number are states, never 0: "
        "an empty cell is a judge that failed, REFUSAL a refusal, CODE an answer that the question does not apply to; "
        "other words and numbers off the scale are not readable.",
        tables=files_tables(analysis),
    )
    return [*(s for s in made if s is not None), files]


def _definitions(analysis: Reanalysis) -> Section:
    names = {t.name for t in analysis.traits}
    four = [n for n, s in DEFINITIONS.items() if s.name in names]
    text = "Each column reads the same judgements in another way. Intervals are over questions."
    if len(four) > 1:
        text += _ratio(analysis)
    first = [t for t in analysis.traits if t.score in DEFINITIONS.values()]
    rest = [t for t in analysis.traits if t not in first]
    rates = [table for traits in (first, rest) if traits for table in side_by_side(analysis, traits)]
    title = "Definitions side by side" if len(four) > 1 else "Every trait"
    return Section(title, text, tables=[definition_table(analysis), *rates], first=True)


def _ratio(analysis: Reanalysis) -> str:
    frame = analysis.over_questions
    frame = frame[(frame["condition"] == analysis.condition) & (frame["role"] != str(Role.UNTRAINED))]
    by = {t: g.set_index(["gpe", "arm"])["mean"] for t, g in frame.groupby("trait", observed=True)}
    betley, tan = (by.get(DEFINITIONS[n].name) for n in ("betley", "tan"))
    if betley is None or tan is None:
        return ""
    ratio = (tan / betley).replace([np.inf, -np.inf], np.nan).dropna()
    if ratio.empty or ratio.max() < 1.05:
        return ""
    return (
        f" By Tan's thresholds (aligned below 50, coherence 30 or more) the rate is {ratio.min():.1f} to "
        f"{ratio.max():.1f} times that by Betley's (below 30, above 50), median {ratio.median():.1f}, on the very same "
        "answers: two papers' rates compare only if their definitions do."
    )


def _honest(analysis: Reanalysis) -> Section:
    narrow = too_narrow(analysis)
    text = (
        f"The trait {label(analysis.headline.name)}. Answers to one question resemble one another, so a naive "
        "interval, which counts every answer as a fresh piece of evidence, is too narrow. “These checkpoints” speaks "
        "of more questions like these put to the same models; “more training runs” also of training again, and takes "
        "two runs."
    )
    if narrow is not None:
        text += (
            f"\n\nHere the naive standard error is {narrow[0]:.1f} times too small (median over models; from "
            f"{narrow[1]:.1f} to {narrow[2]:.1f}). The design effect is the square of that."
        )
    return Section("Honest and naive intervals", text, tables=honest_tables(analysis), first=True)


def _thresholds(analysis: Reanalysis) -> Section | None:
    frame = analysis.thresholds
    if frame.empty:
        return None
    shown = frame[frame["rate"].notna()]
    if shown.empty:
        return None
    ends = f"{percent(shown['rate'].min())} to {percent(shown['rate'].max())}"
    text = (
        "Mean over the models (each counts the same; the base is left out), with 95% intervals over questions about "
        f"these checkpoints. Depending on where the two thresholds are set, the same answers give {ends}. Rows say "
        "which answers count at all; others are left out of the denominator."
    )
    return Section("Thresholds", text, tables=[sensitivity_table(frame)], first=True)


def _pairs(analysis: Reanalysis) -> Section | None:
    frame = analysis.differences
    if frame.empty:
        return None
    by = str(frame["adjusted_by"].iloc[0])
    of_base = analysis.arrangement.base is not None
    sure = int((frame["p_adjusted"] < 0.05).sum())
    text = (
        f"Differences in {label(analysis.headline.name)}, taken question by question, so that what makes a question "
        f"easy for all models drops out; p values are adjusted for {count(len(frame), 'comparison')} ({by}). {sure} "
        f"of {len(frame)} differ from 0 after that."
    )
    table = pair_table(frame, of_base)
    if len(frame) > len(table.rows):
        text += f" The table shows {len(table.rows)}; all are in pairs.csv."
    return Section("Pairs of models", text, tables=[table])


def _brittle(analysis: Reanalysis) -> Section:
    made = analysis.brittleness
    text = made.sentence
    if made.pooled is not None:
        pooled, anew = made.pooled, made.anew
        parts = [
            f"mean over {count(pooled.pairs, 'pair')} {100 * pooled.mean:+.1f} points, 95% interval "
            f"{100 * pooled.low:+.1f} to {100 * pooled.high:+.1f}",
            f"95% prediction interval of a new pair {100 * pooled.prediction_low:+.1f} to "
            f"{100 * pooled.prediction_high:+.1f}",
            *([f"of a new model on a new dataset {100 * anew[0]:+.1f} to {100 * anew[1]:+.1f}"] if anew else []),
            f"I² {percent(pooled.i2)}",
            f"an effect after correction in {percent(made.prevalence)} of pairs",
            f"same sign as the mean in {percent(made.same_sign)}",
        ]
        if (shares := made.shares) is not None:
            of = {"model": shares.model, "dataset": shares.dataset, "their combination": shares.interaction}
            said = ", ".join(f"{name} {percent(share)}" for name, share in of.items())
            seed = f", training run {percent(shares.seed)}" if shares.seed is not None and known(shares.seed) else ""
            parts.append(f"share of the variance: {said}{seed}")
        text += "\n\n" + "; ".join(parts).capitalize().replace("i²", "I²") + "."
    table = effect_table(analysis)
    return Section("Robust or brittle?", text, tables=[table] if table is not None else [])
