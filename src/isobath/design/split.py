"""`hold_out`: training and test points, with the reason for every point held out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.design.closeness import ranked_levels
from isobath.design.design import codes_of
from isobath.design.divergence import Divergence, divergence
from isobath.design.factor import Factor
from isobath.design.places import place_all
from isobath.design.region import Region
from isobath.design.space import Codes, Point, Space
from isobath.design.support import Support, support_of

Flags = npt.NDArray[np.bool_]
Held = Mapping[str, object]
Reason = tuple[Flags, Callable[[int], str]]


@dataclass(frozen=True, eq=False)
class Split:
    """Which of `codes` train and which test, by their place in the list; `reasons` has one sentence per test point."""

    space: Space
    codes: Codes
    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    reasons: tuple[str, ...]

    @property
    def train_points(self) -> list[dict[str, str]]:
        """Points to train on, in the order given."""
        return self.space.decode(self.codes[self.train])

    @property
    def test_points(self) -> list[dict[str, str]]:
        """Points held out, in the order given."""
        return self.space.decode(self.codes[self.test])

    def support(self, n_min: int = 1) -> Support:
        """The support that the training points give: the test points' regions are those around it."""
        return support_of(self.space, self.codes[self.train], n_min)

    def divergence(self, on: Sequence[str] | None = None) -> Divergence:
        """Atom and compound divergence of the test points from the training points."""
        return divergence(self.space, self.codes[self.train], self.codes[self.test], on)


def hold_out(
    space: Space,
    points: Iterable[Point] | Codes | Any,
    *,
    levels: Mapping[str, Sequence[object]] | None = None,
    ranges: Mapping[str, tuple[object, object]] | None = None,
    combinations: Sequence[Held] = (),
    regions: Iterable[Region | str] = (),
    support: Support | None = None,
) -> Split:
    """Split `points` (one per example): those that any of the rules below names are held out, the others train.

    `levels`: factor -> levels; a point with one of them. `ranges`: ordered factor -> (lowest, highest), both included,
    None for an open end. `combinations`: points that have all the levels named at once, each factor with a level or a
    list of levels; held out together, though each level by itself may train. `regions`: points that lie so around
    `support`. Raises `InputError` where a rule names what is not there, holds out nothing, or leaves nothing to train.
    """
    codes = codes_of(space, points)
    rules: list[Reason] = [
        *(_levels(space, codes, name, values) for name, values in (levels or {}).items()),
        *(_range(space, codes, name, ends) for name, ends in (ranges or {}).items()),
        *(_combination(space, codes, held) for held in combinations),
    ]
    wanted = [_region(r) for r in regions]
    if wanted:
        rules.append(_regions(codes, wanted, support))
    held = np.logical_or.reduce([hit for hit, _ in rules]) if rules else np.zeros(len(codes), dtype=bool)
    if not held.any() or held.all():
        raise InputError(
            f"{int(held.sum())} of {len(codes)} points held out",
            "a split needs points on both sides",
            "name levels, ranges, combinations or regions that some points have and others do not",
        )
    test = np.flatnonzero(held)
    reasons = tuple("; ".join(say(i) for hit, say in rules if hit[i]) for i in test.tolist())
    return Split(space, codes, np.flatnonzero(~held), test, reasons)


def _places(factor: Factor, values: object) -> list[int]:
    listed = values if isinstance(values, Sequence) and not isinstance(values, str) else [values]
    return [factor.domain.index(factor.level_of(value)) for value in listed]


def _levels(space: Space, codes: Codes, name: str, values: Sequence[object]) -> Reason:
    factor, column = space.factor(name), codes[:, space.names.index(name)]
    hit = np.isin(column, _places(factor, values))
    return hit, lambda i: f"{name} = {factor.domain[column[i]]} is held out"


def _range(space: Space, codes: Codes, name: str, ends: tuple[object, object]) -> Reason:
    factor, column = space.factor(name), codes[:, space.names.index(name)]
    if not factor.ordered:
        raise InputError(f"a range of {name!r}", f"{factor.kind} levels have no order", "hold out its levels instead")
    ranks = ranked_levels(factor)
    low, high = (
        bound if end is None else factor.domain.index(factor.level_of(end))
        for end, bound in zip(ends, (0, ranks - 1), strict=True)
    )
    if low > high or high >= ranks:
        raise InputError(f"range {ends} of {name!r}", "from a lower to a higher level, both ordered", "swap or correct")
    hit = (column >= low) & (column <= high)
    said = f"{factor.domain[low]} to {factor.domain[high]}"
    return hit, lambda i: f"{name} = {factor.domain[column[i]]} lies in {said}, which is held out"


def _combination(space: Space, codes: Codes, held: Held) -> Reason:
    if not held:
        raise InputError("an empty combination", "it would hold out every point", "name levels")
    hit, said = np.ones(len(codes), dtype=bool), []
    for name, values in held.items():
        factor = space.factor(name)
        places = _places(factor, values)
        hit &= np.isin(codes[:, space.names.index(name)], places)
        said.append(f"{name} = {' or '.join(factor.domain[p] for p in places)}")
    text = f"{' with '.join(said)} is held out"
    return hit, lambda i: text


def _region(name: Region | str) -> Region:
    try:
        return Region(name)
    except ValueError:
        raise InputError(f"region {str(name)!r}", f"one of {', '.join(Region)}", "correct the name") from None


def _regions(codes: Codes, wanted: list[Region], support: Support | None) -> Reason:
    if support is None:
        raise InputError("regions without a support", "a region lies around a support", "pass support=support_of(...)")
    places = place_all(support, codes)
    hit = np.isin(places.region, [str(r) for r in wanted])
    return hit, lambda i: f"{places.region[i]} of the support (k = {places.k[i]}), which is held out"
