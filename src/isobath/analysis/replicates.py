"""Averaging rows down to one number per replicate and question: the claim names the replicate, the question is the
cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from isobath.analysis.two_way import Array
from isobath.base.errors import InputError
from isobath.base.row import Claim, Role, State

REPLICATE: dict[Claim, tuple[str, ...]] = {
    Claim.THIS_MODEL: ("seed",),
    Claim.THIS_RECIPE: ("base",),
    Claim.MODELS_LIKE_THESE: ("model", "gpe"),
}
"""Columns that name a replicate under each claim.

*This model*: the run seed; several bases are taken as given and averaged within a seed. *This recipe*: the base; run
seeds are nested and averaged within it. *Models like these*: model x dataset, a dataset being a GPE's signal with its
control, so that treatment and control of one dataset are paired.
"""

KEYS = ("gpe", "arm", "trait", "condition")
"""What names one number of a study."""

FIXED = "-"
"""Name of the replicate of an arm that has none: an untrained model under *this model* has no run seed."""

MISSING = tuple(str(s) for s in State if s not in (State.OK, State.NOT_APPLICABLE))
"""States of a response that should have had a value. `not_applicable` is not among them: the question did not apply."""


def replicate_means(frame: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """One row per (gpe, arm, trait, condition, region, replicate, question): mean value and counts.

    Columns: those of `KEYS`, ``region``, ``replicate``, ``question``, ``value`` (weighted mean of the rows that have
    one, else NaN), ``weight`` (mean of its rows'), ``plain`` and ``squares`` (sums of values and of their squares),
    ``rows``, ``missing`` and ``not_applicable`` (counts). Samples, paraphrases, option orders and nested run seeds are
    averaged within a question here. `frame` is a checked rows frame. Raises `InputError` if one number would mix two
    score definitions or two steps of a run.
    """
    _refuse_mixtures(frame)
    value = frame["value"].to_numpy(dtype=float, na_value=np.nan)
    weight = frame["weight"].to_numpy(dtype=float, na_value=1.0)
    has = ~np.isnan(value)
    slim = pd.DataFrame(
        {
            **{key: _category(frame[key]) for key in (*KEYS, "region", "question")},
            "replicate": _replicate(frame, claim),
            "mass": weight * has,
            "sum": weight * np.where(has, value, 0.0),
            "plain": np.where(has, value, 0.0),
            "squares": np.where(has, value**2, 0.0),
            "weight": weight,
            "rows": 1,
            "missing": frame["state"].isin(MISSING).to_numpy(dtype=bool).astype(int),
            "not_applicable": (frame["state"] == str(State.NOT_APPLICABLE)).to_numpy(dtype=bool).astype(int),
        }
    )
    by = [*KEYS, "region", "replicate", "question"]
    out = slim.groupby(by, observed=True, sort=True).sum().reset_index()
    out["value"] = (out["sum"] / out["mass"].where(out["mass"] > 0)).astype(float)
    out["weight"] = out["weight"] / out["rows"]
    return out[[*by, "value", "weight", "plain", "squares", "rows", "missing", "not_applicable"]]


def _category(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.fillna(FIXED).astype("category")


def _replicate(frame: pd.DataFrame, claim: Claim) -> pd.Series[Any]:
    names = [frame[name].astype("string").fillna(FIXED) for name in REPLICATE[claim]]
    replicate = names[0] if len(names) == 1 else names[0].str.cat(names[1], sep=" / ")
    if claim is Claim.THIS_MODEL:
        replicate = replicate.mask((frame["role"] == str(Role.UNTRAINED)).fillna(False).astype(bool), FIXED)
    return replicate.astype("category")


def _refuse_mixtures(frame: pd.DataFrame) -> None:
    for column, within, what in (
        ("score", ["gpe", "trait"], "score definitions"),
        ("step", ["gpe", "arm", "run", "trait"], "steps"),
    ):
        kinds = frame[[*within, column]].drop_duplicates()
        double = kinds[kinds.duplicated(within)]
        if len(double):
            first = double.iloc[0]
            both = kinds[(kinds[within].fillna(FIXED) == first[within].fillna(FIXED)).all(axis=1)][column]
            raise InputError(
                f"trait {first['trait']} has several {what}: {', '.join(str(b) for b in both)}",
                f"one number rests on one of the {what}",
                f"keep the rows of one {column} before estimating",
            )


@dataclass(frozen=True)
class Side:
    """One side of a comparison as a replicates x questions table (NaN: no value), with what is missing from it.

    `low_RQ` and `high_RQ` are the means if every missing response had been 0, or 1; `row_sd` the standard deviation of
    single values, as if every row were independent.
    """

    replicates: tuple[str, ...]
    questions: tuple[str, ...]
    values_RQ: Array
    weights_RQ: Array
    low_RQ: Array
    high_RQ: Array
    rows: int
    missing: float
    not_applicable: int
    row_sd: float = float("nan")

    @property
    def scored(self) -> int:
        """Rows that have a value."""
        return round((self.rows - self.not_applicable) * (1 - self.missing))

    @property
    def fixed(self) -> bool:
        """Whether it has no replicates: one model that was not trained, under *this model*."""
        return self.replicates == (FIXED,)

    @property
    def bounds(self) -> tuple[float, float]:
        """The mean with every missing response at 0, and at 1 (Manski's worst-case bounds); (0, 1) for nothing."""
        low, high = mean_of(self.low_RQ, self.weights_RQ), mean_of(self.high_RQ, self.weights_RQ)
        return (0.0, 1.0) if np.isnan(low) else (low, high)


def side(means: pd.DataFrame) -> Side:
    """The table of one side: rows of `replicate_means` that share arm and condition (regions and GPEs are pooled)."""
    return _Columns(means).side(np.arange(len(means)))


def sides(means: pd.DataFrame, by: Sequence[str]) -> dict[tuple[str, ...], Side]:
    """The side of every combination of `by` that occurs in `replicate_means`."""
    columns = _Columns(means)
    groups = means.groupby(list(by), observed=True, sort=False).indices
    return {
        tuple(str(k) for k in (key if isinstance(key, tuple) else (key,))): columns.side(np.asarray(rows))
        for key, rows in groups.items()
    }


class _Columns:
    """Columns of `replicate_means` as arrays, so that cutting out a side costs little."""

    def __init__(self, means: pd.DataFrame) -> None:
        self.names = {c: means[c].cat.categories.astype(str).tolist() for c in ("replicate", "question", "gpe")}
        self.codes = {c: means[c].cat.codes.to_numpy().astype(np.int64) for c in self.names}
        counted = ("value", "weight", "plain", "squares", "rows", "missing", "not_applicable")
        self.numbers = {c: means[c].to_numpy(dtype=float) for c in counted}

    def side(self, rows: npt.NDArray[np.intp]) -> Side:
        """The side made of these rows."""
        n = {c: of[rows] for c, of in self.numbers.items()}
        used, row = np.unique(self.codes["replicate"][rows], return_inverse=True)
        gpes = np.unique(self.codes["gpe"][rows])
        many = len(self.names["question"])
        pairs, column = np.unique(self.codes["gpe"][rows] * many + self.codes["question"][rows], return_inverse=True)
        asked = [self.names["question"][p % many] for p in pairs]
        if len(gpes) > 1:
            asked = [f"{self.names['gpe'][p // many]}/{q}" for p, q in zip(pairs, asked, strict=True)]
        applies = n["rows"] - n["not_applicable"]
        scored = applies - n["missing"]
        total = scored * np.nan_to_num(n["value"])
        shape = (len(used), len(asked))

        def table(of: Array) -> Array:
            flat: Array = np.bincount(row * shape[1] + column, weights=of, minlength=shape[0] * shape[1]).astype(float)
            return flat.reshape(shape)

        count_RQ, applies_RQ, total_RQ = table(scored), table(applies), table(total)
        with np.errstate(invalid="ignore", divide="ignore"):
            values_RQ = np.where(count_RQ > 0, total_RQ / count_RQ, np.nan)
            low_RQ = np.where(applies_RQ > 0, total_RQ / applies_RQ, np.nan)
            high_RQ = np.where(applies_RQ > 0, (total_RQ + table(n["missing"])) / applies_RQ, np.nan)
        number, sum_, squares = scored.sum(), n["plain"].sum(), n["squares"].sum()
        variance = (squares - sum_**2 / number) / (number - 1) if number > 1 else np.nan
        return Side(
            replicates=tuple(self.names["replicate"][i] for i in used),
            questions=tuple(asked),
            values_RQ=values_RQ,
            weights_RQ=table(n["weight"]) / np.maximum(table(np.ones(len(rows))), 1),
            low_RQ=low_RQ,
            high_RQ=high_RQ,
            rows=int(n["rows"].sum()),
            missing=float(n["missing"].sum() / applies.sum()) if applies.sum() else 1.0,
            not_applicable=int(n["not_applicable"].sum()),
            row_sd=float(np.sqrt(max(0.0, variance))) if number > 1 else float("nan"),
        )


def mean_of(values_RQ: Array, weights_RQ: Array) -> float:
    """Mean over replicates of their weighted mean over questions; gaps and empty replicates are left out."""
    share = np.where(np.isnan(values_RQ), 0.0, weights_RQ)
    full = share.sum(axis=1) > 0
    if not full.any():
        return float("nan")
    share = share[full] / share[full].sum(axis=1, keepdims=True)
    return float((share * np.nan_to_num(values_RQ[full])).sum(axis=1).mean())
