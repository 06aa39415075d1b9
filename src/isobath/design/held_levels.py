"""Which levels and pairs of levels are held out where no training data says what is far: by seed, with conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from isobath.design.cells import Cells
from isobath.design.closeness import ranked_levels
from isobath.design.factor import MISSING, Factor
from isobath.design.feasible import Bars, barred, bars_over
from isobath.design.region import Region
from isobath.design.space import Clause, Codes, Point, Space, matches

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

PAIRS = 2
"""Pairs of levels that are held out for a lake, where two can be."""

TRIED = 400
"""Choices of levels that are looked at, in random order, before the best of them is taken."""


@dataclass(frozen=True, eq=False)
class LevelHolds:
    """Clauses of `levels` (one factor each: bay and sea) and of `together` (two factors each: lake) that are held."""

    space: Space
    levels: tuple[Clause, ...] = ()
    together: tuple[Clause, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """All clauses."""
        return (*self.levels, *self.together)

    def bars(self, codes: Codes) -> Flags:
        """Which points match a clause."""
        return ~self._lookups[0].allowed(codes)

    def pairs(self, codes: Codes) -> Flags:
        """Which points match a clause of two factors."""
        return ~self._lookups[1].allowed(codes)

    @cached_property
    def _lookups(self) -> tuple[Bars, Bars]:
        return _lookup(self.space, self.clauses), _lookup(self.space, self.together)

    def matched(self, codes: Codes) -> Ints:
        """Which clauses each point matches, as bits."""
        found = np.zeros(len(codes), dtype=np.int64)
        for i, clause in enumerate(self.clauses):
            found |= (~_lookup(self.space, (clause,)).allowed(codes)).astype(np.int64) << i
        return found

    def reason(self, point: Point) -> str:
        """Why `point` is held out."""
        said = []
        for clause in self.clauses:
            if matches(clause, point):
                names = " with ".join(f"{name} = {point[name]}" for name in clause)
                said.append(f"{names} is held out" + (", though each is trained on apart" if len(clause) > 1 else ""))
        return "; ".join(said)


def _lookup(space: Space, clauses: Sequence[Clause]) -> Bars:
    return bars_over(space.shape, barred(space.model_copy(update={"forbidden": tuple(clauses)})))


def choose_holds(cells: Cells, decided: Ints, wanted: Sequence[Region], stream: np.random.Generator) -> LevelHolds:
    """Levels of two relevant factors for bay and sea, and pairs of levels for a lake.

    An ordered factor loses its lowest or highest level (and as many more as its shore is wide), a nominal one any
    level; two levels at least are left of each where that can be. What is chosen leaves every decision and every other
    level in training where some choice does (`decided` has the decision of each cell, -1 for contested).
    """
    holds = LevelHolds(cells.space)
    if Region.BAY in wanted or Region.SEA in wanted:
        holds = _levels(cells, decided, stream)
    if Region.LAKE in wanted:
        holds = _with_pairs(cells, decided, holds, stream)
    return holds


def _levels(cells: Cells, decided: Ints, stream: np.random.Generator) -> LevelHolds:
    """The first choice of levels that meets every condition, else the one that meets the most important ones."""
    space = cells.space
    best, best_score = LevelHolds(space, notes=("no relevant factor has a level to spare",)), 0
    for tried, clauses in enumerate(_choices(space, stream)):
        if tried >= TRIED:
            break
        holds = LevelHolds(space, clauses, notes=_thin(space, clauses))
        score = _score(cells, decided, holds)
        if score > best_score:
            best, best_score = holds, score
        if score == _BEST:
            break
    return best


def _choices(space: Space, stream: np.random.Generator) -> Iterator[tuple[Clause, ...]]:
    """Two factors that keep two levels, then any two, then any one; levels and factors in random order."""
    for keep, count in ((2, 2), (1, 2), (2, 1), (1, 1)):
        options = {f.name: _ends(f, keep) for f in space.relevant}
        named = [name for name, found in options.items() if found]
        whole = [
            tuple({name: levels} for name, levels in zip(names, chosen, strict=True))
            for names in combinations(named, count)
            for chosen in product(*(options[name] for name in names))
        ]
        for i in stream.permutation(len(whole)).tolist():
            yield whole[i]


def _ends(factor: Factor, keep: int) -> list[tuple[str, ...]]:
    """Levels of `factor` that can be held out together, so that `keep` are left."""
    listed = [level for level in factor.domain if level != MISSING or not factor.optional]
    if not factor.ordered:
        return [(level,) for level in listed] if len(listed) > keep else []
    width = factor.near + 1
    if ranked_levels(factor) < width + keep:
        return []
    return [tuple(listed[:width]), tuple(listed[-width:])]


def _thin(space: Space, clauses: Sequence[Clause]) -> tuple[str, ...]:
    """A note for each factor of which one level alone is left."""
    found = []
    for clause in clauses:
        for name, levels in clause.items():
            left = [level for level in space.factor(name).domain if level not in levels]
            if len(left) == 1:
                found.append(f"{name} has one level left in training, {left[0]}")
    return tuple(found)


_BEST = 15


def _score(cells: Cells, decided: Ints, holds: LevelHolds) -> int:
    """What a choice meets, the most important first: 8 bay and sea hold agreed points, 4 levels, 2 decisions, 1 half.

    0 where nothing is left to train or nothing is held.
    """
    agreed, held = decided >= 0, holds.bars(cells.codes)
    trained = agreed & ~held
    count = np.sum([~_lookup(cells.space, (c,)).allowed(cells.codes) for c in holds.levels], axis=0)
    if not trained.any() or not (agreed & (count == 1)).any():
        return 0
    matched = holds.matched(cells.codes[agreed & (count == 1)])
    each = all((matched == 1 << i).any() for i in range(len(holds.levels)))
    water = len(holds.levels) > 1 and each and bool((agreed & (count > 1)).any())
    return (
        8 * water
        + 4 * _keeps_levels(cells, agreed, trained, holds)
        + 2 * (len(np.unique(decided[trained])) == len(np.unique(decided[agreed])))
        + 1 * bool(4 * trained.sum() >= agreed.sum())
    ) or 1


def _keeps_levels(cells: Cells, agreed: Flags, trained: Flags, holds: LevelHolds) -> bool:
    """Whether every level of a relevant factor that is not held as such, and that some agreed cell has, may train."""
    held = {(name, level) for clause in holds.levels for name, levels in clause.items() for level in levels}
    for j, factor in enumerate(cells.space.factors):
        if factor.relevant:
            had, left = np.unique(cells.codes[agreed, j]), np.unique(cells.codes[trained, j])
            gone = {(factor.name, factor.domain[int(i)]) for i in set(had.tolist()) - set(left.tolist())}
            if gone - held:
                return False
    return True


def _with_pairs(cells: Cells, decided: Ints, holds: LevelHolds, stream: np.random.Generator) -> LevelHolds:
    """`holds` with up to `PAIRS` pairs of levels that agreed cells have, each level of which still trains apart."""
    space, agreed = cells.space, decided >= 0
    factors = [f for f in space.relevant if not f.near]
    held = {(name, level) for clause in holds.levels for name, levels in clause.items() for level in levels}
    pairs = [
        {one.name: (a,), two.name: (b,)}
        for one, two in combinations(factors, 2)
        for a, b in product(one.domain, two.domain)
        if (one.name, a) not in held and (two.name, b) not in held
    ]
    for i in stream.permutation(len(pairs))[:TRIED].tolist():
        more = LevelHolds(space, holds.levels, (*holds.together, pairs[i]), holds.notes)
        before, trained = agreed & ~holds.bars(cells.codes), agreed & ~more.bars(cells.codes)
        new = before & ~trained
        if not new.any() or not _keeps_levels(cells, agreed, trained, more) or not trained.any():
            continue
        if len(np.unique(decided[trained])) == len(np.unique(decided[before])):
            holds = more
        if len(holds.together) == PAIRS:
            return holds
    if not holds.together:
        note = "no pair of relevant levels can be held out so that each level still trains apart"
        return LevelHolds(space, holds.levels, (), (*holds.notes, note))
    return holds
