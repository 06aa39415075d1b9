"""What may be trained on: the combinations of relevant levels that can be, are agreed on and not held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.cells import irrelevant_columns, relevant_cells, relevant_columns
from isobath.design.feasible import Search, as_codes, barred, bars_of
from isobath.design.held_out import HeldOut
from isobath.design.rule import Gold
from isobath.design.space import Clause, Codes, Space, matches
from isobath.design.tuples import Tuples, feasible_tuples

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

DRAWS = 50
"""Points drawn for a tuple of a space too large to list before it is said that none was found."""

WITNESSES = 4_000


@dataclass(frozen=True, eq=False)
class Trainable:
    """The combinations of relevant levels of `space` that may train: one point of each in `cells`.

    `space` forbids the levels that were not asked for. `held` and `contested` are points of the combinations left out
    for these reasons. `exact`: every combination was looked at.
    """

    space: Space
    cells: Codes
    held: Codes
    contested: Codes
    exact: bool
    search: Search = field(repr=False)

    @property
    def mixed(self) -> bool:
        """Whether a forbidden combination names relevant and irrelevant factors at once."""
        roles = [{self.space.factors[column].relevant for column, _ in clause} for clause in barred(self.space)]
        return any(len(found) > 1 for found in roles)

    def tuples(self, index: Tuples) -> Flags:
        """Which tuples some point that may train holds."""
        possible = feasible_tuples(self.space, index.t, index.columns)
        if not self.exact:
            found = np.zeros(index.size, dtype=bool)
            self._vouch(found, index)
            self._decide(found, possible, index)
            return found
        found = possible & _products(index, self.cells, set(relevant_columns(self.space)))
        if self.mixed:
            sure = np.zeros(index.size, dtype=bool)
            self._vouch(sure, index)
            self._decide(sure, found, index)
            return sure
        return found

    def reasons(self, index: Tuples, ids: Ints) -> list[str]:
        """Why no point that may train holds each of these tuples."""
        roles = set(relevant_columns(self.space))
        possible = feasible_tuples(self.space, index.t, index.columns)
        held = _products(index, self.held, roles) if len(self.held) else np.zeros(index.size, dtype=bool)
        open_ = _products(index, self.contested, roles) if len(self.contested) else np.zeros(index.size, dtype=bool)
        said = {(True, True): "held out or contested", (True, False): "held out", (False, True): "contested"}
        none = "forbidden with what is not held out" if self.exact else f"no point found in {DRAWS} draws"
        return [said.get((bool(held[i]), bool(open_[i])), none) if possible[i] else "forbidden" for i in ids.tolist()]

    def _vouch(self, found: Flags, index: Tuples) -> None:
        """Points that may train vouch for their tuples."""
        stream = rng(0, "design", "trainable witnesses")
        rows = np.concatenate([self.cells, self.cells[stream.integers(0, len(self.cells), WITNESSES)]])
        for j in irrelevant_columns(self.space):
            rows[len(self.cells) :, j] = stream.integers(0, self.space.shape[j], WITNESSES)
        rows = rows[bars_of(self.space).allowed(rows)]
        for start in range(0, len(rows), 4096):
            found[index.ids(rows[start : start + 4096])] = True

    def _decide(self, found: Flags, possible: Flags, index: Tuples) -> None:
        """Search decides about tuples that none vouches for."""
        open_ids = np.flatnonzero(possible & ~found)
        columns, levels = index.levels_of(open_ids)
        for number, cs, ls in zip(open_ids.tolist(), columns.tolist(), levels.tolist(), strict=True):
            if found[number]:
                continue
            row = self.search.complete(dict(zip(cs, ls, strict=True)))
            if row is not None:
                found[index.ids(row[None])] = True


def _products(index: Tuples, cells: Codes, relevant: set[int]) -> Flags:
    """Which tuples have relevant levels that one of `cells` holds, whatever their irrelevant ones."""
    found = np.zeros(index.size, dtype=bool)
    for combo, base, total in zip(index.combos.tolist(), index.base.tolist(), index.totals.tolist(), strict=True):
        table = np.zeros([index.shape[c] if c in relevant else 1 for c in combo], dtype=bool)
        table[tuple(cells[:, c] if c in relevant else 0 for c in combo)] = True
        found[base : base + total] = np.broadcast_to(table, [index.shape[c] for c in combo]).ravel()
    return found


class CellSearch(Search):
    """Whole points that may train from partial ones: those of the cells with these levels are tried one by one."""

    def __init__(self, space: Space, cells: Codes, held: HeldOut | None, gold: Gold | None, exact: bool) -> None:
        super().__init__(space.shape, barred(space))
        self.space, self.cells, self.held, self.gold, self.exact = space, cells, held, gold, exact
        self.relevant = relevant_columns(space)

    def complete(self, fixed: Mapping[int, int]) -> Ints | None:
        """A point that may train and has the levels `fixed` (column -> level); None where there is none."""
        asked = [c for c in fixed if c in self.relevant]
        fits = (self.cells[:, asked] == [fixed[c] for c in asked]).all(axis=1)
        for row in self.cells[fits].tolist():
            whole = super().complete({**{c: row[c] for c in self.relevant}, **fixed})
            if whole is not None:
                return whole
        return None if self.exact else self._drawn(fixed)

    def _drawn(self, fixed: Mapping[int, int]) -> Ints | None:
        levels = {self.space.names[c]: self.space.factors[c].domain[level] for c, level in fixed.items()}
        clauses = self.held.clauses if self.held is not None else ()
        if any(set(clause) <= set(levels) and matches(clause, levels) for clause in clauses):
            return None
        plain = Search(self.shape, self.clauses)
        stream = rng(0, "design", "trainable draws", *(f"{c}={level}" for c, level in sorted(fixed.items())))
        for _ in range(DRAWS):
            row = plain.draw(fixed, stream)
            if row is None:
                return None
            codes = as_codes(row[None])
            barred_ = self.held is not None and bool(self.held.bars(codes)[0])
            if not barred_ and (self.gold is None or self.gold(self.space.decode(codes)[0]) is not None):
                return row
        return None


def trainable(
    space: Space,
    *,
    held: HeldOut | None = None,
    gold: Gold | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> Trainable:
    """What may be trained on in `space`: not forbidden, not held out, agreed on, and of the `levels` named.

    `levels`: factor -> the levels that may occur (all of a factor that is not named). Raises `InputError` where
    nothing is left, for a level that is none, or where `held` is of another space.
    """
    if held is not None and (held.space.names, held.space.shape) != (space.names, space.shape):
        raise InputError(
            f"points held out of {held.space.name!r}", f"they are points of {space.name!r}", "hold out of this space"
        )
    narrowed = _narrowed(space, levels or {})
    cells = relevant_cells(narrowed, seed)
    barred_ = held.bars(cells.codes) if held is not None else np.zeros(len(cells), dtype=bool)
    agreed = cells.decisions(gold) >= 0
    left = cells.codes[agreed & ~barred_]
    if not len(left):
        raise InputError(
            f"{len(cells)} combinations of relevant levels, {int(barred_.sum())} held out, {int((~agreed).sum())} "
            "contested",
            "at least one can be trained on",
            "hold out less, or decide more of them",
        )
    search = CellSearch(narrowed, left, held, gold, cells.exact)
    return Trainable(narrowed, left, cells.codes[barred_], cells.codes[~agreed & ~barred_], cells.exact, search)


def _narrowed(space: Space, levels: Mapping[str, Sequence[str]]) -> Space:
    clauses: list[Clause] = []
    for name, kept in levels.items():
        factor = space.factor(name)
        if isinstance(kept, str) or not kept:
            raise InputError(f"levels of {name!r}: {kept!r}", "a list of at least one level", "list the levels")
        named = {factor.level_of(level) for level in kept}
        gone = tuple(level for level in factor.domain if level not in named)
        if gone:
            clauses.append({name: gone})
    return space.model_copy(update={"forbidden": (*space.forbidden, *clauses)}) if clauses else space
