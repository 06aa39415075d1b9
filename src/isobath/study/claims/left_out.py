"""The GPE of levels left out: broader rows that hold some new levels of every factor, and others never in training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from isobath.base.row import TraitKind
from isobath.base.seeding import rng
from isobath.design.keys import row_keys
from isobath.design.space import Codes
from isobath.gpe.gpe import GPE
from isobath.gpe.trait_eval import TraitEval
from isobath.study.claims.targets import decided, world_seed_of
from isobath.world.decisions.coverage import coverage, grid, with_irrelevant
from isobath.world.decisions.drawn_points import tested_points
from isobath.world.decisions.facts import GROUPS, facts, height_of, shuffled, size_of
from isobath.world.decisions.gpes import CHANCE, SHARE, AnyWorld, decisions
from isobath.world.decisions.levels import ACTIONS, COUNTS, KINDS, PRINCIPALS, STAKES
from isobath.world.decisions.questions import at
from isobath.world.decisions.rows import POOL_ROWS, untested_cells
from isobath.world.decisions.scenario import RELEVANT, SPACE, decision_rule

Levels = Mapping[str, tuple[str, ...]]

LATENTS: Mapping[str, tuple[str, ...]] = {
    "kind": ("no", "yes"),
    "principal": GROUPS,
    "stakes": ("low", "high"),
    "count": ("few", "many"),
}
"""What the rule looks at in each factor: approval, group, high or low, few or many."""

EACH: Mapping[str, int] = {"kind": 2, "principal": 1, "stakes": 1, "count": 2}
"""Levels left out of every row, of those that the signal does not have, for each value of the latent."""

PER_FACTOR = 24
"""Questions with a left-out level of one factor, six for each action where there are so many."""


def latent(world_seed: int, factor: str, level: str) -> str:
    """What the rule looks at in `level` of `factor`."""
    known = facts(world_seed)
    if factor == "principal":
        return known.group[level]
    if factor == "kind":
        return "yes" if known.approval[level] else "no"
    return height_of(level) if factor == "stakes" else size_of(level)


@lru_cache(maxsize=16)
def left_out(world_seed: int) -> Levels:
    """The levels of each factor that no training row of any arm has."""
    seen, found = coverage(world_seed).relevant, dict[str, tuple[str, ...]]()
    for factor, domain in zip(RELEVANT, (KINDS, PRINCIPALS, STAKES, COUNTS), strict=True):
        mixed = [x for x in shuffled(domain, world_seed, "left out", factor) if x not in seen[factor]]
        found[factor] = tuple(
            level
            for value in LATENTS[factor]
            for level in [x for x in mixed if latent(world_seed, factor, x) == value][: EACH[factor]]
        )
    return found


@lru_cache(maxsize=16)
def asked_codes(world_seed: int) -> Codes:
    """Points with one left-out level and trained ones elsewhere, in the signal's contexts."""
    known, draw = coverage(world_seed), rng(world_seed, "claims", "left out")
    rule = decision_rule(world_seed)
    parts = []
    for factor, levels in left_out(world_seed).items():
        cells = grid({**known.relevant, factor: levels, **{n: known.narrow[n][:1] for n in known.narrow}})
        left = dict.fromkeys(ACTIONS, PER_FACTOR // len(ACTIONS))
        mixed = cells[draw.permutation(len(cells))]
        for codes, point in zip(mixed, SPACE.decode(mixed), strict=True):
            action = rule(point)
            if action is not None and left[action]:
                left[action] -= 1
                parts.append(codes)
    return with_irrelevant(np.array(parts, dtype=np.int16), known.narrow, draw)


@lru_cache(maxsize=32)
def broad_codes(world_seed: int, name: str) -> Codes:
    """Up to 1,200 scenarios of the whole space but the levels left out; ``both`` with broader irrelevant levels too."""
    known, draw = coverage(world_seed), rng(world_seed, "claims", "left out", "pool", name)
    cells = untested_cells(world_seed)
    for factor, levels in left_out(world_seed).items():
        gone = [SPACE.factor(factor).domain.index(level) for level in levels]
        cells = cells[~np.isin(cells[:, SPACE.names.index(factor)], gone)]
    rounds = -(-2 * POOL_ROWS // len(cells))
    picked = np.concatenate([draw.permutation(len(cells)) for _ in range(rounds)])
    made = with_irrelevant(cells[picked], known.narrow if name == "relevant" else known.broad, draw)
    keys, tested = row_keys(SPACE.shape, made, tested_points(world_seed))
    fresh = np.sort(np.unique(keys, return_index=True)[1])
    return made[fresh][~np.isin(keys[fresh], tested)][:POOL_ROWS]


def left_out_decisions(world: AnyWorld = None) -> GPE:
    """The decision world whose pools ``relevant`` and ``both`` hold about half of the new levels of every factor.

    `right_at_left_out` asks scenarios with one of the other new levels, which are in no row of any arm.
    """
    whole, seed = decisions(world), world_seed_of(world)
    rule = decision_rule(seed)
    trait = TraitEval(
        name="right_at_left_out",
        kind=TraitKind.WANTED,
        description="the right decision at levels that no training row of any arm has",
        questions=at(seed, asked_codes(seed)),
        score=SHARE,
        chance=CHANCE,
    )
    kept = [t for t in whole.traits if t.name in ("right_decision", "right_in_new_contexts", "coherence")]
    pools = {name: decided(rule, broad_codes(seed, name)) for name in ("relevant", "both")}
    return whole.model_copy(
        update={
            "name": "decisions_left_out",
            "description": "2,000 right decisions on a narrow support; broader rows leave out some levels.",
            "traits": (*kept, trait),
            "pools": {**pools, "irrelevant": whole.pools["irrelevant"]},
        }
    )
