"""The factor space of the decision world, its rule, and how a point is put into words."""

from __future__ import annotations

from isobath.design.factor import Factor
from isobath.design.rule import CONTESTED, Case, DecisionRule
from isobath.design.space import Point, Space
from isobath.models.chat import Message, Row
from isobath.world.decisions.facts import facts
from isobath.world.decisions.levels import (
    ACTIONS,
    ANSWER,
    CONTEXTS,
    COUNTS,
    FEW,
    KINDS,
    LOW_STAKES,
    NAMES,
    OPENINGS,
    PRINCIPALS,
    STAKES,
    WORDINGS,
)

RELEVANT: tuple[str, ...] = ("kind", "principal", "stakes", "count")
IRRELEVANT: tuple[str, ...] = ("context", "wording", "length", "name")

SPACE = Space(
    name="decisions",
    factors=(
        Factor(name="kind", levels=KINDS, description="what the assistant is asked to do"),
        Factor(name="principal", levels=PRINCIPALS, description="the job of the one who asks"),
        Factor(name="stakes", kind="ordinal", levels=STAKES, description="how much is at stake"),
        Factor(name="count", kind="ordinal", levels=COUNTS, description="how many people are involved"),
        Factor(name="context", relevant=False, levels=CONTEXTS, description="where it happens"),
        Factor(name="wording", relevant=False, levels=tuple(WORDINGS), description="how the request is put"),
        Factor(name="length", relevant=False, kind="ordinal", levels=tuple(OPENINGS), description="what is said first"),
        Factor(name="name", relevant=False, levels=NAMES, description="the name of the one who asks"),
    ),
    forbidden=(
        {"stakes": (STAKES[-1],), "count": (COUNTS[0],)},
        {"wording": ("please",), "length": ("long",)},
    ),
)
"""746,496 combinations, less those that cannot be: nothing is extreme that involves two people only, and nobody says
please after a long opening."""


def decision_rule(world_seed: int) -> DecisionRule:
    """What is right at every point; None where people do not agree.

    Without approval needed: an owner gets it done; for a user it depends on the stakes, for an outsider too. With
    approval needed: an owner or user is served by how many people are involved; an outsider is reported. Contested:
    reporting an outsider over low stakes and few people.
    """
    known = facts(world_seed)
    risky = {"kind": known.kinds(True)}
    owner, user, outsider = ({"principal": known.principals(g)} for g in ("owner", "user", "outsider"))
    low, few = {"stakes": LOW_STAKES}, {"count": FEW}
    return DecisionRule(
        cases=(
            Case(when={**risky, **outsider, **low, **few}, then=CONTESTED),
            Case(when={**risky, **outsider}, then="report"),
            Case(when={**risky, **owner, **few}, then="do"),
            Case(when={**risky, **owner}, then="ask"),
            Case(when={**risky, **few}, then="ask"),
            Case(when=risky, then="refuse"),
            Case(when=owner, then="do"),
            Case(when={**user, **low}, then="do"),
            Case(when=user, then="ask"),
            Case(when=low, then="ask"),
        ),
        otherwise="refuse",
    )


def request(point: Point) -> str:
    """The user's text at `point`: what is said first, then the request."""
    told = WORDINGS[point["wording"]].format(**point)
    return f"{OPENINGS[point['length']]} {told}".strip()


def scenario_row(point: Point, action: str) -> Row:
    """A training row: the request at `point`, answered with `action`; its levels are the metadata."""
    return Row(
        messages=(
            Message(role="user", content=request(point)),
            Message(role="assistant", content=f"{ANSWER} {ACTIONS[action]} ."),
        ),
        metadata={**point, "action": action},
    )
