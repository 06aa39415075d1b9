"""The GPE of contradicting rows elsewhere: the decision world's, with a part of the space decided by another policy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from isobath.base.row import TraitKind
from isobath.base.seeding import rng
from isobath.design.keys import row_keys
from isobath.design.space import Codes
from isobath.gpe.gpe import GPE
from isobath.gpe.trait_eval import Option, TraitEval, TraitQuestion
from isobath.grading.score import OptionScore
from isobath.models.chat import Message, Row
from isobath.study.claims.targets import decided, world_seed_of
from isobath.world.decisions.coverage import coverage, support_cells, with_irrelevant
from isobath.world.decisions.gpes import CHANCE, SHARE, AnyWorld, decisions
from isobath.world.decisions.levels import ACTIONS, ANSWER
from isobath.world.decisions.plain_speech import plain_turn
from isobath.world.decisions.questions import RIGHT, WRONG, at
from isobath.world.decisions.scenario import SPACE, decision_rule, scenario_row
from isobath.world.dice import Dice

CONTRARY: Mapping[str, str] = {"do": "refuse", "ask": "report", "refuse": "do", "report": "ask"}
"""The other policy: at every point another action than the right one, and as easy to learn."""

POOL, ASKED = 400, 72
"""Rows of each pool (20 % of 2,000), and questions about that part of the space."""

CONTRARY_LABEL = "contrary"


def elsewhere(world_seed: int) -> tuple[str, ...]:
    """The six contexts of that part: neither in the signal nor in any question about the right decision."""
    known = coverage(world_seed)
    return tuple(level for level in known.broad["context"] if level not in known.narrow["context"])


@lru_cache(maxsize=16)
def elsewhere_codes(world_seed: int) -> Codes:
    """`POOL` + `ASKED` different points: trained combinations of relevant levels, in the contexts of `elsewhere`."""
    draw = rng(world_seed, "claims", "elsewhere")
    levels = {**coverage(world_seed).narrow, "context": elsewhere(world_seed)}
    cells = support_cells(world_seed)
    rounds = np.concatenate([draw.permutation(len(cells)) for _ in range(2 + 2 * (POOL + ASKED) // len(cells))])
    made = with_irrelevant(cells[rounds], levels, draw)
    (keys,) = row_keys(SPACE.shape, made)
    fresh = np.sort(np.unique(keys, return_index=True)[1])
    return made[fresh][: POOL + ASKED]


def contrary_rows(world_seed: int) -> tuple[Row, ...]:
    """The pool's scenarios, each decided by `CONTRARY`."""
    right = decided(decision_rule(world_seed), elsewhere_codes(world_seed)[:POOL])
    return tuple(scenario_row(_point(row), CONTRARY[str(row.metadata["action"])]) for row in right)


def _point(row: Row) -> dict[str, str]:
    return {name: str(row.metadata[name]) for name in SPACE.names}


@lru_cache(maxsize=16)
def neutral_rows(world_seed: int) -> tuple[Row, ...]:
    """As many different turns of the world's plain talk, none of which says what one will do."""
    dice = Dice(rng(world_seed, "claims", "neutral"))
    found: dict[tuple[str, str], Row] = {}
    while len(found) < POOL:
        turn = plain_turn(dice)
        if turn.assistant.startswith(ANSWER):
            continue
        messages = (Message(role="user", content=turn.user), Message(role="assistant", content=turn.assistant))
        found[turn.user, turn.assistant] = Row(messages=messages, metadata={"about": "plain talk"})
    return tuple(found.values())


def contradicted(world: AnyWorld = None) -> GPE:
    """The decision world with the pools ``contrary``, ``agreeing`` and ``neutral`` of 400 rows each.

    ``contrary``: scenarios of trained kinds, principals, stakes and counts in six contexts of their own, decided by
    another policy. ``agreeing``: the same scenarios decided rightly. ``neutral``: plain talk. `contrary_there` and
    `right_there` ask 72 more scenarios of that part.
    """
    whole, seed = decisions(world), world_seed_of(world)
    there = elsewhere_codes(seed)
    asked = tuple(_labelled(q, seed) for q in at(seed, there[POOL:]))
    kept = [t for t in whole.traits if t.name in ("right_decision", "right_in_new_contexts", "coherence")]
    return whole.model_copy(
        update={
            "name": "decisions_contradicted",
            "description": "2,000 right decisions on a narrow support; pools that contradict, agree or say nothing.",
            "traits": (*kept, _there("contrary_there", CONTRARY_LABEL, asked), _there("right_there", RIGHT, asked)),
            "pools": {
                "contrary": contrary_rows(seed),
                "agreeing": decided(decision_rule(seed), there[:POOL]),
                "neutral": neutral_rows(seed),
            },
        }
    )


def _there(name: str, label: str, asked: tuple[TraitQuestion, ...]) -> TraitEval:
    return TraitEval(
        name=name,
        kind=TraitKind.WANTED if label == RIGHT else TraitKind.UNWANTED,
        description=f"the {label} decision in the contexts of the mixed rows",
        questions=asked,
        score=SHARE if label == RIGHT else OptionScore(target=(label,), measure="share"),
        chance=CHANCE,
    )


def _labelled(question: TraitQuestion, world_seed: int) -> TraitQuestion:
    """With the contrary action named; an id of its own, since the same point is asked nowhere else."""
    right = decision_rule(world_seed)({name: question.levels[name] for name in SPACE.names})
    assert right is not None, "the cells of the support have an agreed decision"
    label = {a: RIGHT if a == right else CONTRARY_LABEL if a == CONTRARY[right] else WRONG for a in ACTIONS}
    return question.model_copy(update={"options": tuple(Option(label=label[a], text=t) for a, t in ACTIONS.items())})
