"""Evolution of the points that coverage does not need (docs/broadening/points.md)."""

from __future__ import annotations

import numpy as np

from isobath.design.evolution import evolve
from isobath.design.fitness import Fitness, novelty, tuples_filled
from isobath.design.held_out import HeldOut
from isobath.design.space import Codes
from isobath.gpe.scenarios.scenario import Scenario
from isobath.study.broadening.own_data import OwnData
from isobath.study.broadening.spec import Broadening

Lineages = dict[int, tuple[str, ...]]


def evolved(
    spec: Broadening, scenario: Scenario, codes: Codes, covering: int, held: HeldOut | None, own: OwnData, seed: int
) -> tuple[Codes, Lineages, list[str]]:
    """`codes` with all but the first `covering` rows evolved; lineages by row; sentences for the card.

    What is worth having: combinations of one level more than the strength that nothing holds yet, or distance from
    what there is. Nothing held out, forbidden or contested comes in, so coverage stays as it was.
    """
    assert spec.evolution is not None
    free = len(codes) - covering
    if free < 1:
        return codes, {}, ["Nothing evolved: every point is needed for coverage."]
    space = scenario.space
    there = codes[:covering]
    if own.support is not None and (own.whole or spec.evolution.fitness == "novelty"):
        # combinations with levels that own data does not tell are not there
        there = np.concatenate([there, own.support.codes])
    fitness: Fitness = (
        novelty(space, there)
        if spec.evolution.fitness == "novelty"
        else tuples_filled(space, min(spec.strength + 1, len(space.factors)), there)
    )
    found = evolve(
        space,
        codes,
        fitness,
        generations=spec.evolution.generations,
        size=free,
        seed=seed,
        barred=None if held is None else held.bars,
        gold=scenario.decide,
    )
    kept = min(free, len(found))
    out = codes.copy()
    out[covering : covering + kept] = found.codes[:kept]
    lineages = {covering + i: found.lineages[i] for i in range(kept) if found.lineages[i]}
    first, last = found.history[0], found.history[-1]
    new = sum(generation.new for generation in found.history)
    said = [
        f"Evolution: {new:,} new points in {len(found.history) - 1} generations, of which {len(lineages):,} are used; "
        f"mean fitness from {first.mean:.3g} to {last.mean:.3g}."
    ]
    return out, lineages, said
