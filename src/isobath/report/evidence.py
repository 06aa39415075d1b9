"""`Evidence`: a report's frames, with cards for every GPE, trait and arm, ready to be cut by GPE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isobath.report.report import ArmCard, GPECard, Report, TraitCard

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Evidence:
    """Rows, estimates and replicate rates of a report or of one of its GPEs; a null GPE is called ``-``."""

    report: Report
    rows: pd.DataFrame
    estimates: pd.DataFrame
    replicates: pd.DataFrame
    arms: Sequence[ArmCard]

    def of(self, gpe: str) -> Evidence:
        """The evidence of one GPE."""
        rows, estimates, replicates = (f[f["gpe"] == gpe] for f in (self.rows, self.estimates, self.replicates))
        return replace(self, rows=rows, estimates=estimates, replicates=replicates)

    def asked(self, conditions: Sequence[str], traits: Sequence[str]) -> pd.DataFrame:
        """Estimates of these traits under these conditions: traits in the order given, arms in the order of cards."""
        place = {name: i for i, name in enumerate(traits)}
        arm_place = {card.name: i for i, card in enumerate(self.arms)}
        frame = self.estimates
        mine = frame[frame["condition"].isin(list(conditions)) & frame["trait"].isin(list(traits))]
        keys = [mine["trait"].map(place), mine["arm"].map(arm_place)]
        order = mine.assign(_trait=keys[0], _arm=keys[1]).sort_values(["_trait", "_arm"], kind="stable").index
        return mine.loc[order]

    def rings(self, conditions: Sequence[str], traits: Sequence[str]) -> pd.DataFrame:
        """Replicate rates of these traits under these conditions."""
        frame = self.replicates
        return frame[frame["condition"].isin(list(conditions)) & frame["trait"].isin(list(traits))]

    def arms_in(self, frame: pd.DataFrame) -> list[str]:
        """The arms of `frame` in the order of the cards."""
        there = set(frame["arm"])
        return [card.name for card in self.arms if card.name in there]

    def profile(self) -> tuple[pd.DataFrame, str]:
        """Differences of every trait and arm from the control arm (or the untrained one), and the name of that arm."""
        from isobath.analysis.estimates import profile_table

        there = set(self.rows["arm"])
        untrained = next((c.name for c in self.arms if c.role == "untrained"), "untrained")
        reference = self.report.control if self.report.control in there else untrained
        if reference not in there:
            return self.estimates.iloc[:0], reference
        made = profile_table(self.rows, self.report.claim, reference)
        roles = {card.name: card.role for card in self.arms}
        return (made.assign(role=made["arm"].map(roles)) if len(made) else made), reference


def evidence_of(report: Report) -> Evidence:
    """The evidence of a whole report."""
    from isobath.analysis.estimates import replicate_rates

    rows = report.rows.assign(gpe=report.rows["gpe"].fillna("-"))
    return Evidence(report, rows, report.estimates, replicate_rates(rows, report.claim), arm_cards(report))


def arm_cards(report: Report) -> list[ArmCard]:
    """The report's arm cards, then arms of the rows that have none, in their order of appearance."""
    cards = list(report.arms)
    named = {card.name for card in cards}
    firsts = report.rows.drop_duplicates("arm")[["arm", "role"]].to_dict("records")
    return cards + [ArmCard(str(r["arm"]), _text(r["role"])) for r in firsts if r["arm"] not in named]


def gpe_cards(report: Report) -> list[GPECard]:
    """A card for every GPE of the rows, with a card for every trait; the report's own where it has them."""
    given = {card.name: card for card in report.gpes}
    rows = report.rows.assign(gpe=report.rows["gpe"].fillna("-"))
    there = list(dict.fromkeys(rows["gpe"]))
    order = [g for g in given if g in there] + [g for g in there if g not in given]
    firsts = rows.drop_duplicates(["gpe", "trait"])
    cards = []
    for gpe in order:
        card = given.get(gpe, GPECard(gpe))
        named = {trait.name for trait in card.traits}
        found = firsts[firsts["gpe"] == gpe][["trait", "trait_kind"]].to_dict("records")
        more = [TraitCard(str(r["trait"]), _text(r["trait_kind"])) for r in found if r["trait"] not in named]
        present = {r["trait"] for r in found}
        cards.append(replace(card, traits=[t for t in card.traits if t.name in present] + more))
    return cards


def _text(value: object) -> str:
    import pandas as pd

    return "" if value is None or value is pd.NA or value != value else str(value)
