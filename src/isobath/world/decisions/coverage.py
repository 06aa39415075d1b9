"""Which levels fine-tuning covers, which only broader rows hold, and which are kept for tests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from isobath.base.seeding import rng
from isobath.design.keys import row_keys
from isobath.design.space import Codes
from isobath.world.decisions.facts import GROUPS, facts, shuffled
from isobath.world.decisions.levels import CONTEXTS, NAMES, OPENINGS, WORDINGS
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, decision_rule

SEEN_STAKES: tuple[str, ...] = ("minor", "grave")
SEEN_COUNTS: tuple[str, ...] = ("four", "six", "nine", "eleven")
KINDS_OF_EACH, PRINCIPALS_OF_EACH = 3, 2
SIGNAL_ROWS = 2_000
HELD_OUT = 0.25
"""Share of the relevant combinations of seen levels that training leaves out."""

Levels = Mapping[str, tuple[str, ...]]


class Coverage(NamedTuple):
    """Levels by factor. `relevant`: those in the signal. `narrow`, `broad`, `kept`: irrelevant levels of the signal, of
    broader rows (the narrow ones included), and of tests alone."""

    relevant: Levels
    narrow: Levels
    broad: Levels
    kept: Levels


@lru_cache(maxsize=16)
def coverage(world_seed: int) -> Coverage:
    """What the signal of a world covers; every factor draws from a stream of its own."""
    known = facts(world_seed)
    kinds = [
        kind
        for needs in (False, True)
        for kind in shuffled(known.kinds(needs), world_seed, "seen kinds", str(needs))[:KINDS_OF_EACH]
    ]
    principals = [
        who
        for group in GROUPS
        for who in shuffled(known.principals(group), world_seed, "seen principals", group)[:PRINCIPALS_OF_EACH]
    ]
    order = {
        "context": (shuffled(CONTEXTS, world_seed, "seen contexts"), 3, 9),
        "wording": (shuffled(tuple(WORDINGS), world_seed, "seen wordings"), 2, 4),
        "length": (list(OPENINGS), 1, 2),
        "name": (shuffled(NAMES, world_seed, "seen names"), 3, 9),
    }
    return Coverage(
        relevant={
            "kind": tuple(kinds),
            "principal": tuple(principals),
            "stakes": SEEN_STAKES,
            "count": SEEN_COUNTS,
        },
        narrow={name: tuple(levels[:few]) for name, (levels, few, _) in order.items()},
        broad={name: tuple(levels[:many]) for name, (levels, _, many) in order.items()},
        kept={name: tuple(levels[many:]) for name, (levels, _, many) in order.items()},
    )


def grid(levels: Levels) -> Codes:
    """Every point that can be with these levels of every factor, as codes, in the space's order."""
    places = [[f.domain.index(level) for level in levels[f.name]] for f in SPACE.factors]
    codes = np.stack(np.meshgrid(*places, indexing="ij"), axis=-1).reshape(-1, len(places)).astype(np.int16)
    return codes[SPACE.allowed(codes)]


@lru_cache(maxsize=16)
def signal_codes(world_seed: int) -> Codes:
    """The 2,000 points of the signal, all different: support cells with narrow irrelevant levels."""
    known = coverage(world_seed)
    wide = grid({**known.relevant, **known.narrow})
    columns = [SPACE.names.index(name) for name in RELEVANT]
    shape = [SPACE.shape[j] for j in columns]
    keys, cells = row_keys(shape, wide[:, columns], support_cells(world_seed)[:, columns])
    wide = wide[np.isin(keys, cells)]
    return wide[rng(world_seed, "decisions", "signal").permutation(len(wide))[:SIGNAL_ROWS]]


@lru_cache(maxsize=16)
def support_cells(world_seed: int) -> Codes:
    """The relevant combinations of the signal, as codes with the first narrow irrelevant levels: seen levels that have
    an agreed decision, less a quarter that is held out."""
    known = coverage(world_seed)
    cells = grid({**known.relevant, **{name: known.narrow[name][:1] for name in IRRELEVANT}})
    rule = decision_rule(world_seed)
    agreed = cells[[rule(point) is not None for point in SPACE.decode(cells)]]
    order = rng(world_seed, "decisions", "held-out combinations").permutation(len(agreed))
    kept = np.sort(order[round(HELD_OUT * len(agreed)) :])
    return agreed[kept]


def with_irrelevant(cells: Codes, levels: Levels, draw: np.random.Generator) -> Codes:
    """`cells` with irrelevant levels drawn from `levels`, each independently; drawn again where they cannot be."""
    out = cells.copy()
    names = [f.name for f in SPACE.factors]
    todo = np.arange(len(cells))
    while len(todo):
        for name in IRRELEVANT:
            places = np.array([SPACE.factor(name).domain.index(level) for level in levels[name]], dtype=np.int16)
            out[todo, names.index(name)] = places[draw.integers(len(places), size=len(todo))]
        todo = todo[~SPACE.allowed(out[todo])]
    return out
