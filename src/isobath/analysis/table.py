"""The rows frame: reading, checking, and averaging down to one number per replicate and question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from isobath.base.errors import InputError
from isobath.base.row import COLUMNS, REQUIRED, Claim, State

REPLICATE: dict[Claim, tuple[str, ...]] = {
    Claim.THIS_MODEL: ("base", "seed"),
    Claim.THIS_RECIPE: ("base",),
    Claim.MODELS_LIKE_THESE: ("model", "signal"),
}
"""Columns that name a replicate under each claim. For *this model* the run seed is the replicate, within one base."""


def frame_of(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A checked rows frame from records; columns that a record lacks are null."""
    return validate(pd.DataFrame.from_records(list(records)).reindex(columns=list(COLUMNS)))


def read_rows(path: Path | str) -> pd.DataFrame:
    """A checked rows frame from a Parquet file."""
    return validate(pd.read_parquet(path))


def validate(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the columns and types of `COLUMNS`, or an `InputError` that names the first thing wrong."""
    unknown, missing = [c for c in frame.columns if c not in COLUMNS], [c for c in COLUMNS if c not in frame.columns]
    if unknown or missing:
        raise InputError(
            f"columns {', '.join(unknown) or 'none'} are unknown and {', '.join(missing) or 'none'} missing",
            "a rows frame has the columns of isobath.base.row.COLUMNS",
            "rename, drop or add them",
        )
    try:
        typed = frame[list(COLUMNS)].astype(COLUMNS)
    except (TypeError, ValueError) as error:
        raise InputError(f"a column has another type: {error}", "types are those of COLUMNS", "convert it") from error
    for column in REQUIRED:
        if typed[column].isna().any():
            raise InputError(f"{column} is null in row {_first(typed[column].isna())}", f"{column} is never null")
    states = {str(s) for s in State}
    strange = ~typed["state"].isin(states)
    if strange.any():
        value = typed["state"][strange].iloc[0]
        raise InputError(f"state {value!r} in row {_first(strange)}", f"states are {', '.join(sorted(states))}")
    ok, has = typed["state"] == State.OK, typed["value"].notna()
    for wrong, what in ((ok & ~has, "is ok but has no value"), (~ok & has, "is not ok but has a value")):
        if wrong.any():
            raise InputError(f"row {_first(wrong)} {what}", "a value stands if and only if the state is ok")
    outside = has & ((typed["value"] < 0) | (typed["value"] > 1))
    if outside.any():
        value = typed["value"][outside].iloc[0]
        raise InputError(f"value {value} in row {_first(outside)}", "values lie in [0, 1]", "rescale the score")
    return typed


def _first(mask: pd.Series[bool]) -> int:
    return int(mask.to_numpy(dtype=bool).argmax())


KEYS = ("gpe", "arm", "trait", "condition")


def replicate_means(frame: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """One row per (gpe, arm, trait, condition, replicate, question): the weighted mean value and the counts.

    Columns: those of `KEYS`, ``replicate``, ``question``, ``value`` (null if none has one), ``rows``, ``missing``.
    Samples, paraphrases, option orders and, under *this recipe*, run seeds are averaged within a question first.
    Under *this model* the untrained arm has no run seed; contrasts compare it with every one.
    """
    names = REPLICATE[claim]
    parts = [frame[name].astype("string").fillna("-") for name in names]
    replicate = parts[0] if len(parts) == 1 else parts[0] + " " + parts[1]
    region = frame["region"].fillna("-")
    weight = frame["weight"].fillna(1.0).to_numpy(dtype=float)
    value = frame["value"].to_numpy(dtype=float, na_value=float("nan"))
    has = ~pd.isna(value)
    slim = pd.DataFrame(
        {
            **{key: frame[key].astype("category") for key in ("arm", "trait", "condition", "question")},
            "gpe": frame["gpe"].fillna("-").astype("category"),
            "region": region.astype("category"),
            "replicate": replicate.astype("category"),
            "mass": weight * has,
            "sum": weight * pd.Series(value).fillna(0.0).to_numpy(),
            "rows": 1,
            "missing": (~has).astype(int),
        }
    )
    by = [*KEYS, "region", "replicate", "question"]
    out = slim.groupby(by, observed=True, sort=True)[["mass", "sum", "rows", "missing"]].sum().reset_index()
    out["value"] = (out["sum"] / out["mass"]).where(out["mass"] > 0)
    return out.drop(columns=["mass", "sum"])
