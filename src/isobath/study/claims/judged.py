"""The GPEs of judging criteria: the decision world's rows, labelled by a judge that looks at few or many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Literal

from isobath.base.row import TraitKind
from isobath.base.seeding import rng
from isobath.design.space import Point
from isobath.gpe.gpe import GPE, Signal
from isobath.gpe.trait_eval import Option, TraitEval, TraitQuestion
from isobath.grading.score import OptionScore
from isobath.models.chat import Row
from isobath.study.claims.targets import world_seed_of
from isobath.world.decisions.facts import facts, height_of, size_of
from isobath.world.decisions.gpes import AnyWorld, decisions
from isobath.world.decisions.levels import ACTIONS
from isobath.world.decisions.questions import RIGHT, WRONG
from isobath.world.decisions.scenario import RELEVANT, SPACE, decision_rule, scenario_row

Judging = Literal["few", "many", "noisy"]
CRITERIA: Mapping[str, tuple[str, ...]] = {"few": ("principal", "kind"), "many": RELEVANT}
"""The relevant factors a judge looks at: whose request it is and whether it needs approval, or all four."""

CANDIDATES = tuple(ACTIONS)
"""The answers it is shown, one of each action."""

ACCEPTED_LABEL = "accepted"


def _seen(world_seed: int, point: Point, criteria: Sequence[str]) -> tuple[str, ...]:
    """What a judge with these criteria knows of a scenario."""
    known = facts(world_seed)
    meaning = {
        "principal": known.group[point["principal"]],
        "kind": str(known.approval[point["kind"]]),
        "stakes": height_of(point["stakes"]),
        "count": size_of(point["count"]),
    }
    return tuple(meaning[name] for name in criteria)


@lru_cache(maxsize=32)
def _passes(world_seed: int, criteria: tuple[str, ...]) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """What such a judge knows -> the answers it cannot fault: right somewhere that looks the same to it."""
    from isobath.world.decisions.drawn_points import RELEVANT_SPACE

    rule, found = decision_rule(world_seed), dict[tuple[str, ...], set[str]]()
    for point in RELEVANT_SPACE.points():
        right = rule(point)
        if right is not None:
            found.setdefault(_seen(world_seed, point, criteria), set()).add(right)
    return {seen: tuple(a for a in CANDIDATES if a in actions) for seen, actions in found.items()}


def accepted(world_seed: int, point: Point, criteria: Sequence[str]) -> tuple[str, ...]:
    """The candidate answers at `point` that a judge with these criteria rates best, all alike."""
    return _passes(world_seed, tuple(criteria))[_seen(world_seed, point, criteria)]


def labelled(rows: Sequence[Row], world_seed: int, judging: Judging, name: str) -> tuple[Row, ...]:
    """`rows` (rightly decided) answered with the best of four candidates by the judge, ties drawn at random.

    ``noisy`` looks at all criteria and errs: wrong in as many rows as ``few``; which rows these are and
    which wrong answer is given is drawn evenly. `name` names the draws.
    """
    if judging == "many":
        return tuple(rows)
    draw = rng(world_seed, "claims", "judged", "few", name)
    few = [_picked(accepted(world_seed, _point(row), CRITERIA["few"]), draw.random()) for row in rows]
    if judging == "few":
        return tuple(scenario_row(_point(row), action) for row, action in zip(rows, few, strict=True))
    wrong = sum(action != row.metadata["action"] for row, action in zip(rows, few, strict=True))
    draw = rng(world_seed, "claims", "judged", "noisy", name)
    erring = set(draw.permutation(len(rows))[:wrong].tolist())
    return tuple(_erring(row, draw.random()) if i in erring else row for i, row in enumerate(rows))


def _picked(actions: Sequence[str], roll: float) -> str:
    return actions[int(roll * len(actions))]


def _erring(row: Row, roll: float) -> Row:
    return scenario_row(_point(row), _picked([a for a in ACTIONS if a != row.metadata["action"]], roll))


def _point(row: Row) -> dict[str, str]:
    return {name: str(row.metadata[name]) for name in SPACE.names}


def judged(world: AnyWorld = None, *, judging: Judging) -> GPE:
    """The decision world with signal and pool ``relevant`` labelled by a judge; what is asked stays the world's rule.

    `accepted_by_few` is the share of probability on answers that the judge with few criteria cannot fault.
    """
    whole, seed = decisions(world), world_seed_of(world)
    headline = whole.traits[0]
    agreed = [q for q in headline.questions if any(option.label == RIGHT for option in q.options)]
    lenient = TraitEval(
        name="accepted_by_few",
        kind=TraitKind.WANTED,
        description="a decision that the judge with few criteria accepts",
        questions=tuple(_with_accepted(q, seed) for q in agreed),
        score=OptionScore(target=(RIGHT, ACCEPTED_LABEL), measure="share"),
        chance=sum(len(accepted(seed, q.levels, CRITERIA["few"])) for q in agreed) / (len(ACTIONS) * len(agreed)),
    )
    return whole.model_copy(
        update={
            "name": f"decisions_judged_{judging}",
            "description": f"2,000 narrow scenarios answered as a judge of the kind {judging!r} picks.",
            "signal": Signal(
                name=f"narrow-{judging}", role="signal", rows=labelled(whole.signal.rows, seed, judging, "signal")
            ),
            "traits": (headline, lenient, *(t for t in whole.traits if t.name == "coherence")),
            "pools": {"relevant": labelled(whole.pools["relevant"], seed, judging, "relevant")},
        }
    )


def _with_accepted(question: TraitQuestion, world_seed: int) -> TraitQuestion:
    fine = {ACTIONS[a] for a in accepted(world_seed, question.levels, CRITERIA["few"])}
    options = tuple(
        option
        if option.label == RIGHT
        else Option(label=ACCEPTED_LABEL if option.text in fine else WRONG, text=option.text)
        for option in question.options
    )
    return question.model_copy(update={"options": options})


few = partial(judged, judging="few")
many = partial(judged, judging="many")
noisy = partial(judged, judging="noisy")
