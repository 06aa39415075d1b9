"""Which partial points some whole point extends: exact, by backtracking over the forbidden clauses, remembered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from isobath.design.space import Codes, Space

Shape = tuple[int, ...]
Part = tuple[tuple[int, int], ...]
"""A partial point: (column, level) of each factor that is fixed, by column."""

Barred = tuple[tuple[int, int], ...]
"""A forbidden clause: (column, its levels as bits) of each factor it names."""

LARGEST_TABLE = 1_000_000


def barred(space: Space) -> tuple[Barred, ...]:
    """The forbidden clauses of `space` as bits; those that can never be met (no level named) are left out."""
    found = []
    for clause in space.forbidden:
        bits = {
            space.names.index(name): sum(1 << space.factor(name).domain.index(level) for level in set(levels))
            for name, levels in clause.items()
        }
        if all(bits.values()):
            found.append(tuple(sorted(bits.items())))
    return tuple(dict.fromkeys(found))


def search_of(space: Space) -> Search:
    """The search over the clauses of `space`; spaces with the same shape and clauses share what it has found."""
    return search_over(space.shape, barred(space))


@lru_cache(maxsize=64)
def search_over(shape: Shape, clauses: tuple[Barred, ...]) -> Search:
    """The search over `clauses`, kept with what it has found."""
    return Search(shape, clauses)


class Search:
    """Whole points from partial ones, or the proof that there are none.

    Backtracking with unit propagation: a clause all of whose factors but one are sure to match bars its levels from
    that one. Answers depend on the constrained factors alone and are kept by them.
    """

    def __init__(self, shape: Shape, clauses: tuple[Barred, ...]) -> None:
        self.shape, self.clauses = shape, clauses
        self.constrained = frozenset(column for clause in clauses for column, _ in clause)
        self._known: dict[Part, tuple[int, ...] | None] = {}

    def complete(self, fixed: Mapping[int, int]) -> npt.NDArray[np.int64] | None:
        """A point that can be and has the levels `fixed` (column -> level), or None where there is none."""
        part = tuple(sorted((c, level) for c, level in fixed.items() if c in self.constrained))
        if part not in self._known:
            domains = [(1 << size) - 1 for size in self.shape]
            for column, level in part:
                domains[column] = 1 << level
            self._known[part] = self._solve(domains)
        found = self._known[part]
        if found is None:
            return None
        row = np.array(found, dtype=np.int64)
        for column, level in fixed.items():
            row[column] = level
        return row

    def draw(self, fixed: Mapping[int, int], stream: np.random.Generator) -> npt.NDArray[np.int64] | None:
        """As `complete`, each further factor in random order with a random level that leaves a whole point possible.

        Every point that extends `fixed` can come out, not all with the same probability.
        """
        if self.complete(fixed) is None:
            return None
        chosen = dict(fixed)
        for column in stream.permutation(len(self.shape)).tolist():
            if column in chosen:
                continue
            for level in stream.permutation(self.shape[column]).tolist():
                if column not in self.constrained or self.complete({**chosen, column: level}) is not None:
                    chosen[column] = level
                    break
        return np.array([chosen[c] for c in range(len(self.shape))], dtype=np.int64)

    def _solve(self, domains: list[int]) -> tuple[int, ...] | None:
        branch = self._propagate(domains)
        if branch is None:
            return None
        if branch < 0:
            return tuple((bits & -bits).bit_length() - 1 for bits in domains)
        rest = domains[branch]
        while rest:
            level, rest = rest & -rest, rest & (rest - 1)
            found = self._solve([*domains[:branch], level, *domains[branch + 1 :]])
            if found is not None:
                return found
        return None

    def _propagate(self, domains: list[int]) -> int | None:
        """Bar what must be barred, in place; the factor to branch on, -1 where every clause is met, None: no point."""
        changed = True
        while changed:
            changed, branch = False, -1
            for clause in self.clauses:
                if any(not domains[column] & bits for column, bits in clause):
                    continue
                free = [(column, bits) for column, bits in clause if domains[column] & ~bits]
                if not free:
                    return None
                column, bits = free[0]
                if len(free) == 1:
                    domains[column] &= ~bits
                    changed = True
                else:
                    branch = column
        return branch


class Bars:
    """Forbidden clauses as lookups: one table for all clauses over the same factors, for many points at once."""

    def __init__(self, shape: Shape, clauses: tuple[Barred, ...]) -> None:
        self.shape = shape
        self._tables: list[tuple[tuple[int, ...], npt.NDArray[np.bool_]]] = []
        by_scope: dict[tuple[int, ...], list[Barred]] = {}
        for clause in clauses:
            by_scope.setdefault(tuple(column for column, _ in clause), []).append(clause)
        self._loose: list[Barred] = []
        for scope, found in by_scope.items():
            sizes = [shape[column] for column in scope]
            if math.prod(sizes) > LARGEST_TABLE:
                self._loose += found
                continue
            table = np.zeros(sizes, dtype=bool)
            for clause in found:
                table[np.ix_(*(_levels(bits) for _, bits in clause))] = True
            self._tables.append((scope, table))

    def allowed(self, codes: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Which rows can be."""
        fine = np.ones(len(codes), dtype=bool)
        for scope, table in self._tables:
            fine &= ~table[tuple(codes[:, column] for column in scope)]
        for clause in self._loose:
            fine &= ~np.all([np.isin(codes[:, column], _levels(bits)) for column, bits in clause], axis=0)
        return fine

    def veto(
        self, codes: npt.NDArray[np.integer], column: int, known: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_] | None:
        """Which levels of `column` each row must not take, its other `known` columns given; None: none is vetoed.

        Shape (rows, levels). A clause with a factor neither known nor `column` vetoes nothing yet.
        """
        out: npt.NDArray[np.bool_] | None = None
        for scope, table in self._tables:
            if column in scope and all(known[c] or c == column for c in scope):
                out = np.zeros((len(codes), self.shape[column]), dtype=bool) if out is None else out
                others = tuple(codes[:, c] for c in scope if c != column)
                out |= np.moveaxis(table, scope.index(column), -1)[others]
        for clause in self._loose:
            bits = dict(clause)
            if column in bits and all(known[c] or c == column for c in bits):
                out = np.zeros((len(codes), self.shape[column]), dtype=bool) if out is None else out
                hit = np.ones(len(codes), dtype=bool)
                for c, b in clause:
                    hit &= np.isin(codes[:, c], _levels(b)) | (c == column)
                out |= hit[:, None] & np.isin(np.arange(self.shape[column]), _levels(bits[column]))
        return out


def _levels(bits: int) -> list[int]:
    return [level for level in range(bits.bit_length()) if bits >> level & 1]


def bars_of(space: Space) -> Bars:
    """The lookups of `space`'s clauses."""
    return bars_over(space.shape, barred(space))


@lru_cache(maxsize=64)
def bars_over(shape: Shape, clauses: tuple[Barred, ...]) -> Bars:
    """The lookups of `clauses`."""
    return Bars(shape, clauses)


def as_codes(rows: npt.NDArray[np.integer]) -> Codes:
    """Rows as `Codes`."""
    return np.ascontiguousarray(rows, dtype=np.int16)
