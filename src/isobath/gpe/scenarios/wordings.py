"""Sets of wordings: the same relevant cells of a scenario in other words, for training on what should not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng, stream_seed
from isobath.design.space import Codes, Point, Space
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Rendering, Scenario
from isobath.models.chat import Row

SAME, GUISE = "same", "guise"
"""Columns of `wording_row`: which rows say the same, and which wording of it a row is."""

TRIES = 50
"""Times m drafts that are tried for a set before it counts as impossible."""

Guise = tuple[Mapping[str, str], int]
"""Irrelevant levels, and the seed of the slots."""


@dataclass(frozen=True)
class WordingSets:
    """How sets are made of the relevant cells of a scenario.

    `m` wordings of each cell, in irrelevant levels drawn from `levels` (all of a factor that is not named) and slots
    drawn from a seed of their own. `shared`: the same m combinations for every cell ("fixed paraphrases"), each with
    one seed. `tested` are points that are asked later: none of them is made. `barred` says which codes may not be
    trained on (such as ``HeldOut.bars``): their cells get no set.
    """

    m: int = 8
    shared: bool = False
    levels: Mapping[str, Sequence[str]] | None = None
    tested: Sequence[Point] = ()
    barred: Callable[[Codes], npt.NDArray[np.bool_]] | None = None

    def drafts(
        self, scenario: Scenario, points: Sequence[Point], seed: int, rendering: Rendering = "single"
    ) -> tuple[Draft, ...]:
        """`m` drafts of the relevant cell of each of `points`, a cell once however many points lie in it.

        Contested cells, and barred ones, get none. Raises `InputError` where a cell has fewer than `m` texts that can
        be.
        """
        found: list[Draft] = []
        asked = {_key(scenario.space, point) for point in self.tested}
        cells = self._cells(scenario, points)
        every = self._guises(scenario, seed, "all") if self.shared else iter(())
        shared = [guise for guise in every if _fits(scenario.space, cells.values(), guise, asked)]
        for name, point in cells.items():
            own = shared if self.shared else self._guises(scenario, seed, name)
            found += self._set(scenario, point, own, asked, rendering)
        return tuple(found)

    def _cells(self, scenario: Scenario, points: Sequence[Point]) -> dict[str, Point]:
        """One point of each relevant cell that may be trained on, by the cell's name."""
        cells: dict[str, Point] = {}
        for point in points:
            cells.setdefault(cell_name(scenario.name, scenario.space, point), point)
        decided = {name: p for name, p in cells.items() if scenario.decide(p) is not None}
        if self.barred is None or not decided:
            return decided
        bars = self.barred(scenario.space.encode(decided.values()))
        return {name: p for (name, p), barred in zip(decided.items(), bars, strict=True) if not barred}

    def _guises(self, scenario: Scenario, seed: int, name: str) -> Iterator[Guise]:
        """What each draft to try is made with: whole rounds of every factor's levels, in random order."""
        levels = {f.name: tuple((self.levels or {}).get(f.name, f.domain)) for f in scenario.space.irrelevant}
        draw, many = rng(seed, "wordings", scenario.name, name), TRIES * self.m
        dealt = {factor: _rounds(len(domain), many, draw) for factor, domain in levels.items()}
        for k in range(many):
            made = {factor: levels[factor][places[k]] for factor, places in dealt.items()}
            yield made, stream_seed(seed, "wordings", scenario.name, name, k)

    def _set(
        self,
        scenario: Scenario,
        point: Point,
        guises: Iterable[Guise],
        asked: set[tuple[str, ...]],
        rendering: Rendering,
    ) -> list[Draft]:
        """The first `m` that can be, are not tested and say something new."""
        kept: dict[str, Draft] = {}
        for levels, seed in guises:
            other = {**point, **levels}
            if not scenario.space.allows(other) or _key(scenario.space, other) in asked:
                continue
            draft = scenario.draft(other, seed, rendering)
            kept.setdefault(draft.text, draft)
            if len(kept) == self.m:
                return list(kept.values())
        raise InputError(
            f"{cell_name(scenario.name, scenario.space, point)}: {len(kept)} of {self.m} wordings",
            "a set has all of its wordings, none twice, none forbidden and none a test point",
            "ask for fewer, allow more `levels`, or draw them for each cell (shared = false)",
        )


def cell_name(scenario: str, space: Space, point: Point) -> str:
    """The relevant cell of `point`, such as ``honesty:high.no``: the same for all wordings of it."""
    return f"{scenario}:" + ".".join(point[f.name] for f in space.relevant)


def wording_rows(drafts: Sequence[Draft], space: Space) -> tuple[Row, ...]:
    """Training rows with two columns more: `same` (the relevant cell) and `guise` (0, 1, ... within it).

    Rows that are to be put into other words need them too: pass their drafts through here.
    """
    counts: dict[str, int] = {}
    rows = []
    for draft in drafts:
        row, name = draft.row(), cell_name(draft.scenario, space, draft.point)
        columns = {SAME: name, GUISE: counts.get(name, 0)}
        counts[name] = counts.get(name, 0) + 1
        rows.append(row.model_copy(update={"metadata": {**row.metadata, **columns}}))
    return tuple(rows)


def _fits(space: Space, cells: Iterable[Point], guise: Guise, asked: set[tuple[str, ...]]) -> bool:
    """Whether a guise that all cells are to have can be in all of them."""
    made = ({**point, **guise[0]} for point in cells)
    return all(space.allows(p) and _key(space, p) not in asked for p in made)


def _key(space: Space, point: Point) -> tuple[str, ...]:
    return tuple(point[name] for name in space.names)


def _rounds(size: int, wanted: int, draw: np.random.Generator) -> list[int]:
    return [int(i) for _ in range(-(-wanted // size)) for i in draw.permutation(size)][:wanted]
