"""Sections on what was measured besides answers: which distance predicts failure, and what hidden states hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.base.row import Claim
from isobath.report.report import Section
from isobath.report.tables import Column, TableView, Value
from isobath.report.words import label

if TYPE_CHECKING:
    import pandas as pd

SHAPE = (
    "What is the shape of the distribution? Each measure of distance is asked one thing: does a wrong answer lie "
    "further out than a right one? The chance that it does is the area under the ROC curve (AUROC; 0.50 is chance), "
    "with a 95% interval over bases and questions; the column within regions compares questions of one region only, "
    "so that what the region says already counts for nothing. Hidden states are those of the base before fine-tuning."
)
STATES = (
    "A linear readout of the hidden state at the end of each scenario, trained on the island alone and tested on every "
    "region. That a factor can be read there does not say that the model uses it. Intervals over bases. Control: the "
    "same readout with labels dealt out at random."
)
TOLD = "Can a classifier tell a region's scenarios from training scenarios at all? (0.50: it cannot. Mean over bases.)"


def distance_section(rows: pd.DataFrame, measured: Mapping[str, pd.DataFrame], claim: Claim, reference: str) -> Section:
    """Which covariate predicts failure, arm by arm; the arm `reference` is left out. Sentences tell the first arm."""
    from isobath.measures.failure import failure_table
    from isobath.measures.failure_words import failure_sentences

    asked = set(measured["distances"]["question"])
    trained = rows[(rows["arm"] != reference) & rows["question"].isin(asked)] if reference else rows
    table = failure_table(trained, measured["distances"].drop(columns="label"), claim)
    first = table[table["arm"] == table["arm"].iloc[0]]
    sentences = "\n\n".join([f"The arm {label(str(first['arm'].iloc[0]))}:", *failure_sentences(first)])
    return Section(
        "Which distance predicts failure?",
        f"{SHAPE}\n\n{sentences}",
        tables=[_failure_table(table), *_two_sample(measured)],
    )


def readout_section(frame: pd.DataFrame, reference: str, arms: Sequence[str]) -> Section:
    """What can be read off hidden states, per target, region and arm."""
    from isobath.measures.readout_table import readout_table

    made = readout_table(frame.assign(checkpoint=frame["arm"]), before=reference or None)
    place = {arm: i for i, arm in enumerate(arms)}
    made = made.assign(_at=made["checkpoint"].map(place)).sort_values(["target", "_at"], kind="stable")
    columns = [Column("what is read"), Column("region"), Column("arm")]
    columns += [Column(t, True) for t in ("accuracy", "chance", "above control", "rank correlation", "texts")]
    if reference:
        columns.append(Column(f"change from {label(reference)}", True))
    rows = [_readout_line(r, bool(reference)) for r in made.to_dict("records")]
    return Section("What can be read off hidden states", STATES, tables=[TableView(columns, rows)])


def _failure_table(table: pd.DataFrame) -> TableView:
    from isobath.measures.failure_words import CALLED

    columns = [Column("arm"), Column("distance"), Column("AUROC", True), Column("within regions", True)]
    columns += [Column("beyond the region", True), Column("wrong / right", True)]
    rows, unmeasured = [], set[str]()
    for r in table.to_dict("records"):
        if not r["measurable"]:
            if r["arm"] in unmeasured:
                continue
            unmeasured.add(str(r["arm"]))
            numbers = [Value("not measurable", kind="num"), Value("", kind="num"), Value("", kind="num")]
            r["covariate"] = "all"
        else:
            numbers = [_number(r, *names) for names in (AREA, WITHIN, BEYOND)]
        counts = Value(f"{r['wrong']:.0f} / {r['right']:.0f}", kind="num")
        name = str(r["covariate"])
        rows.append([Value(label(str(r["arm"]))), Value(CALLED.get(name, label(name))), *numbers, counts])
    return TableView(columns, rows)


AREA = ("auroc", "low", "high")
WITHIN = ("within", "within_low", "within_high")
BEYOND = ("beyond_region", "beyond_low", "beyond_high")


def _number(record: Mapping[Any, Any], mean: str, low: str, high: str) -> Value:
    value = record[mean]
    if value is None or math.isnan(value):
        return Value("–", kind="num")
    span = "" if math.isnan(record[low]) else f"[{record[low]:.2f} to {record[high]:.2f}]"
    return Value(f"{value:.2f}", span, kind="num")


def _two_sample(measured: Mapping[str, pd.DataFrame]) -> list[TableView]:
    frame = measured.get("two_sample")
    if frame is None or not len(frame):
        return []
    rows = []
    for region in dict.fromkeys(frame["region"]):
        mine = frame[frame["region"] == region]
        p = f"p at most {mine['p'].max():.2f}, {len(mine)} base{'s' * (len(mine) != 1)}"
        rows.append([Value(str(region)), Value(f"{mine['auc'].mean():.2f}", kind="num", note=p)])
    return [TableView([Column("region"), Column("AUC", True)], rows, TOLD)]


def _readout_line(record: Mapping[Any, Any], changes: bool) -> list[Value]:
    head = [Value(label(str(record["target"]))), Value(str(record["region"])), Value(label(str(record["checkpoint"])))]
    if record["state"] != "ok":
        return [*head, Value("not applicable", kind="num", note=str(record["why"])), *[Value("")] * (4 + changes)]
    numbers = [
        _number(record, "accuracy", "low", "high"),
        Value(f"{record['chance']:.2f}", kind="num"),
        _number(record, "selectivity", "selectivity_low", "selectivity_high"),
        _number(record, "correlation", "correlation_low", "correlation_high"),
        Value(f"{record['n']:.0f}", kind="num"),
    ]
    return [*head, *numbers, *([_number(record, "change", "change_low", "change_high")] if changes else [])]
