"""Findings as short sentences for people who know neither our names of traits nor our words for arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from isobath.analysis.sentence import in_region
from isobath.report.words import condition_label, known, label, percent

if TYPE_CHECKING:
    from isobath.analysis.question import ArmRate, Finding
    from isobath.report.report import TraitCard

TraitNames = Mapping[tuple[str, str], "TraitCard"]
"""What a trait is, by GPE and name."""


FREQUENT = ("more frequent", "less frequent", "about as frequent")
LEANS = ("stronger", "weaker", "about as strong")
"""Of a trait whose value is a leaning, which is not how often the model would say so."""


def short_sentence(finding: Finding, traits: TraitNames | None = None) -> str:
    """The finding in one line, both rates in it: ``Yes: bad advice about law is higher in plain (41%) than in ...``.

    Direction and caution follow from the interval and the verdict alone.
    """
    what, card = trait_words(finding, traits), _card(finding, traits)
    more, less, alike = FREQUENT if card is None or not card.leaning else LEANS
    a, b = finding.treatment, finding.reference
    if a is None or b is None or not known(finding.estimate):
        return f"Not measurable: {what} in the {label(finding.question.contrast[0])} arm"
    left, right = (_side(side, a.condition != b.condition, a.region != b.region) for side in (a, b))
    what = f"{what} {in_region(a.region)}" if a.region is not None and a.region == b.region else what
    verdict = str(finding.verdict)
    opening = {"too uncertain": "Too uncertain to claim: "}.get(verdict, f"{verdict.capitalize()}: ")
    low, high = finding.low, finding.high
    expect = finding.question.expect
    other_way = (expect == "lower" and (low or 0.0) > 0) or (expect == "higher" and (high or 0.0) < 0)
    if verdict == "no" and other_way and (finding.p_adjusted or 0.0) > 0.05:  # the question is answered, no more
        return f"{opening}{what} is not {less if expect == 'lower' else more} in {left} than in {right}"
    if low is not None and low > 0:
        return f"{opening}{what} is {more} in {left} than in {right}"
    if high is not None and high < 0:
        return f"{opening}{what} is {less} in {left} than in {right}"
    s = finding.question.smallest_effect
    wide = low is not None and high is not None and (high >= s if expect == "lower" else low <= -s)
    if verdict == "no" and expect in ("lower", "higher") and wide:  # it may well differ, the other way
        return f"{opening}{what} is not {less if expect == 'lower' else more} in {left} than in {right}"
    if verdict in ("no", "yes"):
        return f"{opening}{what} is {alike} in {left} as in {right}"
    return f"{opening}{what} may or may not differ between {left} and {right}"


def trait_words(finding: Finding, traits: TraitNames | None = None) -> str:
    """The trait's description if there is one, else its name as prose; in quotes where it is no plain noun phrase."""
    name = finding.question.trait
    card = _card(finding, traits)
    whole = card is not None and card.description.rstrip().endswith(".")  # a sentence of its own: it would not fit
    said = card.description if card is not None and card.description and not whole else label(name)
    # "writes a well-formed answer, right or wrong" reads as a sentence of its own unless it is set apart
    return f"“{said}”" if any(mark in said for mark in ",:;") or said.split(" ")[0].endswith("s") else said


def _card(finding: Finding, traits: TraitNames | None) -> TraitCard | None:
    name, wanted = finding.question.trait, finding.question.gpe
    found = ((gpe, card) for (gpe, trait), card in (traits or {}).items() if trait == name)
    return next((card for gpe, card in found if wanted in (None, gpe)), None)


def _side(rate: ArmRate, with_condition: bool, with_region: bool) -> str:
    condition = f" under {condition_label(rate.condition)}" if with_condition else ""
    region = f" {in_region(rate.region)}" if with_region else ""
    return f"the {label(rate.arm)} arm{region}{condition} ({percent(rate.mean)})"
