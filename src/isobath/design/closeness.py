"""How the levels of one factor lie to the levels seen: seen, near, gap, beyond or novel, and how far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isobath.design.factor import Factor

SEEN, NEAR, GAP, BEYOND, NOVEL = range(5)
"""Status of a level: some support point has it; has one near it; the level lies between levels seen; outside them;
it has no order and was never seen."""


@dataclass(frozen=True, eq=False)
class Closeness:
    """For every level of a factor's domain: its `status` and its distance `delta` to the levels seen, shape (levels,).

    `near` says which levels are near which, shape (levels, levels).
    """

    status: npt.NDArray[np.int8]
    delta: npt.NDArray[np.float64]
    near: npt.NDArray[np.bool_]


def near_levels(factor: Factor) -> npt.NDArray[np.bool_]:
    """Which levels of `factor` are near which, shape (levels, levels): equal, or `near` ranks apart at most."""
    levels = len(factor.domain)
    near = np.eye(levels, dtype=bool)
    if factor.ordered and factor.near:
        ranks = np.arange(ranked_levels(factor))
        near[: len(ranks), : len(ranks)] = np.abs(ranks[:, None] - ranks[None, :]) <= factor.near
    return near


def ranked_levels(factor: Factor) -> int:
    """How many levels have a rank: all of an ordered factor but the level that says it does not apply."""
    return len(factor.domain) - factor.optional if factor.ordered else 0


def closeness(factor: Factor, codes: npt.NDArray[np.int16]) -> Closeness:
    """How every level of `factor` lies to the levels of `codes`, the factor's column of a support.

    Distances are ranks over the range of the factor's own levels (not of those seen, which may be one level), so that
    the whole width of an ordered factor and a nominal level never seen are both 1.
    """
    near, ranked = near_levels(factor), ranked_levels(factor)
    seen = np.zeros(len(factor.domain), dtype=bool)
    seen[codes] = True
    status = np.full(len(seen), NOVEL, dtype=np.int8)
    delta = np.ones(len(seen))
    hull = np.flatnonzero(seen[:ranked])
    for rank in range(ranked):
        inside = len(hull) > 0 and hull[0] < rank < hull[-1]
        status[rank] = GAP if inside else BEYOND
        if len(hull) and ranked > 1:
            delta[rank] = np.abs(hull - rank).min() / (ranked - 1)
    status[near[:, seen].any(axis=1)] = NEAR
    status[seen] = SEEN
    delta[status <= NEAR] = 0.0
    return Closeness(status, delta, near)
