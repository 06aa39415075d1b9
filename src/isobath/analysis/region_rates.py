"""Rates over a landscape: by region, along distance, depth and novelty order, and point by point.

A row's place belongs to its question, so every number here is a mean over the questions of one part of the landscape:
replicates and questions count as everywhere else (`two_way`). A contested point has no right answer; its rows are
`not_applicable` and enter no rate.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from isobath.analysis.estimates import arm_estimates
from isobath.analysis.replicates import FIXED, KEYS, replicate_means
from isobath.analysis.two_way import Over
from isobath.analysis.verdict import FEWEST_REPLICATES, MOST_MISSING
from isobath.base.errors import InputError
from isobath.base.row import NEARNESS as NEARNESS
from isobath.base.row import REGIONS as REGIONS
from isobath.base.row import Claim, State

Along = Literal["d", "k", "q"]
"""Distance, depth, novelty order: see `isobath.design.region.Place`."""

NOTHING_NEW = "none"
"""The novelty order of a point all of whose relevant levels were seen together."""

BINS = 4
"""Groups of equal size into which the distances above 0 are cut."""


def placed(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of `frame` that have a region. Raises `InputError` if none has, or for a region that is none."""
    found = frame[frame["region"].notna()]
    if found.empty:
        raise InputError(
            "no row has a region",
            "a landscape needs rows whose column region says where the question lies",
            "ask a GPE that has a scenario space, or place tagged texts with isobath landscape",
        )
    strange = [str(r) for r in found["region"].unique() if r not in (*REGIONS, *NEARNESS)]
    if strange:
        known = ", ".join((*REGIONS, *NEARNESS))
        raise InputError(f"region {strange[0]!r}", f"the regions are {known}", "correct the rows")
    return found


def regions_of(frame: pd.DataFrame) -> tuple[str, ...]:
    """The regions a picture of `frame` has, outwards: all five of a factor space, or the three of bare texts."""
    there = set(frame["region"].dropna())
    return tuple(r for family in (REGIONS, NEARNESS) if there & set(family) for r in family)


def region_rates(frame: pd.DataFrame, claim: Claim = Claim.THIS_RECIPE, over: Over = "both") -> pd.DataFrame:
    """One row per (gpe, arm, trait, condition, region), regions outwards; one that was not asked has no numbers.

    Columns: those of `KEYS`, region, those of `arm_estimates` (mean, low, high, rows, questions, replicates, missing,
    not_applicable, bounds ...; questions that have a right answer alone), points (their distinct combinations of
    levels; 0 if unknown) and state: ``measured``, ``few replicates`` (shown, but they carry no claim), ``one
    replicate`` (no interval), ``too much missing`` (bounds only), ``contested`` (no point has a right answer) or ``not
    asked``. Raises `InputError` as `placed` does.
    """
    rows = placed(frame)
    made = _estimates(rows, claim, over)
    order = {region: i for i, region in enumerate(regions_of(rows))}
    grid = made[list(KEYS)].drop_duplicates().merge(pd.DataFrame({"region": list(order)}), how="cross")
    kinds = [c for c in ("trait_kind", "role", "score") if c in made]
    details = made.drop_duplicates(list(KEYS))[[*KEYS, *kinds]]
    whole = grid.merge(made.drop(columns=kinds), on=[*KEYS, "region"], how="left").merge(details, on=list(KEYS))
    counted = ("rows", "questions", "replicates", "not_applicable", "points")
    whole = whole.fillna({**dict.fromkeys(counted, 0), "over": "nothing"}).astype(dict.fromkeys(counted, int))
    whole["measurable"] = whole["measurable"].eq(True)
    whole["state"] = [state_of(r) for r in whole.to_dict("records")]
    return whole


def rates_along(
    frame: pd.DataFrame,
    along: Along,
    claim: Claim = Claim.THIS_RECIPE,
    over: Over = "both",
    edges: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Rates by distance, depth or novelty order: one row per (gpe, arm, trait, condition, level).

    Columns: those of `region_rates`, but for region: `level` (its name), `place` (its number from near to far) and
    `at` (mean of the covariate over its questions; NaN for ``none``). Depth and novelty order are levels as they are:
    novelty from `NOTHING_NEW` over large orders (only large combinations are new) to 1 (a level is new). Distances
    above 0 fall into `BINS` groups with the same number of questions, per GPE, cut by where questions lie and not by
    what was answered; `edges` cuts them elsewhere. Empty where no row has the covariate.
    """
    rows = placed(frame)
    known = rows["k"].notna() | rows["q"].notna() if along == "q" else rows[along].notna()  # nothing new: no order
    rows = rows[known]
    if rows.empty:
        return pd.DataFrame(columns=[*KEYS, "level", "place", "at", "mean", "low", "high", "state"])
    labels = _labels(rows, along, edges)
    made = _estimates(rows.assign(region=labels["level"].astype("string")), claim, over)
    places = labels.assign(gpe=rows["gpe"].fillna(FIXED), question=rows["question"]).drop_duplicates()
    at = places.groupby(["gpe", "level"], sort=False).agg(place=("place", "first"), at=("at", "mean")).reset_index()
    made = made.rename(columns={"region": "level"}).merge(at, on=["gpe", "level"])
    made["state"] = [state_of(r) for r in made.to_dict("records")]
    order = {key: i for i, key in enumerate(made[list(KEYS)].drop_duplicates().itertuples(index=False, name=None))}
    first = [order[key] for key in made[list(KEYS)].itertuples(index=False, name=None)]
    return made.assign(_first=first).sort_values(["_first", "place"], kind="stable").drop(columns="_first")


def point_rates(
    frame: pd.DataFrame, factors: Sequence[str] = (), claim: Claim = Claim.THIS_RECIPE, over: Over = "both"
) -> pd.DataFrame:
    """One row per (gpe, arm, trait, condition, combination of levels of `factors`), or of all factors if none is named.

    What `factors` leave out is pooled. Columns: those of `region_rates` with, for region, `levels` (JSON object of the
    levels kept), `regions` (those its questions lie in, outwards) and `supported` (whether one lies on the island).
    A combination with a single question has an interval over replicates alone (column `over`). Raises `InputError` if
    no row has levels, or for a factor that no row has.
    """
    rows = placed(frame)
    known = {text: json.loads(text) for text in rows["levels"].dropna().unique()}
    names = list(dict.fromkeys(name for levels in known.values() for name in levels))
    if not names:
        raise InputError("no row has levels", "a map needs rows whose column levels names the point", "tag the texts")
    for name in factors:
        if name not in names:
            raise InputError(
                f"factor {name!r}", f"the factors of these rows are {', '.join(names)}", "name one of them"
            )
    kept = {text: _levels_text(levels, factors or names) for text, levels in known.items()}
    rows = rows[rows["levels"].notna()]
    cells = rows["levels"].map(kept).astype("string")
    made = _estimates(rows.assign(region=cells), claim, over).rename(columns={"region": "levels"})
    there = pd.DataFrame(
        {"gpe": rows["gpe"].fillna(FIXED), "levels": cells, "region": rows["region"]}
    ).drop_duplicates()
    order = regions_of(rows)
    found = there.groupby(["gpe", "levels"], sort=False)["region"].agg(lambda r: sorted(r, key=order.index))
    regions = [found.loc[key] for key in made[["gpe", "levels"]].itertuples(index=False, name=None)]
    made["regions"] = [", ".join(r) for r in regions]
    made["supported"] = [bool({"island", "in-distribution"} & set(r)) for r in regions]
    made["state"] = [state_of(r) for r in made.to_dict("records")]
    return made


def _estimates(rows: pd.DataFrame, claim: Claim, over: Over) -> pd.DataFrame:
    """`arm_estimates` by `KEYS` and region, with the questions and distinct points that have a right answer."""
    by = [*KEYS, "region"]
    made = arm_estimates(rows, claim, by, over, replicate_means(rows, claim))
    keys = rows.loc[rows["state"] != str(State.NOT_APPLICABLE), [*by, "levels", "question"]]
    keys = keys.assign(levels=keys["levels"].mask(keys["levels"] == "{}"), **{c: keys[c].fillna(FIXED) for c in by})
    counted = keys.groupby(by, observed=True).agg(points=("levels", "nunique"), questions=("question", "nunique"))
    made = made.drop(columns="questions").merge(counted.reset_index(), on=by, how="left")
    return made.fillna({"points": 0, "questions": 0}).astype({"points": int, "questions": int})


def state_of(row: dict[Any, Any]) -> str:
    """How far the numbers of a record of `arm_estimates` carry; see `region_rates`."""
    if row["rows"] == 0:
        return "not asked"
    if row["not_applicable"] == row["rows"]:
        return "contested"
    if row["missing"] > MOST_MISSING or pd.isna(row["mean"]):
        return "too much missing"
    if pd.isna(row["low"]):
        return "one replicate"
    if row["replicates"] < FEWEST_REPLICATES and row["over"] != "questions":
        return "few replicates"
    return "measured"


def _levels_text(levels: dict[str, Any], factors: Sequence[str]) -> str:
    return json.dumps({name: str(levels[name]) for name in factors if name in levels}, ensure_ascii=False)


def _labels(rows: pd.DataFrame, along: Along, edges: Sequence[float] | None) -> pd.DataFrame:
    """Level, its place from near to far, and the covariate as a number, one of each per row."""
    x = rows[along].to_numpy(dtype=float, na_value=np.nan)
    if along == "d":
        return _distances(rows, x, edges)
    texts = np.array([NOTHING_NEW if np.isnan(v) else f"{v:.0f}" for v in x], dtype=object)
    # the larger the smallest combination that is new, the nearer the point; where nothing is new, nearest of all
    place = np.where(np.isnan(x), -np.inf, -x) if along == "q" else x
    known = {value: i for i, value in enumerate(np.unique(place))}
    return pd.DataFrame({"level": texts, "place": [known[v] for v in place], "at": x}, index=rows.index)


def _distances(
    rows: pd.DataFrame, d: np.ndarray[Any, np.dtype[np.float64]], edges: Sequence[float] | None
) -> pd.DataFrame:
    out = pd.DataFrame({"level": "0", "place": 0, "at": d}, index=rows.index)
    gpe = rows["gpe"].fillna(FIXED).to_numpy(dtype=object)
    for name in dict.fromkeys(gpe):
        mine = (gpe == name) & (d > 0)
        if not mine.any():
            continue
        of_question = rows.assign(_d=d)[mine].groupby("question")["_d"].mean().to_numpy()
        cuts = np.unique(np.quantile(of_question, np.linspace(0, 1, BINS + 1))) if edges is None else np.unique(edges)
        inner = cuts[1:-1] if edges is None else cuts
        place = np.searchsorted(inner, d[mine], side="left") + 1
        ends = {p: (d[mine][place == p].min(), d[mine][place == p].max()) for p in np.unique(place)}
        out.loc[mine, "place"] = place
        out.loc[mine, "level"] = [_span(*ends[p]) for p in place]
    return out


def _span(low: float, high: float) -> str:
    return f"{low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"
