"""The generalisation gap index: what share of the island's gain over chance is lost elsewhere; and against a ceiling.

For a rate A with chance level a, the index of region c is (A_island - A_c) / (A_island - a): 0 where nothing is lost, 1
where nothing is left (methods 5.6; the normalisation by a tuned model follows GENIES, Clymer et al., arXiv 2311.07723).
Both are ratios of estimates, so their intervals are Fieller's (1954): every ratio r for which numerator - r x
denominator does not differ from 0, found by search, since standard error and degrees of freedom depend on r. Where the
denominator itself may be 0 there is no such interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize

from isobath.analysis.apart import apart_spread
from isobath.analysis.distributions import t_quantile
from isobath.analysis.region_rates import NEARNESS, REGIONS, placed, regions_of
from isobath.analysis.replicates import KEYS, Side, mean_of, replicate_means, sides
from isobath.analysis.two_way import Over, Spread, two_way
from isobath.analysis.verdict import FEWEST_REPLICATES, MOST_MISSING
from isobath.base.row import Claim

NEAR_CHANCE = 2.0
"""The index is undefined where the island's rate lies within so many standard errors of chance."""

FURTHEST = 2.0**20
"""Where the search for an end of an interval gives up: there is none."""


class Ratio(NamedTuple):
    """An estimated ratio with its 95 % Fieller interval; NaN ends where the interval is not bounded."""

    value: float
    low: float
    high: float


def gap_indices(
    frame: pd.DataFrame,
    chance: float | Mapping[str, float],
    claim: Claim = Claim.THIS_RECIPE,
    over: Over = "both",
    home: str | None = None,
    means: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per (gpe, arm, trait, condition, region but `home`): the index and its interval.

    `chance` is what a model that knows nothing scores, for all traits or by trait (traits without one are absent).
    `home` defaults to the island. Columns: `KEYS`, region, index, low, high, home_rate, home_errors (its distance
    from chance in standard errors), chance, replicates, questions, state: ``measured``, ``few replicates``, ``no
    interval`` (a single replicate, a denominator too uncertain for any, or nothing that varies), ``undefined``
    (home within `NEAR_CHANCE` standard errors of chance, or below it: nothing to lose), ``too much missing``, ``no
    home`` (not asked there) or ``contested``.
    """
    rows = placed(frame)
    home = home or (REGIONS[0] if REGIONS[0] in set(regions_of(rows)) else NEARNESS[0])
    tables = sides(replicate_means(rows, claim) if means is None else means, (*KEYS, "region"))
    order, found = regions_of(rows), []
    firsts = rows[list(KEYS)].fillna("-").drop_duplicates()
    for key in (tuple(str(v) for v in name) for name in firsts.itertuples(index=False)):
        level = chance if isinstance(chance, float | int) else chance.get(key[2])
        if level is None:
            continue
        for region in order:
            if region != home and (*key, region) in tables:
                made = side_gap(tables.get((*key, home)), tables[(*key, region)], float(level), over)
                found.append({**dict(zip(KEYS, key, strict=True)), "region": region, "chance": float(level), **made})
    return pd.DataFrame(found, columns=[*KEYS, "region", *GAP_NUMBERS])


GAP_NUMBERS = ("index", "low", "high", "home_rate", "home_errors", "chance", "replicates", "questions", "state")


def normalised_rates(
    frame: pd.DataFrame,
    base: str,
    tuned: str,
    claim: Claim = Claim.THIS_RECIPE,
    over: Over = "both",
    means: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """How much of what training *there* buys each arm has: (A - A_base) / (A_tuned - A_base) per region.

    `base` is the arm before training, `tuned` the arm trained on the region itself. All three are paired by replicate
    and question. Columns: gpe, trait, condition, region, arm, share, low, high, replicates, questions, state as in
    `gap_indices` (``undefined``: the tuned arm lies within `NEAR_CHANCE` standard errors of the base).
    """
    rows = placed(frame)
    tables = sides(replicate_means(rows, claim) if means is None else means, (*KEYS, "region"))
    order, found = regions_of(rows), []
    for gpe, arm, trait, condition in rows[list(KEYS)].fillna("-").drop_duplicates().itertuples(index=False):
        if arm in (base, tuned):
            continue
        for region in order:
            names = [(str(gpe), name, str(trait), str(condition), region) for name in (str(arm), base, tuned)]
            if all(n in tables for n in names):
                made = _share([tables[n] for n in names], over)
                head = {"gpe": gpe, "trait": trait, "condition": condition, "region": region, "arm": arm}
                found.append({**head, **made})
    heads = ("gpe", "trait", "condition", "region", "arm")
    return pd.DataFrame(found, columns=[*heads, "share", "low", "high", "replicates", "questions", "state"])


def fieller(spread_at: Callable[[float], Spread], value: float, level: float = 0.95) -> Ratio:
    """The interval of a ratio estimated as `value`; `spread_at(r)` is the spread of numerator - r x denominator.

    Fieller's set is an interval only where the denominator differs from 0; a search that finds no end gives NaN.
    So does a spread of 0: where nothing varies, this interval would be a point.
    """
    if spread_at(value).se == 0:
        return Ratio(value, math.nan, math.nan)

    def excess(ratio: float) -> float:
        made = spread_at(ratio)
        return abs(made.mean) - float(t_quantile(0.5 + level / 2, made.df)) * made.se

    ends = []
    for sign in (-1.0, 1.0):
        step = 1 / 64
        while step < FURTHEST and excess(value + sign * step) <= 0:
            step *= 2
        if step >= FURTHEST:
            return Ratio(value, math.nan, math.nan)
        inner = value if step == 1 / 64 else value + sign * step / 2
        outer = value + sign * step
        ends.append(outer if excess(inner) > 0 else _root(excess, inner, outer))
    return Ratio(value, ends[0], ends[1])


def _root(excess: Callable[[float], float], inner: float, outer: float) -> float:
    return float(optimize.brentq(excess, min(inner, outer), max(inner, outer), xtol=1e-6))


def side_gap(home: Side | None, there: Side, chance: float, over: Over = "both") -> dict[str, Any]:
    """`GAP_NUMBERS` of one arm between two regions; `gap_indices` has their meaning."""
    record: dict[str, Any] = dict.fromkeys(GAP_NUMBERS, math.nan) | {"chance": chance, "replicates": 0, "questions": 0}
    if home is None or not home.scored:
        return record | {"state": "no home"}
    if not there.scored:
        return record | {"state": "contested"}
    rate, away = mean_of(home.values_RQ, home.weights_RQ), mean_of(there.values_RQ, there.weights_RQ)
    spread = two_way(home.values_RQ, home.weights_RQ, "questions" if home.fixed else over)
    replicates = min(len(home.replicates), len(there.replicates))
    counts = {"replicates": replicates, "questions": min(len(home.questions), len(there.questions))}
    record |= {"home_rate": rate, **counts}
    if max(home.missing, there.missing) > MOST_MISSING:
        return record | {"state": "too much missing"}
    if spread is None or spread.se == 0:
        record["home_errors"] = math.nan if spread is None or rate == chance else math.copysign(math.inf, rate - chance)
    else:
        record["home_errors"] = (rate - chance) / spread.se
    if rate <= chance or record["home_errors"] < NEAR_CHANCE:
        return record | {"state": "undefined"}
    value = (rate - away) / (rate - chance)
    if apart_spread(home, there, over) is None:
        return record | {"index": value, "state": "no interval"}

    def at(ratio: float) -> Spread:
        made = apart_spread(home, there, over, 1 - ratio)  # (1 - r) A_home - A_there, and r x chance beside it
        assert made is not None
        return Spread(made.mean + ratio * chance, made.se, made.df, made.replicates, made.questions, made.over)

    return record | {"index": value, **_ends(fieller(at, value), replicates, home.fixed or over == "questions")}


def _share(tables: list[Side], over: Over) -> dict[str, Any]:
    record: dict[str, Any] = {"share": math.nan, "low": math.nan, "high": math.nan, "replicates": 0, "questions": 0}
    aligned = _aligned(tables)
    if aligned is None:
        return record | {"state": "contested"}
    a, b, c = aligned
    fixed = all(t.fixed for t in tables)
    record |= {"replicates": len(a), "questions": a.shape[1]}
    if max(t.missing for t in tables) > MOST_MISSING:
        return record | {"state": "too much missing"}
    top, bottom = (
        two_way(a - b, None, "questions" if fixed else over),
        two_way(c - b, None, "questions" if fixed else over),
    )
    gain = mean_of(c - b, np.ones_like(c))
    if gain <= 0 or (bottom is not None and 0 < bottom.mean < NEAR_CHANCE * bottom.se):
        return record | {"state": "undefined"}
    value = mean_of(a - b, np.ones_like(a)) / gain
    if top is None or bottom is None:
        return record | {"share": value, "state": "no interval"}

    def at(ratio: float) -> Spread:
        made = two_way((a - b) - ratio * (c - b), None, "questions" if fixed else over)
        assert made is not None
        return made

    return record | {"share": value, **_ends(fieller(at, value), len(a), fixed or over == "questions")}


def _ends(ratio: Ratio, replicates: int, fixed: bool) -> dict[str, Any]:
    state = "measured" if replicates >= FEWEST_REPLICATES or fixed else "few replicates"
    return {"low": ratio.low, "high": ratio.high, "state": "no interval" if math.isnan(ratio.low) else state}


def _aligned(tables: list[Side]) -> list[Any] | None:
    """Values of the sides on the replicates and questions that all have, gaps where any lacks one; None for nothing."""
    loose = [t for t in tables if not t.fixed]
    names = [r for r in (loose[0] if loose else tables[0]).replicates if all(r in t.replicates for t in loose)]
    asked = [q for q in tables[0].questions if all(q in t.questions for t in tables)]
    if not names or not asked:
        return None
    cut = []
    for t in tables:
        rows = [0] * len(names) if t.fixed else [t.replicates.index(n) for n in names]
        cut.append(t.values_RQ[np.ix_(rows, [t.questions.index(q) for q in asked])])
    has = ~np.isnan(np.sum(cut, axis=0))
    if not has.any():
        return None
    place = np.ix_(has.any(axis=1), has.any(axis=0))
    return [np.where(has, values, np.nan)[place] for values in cut]
