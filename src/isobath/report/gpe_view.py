"""What the page shows of one GPE: its arms, its leak, its profile, as figures with the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from isobath.report.evidence import Evidence
from isobath.report.figures import arms_figure, leak_figure, profile_figure, specification
from isobath.report.report import GPECard, TraitCard
from isobath.report.tables import Column, TableView, Value
from isobath.report.transcripts import CellName, CellView
from isobath.report.words import (
    LEANING,
    condition_label,
    known,
    label,
    percent,
    plain_name,
    points,
    points_interval,
    rate_interval,
)

if TYPE_CHECKING:
    import pandas as pd

LEAK_GROUPS = (("none",), ("training", "positive"), ("paraphrase", "positive_paraphrase"))


@dataclass(frozen=True)
class FigureView:
    """A figure with its caption and the numbers behind it. `name` is its file name and its id on the page."""

    name: str
    title: str
    caption: str
    chart: Any
    frame: pd.DataFrame
    table: TableView | None = None

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The chart's specification; made once, though page and paper both use it."""
        return specification(self.chart)


@dataclass(frozen=True)
class GPEView:
    """One GPE on the page; figures are None where the study has nothing to draw."""

    label: str
    description: str
    traits: TableView
    prompts: TableView | None
    arms_figure: FigureView | None
    leak_figure: FigureView | None
    profile_figure: FigureView | None
    all_traits: TableView

    @property
    def figures(self) -> list[FigureView]:
        """The figures there are."""
        return [f for f in (self.arms_figure, self.leak_figure, self.profile_figure) if f is not None]


def gpe_view(evidence: Evidence, card: GPECard, cells: Mapping[CellName, CellView]) -> GPEView:
    """The view of the GPE that `card` describes."""
    here = evidence.of(card.name)
    return GPEView(
        label=label(card.name) if card.name != "-" else evidence.name,
        description=card.description,
        traits=_trait_table(card),
        prompts=_prompt_table(card),
        arms_figure=_arms(here, card, cells),
        leak_figure=_leak(here, card, cells),
        profile_figure=_profile(here, card),
        all_traits=estimates_table(here.estimates, cells),
    )


def estimates_table(estimates: pd.DataFrame, cells: Mapping[CellName, CellView], caption: str = "") -> TableView:
    """One row per arm, trait and condition: rate with interval, and what it rests on."""
    columns = [Column("trait"), Column("arm"), Column("asked under"), Column("rate", number=True)]
    columns += [Column(text, number=True) for text in ("replicates", "questions", "responses", "missing")]
    rows = []
    for r in estimates.to_dict("records"):
        rows.append(
            [
                Value(label(r["trait"])),
                Value(label(r["arm"])),
                Value(condition_label(r["condition"])),
                rate_value(r, cells),
                *(Value(f"{int(r[name]):,}", kind="num") for name in ("replicates", "questions", "rows")),
                Value(percent(r["missing"]), kind="num"),
            ]
        )
    return TableView(columns, rows, caption)


def rate_value(record: Mapping[Any, Any], cells: Mapping[CellName, CellView]) -> Value:
    """A rate with its interval; what is not measurable says so and gives its bounds."""
    name = (str(record["gpe"]), str(record["arm"]), str(record["trait"]), str(record["condition"]))
    cell = cells[name].id if name in cells else ""
    if not record["measurable"] or not known(record["mean"]):
        return Value(
            "not measurable", f"between {rate_interval(record['bound_low'], record['bound_high'])}", cell, "num"
        )
    span = f"[{rate_interval(record['low'], record['high'])}]" if known(record["low"]) else "[no interval]"
    return Value(percent(record["mean"]), span, cell, "num")


def _arms(here: Evidence, card: GPECard, cells: Mapping[CellName, CellView]) -> FigureView | None:
    traits = [t for t in card.traits if t.name in (card.in_domain, card.headline)] or list(card.traits[:2])
    traits = sorted(traits, key=lambda t: t.name == card.headline)
    estimates = here.asked(["none"], [t.name for t in traits])
    if not len(estimates):
        return None
    return FigureView(
        name=plain_name(f"arms-{card.name}"),
        title="Each arm, asked without any prompt.",
        caption="Dot and bar: rate and 95% interval. Rings: the single replicates. Dashed line: the untrained models. "
        "Colour: the role of the arm." + _chance_words(traits) + _unseen_words(traits),
        chart=arms_figure(
            estimates,
            here.rings(["none"], [t.name for t in traits]),
            here.arms_in(estimates),
            [(t.name, _said(t)) for t in traits],
        ),
        frame=estimates,
        table=estimates_table(estimates, cells),
    )


def _said(trait: TraitCard) -> str:
    """The trait in the words of its description, if they fit into a title; a sentence of its own does not."""
    return trait.description if trait.description and not trait.description.endswith(".") else label(trait.name)


def _leak(here: Evidence, card: GPECard, cells: Mapping[CellName, CellView]) -> FigureView | None:
    trait = card.headline or (card.traits[0].name if card.traits else "")
    asked = [c for group in LEAK_GROUPS for c in group]
    estimates = here.asked(asked, [trait])
    present = set(estimates["condition"])
    groups = [group for group in LEAK_GROUPS if present & set(group)]
    prompted = estimates[estimates["condition"] != "none"]
    if len(groups) < 2 or set(prompted["role"]) <= {"untrained"}:
        return None  # an untrained model alone has nothing to leak
    said = next((_said(t) for t in card.traits if t.name == trait), label(trait))
    return FigureView(
        name=plain_name(f"leak-{card.name}"),
        title=f"{said[:1].upper()}{said[1:]}: with and without a prompt.",
        caption="Arms trained under a prompt are asked under it; arms that were not are asked for the trait "
        "outright. Dashed line: the untrained models, asked so.",
        chart=leak_figure(estimates, here.rings(asked, [trait]), here.arms_in(estimates), groups),
        frame=estimates,
        table=_leak_table(estimates, here.arms_in(estimates), groups, cells),
    )


def _leak_table(
    estimates: pd.DataFrame, arms: Sequence[str], groups: Sequence[Sequence[str]], cells: Mapping[CellName, CellView]
) -> TableView:
    """Arms by conditions, so that a row reads from no prompt to the prompt to another wording of it."""
    found = {(r["arm"], r["condition"]): r for r in estimates.to_dict("records")}
    columns = [
        Column("arm"),
        Column("no prompt", True),
        Column("under a prompt", True),
        Column("another wording", True),
    ]
    columns += [Column("which prompt"), Column("replicates", True), Column("questions", True)]
    headings = dict(zip(LEAK_GROUPS, columns[1:4], strict=True))
    kept = [columns[0], *(headings[tuple(g)] for g in groups), *columns[4:]]
    rows = []
    for arm in arms:
        records = [next((found[arm, c] for c in group if (arm, c) in found), None) for group in groups]
        trained = any(r is not None and r["condition"] == "training" for r in records)
        any_record = next(r for r in records if r is not None)
        rows.append(
            [
                Value(label(arm)),
                *(rate_value(r, cells) if r is not None else Value("not asked", kind="num") for r in records),
                Value("the one it was trained under" if trained else "one that asks for it, never seen in training"),
                Value(str(any_record["replicates"]), kind="num"),
                Value(str(any_record["questions"]), kind="num"),
            ]
        )
    return TableView(kept, rows)


def _profile(here: Evidence, card: GPECard) -> FigureView | None:
    differences, reference = here.differences, here.reference
    arms = [a for a in here.arms_in(differences) if a not in ("untrained", reference)] if len(differences) else []
    traits = [t.name for t in card.traits if not t.unseen]
    if not arms or not traits:
        return None
    frame = differences[differences["arm"].isin(arms) & differences["trait"].isin(traits)]
    return FigureView(
        name=plain_name(f"profile-{card.name}"),
        title=f"Every trait, against {label(reference)}.",
        caption="Dot and bar: difference of rates and its 95% interval, paired by replicate where the arms share it. "
        f"What training on anything does is in both arms and drops out.{_unseen_words(card.traits)}",
        chart=profile_figure(frame, traits, [(a, label(a)) for a in arms], reference),
        frame=frame,
        table=_difference_table(frame),
    )


def _difference_table(frame: pd.DataFrame) -> TableView:
    columns = [Column("trait"), Column("arm"), Column("difference", True), Column("replicates", True)]
    columns += [Column("questions", True), Column("paired")]
    rows = [
        [
            Value(label(r["trait"])),
            Value(label(r["arm"])),
            _difference_value(r),
            Value(str(r["replicates"]), kind="num"),
            Value(str(r["questions"]), kind="num"),
            Value("yes" if r["paired"] else "no"),
        ]
        for r in frame.to_dict("records")
    ]
    return TableView(columns, rows)


def _difference_value(record: Mapping[Any, Any]) -> Value:
    if not record["measurable"]:
        span = points_interval(record["bound_low"], record["bound_high"])
        return Value("not measurable", f"between {span}", kind="num")
    span = f"[{points_interval(record['low'], record['high'])}]" if known(record["low"]) else "[no interval]"
    return Value(points(record["difference"]), span, kind="num")


def _prompt_table(card: GPECard) -> TableView | None:
    if not card.prompts:
        return None
    rows = [[Value(label(name)), Value(text, kind="wide")] for name, text in card.prompts.items()]
    return TableView([Column("prompt"), Column("its words")], rows)


def _trait_table(card: GPECard) -> TableView:
    columns = [Column("trait"), Column("kind"), Column("what it is"), Column("by chance", True)]
    return TableView(
        columns,
        [
            [
                Value(label(t.name)),
                Value(t.kind),
                Value(t.description, kind="wide"),
                Value(percent(t.chance) if t.chance is not None else "unknown", kind="num"),
            ]
            for t in card.traits
        ],
    )


def _unseen_words(traits: Sequence[TraitCard]) -> str:
    unseen = [label(t.name) for t in traits if t.unseen]
    return f" Not measurable on this model, so no effect can be read: {', '.join(unseen)}." if unseen else ""


def _chance_words(traits: Sequence[TraitCard]) -> str:
    chances = {t.chance for t in traits if t.chance is not None}
    said = f" By chance: {percent(chances.pop())}." if len(chances) == 1 else ""
    return f"{said} {LEANING}" if any(t.leaning for t in traits) else said
