"""Questions of somebody's file that differ in a single factor, found among those that are there."""

from __future__ import annotations

from collections.abc import Iterable

from isobath.design.edit import Edit
from isobath.design.space import Point, Space


def one_factor_edits(space: Space, questions: Iterable[tuple[str, Point, str | None]]) -> list[tuple[str, Edit]]:
    """(question, edit) for questions that differ from an earlier one in one factor only.

    `questions` are id, point and right decision (None: contested, which takes no part). Of several that share all other
    levels each is set beside the one before it, so that the number of pairs stays that of the questions.
    """
    asked = [(name, point, gold) for name, point, gold in questions if gold is not None]
    found: list[tuple[str, Edit]] = []
    for factor in space.factors:
        last: dict[tuple[str, ...], tuple[str, str, str]] = {}
        for name, point, gold in asked:
            rest = tuple(point[n] for n in space.names if n != factor.name)
            before, level = last.get(rest), point[factor.name]
            if before is not None and before[1] != level:
                edit = Edit(of=before[0], factor=factor.name, relevant=factor.relevant, flips=before[2] != gold)
                found.append((name, edit))
            last[rest] = (name, level, gold)
    return found
