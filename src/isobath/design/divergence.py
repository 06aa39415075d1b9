"""How different test points are from training points: in their levels (atoms) and in their pairs (compounds)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.design.design import codes_of, columns_of
from isobath.design.space import Codes, Point, Space
from isobath.design.tuples import tuples_of

ATOM_ALPHA, COMPOUND_ALPHA = 0.5, 0.1


@dataclass(frozen=True)
class Divergence:
    """Atom and compound divergence of test from training, each from 0 (same frequencies) to 1 (nothing shared).

    A test of compositional generalisation has the first near 0 (Keysers et al. keep it at 0.02 or less) and the second
    large. `new_atoms` and `new_compounds`: share of the test points' levels and pairs that training never has.
    """

    atom: float
    compound: float
    new_atoms: float
    new_compounds: float


def divergence(
    space: Space,
    train: Iterable[Point] | Codes | Any,
    test: Iterable[Point] | Codes | Any,
    on: Sequence[str] | None = None,
) -> Divergence:
    """Divergence between `train` and `test` (points, codes, one per example) over the factors `on` (all unless told).

    D = 1 - sum p^a q^(1-a), p the frequencies in training and q in test, a = .5 over atoms and .1 over compounds:
    Keysers et al. (ICLR 2020, arXiv 1912.09713), with single levels as atoms and pairs of levels as
    compounds; their weighting of compounds within compounds has no counterpart here, since all pairs are alike.
    Raises `InputError` for an empty side or fewer than two factors.
    """
    columns = columns_of(space, on)
    sides = codes_of(space, train), codes_of(space, test)
    if not len(sides[0]) or not len(sides[1]):
        raise InputError(f"{len(sides[0])} training, {len(sides[1])} test points", "both are needed", "add points")
    if len(columns) < 2:
        raise InputError(f"{len(columns)} factor", "a compound is a pair of levels", "name two factors or more")
    found = []
    for t, alpha in ((1, ATOM_ALPHA), (2, COMPOUND_ALPHA)):
        index = tuples_of(space.shape, columns, t)
        p, q = (_frequencies(index.ids(codes), index.size) for codes in sides)
        found.append((chernoff_divergence(p, q, alpha), float(q[p == 0].sum())))
    (atom, new_atoms), (compound, new_compounds) = found
    return Divergence(atom, compound, new_atoms, new_compounds)


def chernoff_divergence(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64], alpha: float) -> float:
    """One minus the Chernoff coefficient of two distributions over the same outcomes; `alpha` is the weight of `p`.

    A small `alpha` asks whether `p` has an outcome of `q` at all rather than how often.
    """
    return float(np.clip(1.0 - (p**alpha * q ** (1.0 - alpha)).sum(), 0.0, 1.0))


def _frequencies(ids: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.float64]:
    return np.asarray(np.bincount(ids.ravel(), minlength=size) / ids.size, dtype=np.float64)
