"""The decision world with pools as `isobath broaden` makes them: what broadening buys, by dose and by dimension."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from isobath.base.seeding import stream_seed
from isobath.design.held_out import HeldOut
from isobath.design.keys import row_keys
from isobath.design.space import Codes
from isobath.design.training_points import training_points
from isobath.gpe.gpe import GPE
from isobath.gpe.scenarios.draft import Draft
from isobath.models.chat import Row
from isobath.world.decisions.as_scenario import DecisionsScenario
from isobath.world.decisions.coverage import Levels, coverage, grid, signal_codes, support_cells
from isobath.world.decisions.drawn_points import tested_cells, tested_points
from isobath.world.decisions.gpes import AnyWorld, decisions
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, decision_rule
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.decisions.world import DecisionsWorld

ROWS = 2_000
"""Of every pool: as many as the signal has, so that the pool alone is a dose too."""
POOLS: tuple[str, ...] = ("relevant", "irrelevant", "both", *RELEVANT, "narrow")
"""Broader in all relevant factors, in all irrelevant ones, in both, in one relevant factor; and further narrow rows."""
SPARE = 1.3
"""Points drawn for each row wanted: those that are test points, or rows of the signal, are dropped."""


def decisions_broadened(world: AnyWorld = None) -> GPE:
    """The GPE `decisions` with the pools of `POOLS`, drawn and worded by the steps of `isobath broaden`.

    Its rows, questions and traits are those of `decisions`. Raises `InputError` for a world of another kind.
    """
    gpe = decisions(world)
    spec = world.spec if isinstance(world, DecisionsWorld) else world or DecisionsSpec()
    pools = {name: pool_rows(spec.world_seed, name) for name in POOLS}
    return gpe.model_copy(update={"name": "decisions_broadened", "pools": pools})


def pool_rows(world_seed: int, name: str) -> tuple[Row, ...]:
    """The rows of pool `name`, with the right decision; metadata is each row's levels and action."""
    return tuple(
        Row(messages=draft.messages, metadata={**draft.point, "action": draft.decision})
        for draft in pool_drafts(world_seed, name)
    )


@lru_cache(maxsize=64)
def pool_drafts(world_seed: int, name: str) -> tuple[Draft, ...]:
    """The drafts of pool `name` before verification; none has a test point or a combination asked in water.

    Every pair of levels that its factors may take, and that is not held out, stands in one of the pool's points before
    levels are balanced. ``narrow`` has as many rows as the signal leaves. Round trip and edits turn none of them down;
    near-duplicates stay, which `isobath broaden` would turn down: the world has few words, and rows share them.
    """
    codes = _narrow(world_seed) if name == "narrow" else _drawn(world_seed, name)
    scenario = DecisionsScenario(world_seed=world_seed)
    return tuple(scenario.draft(point, seed) for seed, point in enumerate(SPACE.decode(codes[:ROWS])))


def levels_of(world_seed: int, name: str) -> Levels:
    """The levels that a pool's rows may have."""
    known = coverage(world_seed)
    every = {f.name: f.domain for f in SPACE.factors}
    broad = RELEVANT if name in ("relevant", "both") else (name,) if name in RELEVANT else ()
    relevant = {factor: every[factor] if factor in broad else known.relevant[factor] for factor in RELEVANT}
    irrelevant = known.broad if name in ("irrelevant", "both") else known.narrow
    return {**relevant, **{factor: irrelevant[factor] for factor in IRRELEVANT}}


def held(world_seed: int, name: str) -> HeldOut:
    """What no row of pool `name` may be: what is asked in water; ``irrelevant`` keeps to the signal's combinations."""
    codes = tested_cells(world_seed)
    if name == "irrelevant":
        known = coverage(world_seed)
        seen = grid({**known.relevant, **{factor: known.narrow[factor][:1] for factor in IRRELEVANT}})
        keys, own = row_keys(SPACE.shape, seen, support_cells(world_seed))
        codes = np.concatenate([codes, seen[~np.isin(keys, own)]])
    return HeldOut(SPACE, codes)


def _drawn(world_seed: int, name: str) -> Codes:
    found = training_points(
        SPACE,
        int(SPARE * ROWS),
        stream_seed(world_seed, "decisions", "broadened", name),
        held=held(world_seed, name),
        gold=decision_rule(world_seed),
        levels=levels_of(world_seed, name),
    )
    return _without(found.codes, tested_points(world_seed))


def _narrow(world_seed: int) -> Codes:
    """Points of the signal's own combinations and levels that are neither rows of it nor asked."""
    known = coverage(world_seed)
    wide = grid({**known.relevant, **known.narrow})
    fine = wide[~held(world_seed, "irrelevant").bars(wide)]
    order = np.random.default_rng(stream_seed(world_seed, "decisions", "broadened", "narrow")).permutation(len(fine))
    return _without(fine[order], np.concatenate([tested_points(world_seed), signal_codes(world_seed)]))


def _without(codes: Codes, others: Codes) -> Codes:
    keys, known = row_keys(SPACE.shape, codes, others)
    return codes[~np.isin(keys, known)]
