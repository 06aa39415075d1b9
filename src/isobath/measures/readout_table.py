"""Readouts of several bases and checkpoints as one table, with intervals over bases."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from isobath.analysis.intervals import Interval, difference_interval, rate_interval
from isobath.analysis.two_way import Spread, two_way
from isobath.base.errors import InputError
from isobath.base.row import State

KEYS = ("target", "region", "checkpoint")


def readout_table(frame: pd.DataFrame, before: str | None = None) -> pd.DataFrame:
    """One row per target, region and checkpoint, from `readout_frame`s with columns ``base`` and ``checkpoint``.

    Only the chosen layers count; run seeds of a base are averaged. Columns: target, region, checkpoint; accuracy, low,
    high; chance; selectivity, selectivity_low, selectivity_high; correlation, correlation_low, correlation_high; n
    (texts, mean over bases), unseen, bases; state and why; with `before`, change, change_low and change_high of the
    accuracy against that checkpoint, paired by base (NaN for itself). Intervals (95 %) are t intervals over bases: they
    speak of other bases read at these same texts. Raises `InputError` where a column is missing or `before` names no
    checkpoint.
    """
    missing = [name for name in ("base", "checkpoint", *KEYS[:2], "chosen") if name not in frame.columns]
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}",
            "readouts of several bases and checkpoints say which",
            'make them with readout_frame(records, base="...", checkpoint="...")',
        )
    if before is not None and before not in set(frame["checkpoint"]):
        raise InputError(f"no checkpoint {before!r}", f"they are {', '.join(frame['checkpoint'].unique())}", "name one")
    chosen = frame[frame["chosen"].astype(bool)]
    rows = []
    for keys, group in chosen.groupby(list(KEYS), sort=False):
        row = {**dict(zip(KEYS, keys, strict=True)), **_line(group)}
        if before is not None:
            same = (chosen["target"] == keys[0]) & (chosen["region"] == keys[1]) & (chosen["checkpoint"] == before)
            row |= _change(_by_base(group, "accuracy"), _by_base(chosen[same & (keys[2] != before)], "accuracy"))
        rows.append(row)
    return pd.DataFrame(rows)


def _line(group: pd.DataFrame) -> dict[str, Any]:
    scored = group[group["state"] == str(State.OK)]
    accuracy = _over_bases(_by_base(scored, "accuracy"), rate_interval)
    selectivity = _over_bases(_by_base(scored, "selectivity"), difference_interval)
    correlation = _over_bases(_by_base(scored, "correlation"), difference_interval)
    return {
        **dict(zip(("accuracy", "low", "high"), accuracy, strict=True)),
        "chance": float(_by_base(scored, "chance").mean()),
        **dict(zip(("selectivity", "selectivity_low", "selectivity_high"), selectivity, strict=True)),
        **dict(zip(("correlation", "correlation_low", "correlation_high"), correlation, strict=True)),
        "n": float(group["n"].mean()),
        "unseen": float(group["unseen"].mean()),
        "bases": int(scored["base"].nunique()),
        "state": str(State.OK if len(scored) else State.NOT_APPLICABLE),
        "why": "" if len(scored) else str(group["why"].iloc[0]),
    }


def _by_base(group: pd.DataFrame, column: str) -> pd.Series[float]:
    return group.groupby("base", sort=True)[column].mean().dropna()


def _over_bases(values: pd.Series[float], interval: Callable[[Spread], Interval]) -> tuple[float, float, float]:
    numbers: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return math.nan, math.nan, math.nan
    spread = two_way(numbers[:, None], over="replicates")
    if spread is None:
        return float(numbers.mean()), math.nan, math.nan
    return (spread.mean, *interval(spread))


def _change(now: pd.Series[float], then: pd.Series[float]) -> dict[str, float]:
    apart = (now - then).dropna()
    return dict(zip(("change", "change_low", "change_high"), _over_bases(apart, difference_interval), strict=True))
