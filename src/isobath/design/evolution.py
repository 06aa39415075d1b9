"""`evolve`: points that come from points, by rules whose use follows what they achieved; every lineage is kept.

Mutation, crossover and selection after Genetic-Instruct (2407.21077) and Evol-Instruct (2304.12244); that the rules of
evolution are themselves improved is Auto Evol-Instruct (2406.00770), here by adaptive pursuit (Thierens 2005) instead
of a model that rewrites prompts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.design import codes_of
from isobath.design.feasible import as_codes
from isobath.design.fitness import Fitness
from isobath.design.operators import Backwards, Bars, Child, Row, branch, crossover, mutate, usable
from isobath.design.pursuit import AdaptivePursuit
from isobath.design.rule import Gold
from isobath.design.space import Codes, Point, Space

Reals = npt.NDArray[np.float64]
Rule = Callable[[Row, Row, np.random.Generator], list[Child]]
"""Children of a parent (and another point), drawn from a stream."""


@dataclass(frozen=True)
class Generation:
    """One generation: fitness of the `best` point and its `mean`, points that are `new`, and what became of the others.

    `refused`: children by reason (forbidden, barred, contested, known). `rules`: how likely each rule was used next.
    """

    best: float
    mean: float
    new: int
    refused: Mapping[str, int]
    rules: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Evolved:
    """Distinct points, the fittest first, each with its lineage and fitness.

    A lineage has the steps that led to the point, the oldest first; none for a point that was given. `history` has
    the start and every generation.
    """

    space: Space
    codes: Codes
    lineages: tuple[tuple[str, ...], ...]
    fitness: Reals
    history: tuple[Generation, ...]

    @property
    def points(self) -> list[dict[str, str]]:
        """The points, in order."""
        return self.space.decode(self.codes)

    def __len__(self) -> int:
        return len(self.codes)


def evolve(
    space: Space,
    start: Iterable[Point] | Codes | Any,
    fitness: Fitness,
    *,
    generations: int,
    size: int,
    seed: int,
    barred: Bars | None = None,
    gold: Gold | None = None,
) -> Evolved:
    """The fittest `size` distinct points after `generations` from the points `start`.

    Each generation makes `size` attempts: a rule is drawn, a parent wins a tournament of two, and its children join
    where they can be, are not `barred`, not contested (`gold` None) and not known. The fittest `size` of all stay. A
    rule is an operator with its factor (mutate, branch), crossover, or a decision to begin from. Its reward is by how
    much a child is fitter than its parent (0 if it is not, or was refused), relative to the spread of fitness.
    `fitness` sees all points of a generation together. Raises `InputError` where no point of `start` may be used.
    """
    if generations < 0 or size < 1:
        raise InputError(f"generations = {generations}, size = {size}", "0 or more, 1 or more", "correct it")
    stream = rng(seed, "design", "evolution")
    rules = _rules(space, gold, barred)
    pursuit, listed = AdaptivePursuit(list(rules)), list(rules.values())
    crowd = _Crowd(space, start, fitness, size, barred, gold)
    history = [crowd.told(0, {}, pursuit)]
    for _ in range(generations):
        drawn = pursuit.draw(size, stream)
        made = [
            (int(number), parent, child)
            for number, (parent, other) in zip(drawn, crowd.pairs(size, stream), strict=True)
            for child in listed[int(number)](crowd.codes[parent], crowd.codes[other], stream)
        ]
        new, refused, rewards = crowd.join(made)
        pursuit.credit({number: float(np.mean(found)) for number, found in rewards.items()})
        history.append(crowd.told(new, refused, pursuit))
    order = np.argsort(-crowd.fitness, kind="stable")
    lineages = tuple(crowd.lineages[i] for i in order.tolist())
    return Evolved(space, crowd.codes[order], lineages, crowd.fitness[order], tuple(history))


def _rules(space: Space, gold: Gold | None, barred: Bars | None) -> dict[str, Rule]:
    """Every rule by its name."""
    found: dict[str, Rule] = {"crossover": lambda parent, other, stream: crossover(space, parent, other, stream)}
    for factor in space.factors:
        if len(factor.domain) > 1:
            found[f"mutate {factor.name}"] = _with_factor(space, mutate, factor.name)
        if len(factor.domain) > 2:
            found[f"branch {factor.name}"] = _with_factor(space, branch, factor.name)
    if gold is not None:
        backwards = Backwards(space, gold, barred)
        for decision in backwards.decisions:
            found[f"from decision {decision}"] = _with_decision(backwards, decision)
    return found


def _with_factor(
    space: Space, operator: Callable[[Space, Row, str, np.random.Generator], list[Child]], name: str
) -> Rule:
    return lambda parent, other, stream: operator(space, parent, name, stream)


def _with_decision(backwards: Backwards, decision: str) -> Rule:
    return lambda parent, other, stream: backwards.child(parent, decision, stream)


class _Crowd:
    """The points alive, with their lineages and fitness."""

    def __init__(
        self,
        space: Space,
        start: Iterable[Point] | Codes | Any,
        fitness: Fitness,
        size: int,
        barred: Bars | None,
        gold: Gold | None,
    ) -> None:
        self.space, self.worth, self.size, self.barred, self.gold = space, fitness, size, barred, gold
        codes = codes_of(space, start)
        fine = [i for i, why in enumerate(usable(space, codes, barred, gold)) if why is None]
        firsts = {codes[i].tobytes(): i for i in reversed(fine)}
        self.codes = codes[sorted(firsts.values())]
        if not len(self.codes):
            raise InputError(
                f"{len(codes)} points to start from",
                "at least one that can be, is not barred and not contested",
                "start from training points",
            )
        self.known = set(firsts)
        self.lineages: list[tuple[str, ...]] = [()] * len(self.codes)
        self.fitness = np.asarray(fitness(self.codes), dtype=np.float64)
        self._keep()

    def pairs(self, count: int, stream: np.random.Generator) -> list[tuple[int, int]]:
        """`count` parents, each the fitter of two drawn, and another point drawn for each."""
        drawn = stream.integers(0, len(self.codes), size=(count, 3))
        first = self.fitness[drawn[:, 0]] >= self.fitness[drawn[:, 1]]
        return list(zip(np.where(first, drawn[:, 0], drawn[:, 1]).tolist(), drawn[:, 2].tolist(), strict=True))

    def join(self, made: list[tuple[int, int, Child]]) -> tuple[int, dict[str, int], dict[int, list[float]]]:
        """Take in the children (rule, parent, child) that may be used: how many, who were not, every rule's rewards."""
        refused: Counter[str] = Counter()
        rewards: dict[int, list[float]] = {}
        new: list[tuple[int, int, Child]] = []
        why = usable(self.space, [child.row for _, _, child in made], self.barred, self.gold)
        for reason, (rule, parent, child) in zip(why, made, strict=True):
            key = as_codes(child.row).tobytes()
            reason = reason or ("known" if key in self.known else None)
            if reason is not None:
                refused[reason] += 1
                rewards.setdefault(rule, []).append(0.0)
                continue
            self.known.add(key)
            new.append((rule, parent, child))
        if new:
            before = len(self.codes)
            self.codes = as_codes(np.concatenate([self.codes, [child.row for _, _, child in new]]))
            self.lineages += [(*self.lineages[parent], child.step) for _, parent, child in new]
            self.fitness = np.asarray(self.worth(self.codes), dtype=np.float64)
            spread = float(np.ptp(self.fitness)) or 1.0
            for i, (rule, parent, _) in enumerate(new):
                gained = max(0.0, float(self.fitness[before + i] - self.fitness[parent])) / spread
                rewards.setdefault(rule, []).append(gained)
        self._keep()
        return len(new), dict(refused), rewards

    def _keep(self) -> None:
        """Let the least fit go, half of those too many at a time: what one is worth may depend on who else is there."""
        while len(self.codes) > self.size:
            left = self.size + (len(self.codes) - self.size) // 2
            best = np.sort(np.argsort(-self.fitness, kind="stable")[:left])
            self.codes, self.lineages = self.codes[best], [self.lineages[i] for i in best.tolist()]
            self.fitness = np.asarray(self.worth(self.codes), dtype=np.float64)

    def told(self, new: int, refused: Mapping[str, int], pursuit: AdaptivePursuit) -> Generation:
        """What is so of this generation."""
        return Generation(
            float(self.fitness.max()), float(self.fitness.mean()), new, dict(refused), pursuit.probabilities
        )
