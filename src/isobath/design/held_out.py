"""`held_out`: test points in chosen regions, and what may not be trained on for their sake.

What is held out is always a combination of relevant levels, whatever the irrelevant ones: a test point whose decision
is trained on in other words would measure memory. Regions are those of docs/regions.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.cells import Cells, cell_keys, relevant_cells, with_irrelevant
from isobath.design.closeness import BEYOND, closeness
from isobath.design.design import codes_of, distinct
from isobath.design.feasible import Bars, bars_of, bars_over
from isobath.design.feasible import barred as clause_bits
from isobath.design.held_levels import LevelHolds, choose_holds
from isobath.design.places import place_all
from isobath.design.region import Region
from isobath.design.rule import Gold
from isobath.design.space import Clause, Codes, Point, Space, matches
from isobath.design.support import Support
from isobath.design.test_points import test_points

Flags = npt.NDArray[np.bool_]
Extent = Literal["points", "region"]

WATER = (Region.LAKE, Region.BAY, Region.SEA)
DRAWN = 4
"""Points drawn for each one asked, so that contested ones can be left out and combinations spared."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Test points, and the combinations of relevant levels that may not be trained on.

    `regions` and `reasons` have an entry per test point. A combination is held where it matches one of `clauses`, is
    that of a test point, or lies in one of `whole` around `support`. `notes` say where fewer points were found.
    """

    space: Space
    codes: Codes
    regions: tuple[Region, ...] = ()
    reasons: tuple[str, ...] = ()
    clauses: tuple[Clause, ...] = ()
    support: Support | None = None
    whole: tuple[Region, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def points(self) -> list[dict[str, str]]:
        """The test points, in the order of `regions`."""
        return self.space.decode(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def bars(self, codes: Iterable[Point] | Codes) -> Flags:
        """Which of `codes` may not be trained on, shape (points,): their relevant combination is held.

        Points that cannot be are not barred: no region is defined for them.
        """
        asked = codes_of(self.space, codes)
        held, keys = cell_keys(self.space, self.codes, asked)
        out: Flags = np.isin(keys, held) | ~self._bars.allowed(asked)
        if self.whole:
            out |= self._in_regions(asked, keys)
        return out

    @cached_property
    def _bars(self) -> Bars:
        return bars_over(self.space.shape, clause_bits(self.space.model_copy(update={"forbidden": self.clauses})))

    def _in_regions(self, codes: Codes, keys: npt.NDArray[np.int64]) -> Flags:
        assert self.support is not None
        out = np.zeros(len(codes), dtype=bool)
        fine = np.flatnonzero(bars_of(self.space).allowed(codes))
        if len(fine):
            _, first, back = np.unique(keys[fine], return_index=True, return_inverse=True)
            found = place_all(self.support, codes[fine[first]]).region
            # the relevant levels of an island and of its shores are the same
            land = np.isin(found, [str(Region.ISLAND), str(Region.SHORE)])
            hit = np.isin(found, [str(r) for r in self.whole]) | (land & (Region.SHORE in self.whole))
            out[fine] = hit[back]
        return out


def held_out(
    space: Space,
    regions: Iterable[Region | str],
    *,
    support: Support | None = None,
    per_region: int,
    seed: int,
    gold: Gold | None = None,
    extent: Extent = "points",
) -> HeldOut:
    """Up to `per_region` test points in each of `regions`, and what may not be trained on for their sake.

    With a `support`, regions lie around it. Extent ``points`` holds out the relevant combinations of the test points,
    at most half of those found in a region, so that training may enter it elsewhere; extent ``region`` holds out
    everything in the regions. Without a support, levels are held out by seed: the end of an ordered factor and one
    level of a nominal one (bay and sea), and pairs of levels (lake); both extents then mean the same, and regions are
    those around everything that may be trained on. Contested points (`gold` None) are never test points. Raises
    `InputError` for the island, for a shore without a support, where no test point is found, or nothing is left.
    """
    wanted = _wanted(space, regions, support, per_region, extent)
    if not wanted:
        return HeldOut(space, np.empty((0, len(space.factors)), dtype=np.int16))
    if support is not None:
        found = _around(space, wanted, support, per_region, seed, gold, extent)
    else:
        found = _by_levels(space, wanted, per_region, seed, gold)
    if not len(found):
        raise InputError(
            f"no test point in {', '.join(wanted)}: {'; '.join(found.notes)}",
            "at least one uncontested point can be held out",
            "choose other regions, or another support",
        )
    cells = relevant_cells(space, seed)
    if not (~found.bars(cells.codes) & (cells.decisions(gold) >= 0)).any():
        raise InputError(
            f"holding out {', '.join(wanted)} ({extent})",
            "something is left to train: an uncontested combination of relevant levels",
            "hold out fewer points or regions",
        )
    return found


def _wanted(
    space: Space, regions: Iterable[Region | str], support: Support | None, per_region: int, extent: str
) -> list[Region]:
    if isinstance(regions, str):
        raise InputError(f"regions = {regions!r}", "a list of regions", f"write [{regions!r}]")
    try:
        wanted = [r for r in Region if r in {Region(region) for region in regions}]
    except ValueError:
        raise InputError(f"regions {regions!r}", f"each one of {', '.join(Region)}", "correct the name") from None
    if Region.ISLAND in wanted:
        raise InputError(
            "an island held out", "an island is trained on", "leave island out; test_points draws questions there"
        )
    if Region.SHORE in wanted and support is None:
        raise InputError(
            "a shore held out without a support",
            "a shore lies around known training points, and is new in irrelevant levels only",
            "leave shore out, or say what is trained on already: own data (--own), in Python support=...",
        )
    if per_region < 1 or extent not in ("points", "region"):
        raise InputError(
            f"per_region = {per_region}, extent = {extent!r}", "1 or more, 'points' or 'region'", "correct it"
        )
    if support is not None and support.space != space:
        raise InputError(f"a support of {support.space.name!r}", "the support lies in the space", "pass its own space")
    return wanted


def _around(
    space: Space,
    wanted: list[Region],
    support: Support,
    per_region: int,
    seed: int,
    gold: Gold | None,
    extent: Extent,
) -> HeldOut:
    """Test points around a support; balanced as `test_points` draws them, without contested ones."""
    drawn = test_points(space, support, dict.fromkeys(wanted, DRAWN * per_region + 8), seed, gold)
    (keys,) = cell_keys(space, drawn.codes)
    agreed = np.array([d is not None for d in drawn.decisions] or [True] * len(drawn), dtype=bool)
    chosen: list[int] = []
    notes: list[str] = []
    for region in wanted:
        inside = np.flatnonzero(agreed & (drawn.places.region == str(region)))
        most = len(inside) if extent == "region" else max(1, len(np.unique(keys[inside])) // 2)
        picked = _first(inside.tolist(), keys, per_region, most)
        chosen += picked
        if len(picked) < per_region:
            why = drawn.achievable[region].why or "the others are contested, or left for training"
            notes.append(f"{region}: {len(picked)} of {per_region} test points; {why}")
    regions = tuple(Region(str(drawn.places.region[i])) for i in chosen)
    reasons = tuple(
        f"{region} of the support (k = {drawn.places.k[i]}), "
        + ("all of which is held out" if extent == "region" else "held out with its relevant levels")
        for region, i in zip(regions, chosen, strict=True)
    )
    whole = tuple(wanted) if extent == "region" else ()
    codes = drawn.codes[np.array(chosen, dtype=np.int64)]
    return HeldOut(space, codes, regions, reasons, support=support, whole=whole, notes=tuple(notes))


def _first(order: list[int], keys: npt.NDArray[np.int64], count: int, most: int) -> list[int]:
    """The first `count` of `order` that have at most `most` relevant combinations among them."""
    cells: set[int] = set()
    picked: list[int] = []
    for i in order:
        key = int(keys[i])
        if len(picked) < count and (key in cells or len(cells) < most):
            cells.add(key)
            picked.append(i)
    return picked


def _by_levels(space: Space, wanted: list[Region], per_region: int, seed: int, gold: Gold | None) -> HeldOut:
    """Levels and pairs of levels held out by seed; test points have them."""
    cells = relevant_cells(space, seed)
    decided = cells.decisions(gold)
    holds = choose_holds(cells, decided, wanted, rng(seed, "design", "held levels"))
    region = _regions_around(cells, decided >= 0, holds)
    parts: list[Codes] = []
    regions: list[Region] = []
    notes = list(holds.notes)
    for which in wanted:
        stream = rng(seed, "design", "held points", str(which))
        inside = np.flatnonzero(region == str(which))
        order = _balanced(holds.matched(cells.codes[inside]), decided[inside], stream)
        points = _worded(space, cells.codes[inside[order]], per_region, stream)
        if len(points) < per_region:
            notes.append(f"{which}: {len(points)} of {per_region} test points; there are no more")
        parts.append(points)
        regions += [which] * len(points)
    codes = np.concatenate(parts)
    reasons = tuple(holds.reason(point) for point in space.decode(codes))
    return HeldOut(space, codes, tuple(regions), reasons, holds.clauses, notes=tuple(notes))


def _regions_around(cells: Cells, agreed: Flags, holds: LevelHolds) -> npt.NDArray[np.str_]:
    """The region of each cell around all that may be trained on; empty where it may train or is contested.

    Held pairs are of factors without a shore (`near` 0), so that a cell with one is never near what may be trained.
    """
    space, held = cells.space, holds.bars(cells.codes)
    trained = cells.codes[agreed & ~held]
    beyond = np.zeros(len(cells), dtype=np.int64)
    for j, factor in enumerate(space.factors):
        if factor.relevant and len(trained):
            beyond += closeness(factor, trained[:, j]).status[cells.codes[:, j]] >= BEYOND
    named = np.select([beyond == 1, beyond > 1, holds.pairs(cells.codes)], ["bay", "sea", "lake"], "")
    return np.where(held & agreed, named, "")


def _balanced(matched: npt.NDArray[np.int64], decided: npt.NDArray[np.int64], stream: np.random.Generator) -> list[int]:
    """An order in which holds and, within them, decisions take turns."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i in stream.permutation(len(matched)).tolist():
        groups.setdefault((int(matched[i]), int(decided[i])), []).append(i)
    used: dict[int, int] = {}
    drawn: dict[tuple[int, int], int] = {}
    order: list[int] = []
    while groups:
        best = min(groups, key=lambda g: (used.get(g[0], 0), drawn.get(g, 0)))
        order.append(groups[best].pop())
        used[best[0]], drawn[best] = used.get(best[0], 0) + 1, drawn.get(best, 0) + 1
        if not groups[best]:
            del groups[best]
    return order


def _worded(space: Space, cells: Codes, count: int, stream: np.random.Generator) -> Codes:
    """Up to `count` distinct points of the `cells`, in turn, with irrelevant levels drawn for each."""
    found = np.empty((0, len(space.factors)), dtype=np.int16)
    for _ in range(20):
        if not len(cells) or len(found) >= count:
            break
        turns = np.resize(np.arange(len(cells)), max(len(cells), count))[: max(count, 1)]
        found = distinct(np.concatenate([found, with_irrelevant(space, cells[turns], stream)]))
    return found[:count]


def leaked(held: HeldOut, codes: Iterable[Point] | Codes) -> npt.NDArray[np.int64]:
    """Which of `codes` are held out, by brute force: levels are compared one by one, without any of `HeldOut.bars`."""
    space = held.space
    names = [factor.name for factor in space.relevant]
    tested = {tuple(point[name] for name in names) for point in held.points}
    known: dict[tuple[str, ...], bool] = {}
    found = []
    for i, point in enumerate(space.decode(codes_of(space, codes))):
        levels = tuple(point[name] for name in names)
        if levels not in known:
            known[levels] = (
                levels in tested
                or any(matches(clause, point) for clause in held.clauses)
                or (bool(held.whole) and space.allows(point) and _lies_in(held, dict(zip(names, levels, strict=True))))
            )
        if known[levels]:
            found.append(i)
    return np.array(found, dtype=np.int64)


def _lies_in(held: HeldOut, levels: Mapping[str, str]) -> bool:
    """Whether a combination of relevant levels lies in one of the regions held whole, from the definitions."""
    assert held.support is not None
    trained = held.support.points
    outside = 0
    for name, level in levels.items():
        factor = held.space.factor(name)
        ranks = factor.domain[: len(factor.domain) - factor.optional] if factor.ordered else ()
        seen = {point[name] for point in trained}
        known = [ranks.index(one) for one in seen if one in ranks]
        if level in seen:
            continue
        if level in ranks and known:
            rank = ranks.index(level)
            outside += not (min(known) - factor.near <= rank <= max(known) + factor.near)
        else:
            outside += 1
    if outside:
        return (Region.BAY if outside == 1 else Region.SEA) in held.whole
    land = any(all(_near(held.space, name, level, one[name]) for name, level in levels.items()) for one in trained)
    return (Region.SHORE if land else Region.LAKE) in held.whole


def _near(space: Space, name: str, one: str, other: str) -> bool:
    factor = space.factor(name)
    ranks = factor.domain[: len(factor.domain) - factor.optional] if factor.ordered else ()
    if one in ranks and other in ranks:
        return abs(ranks.index(one) - ranks.index(other)) <= factor.near
    return one == other
