"""One rule, rules in balance, or a long specification: four targets to train on the very same scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import product
from typing import Literal

import numpy as np

from isobath.base.seeding import rng, stream_seed
from isobath.design.keys import row_keys
from isobath.design.region import Region
from isobath.design.rule import CONTESTED, Case, DecisionRule
from isobath.design.space import Codes
from isobath.design.support import support_of
from isobath.design.test_points import test_points
from isobath.gpe.gpe import GPE, Signal
from isobath.gpe.trait_eval import Option, TraitQuestion
from isobath.models.chat import Row
from isobath.world.decisions.coverage import coverage, signal_codes, support_cells, with_irrelevant
from isobath.world.decisions.drawn_points import RELEVANT_SPACE, first_of_each_action
from isobath.world.decisions.facts import GROUPS, facts
from isobath.world.decisions.gpes import AnyWorld, decisions
from isobath.world.decisions.levels import ACTIONS, COUNTS, FEW, LOW_STAKES, STAKES
from isobath.world.decisions.questions import CONTESTED_LABEL, RIGHT, WRONG, at
from isobath.world.decisions.rows import POOL_ROWS, untested_cells
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, decision_rule, scenario_row

Target = Literal["one", "two", "four", "long"]
TARGETS: tuple[Target, ...] = ("one", "two", "four", "long")
WATER = (Region.LAKE, Region.BAY, Region.SEA)
PER_REGION = 72

BALANCE: Mapping[str, tuple[str, ...]] = {
    "one": ("do", "ask", "refuse"),
    "two": ("do", "ask", "refuse", "report"),
    "four": ("do", "do", "ask", "refuse", "report", "report"),
}
"""What is right by how many considerations speak against the request: an outsider counts two and a user one, and each
of approval, high stakes and many people (as far as the target looks at them) counts one."""


@lru_cache(maxsize=64)
def target_rule(world_seed: int, target: Target) -> DecisionRule:
    """What is right under `target`; contested wherever the world's own rule is, so that all have the same scenarios.

    ``one`` looks at the principal's group alone, ``two`` also at approval, ``four`` also at stakes and count, all in
    balance (`BALANCE`). ``long`` is the world's list of cases with an exception for every kind that is trained: one
    group under one height of stakes or size of count gets an action that no other case gives it there.
    """
    contested = [case for case in decision_rule(world_seed).cases if case.then is CONTESTED]
    if target == "long":
        world = decision_rule(world_seed)
        return DecisionRule(cases=(*contested, *exceptions(world_seed), *world.cases), otherwise=world.otherwise)
    return DecisionRule(cases=(*contested, *_balanced_cases(world_seed, target)))


def _balanced_cases(world_seed: int, target: Target) -> list[Case]:
    known = facts(world_seed)
    considerations: list[list[tuple[str, tuple[str, ...], int]]] = [
        [("principal", known.principals(g), n) for n, g in enumerate(GROUPS)],
        [("kind", known.kinds(needs), int(needs)) for needs in (False, True)],
        [("stakes", LOW_STAKES, 0), ("stakes", STAKES[len(LOW_STAKES) :], 1)],
        [("count", FEW, 0), ("count", COUNTS[len(FEW) :], 1)],
    ]
    used = considerations[: {"one": 1, "two": 2, "four": 4}[target]]
    return [
        Case(when={name: levels for name, levels, _ in met}, then=BALANCE[target][sum(n for *_, n in met)])
        for met in product(*used)
    ]


def exceptions(world_seed: int) -> list[Case]:
    """One case for each kind that is trained; its action is none that the world's rule gives in that clause."""
    known, rule = facts(world_seed), decision_rule(world_seed)
    halves = [("stakes", LOW_STAKES), ("stakes", STAKES[len(LOW_STAKES) :]), ("count", FEW), ("count", COUNTS[6:])]
    made = []
    for kind in coverage(world_seed).relevant["kind"]:
        draw = rng(world_seed, "claims", "exception", kind)
        group = GROUPS[int(draw.integers(len(GROUPS)))]
        factor, levels = halves[int(draw.integers(len(halves)))]
        clause = {"kind": (kind,), "principal": known.principals(group), factor: levels}
        usual = {rule(point) for point in RELEVANT_SPACE.points() if _meets(clause, point)}
        others = [action for action in ACTIONS if action not in usual]
        made.append(Case(when=clause, then=others[int(draw.integers(len(others)))]))
    return made


def _meets(clause: Mapping[str, tuple[str, ...]], point: Mapping[str, str]) -> bool:
    return all(point[name] in levels for name, levels in clause.items())


def used_actions(target: Target) -> int:
    """How many of the four actions are ever right: a constant answer scores one over this on balanced questions."""
    return len(set(BALANCE.get(target, tuple(ACTIONS))))


@lru_cache(maxsize=64)
def asked_codes(world_seed: int, target: Target) -> Mapping[Region, Codes]:
    """Test points of island, lake, bay and sea: each action that is ever right is so at an equal share of a region."""
    rule, each = target_rule(world_seed, target), PER_REGION // used_actions(target)
    draw = rng(world_seed, "claims", "targets", target)
    mixed = signal_codes(world_seed)[draw.permutation(len(signal_codes(world_seed)))]
    found = {Region.ISLAND: first_of_each_action(rule, mixed, each)}
    cells = support_of(RELEVANT_SPACE, support_cells(world_seed)[:, : len(RELEVANT)])
    wanted = dict.fromkeys(WATER, 2 * PER_REGION)  # more than are kept: the first ones of every action
    points = test_points(RELEVANT_SPACE, cells, wanted, stream_seed(world_seed, "claims", "water", target), rule)
    for region in WATER:
        here = points.codes[points.places.region == region]
        wide = np.pad(here[draw.permutation(len(here))], ((0, 0), (0, len(IRRELEVANT))))
        found[region] = first_of_each_action(rule, with_irrelevant(wide, coverage(world_seed).narrow, draw), each)
    return found


@lru_cache(maxsize=16)
def broad_codes(world_seed: int) -> Codes:
    """1,200 scenarios of the whole space, in the signal's irrelevant levels, no relevant combination of which is asked
    in any target's water."""
    asked = np.concatenate([asked_codes(world_seed, target)[region] for target in TARGETS for region in WATER])
    columns = [SPACE.names.index(name) for name in RELEVANT]
    cells = untested_cells(world_seed)
    keys, tested = row_keys([SPACE.shape[j] for j in columns], cells[:, columns], asked[:, columns])
    cells = cells[~np.isin(keys, tested)]
    draw = rng(world_seed, "claims", "targets", "broad")
    picked = with_irrelevant(cells[draw.permutation(len(cells))[:POOL_ROWS]], coverage(world_seed).narrow, draw)
    island = np.concatenate([asked_codes(world_seed, target)[Region.ISLAND] for target in TARGETS])
    keys, tested = row_keys(SPACE.shape, picked, island)
    return picked[~np.isin(keys, tested)]


def decided(rule: DecisionRule, codes: Codes) -> tuple[Row, ...]:
    """Rows at `codes` decided by `rule`; contested points give none."""
    points = SPACE.decode(codes)
    return tuple(scenario_row(p, action) for p in points if (action := rule(p)) is not None)


def relabelled(questions: Sequence[TraitQuestion], rule: DecisionRule) -> tuple[TraitQuestion, ...]:
    """The questions with their options labelled by `rule` in the place of the world's own."""
    return tuple(
        q.model_copy(update={"options": _options(rule({n: q.levels[n] for n in SPACE.names}))}) for q in questions
    )


def _options(right: str | None) -> tuple[Option, ...]:
    label = {a: CONTESTED_LABEL if right is None else RIGHT if a == right else WRONG for a in ACTIONS}
    return tuple(Option(label=label[action], text=text) for action, text in ACTIONS.items())


def targeted(world: AnyWorld = None, *, target: Target) -> GPE:
    """The decision world's scenarios, decided by `target`. Raises `InputError` for a world of another kind.

    Signal: the world's 2,000 narrow scenarios; control: the same with decisions dealt out anew; pool ``relevant``:
    1,200 of the whole space. The four targets share all scenarios and differ in what is right. `right_decision` asks 72
    points of each of island, lake, bay and sea, balanced over the target's own actions.
    """
    whole = decisions(world)
    seed = world_seed_of(world)
    rule, codes = target_rule(seed, target), signal_codes(seed)
    rows = decided(rule, codes)
    order = rng(seed, "claims", "targets", "permuted").permutation(len(rows))
    dealt = tuple(
        scenario_row(point, str(rows[i].metadata["action"]))
        for point, i in zip(SPACE.decode(codes), order, strict=True)
    )
    asked = [q for codes in asked_codes(seed, target).values() for q in relabelled(at(seed, codes), rule)]
    first, *others = whole.traits
    headline = first.model_copy(update={"questions": tuple(asked), "chance": 1 / used_actions(target)})
    name = f"decisions_{target}"
    return whole.model_copy(
        update={
            "name": name,
            "description": f"2,000 scenarios on a narrow support, decided by the target {target!r}.",
            "signal": Signal(name=f"{target}-narrow", role="signal", rows=rows),
            "control": Signal(name=f"{target}-permuted", role="control", rows=dealt),
            "traits": (headline, *(t for t in others if t.name == "coherence")),
            "pools": {"relevant": decided(rule, broad_codes(seed))},
            "gold": rule,
        }
    )


def world_seed_of(world: AnyWorld) -> int:
    """The seed of the world that `decisions` was built for; 0 for a model from outside."""
    return 0 if world is None else int(world.world_seed)


one = partial(targeted, target="one")
two = partial(targeted, target="two")
four = partial(targeted, target="four")
long = partial(targeted, target="long")
