"""Counting what was made of one scenario: coverage, balance, regions, rejects."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isobath.design.held_out import HeldOut
from isobath.design.places import place_all
from isobath.design.space import Codes
from isobath.design.support import NearWarning, Support, support_of
from isobath.design.trainable import trainable
from isobath.design.tuples import feasible_tuples, tuples_of
from isobath.gpe.scenarios.scenario import Scenario
from isobath.study.broadening.making import Making
from isobath.study.broadening.numbers import Covered, ScenarioNumbers
from isobath.study.broadening.own_data import OwnData
from isobath.study.broadening.questions import CONTESTED, Asked

if TYPE_CHECKING:
    from isobath.study.broadening.scenario_run import Part

STRENGTHS = (1, 2, 3)


def measured(
    part: Part, making: Making, own: OwnData, chosen: Sequence[int], asked: Sequence[Asked], island: int
) -> ScenarioNumbers:
    """The numbers of a part whose `chosen` rows are written; `island` questions are asked where training data is."""
    candidates, scenario = making.candidates, making.scenario
    codes = candidates.codes[np.array(chosen, dtype=np.int64)]
    decisions = Counter(str(scenario.decide(point)) for point in scenario.space.decode(codes))
    points = [draft.point for _, region, draft in asked if region != CONTESTED]
    return ScenarioNumbers(
        name=scenario.name,
        title=str(getattr(scenario, "title", "") or ""),
        asked=part.rows,
        rows=len(chosen),
        drafted=making.tally.drafted,
        cells=_cells(scenario, codes),
        decisions={name: decisions.get(name, 0) for name in scenario.options},
        renderings=dict(Counter(candidates.renderings[row] for row in chosen)),
        sources={} if not chosen else {making.source: len(chosen)},
        lineages=_steps(candidates.lineages, chosen),
        coverage=tuple(_coverage(scenario, codes, own, candidates.held, relevant=False)),
        relevant_coverage=tuple(_coverage(scenario, codes, own, candidates.held, relevant=True)),
        tests=dict(Counter(region for _, region, _ in asked)),
        island=island,
        around_own=own.support is not None,
        tests_after=_regions_after(scenario, codes, own, points),
        test_decisions=dict(Counter(draft.decision or "contested" for _, _, draft in asked)),
        rejects=making.tally.rejects(),
        agreement=making.tally.agreement(),
        not_measured=making.tally.not_measured,
        rounds=making.rounds,
        left_out=making.left_out,
        said=(*candidates.said, *(candidates.held.notes if candidates.held is not None else ())),
        stopped=making.stopped,
    )


def _cells(scenario: Scenario, codes: Codes) -> int:
    columns = [j for j, factor in enumerate(scenario.space.factors) if factor.relevant]
    return len(np.unique(codes[:, columns], axis=0)) if len(codes) else 0


def _steps(lineages: object, chosen: Sequence[int]) -> dict[str, int]:
    """How the chosen points came about, by their last step's operator."""
    found = lineages if isinstance(lineages, dict) else {}
    last = [_step(found[row][-1]) if found.get(row) else "drawn" for row in chosen]
    return dict(Counter(last))


def _step(text: str) -> str:
    """The operator of one step: `mutate`, `branch`, `crossover`, `from decision`."""
    return "from decision" if text.startswith("from decision ") else text.split(":")[0]


def _coverage(scenario: Scenario, codes: Codes, own: OwnData, held: HeldOut | None, *, relevant: bool) -> list[Covered]:
    """Exact coverage of 1-, 2- and 3-tuples of levels, own data included where its every level is known."""
    space = scenario.space
    on = tuple(j for j, factor in enumerate(space.factors) if factor.relevant or not relevant)
    every = np.concatenate([codes, own.support.codes]) if own.whole and own.support is not None else codes
    free = trainable(space, held=held, gold=scenario.decide)
    found = []
    for t in STRENGTHS:
        if t > len(on):
            continue
        index = tuples_of(space.shape, on, t)
        there = np.zeros(index.size, dtype=bool)
        for start in range(0, len(every), 4096):
            there[index.ids(every[start : start + 4096])] = True
        can = free.tuples(index)
        possible = int(feasible_tuples(space, t, on).sum())
        found.append(Covered(t=t, covered=int((there & can).sum()), trainable=int(can.sum()), feasible=possible))
    return found


def _regions_after(scenario: Scenario, codes: Codes, own: OwnData, points: Sequence[object]) -> dict[str, int]:
    """Where the test points lie around own data and the new rows together."""
    if not points or not len(codes):
        return {}
    every = codes if own.support is None else np.concatenate([own.support.codes, codes])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NearWarning)
        support: Support = support_of(scenario.space, every)
    places = place_all(support, scenario.space.encode([dict(p) for p in points]))  # type: ignore[call-overload]
    return {region: n for region, n in places.counts().items() if n}
