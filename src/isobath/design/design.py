"""`Design`: points chosen by a rule. The plain rules: every point, random points, one factor at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.feasible import as_codes, bars_of, search_of
from isobath.design.space import Codes, Point, Space

LARGEST_FULL = 1_000_000
"""A full design, or any listing of every point, stops here."""


@dataclass(frozen=True, eq=False)
class Design:
    """Points of `space` chosen by a rule of name `kind`; `notes` says what was left out and why."""

    space: Space
    codes: Codes
    kind: str
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def points(self) -> list[dict[str, str]]:
        """The points, in order."""
        return self.space.decode(self.codes)

    def __len__(self) -> int:
        return len(self.codes)


def codes_of(space: Space, points: Iterable[Point] | Codes | Any) -> Codes:
    """Codes of points, of a `Design`, of a `Support`, or codes as they are; shape (points, factors).

    Raises `InputError` for codes of another shape than the space's, or a level that is none.
    """
    found = getattr(points, "codes", points)
    if not isinstance(found, np.ndarray):
        return space.encode(cast(Iterable[Point], found))
    if found.ndim != 2 or found.shape[1] != len(space.factors):
        raise InputError(
            f"codes of shape {found.shape}", "a row per point, a column per factor", "encode with the space"
        )
    if len(found) and (found.min() < 0 or (found >= np.array(space.shape)).any()):
        raise InputError(
            "codes outside the levels", "a code is the place of a level in its factor", "encode the points"
        )
    return as_codes(found)


def columns_of(space: Space, on: Sequence[str] | None) -> tuple[int, ...]:
    """Columns of the factors named, in the space's order; of all where `on` is None."""
    if on is None:
        return tuple(range(len(space.factors)))
    if not on or len(set(on)) != len(on):
        raise InputError(f"on = {list(on)}", "names at least one factor, each once", "name the factors")
    return tuple(sorted(space.names.index(space.factor(name).name) for name in on))


def every_code(space: Space) -> Codes:
    """All points that can be, as codes, last factor fastest. Raises `InputError` beyond a million combinations."""
    if space.cells > LARGEST_FULL:
        raise InputError(
            f"{space.cells:,} combinations of {len(space.factors)} factors",
            f"every one of them is listed up to {LARGEST_FULL:,}",
            "use a covering or a random design",
        )
    grid = np.indices(space.shape, dtype=np.int16).reshape(len(space.factors), -1).T
    return as_codes(grid[bars_of(space).allowed(grid)])


def full(space: Space) -> Design:
    """Every point that can be. Raises `InputError` beyond a million combinations."""
    codes = every_code(space)
    left = space.cells - len(codes)
    return Design(space, codes, "full", notes=(f"{left:,} of {space.cells:,} combinations cannot be",) if left else ())


def random_design(space: Space, rows: int, seed: int = 0) -> Design:
    """Distinct points drawn at random, each point that can be equally likely.

    Fewer than `rows` where there are no more. Where a space too large to list is so constrained that hardly a draw can
    be, points are built factor by factor instead, which does not draw them with equal probability: `notes` says so.
    """
    if rows < 1:
        raise InputError(f"rows = {rows}", "at least one", "ask for more")
    stream = rng(seed, "design", "random")
    if space.cells <= LARGEST_FULL:
        codes = every_code(space)
        chosen = as_codes(codes[stream.permutation(len(codes))[:rows]])
        short = (f"only {len(codes):,} points can be",) if len(codes) < rows else ()
        return Design(space, chosen, "random", notes=short)
    found = draw_allowed(space, rows, stream)
    if len(found) == rows:
        return Design(space, found, "random")
    found, note = _built(space, rows, stream)
    return Design(space, found, "random", notes=(note,))


def draw_allowed(space: Space, rows: int, stream: np.random.Generator, tries: int = 40) -> Codes:
    """Up to `rows` distinct points, uniform over those that can be, by drawing and refusing."""
    found, bars = np.empty((0, len(space.factors)), dtype=np.int16), bars_of(space)
    for _ in range(tries):
        drawn = stream.integers(0, space.shape, size=(max(4 * rows, 1000), len(space.shape)), dtype=np.int16)
        found = distinct(np.concatenate([found, drawn[bars.allowed(drawn)]]))
        if len(found) >= rows:
            return as_codes(found[:rows])
    return as_codes(found)


def _built(space: Space, rows: int, stream: np.random.Generator) -> tuple[Codes, str]:
    search, found = search_of(space), dict[bytes, np.ndarray[Any, Any]]()
    for _ in range(20 * rows):
        row = search.draw({}, stream)
        if row is None:
            raise InputError("the forbidden combinations", "leave at least one point", "take one of them back")
        found.setdefault(row.tobytes(), row)
        if len(found) == rows:
            break
    note = f"hardly a random combination can be: {len(found)} points built factor by factor, not equally likely"
    return as_codes(np.array(list(found.values()))), note


def distinct(codes: Codes) -> Codes:
    """The rows of `codes`, each once, in order of first appearance."""
    _, first = np.unique(codes, axis=0, return_index=True)
    return codes[np.sort(first)]


def one_factor_at_a_time(space: Space, centre: Mapping[str, object], on: Sequence[str] | None = None) -> Design:
    """`centre` and every point that differs from it in one factor (of `on`, default all).

    Changes that the space forbids are left out and listed in `notes`. Raises `InputError` where `centre` cannot be.
    """
    point = space.point(centre)
    if not space.allows(point):
        raise InputError(f"centre = {point}", "the centre is a point that can be", "choose another")
    middle = space.encode([point])[0]
    rows = [middle]
    for column in columns_of(space, on):
        for level in range(space.shape[column]):
            if level != middle[column]:
                row = middle.copy()
                row[column] = level
                rows.append(row)
    codes = as_codes(np.array(rows))
    fine = bars_of(space).allowed(codes)
    notes = tuple(
        f"{name} = {space.factors[j].domain[row[j]]} cannot be with the rest of the centre"
        for row in codes[~fine]
        for j, name in enumerate(space.names)
        if row[j] != middle[j]
    )
    return Design(space, as_codes(codes[fine]), "one factor at a time", notes=notes)
