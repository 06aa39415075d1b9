"""Averaging rows down to one number per replicate and question: the claim names the replicate, the question is the
cluster."""

from __future__ import annotations

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
    one, else NaN), ``weight`` (mean of its rows'), ``rows``, ``missing`` and ``not_applicable`` (counts). Samples,
    paraphrases, option orders and nested run seeds are averaged within a question here. `frame` is a checked rows
    frame. Raises `InputError` if one number would mix two score definitions or two steps of a run.
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
    return out[[*by, "value", "weight", "rows", "missing", "not_applicable"]]


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

    `low_RQ` and `high_RQ` are the means if every missing response had been 0, or 1.
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
    row, names = _codes(means["replicate"])
    column, asked = _codes(means["question"])
    gpe, gpes = _codes(means["gpe"])
    if len(gpes) > 1:
        pairs, column = np.unique(gpe * len(asked) + column, return_inverse=True)
        asked = [f"{gpes[p // len(asked)]}/{asked[p % len(asked)]}" for p in pairs]
    applies = (means["rows"] - means["not_applicable"]).to_numpy(dtype=float)
    lost = means["missing"].to_numpy(dtype=float)
    value = means["value"].to_numpy(dtype=float)
    scored = applies - lost
    total = scored * np.nan_to_num(value)
    shape = (len(names), len(asked))

    def table(of: Array) -> Array:
        out = np.zeros(shape)
        np.add.at(out, (row, column), of)
        return out

    count_RQ, applies_RQ = table(scored), table(applies)
    with np.errstate(invalid="ignore", divide="ignore"):
        values_RQ = table(total) / np.where(count_RQ > 0, count_RQ, np.nan)
        low_RQ = table(total) / np.where(applies_RQ > 0, applies_RQ, np.nan)
        high_RQ = table(total + lost) / np.where(applies_RQ > 0, applies_RQ, np.nan)
        weights_RQ = table(means["weight"].to_numpy(dtype=float)) / np.maximum(table(np.ones(len(means))), 1)
    asked_rows = float(applies.sum())
    return Side(
        replicates=tuple(names),
        questions=tuple(asked),
        values_RQ=values_RQ,
        weights_RQ=weights_RQ,
        low_RQ=low_RQ,
        high_RQ=high_RQ,
        rows=int(means["rows"].sum()),
        missing=float(lost.sum() / asked_rows) if asked_rows else 1.0,
        not_applicable=int(means["not_applicable"].sum()),
    )


def _codes(column: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Consecutive integers for the categories that occur, and their names in the order of the integers."""
    used, codes = np.unique(column.cat.codes.to_numpy(), return_inverse=True)
    return codes, [str(name) for name in column.cat.categories[used]]


def mean_of(values_RQ: Array, weights_RQ: Array) -> float:
    """Mean over replicates of their weighted mean over questions; gaps and empty replicates are left out."""
    share = np.where(np.isnan(values_RQ), 0.0, weights_RQ)
    full = share.sum(axis=1) > 0
    if not full.any():
        return float("nan")
    share = share[full] / share[full].sum(axis=1, keepdims=True)
    return float((share * np.nan_to_num(values_RQ[full])).sum(axis=1).mean())
