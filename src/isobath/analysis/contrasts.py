"""Differences between two cells of a study (an arm under a condition, and another), paired where the design pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from isobath.analysis.two_way import Array, Spread, two_way


@dataclass(frozen=True)
class Contrast:
    """Mean difference of rates with its spread. `paired` says whether replicates were matched."""

    spread: Spread
    paired: bool
    dropped: int
    """Replicate-question pairs that only one side has."""


def pivot(means: pd.DataFrame) -> pd.DataFrame:
    """Replicates x questions of one cell's replicate means."""
    return means.pivot(index="replicate", columns="question", values="value").astype(float)


def contrast(treatment: pd.DataFrame, reference: pd.DataFrame) -> Contrast | None:
    """Treatment minus reference, from two cells of `table.replicate_means`; None if they share no question.

    Replicates that both cells have are paired (same base, so what makes a base high or low drops out), and so are
    questions. A reference with a single replicate, such as one untrained model under several run seeds, is compared
    with each treatment replicate. With no replicate in common: Welch (1947) on replicate means, plus the variance that
    sampled questions add.
    """
    a, b = pivot(treatment), pivot(reference)
    if len(b) == 1 and len(a) >= 1 and a.index[0] != b.index[0]:
        b = pd.DataFrame(np.repeat(b.to_numpy(), len(a), axis=0), index=a.index, columns=b.columns)
    questions = a.columns.intersection(b.columns)
    common = a.index.intersection(b.index)
    if not len(questions):
        return None
    if len(common):
        gap = a.loc[common, questions] - b.loc[common, questions]
        whole = gap.dropna(axis="columns")
        if whole.shape[1] < gap.shape[1] / 2:  # gaps everywhere: replicate means are what is left to compare
            whole = gap.mean(axis=1).to_frame()
        spread = two_way(whole.to_numpy())
        dropped = int(a.size + b.size - 2 * whole.size)
        return Contrast(spread, True, dropped) if spread else None
    spread = _welch(a[questions].to_numpy(), b[questions].to_numpy())
    return Contrast(spread, False, 0) if spread else None


def _welch(a_RQ: Array, b_RQ: Array) -> Spread | None:
    mean_a, mean_b = np.nanmean(a_RQ, axis=1), np.nanmean(b_RQ, axis=1)
    if len(mean_a) < 2 or len(mean_b) < 2:
        return None
    gap_Q = np.nanmean(a_RQ, axis=0) - np.nanmean(b_RQ, axis=0)
    parts = [(mean_a.var(ddof=1) / len(mean_a), len(mean_a) - 1), (mean_b.var(ddof=1) / len(mean_b), len(mean_b) - 1)]
    if len(gap_Q) > 1:
        parts.append((gap_Q.var(ddof=1) / len(gap_Q), len(gap_Q) - 1))
    total = float(sum(v for v, _ in parts))
    df = total**2 / sum(v**2 / d for v, d in parts) if total > 0 else float(len(mean_a) + len(mean_b) - 2)
    mean = float(mean_a.mean() - mean_b.mean())
    return Spread(mean, total**0.5, float(df), min(len(mean_a), len(mean_b)), len(gap_Q), "both")


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjusted p values (Holm 1979): family-wise error over the list."""
    order = np.argsort(p_values, kind="stable")
    out, running = np.empty(len(p_values)), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        out[i] = running
    return [float(p) for p in out]


def benjamini_hochberg(p_values: list[float]) -> list[float]:
    """Benjamini-Hochberg adjusted p values (1995): false discovery rate over the list."""
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    adjusted: Any = false_discovery_control(p_values, method="bh")
    return [float(p) for p in adjusted]
