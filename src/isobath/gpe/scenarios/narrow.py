"""Which levels a narrow signal has, which only broader rows have, and which are kept for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.factor import Factor
from isobath.design.space import Space

Levels = Mapping[str, tuple[str, ...]]

MOST = 4
"""Levels of an irrelevant factor that a narrow signal has."""


class Coverage(NamedTuple):
    """Levels by factor. `narrow`: those of the signal, relevant and irrelevant. Irrelevant ones only: `broad`, those of
    broader rows (the narrow ones included), and `kept`, those of tests alone (the broad ones where none is left)."""

    narrow: Levels
    broad: Levels
    kept: Levels


def coverage(space: Space, support: Mapping[str, str | Sequence[str]] | None, seed: int) -> Coverage:
    """What a narrow signal covers: `support`, or what `narrow_support` draws where that is None.

    A factor that `support` does not name keeps all its levels. Raises `InputError` for a factor or level that is none.
    """
    given = narrow_support(space, seed) if support is None else support
    narrow = {factor.name: factor.domain for factor in space.factors}
    for name, named in given.items():
        factor = space.factor(name)
        listed = [named] if isinstance(named, str) else named
        levels = {factor.level_of(level) for level in listed}
        if not levels:
            raise InputError(f"no level of {name!r} in the support", "at least one", "name one, or leave it out")
        narrow[name] = tuple(level for level in factor.domain if level in levels)
    broad, kept = {}, {}
    for factor in space.irrelevant:
        rest = [level for level in _shuffled(factor, seed, "kept") if level not in narrow[factor.name]]
        few = len(rest) // 3
        broad[factor.name] = tuple(level for level in factor.domain if level not in rest[:few])
        kept[factor.name] = tuple(level for level in factor.domain if level in rest[:few]) or broad[factor.name]
    return Coverage(narrow, broad, kept)


def narrow_support(space: Space, seed: int) -> dict[str, tuple[str, ...]]:
    """A support drawn by `seed`: around it lie shore, lakes, bays and sea.

    Of a relevant factor with three levels or more one is left out (an end of an ordered one, so that there is a bay);
    of an ordered one with four or more an inner level too (a gap). Of an irrelevant one a third is kept, `MOST` at
    most; of ``room`` ``at_once`` where there is such a level, since a choice is then the whole answer.
    """
    return {factor.name: _some(factor, seed) for factor in space.factors}


def _some(factor: Factor, seed: int) -> tuple[str, ...]:
    levels = factor.domain
    drawn = _shuffled(factor, seed, "narrow")
    if not factor.relevant:
        at_once = factor.name == "room" and "at_once" in levels
        return ("at_once",) if at_once else tuple(drawn[: min(MOST, max(1, len(levels) // 3))])
    if len(levels) < 3:
        return levels
    out = {drawn[0]}
    if factor.ordered:
        end = next(level for level in drawn if level in (levels[0], levels[-1]))
        inner = levels[2:-1] if end == levels[0] else levels[1:-2]
        out = {end, *[level for level in drawn if level in inner][:1]} if len(levels) > 3 else {end}
    return tuple(level for level in levels if level not in out)


def _shuffled(factor: Factor, seed: int, purpose: str) -> list[str]:
    draw = rng(seed, "scenario gpe", purpose, factor.name)
    return [factor.domain[int(i)] for i in draw.permutation(len(factor.domain))]
