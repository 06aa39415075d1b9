"""`Space`: factors, and which combinations of their levels can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.design.factor import MISSING, Factor

Point = Mapping[str, str]
"""One combination: the level of every factor, by name."""

Clause = Mapping[str, tuple[str, ...]]
"""Factor -> levels. A point matches a clause that holds its level of every factor named."""

Codes = npt.NDArray[np.int16]
"""Points as numbers: one row per point, one column per factor, the place of the level in `Factor.domain`."""


class Space(Value):
    """A scenario space: its factors, and the combinations that cannot be.

    A point that matches a clause of `forbidden` cannot be. A predicate in Python becomes clauses with `forbid`.
    """

    name: str = "space"
    factors: tuple[Factor, ...] = Field(min_length=1)
    forbidden: tuple[Clause, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> Space:
        names = [f.name for f in self.factors]
        if len(set(names)) != len(names):
            raise ValueError(f"a factor stands twice among {', '.join(names)}")
        for clause in self.forbidden:
            if not clause:
                raise ValueError("an empty clause would forbid every point")
            for name, levels in clause.items():
                for level in levels:
                    if level not in self.factor(name).domain:
                        raise ValueError(f"a forbidden combination names {name} = {level!r}, which is no level")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The factors' names, in order: the columns of `Codes`."""
        return tuple(f.name for f in self.factors)

    @property
    def relevant(self) -> tuple[Factor, ...]:
        """Factors the right decision depends on."""
        return tuple(f for f in self.factors if f.relevant)

    @property
    def irrelevant(self) -> tuple[Factor, ...]:
        """Factors it does not depend on."""
        return tuple(f for f in self.factors if not f.relevant)

    @property
    def shape(self) -> tuple[int, ...]:
        """Levels of each factor."""
        return tuple(len(f.domain) for f in self.factors)

    @property
    def cells(self) -> int:
        """Combinations, forbidden ones included."""
        return math.prod(self.shape)

    def factor(self, name: str) -> Factor:
        """The factor of that name. Raises `InputError` where there is none."""
        for factor in self.factors:
            if factor.name == name:
                return factor
        raise InputError(f"factor {name!r}", f"the factors are {', '.join(self.names)}", "name one of them")

    def point(self, values: Mapping[str, object]) -> dict[str, str]:
        """A point from raw values. Raises `InputError` for a factor too many or too few, or a value without a level."""
        for name in values:
            self.factor(name)
        point = {}
        for factor in self.factors:
            if factor.name not in values and not factor.optional:
                raise InputError(f"no {factor.name} in {dict(values)}", "a point has a level of every factor", "add it")
            point[factor.name] = factor.level_of(values.get(factor.name, MISSING))
        return point

    def allows(self, point: Point) -> bool:
        """Whether `point` can be."""
        return not any(matches(clause, point) for clause in self.forbidden)

    def encode(self, points: Iterable[Point]) -> Codes:
        """Points as codes, shape (points, factors). Raises `InputError` for a level that is none."""
        places = [{level: i for i, level in enumerate(f.domain)} for f in self.factors]
        rows = []
        for point in points:
            try:
                rows.append([place[point[name]] for name, place in zip(self.names, places, strict=True)])
            except KeyError:
                levels = self.point(dict(point))  # says what is wrong, where it is no value either
                raw = next((name for name in self.names if point.get(name) != levels[name]), self.names[0])
                raise InputError(
                    f"{raw} = {point.get(raw)!r} is a value, and its level is {levels[raw]!r}",
                    "points are made of levels",
                    "make it one: space.point({...})",
                ) from None
        return np.array(rows, dtype=np.int16).reshape(len(rows), len(self.factors))

    def decode(self, codes: Codes) -> list[dict[str, str]]:
        """The points of `codes`."""
        domains = [f.domain for f in self.factors]
        return [
            {name: domain[i] for name, domain, i in zip(self.names, domains, row, strict=True)}
            for row in codes.tolist()
        ]

    def allowed(self, codes: Codes) -> npt.NDArray[np.bool_]:
        """Which rows of `codes` can be."""
        fine = np.ones(len(codes), dtype=bool)
        for clause in self.forbidden:
            hit = np.ones(len(codes), dtype=bool)
            for name, levels in clause.items():
                column, domain = self.names.index(name), self.factor(name).domain
                hit &= np.isin(codes[:, column], [domain.index(level) for level in levels])
            fine &= ~hit
        return fine

    def points(self) -> Iterator[dict[str, str]]:
        """Every point that can be, in the order of the factors' levels (the last factor turns fastest)."""
        for levels in product(*(f.domain for f in self.factors)):
            point = dict(zip(self.names, levels, strict=True))
            if self.allows(point):
                yield point


def matches(clause: Clause, point: Point) -> bool:
    """Whether `point` has a level of `clause` on every factor it names."""
    return all(point[name] in levels for name, levels in clause.items())


def forbid(space: Space, predicate: Callable[[Point], bool], on: Sequence[str]) -> Space:
    """`space` without the combinations of the factors `on` for which `predicate` is true.

    The predicate is asked once for every combination of these factors alone, so that the space stays plain data.
    Raises `InputError` where `on` names none, a factor twice, or one that is not there.
    """
    if isinstance(on, str) or not on or len(set(on)) != len(on):
        raise InputError(f"on = {on!r}", "names at least one factor, each once", "list the predicate's factors")
    domains = [space.factor(name).domain for name in on]
    found: list[Clause] = []
    for levels in product(*domains):
        part = dict(zip(on, levels, strict=True))
        if predicate(part):
            found.append({name: (level,) for name, level in part.items()})
    return space.model_copy(update={"forbidden": (*space.forbidden, *found)})
