"""How a point comes from others: mutation, crossover, branching, and from a decision back to points.

On points what Evol-Instruct (2304.12244: deepen or widen an instruction), Genetic-Instruct (2407.21077: mutation and
crossover), Tree-of-Evolution (ACL 2025.acl-long.14: several children of one parent) and Infinite-Instruct (2505.23177:
from the answer to the problem and back) do on texts. Words come afterwards, from the point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.cells import irrelevant_columns, relevant_cells, relevant_columns, with_irrelevant
from isobath.design.design import codes_of
from isobath.design.feasible import as_codes, bars_of
from isobath.design.rule import Gold
from isobath.design.space import Codes, Space

Row = npt.NDArray[np.int16]
Bars = Callable[[Codes], npt.NDArray[np.bool_]]
"""Which points may not be used, such as `HeldOut.bars`."""

CHILDREN = 3
"""Most children of one parent in a branch."""


@dataclass(frozen=True, eq=False)
class Child:
    """A point made from others, which may turn out to be one that cannot be; `step` says how it was made."""

    row: Row
    step: str


def mutate(space: Space, parent: Row, factor: str, stream: np.random.Generator) -> list[Child]:
    """The parent with another level of `factor`; none where the factor has one level."""
    return _changed(space, parent, factor, stream, 1, "mutate")


def branch(space: Space, parent: Row, factor: str, stream: np.random.Generator) -> list[Child]:
    """Up to three children of one parent, each with another level of `factor`."""
    return _changed(space, parent, factor, stream, CHILDREN, "branch")


def _changed(space: Space, parent: Row, factor: str, stream: np.random.Generator, most: int, name: str) -> list[Child]:
    column = space.names.index(space.factor(factor).name)
    domain = space.factors[column].domain
    others = [level for level in range(len(domain)) if level != parent[column]]
    made = []
    for level in stream.permutation(others)[:most].tolist():
        row = parent.copy()
        row[column] = level
        made.append(Child(row, f"{name}: {factor} {domain[int(parent[column])]} -> {domain[level]}"))
    return made


def crossover(space: Space, parent: Row, other: Row, stream: np.random.Generator) -> list[Child]:
    """The parent with some levels of the other, each factor that differs tossed for; none where that changes nothing.

    At least one level comes from each.
    """
    differ = np.flatnonzero(parent != other)
    if len(differ) < 2:
        return []
    taken = stream.random(len(differ)) < 0.5
    if taken.all() or not taken.any():
        taken[int(stream.integers(len(differ)))] ^= True
    row = parent.copy()
    row[differ[taken]] = other[differ[taken]]
    said = ", ".join(f"{space.names[c]} = {space.factors[c].domain[int(row[c])]}" for c in differ[taken].tolist())
    return [Child(row, f"crossover: {said} from another point")]


class Backwards:
    """Points from decisions: the relevant levels under which `gold` decides so, with any irrelevant ones."""

    def __init__(self, space: Space, gold: Gold, barred: Bars | None = None) -> None:
        self.space, self.gold = space, gold
        cells = relevant_cells(space).codes
        if barred is not None:
            cells = cells[~barred(cells)]
        self._cells: dict[str, list[int]] = {}
        for i, point in enumerate(space.decode(cells)):
            told = gold(point)
            if told is not None:
                self._cells.setdefault(told, []).append(i)
        self._codes = cells

    @property
    def decisions(self) -> tuple[str, ...]:
        """Decisions that some point has."""
        return tuple(self._cells)

    def draw(self, decision: str, stream: np.random.Generator) -> Row:
        """One point, drawn among all relevant levels with that decision, that `gold` decides so."""
        return np.asarray(self.many(decision, 1, stream)[0])

    def many(self, decision: str, count: int, stream: np.random.Generator) -> Codes:
        """`count` points, each checked forward: `gold` decides so. Raises `InputError` where no point has it."""
        if decision not in self._cells:
            raise InputError(
                f"decision {decision!r}", f"the decisions that points have are {', '.join(self._cells)}", "name one"
            )
        chosen = stream.choice(self._cells[decision], count)
        codes = with_irrelevant(self.space, self._codes[chosen], stream)
        fine = [self.gold(point) == decision for point in self.space.decode(codes)]
        # where the rule depends on what was declared irrelevant, the point that was looked at stands
        codes[~np.array(fine, dtype=bool)] = self._codes[chosen][~np.array(fine, dtype=bool)]
        return codes

    def child(self, parent: Row, decision: str, stream: np.random.Generator) -> list[Child]:
        """The parent's irrelevant levels around relevant ones with that decision."""
        row = self.draw(decision, stream).copy()
        kept = row.copy()
        kept[irrelevant_columns(self.space)] = parent[irrelevant_columns(self.space)]
        if bars_of(self.space).allowed(as_codes(kept[None]))[0]:
            row = kept
        levels = ", ".join(
            f"{self.space.names[c]} = {self.space.factors[c].domain[int(row[c])]}" for c in relevant_columns(self.space)
        )
        return [Child(row, f"from decision {decision}: {levels}")]


def from_decision(
    space: Space, gold: Gold, decision: str, count: int, seed: int, *, barred: Bars | None = None
) -> Codes:
    """`count` points that `gold` decides so, from the decision back to points and checked forward; repeats may occur.

    None is `barred`. Raises `InputError` for a decision that no point has.
    """
    stream = rng(seed, "design", "from decision", decision)
    return Backwards(space, gold, barred).many(decision, count, stream)


def usable(space: Space, points: Sequence[Row] | Codes, barred: Bars | None, gold: Gold | None) -> list[str | None]:
    """For each point why it may not be used: ``forbidden``, ``barred``, ``contested``; None for one that may."""
    if not len(points):
        return []
    codes = codes_of(space, as_codes(np.asarray(points)))
    allowed = bars_of(space).allowed(codes)
    held = np.zeros(len(codes), dtype=bool)
    if barred is not None and allowed.any():
        held[allowed] = barred(codes[allowed])
    out: list[str | None] = []
    for fine, no, point in zip(allowed.tolist(), held.tolist(), space.decode(codes), strict=True):
        why = "forbidden" if not fine else "barred" if no else None
        if why is None and gold is not None and gold(point) is None:
            why = "contested"
        out.append(why)
    return out
