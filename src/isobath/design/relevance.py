"""Declared relevance against the gold rule: which factors the right decision really depends on.

A factor is relevant to a gold rule where two points that differ in nothing else have different right decisions
(methods 1.1). Such a pair is the witness. A change from or to contested is no witness: where people do not agree there
is no right decision that could have changed (docs/regions.md).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.base.value import Value
from isobath.design.rule import Gold, flips
from isobath.design.space import Codes, Space

MOST = 100_000
"""Points up to which every one is looked at; a larger space is sampled with as many calls of the rule."""


class RelevanceWarning(UserWarning):
    """A declared role of a factor that the gold rule contradicts."""


class Witness(Value):
    """Two points that differ in one factor only and have different right decisions."""

    point: Mapping[str, str]
    other: Mapping[str, str]
    decision: str
    other_decision: str


class Relevance(Value):
    """What the gold rule says about one factor.

    `pairs` counts the pairs compared: both agreed, differing in `factor` only; `contested` those of which one or both
    are contested. `exhaustive`: every point of the space was looked at. Otherwise no witness means none was found.
    """

    factor: str
    declared: bool
    witness: Witness | None
    pairs: int
    contested: int
    exhaustive: bool

    @property
    def contradicted(self) -> bool:
        """Whether the declared role and what was found differ."""
        return self.declared != (self.witness is not None)

    @property
    def sentence(self) -> str:
        """What was found, with the witness or with how far was looked."""
        role = "relevant" if self.declared else "irrelevant"
        link = ", but" if self.contradicted else ", and"
        if self.witness is not None:
            found = f"the right decision depends on it: {self._differing()}"
        elif self.exhaustive:
            found = "the right decision never depends on it"
        else:
            found = "no pair that differs in it alone has different right decisions among those sampled"
        reach = "all" if self.exhaustive else "a sample of"
        left = f"; {self.contested:,} more pairs have no agreed decision" if self.contested else ""
        return f"{self.factor!r} is declared {role}{link} {found} ({reach} {self.pairs:,} pairs{left})."

    def _differing(self) -> str:
        assert self.witness is not None
        one, two = self.witness.point, self.witness.other
        rest = ", ".join(f"{name} = {level}" for name, level in one.items() if name != self.factor)
        at = f" where {rest}" if rest else ""
        return (
            f"{one[self.factor]!r} takes {self.witness.decision!r} and {two[self.factor]!r} takes "
            f"{self.witness.other_decision!r}{at}"
        )


def check_relevance(space: Space, gold: Gold, *, most: int = MOST, seed: int = 0) -> tuple[Relevance, ...]:
    """`relevance_of`, with a `RelevanceWarning` for every factor whose declared role is contradicted."""
    found = relevance_of(space, gold, most=most, seed=seed)
    for one in found:
        if one.contradicted:
            warnings.warn(one.sentence, RelevanceWarning, stacklevel=2)
    return found


def relevance_of(space: Space, gold: Gold, *, most: int = MOST, seed: int = 0) -> tuple[Relevance, ...]:
    """What `gold` depends on, factor by factor, in the order of the space.

    Every point is looked at where there are at most `most` combinations. A larger space is sampled: `Relevance` says
    so, and a factor without a witness may still have one. Raises `InputError` where no point can be.
    """
    if space.cells <= most:
        return _everywhere(space, gold)
    return _sampled(space, gold, most, seed)


_IMPOSSIBLE, _CONTESTED = -2, -1


def _everywhere(space: Space, gold: Gold) -> tuple[Relevance, ...]:
    codes = np.indices(space.shape, dtype=np.int16).reshape(len(space.factors), -1).T
    fine = space.allowed(codes)
    if not fine.any():
        raise InputError(f"every point of {space.name!r} is forbidden", "a space has points", "forbid less")
    names: dict[str, int] = {}
    decided = np.full(len(codes), _IMPOSSIBLE, dtype=np.int32)
    told = [gold(point) for point in space.decode(codes[fine])]
    decided[fine] = [_CONTESTED if d is None else names.setdefault(d, len(names)) for d in told]
    table = decided.reshape(space.shape)
    return tuple(_along(space, axis, table, list(names)) for axis in range(len(space.factors)))


def _along(space: Space, axis: int, table: npt.NDArray[np.int32], names: list[str]) -> Relevance:
    """What the decisions of all points, shape of the space, say about the factor of `axis`."""
    lines = np.moveaxis(table, axis, -1)
    agreed, possible = (lines >= 0).sum(axis=-1), (lines != _IMPOSSIBLE).sum(axis=-1)
    lowest = np.where(lines >= 0, lines, len(names)).min(axis=-1)
    differing = np.argwhere((agreed > 0) & (lines.max(axis=-1) != lowest))
    witness = None
    if len(differing):
        rest = tuple(int(i) for i in differing[0])
        line = lines[rest]
        first = int(np.flatnonzero(line >= 0)[0])
        second = int(np.flatnonzero((line >= 0) & (line != line[first]))[0])
        codes = np.array([np.insert(rest, axis, level) for level in (first, second)], dtype=np.int16)
        one, two = space.decode(codes)
        witness = Witness(point=one, other=two, decision=names[line[first]], other_decision=names[line[second]])
    pairs, every = _pairs(agreed), _pairs(possible)
    factor = space.factors[axis]
    return Relevance(
        factor=factor.name,
        declared=factor.relevant,
        witness=witness,
        pairs=pairs,
        contested=every - pairs,
        exhaustive=True,
    )


def _pairs(counts: npt.NDArray[np.int_]) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _sampled(space: Space, gold: Gold, most: int, seed: int) -> tuple[Relevance, ...]:
    calls = 1 + sum(n - 1 for n in space.shape)
    codes = random_codes(space, max(1, most // calls), seed)
    told = [gold(point) for point in space.decode(codes)]
    return tuple(_around(space, axis, gold, codes, told) for axis in range(len(space.factors)))


def _around(space: Space, axis: int, gold: Gold, codes: Codes, told: list[str | None]) -> Relevance:
    """What the sampled points, each with every other level of one factor, say about that factor."""
    factor, points = space.factors[axis], space.decode(codes)
    witness, pairs, contested = None, 0, 0
    for point, decision in zip(points, told, strict=True):
        for level in factor.domain:
            other = {**point, factor.name: level}
            if level == point[factor.name] or not space.allows(other):
                continue
            second = gold(other)
            if decision is None or second is None:
                contested += 1
                continue
            pairs += 1
            if witness is None and flips(decision, second):
                witness = Witness(point=point, other=other, decision=decision, other_decision=second)
    return Relevance(
        factor=factor.name,
        declared=factor.relevant,
        witness=witness,
        pairs=pairs,
        contested=contested,
        exhaustive=False,
    )


def random_codes(space: Space, count: int, seed: int, rounds: int = 200) -> Codes:
    """`count` points of `space`, drawn evenly from those that can be, shape (count, factors).

    Raises `InputError` where nearly every combination is forbidden, so that drawing finds too few.
    """
    draw = rng(seed, "points", space.name)
    found: list[Codes] = []
    for _ in range(rounds):
        columns = [draw.integers(0, n, count) for n in space.shape]
        codes = np.stack(columns, axis=1).astype(np.int16)
        found.append(codes[space.allowed(codes)])
        if sum(map(len, found)) >= count:
            return np.concatenate(found)[:count]
    raise InputError(
        f"{sum(map(len, found))} of {count * rounds:,} combinations drawn can be",
        f"points are drawn from the {math.prod(space.shape):,} combinations until {count} can be",
        "forbid less, or list the points",
    )
