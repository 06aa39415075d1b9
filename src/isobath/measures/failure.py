"""Which covariate says best where the model will be wrong, and how much of it is the region said again?

Every covariate is read so that higher means further out, and gets the area under its ROC curve for the answer being
wrong (`isobath.measures.auroc`). Beside it stands the same area within regions, from pairs of questions of one region
alone: what is left of a covariate once the region is known. Intervals take replicates and questions as drawn from more
of their kind (`isobath.analysis.two_way` on the questions' influences).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from isobath.analysis.intervals import clopper_pearson, difference_interval, rate_interval
from isobath.analysis.multiplicity import holm
from isobath.analysis.replicates import FIXED, KEYS, REPLICATE
from isobath.analysis.two_way import Spread, two_way
from isobath.base.errors import InputError
from isobath.base.row import Claim, State
from isobath.design.region import Region
from isobath.measures.auroc import auroc

Array = NDArray[np.float64]

REGION, PERPLEXITY = "region", "perplexity"
PLACE = (REGION, "k", "q", "d")
"""Covariates that come with the rows, where there is a factor space."""
NEARER = ("q", "p_knn", "p_mahalanobis", "adjusted_p")
"""Covariates of which a higher value means nearer; they are turned round."""
SAME_RANKS = ("adjusted_p",)
"""Left out: it ranks texts as another covariate does."""
ENOUGH = 5.0
"""Wrong and right answers a replicate must have on average before an area under the curve is called measurable."""
JOINS = ("question", "paraphrase", "base", "model", "arm", "seed", "condition", "trait", "gpe")


def failure_table(
    rows: pd.DataFrame,
    covariates: pd.DataFrame,
    claim: Claim = Claim.THIS_RECIPE,
    *,
    by: Sequence[str] = KEYS,
    cut: float | None = 0.5,
) -> pd.DataFrame:
    """How well each covariate predicts failure: one row per group of `by` and covariate, the best first.

    `rows` is a rows frame in which a value is how right an answer was. It counts as wrong below `cut`; None takes
    1 - value as the share that is wrong. `covariates` has numeric columns, and the columns of `JOINS` it is matched on:
    ``question``, and ``base`` where embeddings or perplexities differ by base. Region, k, q and d are taken from the
    rows; a covariate that is nowhere a number is left out, and so is a group none of whose questions was measured. The
    replicate is the claim's; run seeds, samples and paraphrases within one are averaged.

    Columns: those of `by`; covariate; auroc, low, high (95 %); p (of 0.5) and p_adjusted (Holm, over the covariates of
    the group); within, within_low, within_high (pairs of one region only); explained (share of the area above 0.5 that
    is gone within regions; NaN where the interval holds 0.5); beyond_region, beyond_low, beyond_high (area less that of
    the region, paired); replicates, questions; wrong, right (questions per replicate); undefined (replicates without a
    wrong or without a right answer, left out); over (what the interval generalises over); measurable; dropped (rows
    without one of the covariates). Raises `InputError` where nothing can be matched.
    """
    joined, names = _joined(rows, covariates)
    value = joined["value"].to_numpy(dtype=float, na_value=np.nan)
    joined["wrong"] = (1 - value) if cut is None else (value < cut).astype(float)
    joined["replicate"] = _replicate(joined, claim)
    found: list[dict[str, Any]] = []
    for keys, group in joined.groupby(list(by), observed=True, sort=False, dropna=False):
        labels = dict(zip(by, keys if isinstance(keys, tuple) else (keys,), strict=True))
        if group[names].notna().all(axis=1).any():
            found += [{**labels, **line} for line in _group_lines(group, names)]
    return pd.DataFrame(found)


@dataclass(frozen=True)
class _Table:
    """Shares wrong and covariates of one group, replicates x questions; NaN where a question was not asked."""

    wrong_RQ: Array
    scores: dict[str, Array]
    region_RQ: NDArray[np.intp] | None
    dropped: int

    def least(self) -> int:
        """The smaller of the numbers of questions that were answered wrong, and right, by any replicate."""
        return int(min((self.wrong_RQ > 0).any(axis=0).sum(), (self.wrong_RQ < 1).any(axis=0).sum()))

    def influences(self, name: str, *, within: bool = False) -> Array:
        """Influence of each question on each replicate's area (R, Q), NaN for a replicate without one."""
        out = np.full(self.wrong_RQ.shape, np.nan)
        for r in range(len(out)):
            asked = ~np.isnan(self.wrong_RQ[r])
            groups = self.region_RQ[r][asked] if within and self.region_RQ is not None else None
            out[r, asked] = auroc(self.scores[name][r][asked], self.wrong_RQ[r][asked], groups).influence
        return out


def _joined(rows: pd.DataFrame, covariates: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    on = [c for c in JOINS if c in covariates.columns]
    numbers = [c for c in covariates.columns if c not in on and pd.api.types.is_numeric_dtype(covariates[c])]
    names = [c for c in numbers if c not in SAME_RANKS and covariates[c].notna().any()]
    if "question" not in on or not names:
        raise InputError(
            f"covariates with the columns {', '.join(map(str, covariates.columns))}",
            "covariates have a column question and at least one of numbers",
            "name the question of each text",
        )
    if (twice := covariates.duplicated(on)).any():
        first = covariates[on].iloc[int(twice.to_numpy().argmax())]
        raise InputError(
            f"two lines of covariates for {dict(first)}",
            f"one per {' and '.join(on)}",
            "add the column that parts them",
        )
    scored = rows[rows["state"] == str(State.OK)]
    keyed = covariates[[*on, *names]].astype({c: rows[c].dtype for c in on})
    joined = scored.merge(keyed, on=on, how="left", suffixes=("_row", ""))
    if not len(joined) or joined[names].isna().all().all():
        raise InputError(
            "no row has a covariate",
            f"rows and covariates share {', '.join(on)}",
            "measure the questions that were asked",
        )
    return joined, names


def _replicate(joined: pd.DataFrame, claim: Claim) -> pd.Series[str]:
    parts = [joined[name].astype("string").fillna(FIXED) for name in REPLICATE[claim]]
    return parts[0] if len(parts) == 1 else parts[0].str.cat(parts[1], sep=" / ")


def _group_lines(group: pd.DataFrame, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One line per covariate, the best first."""
    table = _tabled(group, names)
    base = table.influences(REGION) if REGION in table.scores else None
    lines = [_line(table, name, base) for name in table.scores]
    for line, p in zip(lines, holm([1.0 if math.isnan(line["p"]) else line["p"] for line in lines]), strict=True):
        line["p_adjusted"] = math.nan if math.isnan(line["p"]) else p
    yield from sorted(lines, key=lambda line: -line["auroc"] if not math.isnan(line["auroc"]) else math.inf)


def _tabled(group: pd.DataFrame, names: Sequence[str]) -> _Table:
    placed = [name for name in PLACE if group[_own(group, name)].notna().any()]
    data = pd.DataFrame({"replicate": group["replicate"], "question": group["question"], "wrong": group["wrong"]})
    for name in placed:
        data[name] = _place_score(group, name)
    for name in names:
        if name not in placed:
            data[name] = group[name].to_numpy(dtype=float, na_value=np.nan) * (-1 if name in NEARER else 1)
    scored = [*placed, *(name for name in names if name not in placed)]
    whole = data.dropna(subset=scored)
    means = whole.groupby(["replicate", "question"], observed=True).mean()
    wide = {name: means[name].unstack().to_numpy(dtype=float) for name in ("wrong", *scored)}
    region = np.nan_to_num(wide[REGION], nan=-1).astype(np.intp) if REGION in wide else None
    return _Table(wide["wrong"], {name: wide[name] for name in scored}, region, len(data) - len(whole))


def _own(group: pd.DataFrame, name: str) -> str:
    """The rows' own column, which a merge renames where covariates bring one of that name."""
    return f"{name}_row" if f"{name}_row" in group.columns else name


def _place_score(group: pd.DataFrame, name: str) -> Array:
    column = group[_own(group, name)]
    if name == REGION:
        order = {str(region): float(i) for i, region in enumerate(Region)}
        return np.asarray(column.map(order).to_numpy(dtype=float), dtype=np.float64)
    numbers: Array = column.to_numpy(dtype=float, na_value=np.nan)
    if name != "q":
        return numbers
    covered = group[_own(group, "k")].to_numpy(dtype=float, na_value=np.nan) == 0
    found: Array = np.where(covered, -np.inf, -numbers)  # nothing new at any order: nearer than any number
    return found


def _line(table: _Table, name: str, region: Array | None) -> dict[str, Any]:
    influences = table.influences(name)
    usable = ~np.isnan(influences).all(axis=1)
    wrong, right = np.nansum(table.wrong_RQ, axis=1), np.nansum(1 - table.wrong_RQ, axis=1)
    spread, over = _spread(influences[usable])
    least = table.least()
    area = _area(spread, influences[usable], least)
    inside = table.influences(name, within=True) if table.region_RQ is not None else np.full_like(influences, np.nan)
    inside = inside[~np.isnan(inside).all(axis=1)]
    within = _area(_spread(inside)[0], inside, least)
    beyond = _difference(influences, region, name)
    told = area[1] > 0.5 or area[2] < 0.5
    return {
        "covariate": name,
        **dict(zip(("auroc", "low", "high"), area, strict=True)),
        "p": _p(influences[usable]),
        "p_adjusted": math.nan,
        **dict(zip(("within", "within_low", "within_high"), within, strict=True)),
        "explained": 1 - (within[0] - 0.5) / (area[0] - 0.5) if told else math.nan,
        **dict(zip(("beyond_region", "beyond_low", "beyond_high"), beyond, strict=True)),
        "replicates": int(usable.sum()),
        "questions": int((~np.isnan(table.wrong_RQ)).any(axis=0).sum()),
        "wrong": float(wrong.mean()) if len(wrong) else 0.0,
        "right": float(right.mean()) if len(right) else 0.0,
        "undefined": int((~usable).sum()),
        "over": over,
        "measurable": bool(usable.any() and min(wrong[usable].mean(), right[usable].mean()) >= ENOUGH),
        "dropped": table.dropped,
    }


def _spread(influences: Array) -> tuple[Spread | None, str]:
    """Replicates and questions as drawn; the questions alone where there is one replicate."""
    if not len(influences):
        return None, "nothing"
    spread = two_way(influences) or two_way(influences, over="questions")
    return spread, spread.over if spread else "nothing"


def _area(spread: Spread | None, influences: Array, least: int) -> tuple[float, float, float]:
    """Area and its 95 % interval; where nothing varies, Clopper-Pearson for the smaller number of answers."""
    if spread is None:
        return (float(np.nanmean(influences)) if len(influences) else math.nan, math.nan, math.nan)
    mean = round(spread.mean, 12)
    if spread.se == 0 and mean in (0, 1):
        return (mean, *clopper_pearson(mean * least, least)) if least else (mean, 0.0, 1.0)
    if spread.se == 0:  # a covariate that is the same for all
        return mean, mean, mean
    return (spread.mean, *rate_interval(spread))


def _difference(influences: Array, region: Array | None, name: str) -> tuple[float, float, float]:
    if region is None or name == REGION:
        return math.nan, math.nan, math.nan
    apart = influences - region
    spread, _ = _spread(apart[~np.isnan(apart).all(axis=1)])
    return (math.nan, math.nan, math.nan) if spread is None else (spread.mean, *difference_interval(spread))


def _p(influences: Array) -> float:
    spread, _ = _spread(influences - 0.5)
    return math.nan if spread is None else spread.p_value()
