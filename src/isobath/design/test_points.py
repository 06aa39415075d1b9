"""Test points drawn per region by construction: uniform draws would nearly all lie in one region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.design import distinct, every_code
from isobath.design.places import Places, place_all
from isobath.design.proposals import Proposals, SortedLevels
from isobath.design.region import Region
from isobath.design.rule import Gold
from isobath.design.space import Codes, Space
from isobath.design.support import Support

Stratum = tuple[Hashable, ...]

LISTED = 50_000
"""Combinations up to which every point of a space is listed and placed."""

ROUNDS, BATCH = 12, 400

AIMS = {
    Region.ISLAND: ("island",),
    Region.SHORE: ("shore",),
    Region.LAKE: ("lake/gap", "lake/combination"),
    Region.BAY: ("bay",),
    Region.SEA: ("sea",),
}


@dataclass(frozen=True)
class Achieved:
    """Points of one region: `asked` for, `drawn`, and how many `there_are`; `why` is a sentence where fewer were drawn.

    `there_are` is a count of the whole space where `exact`, else of the points that were found.
    """

    asked: int
    drawn: int
    there_are: int
    exact: bool
    why: str = ""


@dataclass(frozen=True, eq=False)
class TestPoints:
    """Distinct points that can be, region after region, with their places around the support.

    `decisions` has the gold decision of each, None where it is contested; it is empty where no gold was given.
    """

    __test__: ClassVar[bool] = False
    """Not a test case, whatever pytest takes it for."""

    space: Space
    codes: Codes
    places: Places
    achievable: Mapping[Region, Achieved]
    decisions: tuple[str | None, ...] = ()

    @property
    def points(self) -> list[dict[str, str]]:
        """The points, in the order of `places`."""
        return self.space.decode(self.codes)

    def __len__(self) -> int:
        return len(self.codes)


def test_points(
    space: Space,
    support: Support,
    per_region: int | Mapping[Region, int],
    seed: int = 0,
    gold: Gold | None = None,
) -> TestPoints:
    """Draw `per_region` points in each region of `support` (or as many as a mapping names), or as many as there are.

    Within a region points are balanced, in this order, over gap and combination lakes, depth k, the decisions of
    `gold` (contested being one of them), and whether an irrelevant level is new. Island points are cells of the
    support. Spaces of up to 50,000 combinations are listed, so that what can be achieved is known exactly; in larger
    ones points are built from cells of the support by the status their levels are to have. Every point is placed
    before it is counted. Raises `InputError` for a support of another space or a negative number.
    """
    if support.space != space:
        raise InputError(f"a support of {support.space.name!r}", "the support lies in the space", "pass its own space")
    asked = {r: per_region if isinstance(per_region, int) else per_region.get(r, 0) for r in Region}
    if min(asked.values()) < 0:
        raise InputError(f"per_region = {per_region}", "0 or more", "correct it")
    exact = space.cells <= LISTED
    pool = every_code(space) if exact else _constructed(support, asked, seed)
    places = place_all(support, pool)
    decisions = [gold(point) for point in space.decode(pool)] if gold else []
    chosen, achievable = [], {}
    for region, count in asked.items():
        inside = np.flatnonzero(places.region == str(region))
        strata = [_stratum(places, i, decisions) for i in inside.tolist()]
        picked = inside[_balanced(strata, count, rng(seed, "design", "test points", str(region)))]
        chosen.append(picked)
        why = _why(support, region, len(inside), exact) if len(picked) < count else ""
        known = exact or region is Region.ISLAND
        achievable[region] = Achieved(count, len(picked), len(inside), known, why)
    order = np.concatenate(chosen)
    kept = tuple(decisions[i] for i in order.tolist()) if gold else ()
    return TestPoints(space, pool[order], place_all(support, pool[order]), achievable, kept)


test_points.__test__ = False  # type: ignore[attr-defined]


def _stratum(places: Places, i: int, decisions: list[str | None]) -> Stratum:
    kind = "gap" if places.gap[i] else "combination"
    lake = kind if places.region[i] == Region.LAKE else ""
    return (lake, int(places.k[i]), decisions[i] if decisions else None, bool(places.new_irrelevant[i]))


def _balanced(strata: list[Stratum], count: int, stream: np.random.Generator) -> npt.NDArray[np.int64]:
    """Up to `count` members, each next one from the stratum whose parts have been used least, the first part first."""
    members: dict[Stratum, list[int]] = {}
    for i in stream.permutation(len(strata)).tolist():
        members.setdefault(strata[i], []).append(i)
    used: Counter[tuple[int, Hashable]] = Counter()
    picked: list[int] = []
    while members and len(picked) < count:
        # k is balanced within gap and combination lakes, decisions and new levels within the region
        best = min(members, key=lambda s: (used[0, s[0]], used[1, s[:2]], used[2, s[2]], used[3, s[3]], used[4, s]))
        picked.append(members[best].pop())
        used.update([(0, best[0]), (1, best[:2]), (2, best[2]), (3, best[3]), (4, best)])
        if not members[best]:
            del members[best]
    return np.array(picked, dtype=np.int64)


def _constructed(support: Support, asked: Mapping[Region, int], seed: int) -> Codes:
    """Candidates for every region asked for; more than asked, so that there is something to balance."""
    pool, levels = [support.codes], SortedLevels(support)
    for region, count in asked.items():
        if region is Region.ISLAND or not count:
            continue
        for aim in AIMS[region]:
            if not _barren(levels, region, aim):
                proposals = Proposals(support, levels, rng(seed, "design", "proposals", aim))
                pool.append(_found(proposals, region, aim, 4 * count))
    return distinct(np.concatenate(pool))


def _found(proposals: Proposals, region: Region, aim: str, wanted: int) -> Codes:
    """Distinct points of `region` from candidates aimed at it: rounds until there are `wanted`."""
    support = proposals.support
    found = np.empty((0, len(support.space.factors)), dtype=np.int16)
    for _ in range(ROUNDS):
        drawn = distinct(proposals.draw(aim, max(BATCH, wanted)))
        if len(drawn):
            places = place_all(support, drawn)
            hit = places.region == str(region)
            if region is Region.LAKE:
                hit &= (places.gap > 0) == (aim == "lake/gap")
            found = distinct(np.concatenate([found, drawn[hit]]))
        if len(found) >= wanted:
            break
    return found


def _barren(levels: SortedLevels, region: Region, aim: str) -> bool:
    """Whether the levels themselves rule the region out."""
    outside = len(levels.with_outside)
    least = {Region.BAY: 1, Region.SEA: 2}.get(region, 0)
    return outside < least or (aim == "lake/gap" and not levels.with_gap)


def _why(support: Support, region: Region, there_are: int, exact: bool) -> str:
    """The sentence why a region has fewer points than asked."""
    outside = len(SortedLevels(support).with_outside)
    if region is Region.ISLAND:
        return f"an island point is a cell of the support, and it has {there_are}"
    if region in (Region.BAY, Region.SEA) and not outside:
        return "no relevant factor has a level outside the support"
    if region is Region.SEA and outside == 1:
        return "only one relevant factor has a level outside the support, and a sea point takes two"
    if not exact:
        return f"{there_are} were found by construction in {ROUNDS} rounds; there may be more"
    if there_are:
        return f"the whole space has {there_are} such points"
    if region is Region.LAKE:
        return "every combination of relevant levels within the support's range is covered or cannot be"
    if region is Region.SHORE:
        return "every point whose relevant levels are covered is a cell of the support or cannot be"
    return "every point with so many relevant levels outside the support cannot be"
