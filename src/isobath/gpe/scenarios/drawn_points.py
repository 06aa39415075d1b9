"""The points of a scenario's GPE: what the narrow signal holds, what is tested region by region, what broadens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng, stream_seed
from isobath.design.cells import relevant_cells
from isobath.design.edit import Edit
from isobath.design.edits import edits
from isobath.design.factor import Factor
from isobath.design.held_out import HeldOut
from isobath.design.keys import row_keys
from isobath.design.places import Places, place_all
from isobath.design.region import Region
from isobath.design.space import Codes
from isobath.design.support import Support, support_of
from isobath.design.training_points import training_points
from isobath.gpe.scenarios.narrow import Coverage, Levels, coverage
from isobath.gpe.scenarios.scenario import Scenario

WATER = (Region.LAKE, Region.BAY, Region.SEA)

HELD_OUT = 0.25
"""Share of the relevant combinations of narrow levels that the signal leaves out: new combinations to be tested."""


@dataclass(frozen=True, eq=False)
class DrawnPoints:
    """Points around a narrow signal of `rows` rows; `per_region` are tested in each region, or as many as can be.

    `support` restricts the signal (see `coverage`). At most half of a region's relevant combinations are tested, so
    that broader rows may enter it: no combination tested in lake, bay or sea is in any row.
    """

    scenario: Scenario
    support: Mapping[str, str | Sequence[str]] | None
    rows: int
    per_region: int
    seed: int

    @cached_property
    def levels(self) -> Coverage:
        """Narrow, broad and kept levels."""
        return coverage(self.scenario.space, self.support, self.seed)

    @cached_property
    def cells(self) -> Codes:
        """Every combination of relevant levels that has a decision, contested ones left out."""
        every = relevant_cells(self.scenario.space, self.seed)
        return every.codes[every.decisions(self.scenario.decide) >= 0]

    @cached_property
    def left_out(self) -> Codes:
        """Combinations of narrow levels that the signal leaves out; of each decision one at least stays."""
        space = self.scenario.space
        inside = self.cells[_within(self.cells, space.names, self._places_of(self.levels.narrow), space.relevant)]
        order = self._draw("left out").permutation(len(inside)).tolist()
        told = [self.scenario.decide(point) for point in space.decode(inside)]
        if len(set(told)) < 2:
            raise InputError(
                f"a support with {len(set(told))} decision(s) among {len(inside)} combinations",
                "a narrow signal has two decisions at least",
                "restrict fewer factors, or to other levels",
            )
        left = Counter(told)
        out: list[int] = []
        for i in order:
            if len(out) < round(HELD_OUT * len(inside)) and left[told[i]] > 1:
                left[told[i]] -= 1
                out.append(i)
        return inside[np.array(out, dtype=np.int64)]

    @cached_property
    def signal(self) -> Codes:
        """A point for each row of the signal: narrow levels, none of the combinations left out."""
        return self._trained(self.rows, "signal", HeldOut(self.scenario.space, self.left_out), self.levels.narrow)

    @cached_property
    def around(self) -> Support:
        """The support of the signal."""
        return support_of(self.scenario.space, self.signal)

    @cached_property
    def tests(self) -> dict[Region, Codes]:
        """The test points of every region; in lake, bay and sea with the signal's irrelevant levels."""
        draw = self._draw("island")
        mixed = self.signal[draw.permutation(len(self.signal))]
        found = {Region.ISLAND: self._in_turn(mixed, self.per_region), Region.SHORE: self._shore()}
        places = place_all(self.around, self.cells)
        for region in WATER:
            inside = np.flatnonzero(places.region == str(region))
            chosen = self._tested_cells(inside, places, region)
            found[region] = self._worded(chosen, self.levels.narrow, str(region))
        return found

    @cached_property
    def contested(self) -> Codes:
        """A quarter as many points on which people do not agree, with the signal's irrelevant levels."""
        every = relevant_cells(self.scenario.space, self.seed)
        open_ = every.codes[every.decisions(self.scenario.decide) < 0]
        chosen = open_[self._draw("contested").permutation(len(open_))[: max(1, self.per_region // 4)]]
        return self._with_irrelevant(chosen, self.levels.narrow, "contested contexts")

    @cached_property
    def new_contexts(self) -> Codes:
        """Half the points of every region but the shore, with irrelevant levels that no row has, if any are left."""
        half = [self.tests[region][: max(1, self.per_region // 2)] for region in (Region.ISLAND, *WATER)]
        return self._with_irrelevant(np.concatenate(half), self.levels.kept, "new contexts")

    @cached_property
    def edited(self) -> list[tuple[Region, int, dict[str, str], Edit]]:
        """(region, number of the test point, edited point, what was changed) for a sixth of the points."""
        found = []
        for region, codes in self.tests.items():
            points = self.scenario.space.decode(codes[: max(1, self.per_region // 6)])
            seed = stream_seed(self.seed, "scenario gpe", "edits", str(region))
            found += [(region, *one) for one in edits(self.scenario.space, self.scenario.decide, points, seed)]
        return found

    @cached_property
    def asked(self) -> Codes:
        """Every point that a question is asked at."""
        changed = self.scenario.space.encode(point for _, _, point, _ in self.edited)
        return np.concatenate([*self.tests.values(), self.contested, self.new_contexts, changed])

    def pool(self, name: str, rows: int) -> Codes:
        """Up to `rows` points that broaden the signal, none of them asked: ``relevant``, ``irrelevant`` or ``both``.

        ``relevant`` has relevant combinations from everywhere but those tested in lake, bay or sea, in the signal's
        irrelevant levels; ``irrelevant`` the signal's combinations in all irrelevant levels that are not kept for
        tests; ``both`` has both.
        """
        water = np.concatenate([self.tests[region] for region in WATER])
        narrow, space = self.levels.narrow, self.scenario.space
        own = {factor.name: narrow[factor.name] for factor in space.relevant}
        fixed = {factor.name: narrow[factor.name] for factor in space.irrelevant}
        if name == "relevant":
            held, levels = water, fixed
        elif name == "irrelevant":
            held, levels = np.concatenate([water, self.left_out]), {**own, **self.levels.broad}
        else:
            held, levels = water, dict(self.levels.broad)
        drawn = self._trained(2 * rows, name, HeldOut(space, held), levels)
        keys, asked = row_keys(space.shape, drawn, self.asked)
        return drawn[~np.isin(keys, asked)][:rows]

    def _trained(self, rows: int, purpose: str, held: HeldOut, levels: Levels) -> Codes:
        seed = stream_seed(self.seed, "scenario gpe", purpose)
        drawn = training_points(
            self.scenario.space, rows, seed, held=held, gold=self.scenario.decide, levels=levels
        ).codes
        return drawn[self._draw(f"{purpose} order").permutation(len(drawn))]

    def _tested_cells(self, inside: npt.NDArray[np.int64], places: Places, region: Region) -> Codes:
        """At most half of a region's combinations, gaps and combinations, depths and decisions in turn."""
        mixed = inside[self._draw("cells", str(region)).permutation(len(inside))]
        told = [self.scenario.decide(point) for point in self.scenario.space.decode(self.cells[mixed])]
        seen: Counter[object] = Counter()
        turns = []
        for i, decision in zip(mixed.tolist(), told, strict=True):
            stratum = (int(places.gap[i] > 0), int(places.k[i]), decision)
            turns.append(seen[stratum])
            seen[stratum] += 1
        order = np.argsort(turns, kind="stable")[: min(self.per_region, max(1, len(inside) // 2))]
        return self.cells[mixed[order]]

    def _worded(self, cells: Codes, levels: Levels, purpose: str) -> Codes:
        """Up to `per_region` different points of `cells`, in turn, with irrelevant levels from `levels`."""
        if not len(cells):
            return cells
        repeated = np.resize(np.arange(len(cells)), max(self.per_region, 1))
        made = self._with_irrelevant(cells[repeated], levels, purpose)
        (keys,) = row_keys(self.scenario.space.shape, made)
        return made[np.sort(np.unique(keys, return_index=True)[1])]

    def _shore(self) -> Codes:
        """The signal's combinations in irrelevant levels that no row of it has, else in new combinations of them."""
        cells = self.signal[self._draw("shore").permutation(len(self.signal))][: 40 * self.per_region]
        both = {name: tuple({*self.levels.narrow[name], *self.levels.kept[name]}) for name in self.levels.kept}
        made = self._with_irrelevant(cells, both, "shore contexts")
        places = place_all(self.around, made)
        inside = places.region == str(Region.SHORE)
        new = inside & (places.new_irrelevant > 0)
        return self._in_turn(made[new] if new.any() else made[inside], self.per_region)

    def _in_turn(self, codes: Codes, count: int) -> Codes:
        """The first `count` different ones of `codes` with the decisions in turn."""
        (keys,) = row_keys(self.scenario.space.shape, codes)
        codes = codes[np.sort(np.unique(keys, return_index=True)[1])]
        seen: Counter[str | None] = Counter()
        turns = []
        for point in self.scenario.space.decode(codes):
            decision = self.scenario.decide(point)
            turns.append(seen[decision])
            seen[decision] += 1
        return codes[np.argsort(turns, kind="stable")[:count]]

    def _with_irrelevant(self, cells: Codes, levels: Levels, purpose: str) -> Codes:
        """`cells` with irrelevant levels drawn from `levels`; those of a cell that nothing fits keep their own."""
        space, draw = self.scenario.space, self._draw(purpose)
        out, todo = cells.copy(), np.arange(len(cells))
        for _ in range(200):
            for name, places in self._places_of({f.name: levels[f.name] for f in space.irrelevant}).items():
                out[todo, space.names.index(name)] = places[draw.integers(len(places), size=len(todo))]
            todo = todo[~space.allowed(out[todo])]
            if not len(todo):
                break
        out[todo] = cells[todo]
        return out

    def _places_of(self, levels: Levels) -> dict[str, npt.NDArray[np.int16]]:
        space = self.scenario.space
        return {
            name: np.array(sorted(space.factor(name).domain.index(level) for level in listed), dtype=np.int16)
            for name, listed in levels.items()
        }

    def _draw(self, *purpose: str) -> np.random.Generator:
        return rng(self.seed, "scenario gpe", self.scenario.name, *purpose)


def _within(
    codes: Codes, names: Sequence[str], places: Mapping[str, npt.NDArray[np.int16]], factors: Sequence[Factor]
) -> npt.NDArray[np.bool_]:
    fine = np.ones(len(codes), dtype=bool)
    for factor in factors:
        fine &= np.isin(codes[:, names.index(factor.name)], places[factor.name])
    return fine
