"""The landscape as a table for the terminal: a row per arm, a column per region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.report.gpe_view import rate_value
from isobath.report.report import GPECard, Report

if TYPE_CHECKING:
    import pandas as pd


def region_fields(report: Report, card: GPECard, arms: Sequence[str]) -> tuple[list[str], list[list[str]]] | None:
    """Regions outwards, and for each of `arms` its name and the rate with interval in every region.

    Of the GPE's headline trait (its first where there is none), asked without a prompt; the last line counts questions.
    None where nothing has a place.
    """
    from isobath.analysis.region_rates import region_rates

    rows = report.rows[(report.rows["condition"] == "none") & report.rows["region"].notna()]
    rows = rows[rows["gpe"].fillna("-") == card.name]
    if rows.empty:
        return None
    traits = [str(t) for t in rows["trait"].unique()]
    trait = card.headline if card.headline in traits else traits[0]
    rates = region_rates(rows[rows["trait"] == trait], report.claim)
    rates = rates[rates["rows"] > 0]
    regions = list(dict.fromkeys(str(r) for r in rates["region"]))
    found = {(str(r["arm"]), str(r["region"])): r for r in rates.to_dict("records")}
    lines = [[arm, *(_field(found.get((arm, r))) for r in regions)] for arm in arms if _asked(rates, arm)]
    asked = rates.groupby("region")["questions"].max()
    return regions, [*lines, ["questions", *(f"{int(asked[region]):,}" for region in regions)]]


def _asked(rates: pd.DataFrame, arm: str) -> bool:
    return bool((rates["arm"] == arm).any())


def _field(record: Mapping[Any, Any] | None) -> str:
    if record is None:
        return "-"
    if record["state"] == "contested":
        return "contested"
    value = rate_value(record, {})
    return value.text if value.text == "not measurable" else f"{value.text} {value.interval.replace('%', '')}"
