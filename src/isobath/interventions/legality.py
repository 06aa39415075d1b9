"""Which interventions cannot meet in one stack, in which order, and why (no paper: a table that `Stack` consults).

An entry's own `conflict` speaks of entries that it knows; this table speaks across stages and kinds, so that no file
has to know all others. A rule holds for pairs in the order of the stack; `Rule.either` for both orders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from isobath.interventions.intervention import Intervention, Stage

PLACE: dict[Stage, int] = {
    "pretraining": 0,
    "signal": 1,
    "objective": 1,
    "forward": 1,
    "gradient": 1,
    "weights": 2,
    "inference": 3,
}
"""When a stage acts. Stages of one number may stand in any order: all of them act while the run is trained."""

TRAINING: tuple[Stage, ...] = ("signal", "objective", "forward", "gradient")

_TOO_LATE = {
    0: "a base is pretrained before anything else happens to it, so pretraining-stage entries come first",
    1: "the weights are changed, or the model asked, after the last step, so what acts in training comes before",
    2: "how a model is asked comes after its weights are final, so weights-stage entries stand before",
}
"""Place of the later entry -> why it cannot follow an entry of a later place."""


@dataclass(frozen=True)
class Rule:
    """`first` cannot be followed by `second`, each a kind or ``stage:NAME``; `when` narrows it to some settings."""

    first: str
    second: str
    why: str
    either: bool = False
    when: Callable[[Intervention, Intervention], bool] | None = None

    def forbids(self, first: Intervention, second: Intervention) -> bool:
        """Whether these two, in this order, are what the rule speaks of."""
        if _is(first, self.first) and _is(second, self.second):
            return self.when is None or self.when(first, second)
        if self.either and _is(first, self.second) and _is(second, self.first):
            return self.when is None or self.when(second, first)
        return False


def _stops(stop: Intervention, other: Intervention) -> bool:
    """Whether the stop ever stops and the other acts at all."""
    return bool(getattr(stop, "patience", 1)) and getattr(other, "strength", 1) != 0


def _same_direction(first: Intervention, second: Intervention) -> bool:
    return getattr(first, "direction", None) == getattr(second, "direction", None)


def _writes(stop: Intervention, other: Intervention) -> bool:
    return _stops(stop, other) and not getattr(stop, "source", "") and bool(getattr(other, "on_policy", False))


_WORST = "it stops at the mean loss of rows held out, and cannot see the worst case that the other trains on"
_UNDONE = "it adds at the same layers what the earlier one takes out, so neither would do what it says"
_SPLIT = "the routing splits the loss of the batch as it stands; put it after the entry that changes that loss"

_ROBUST = ("group_dro", "vrex", "cvar", "worst_paraphrase", "hardest")

RULES: tuple[Rule, ...] = (
    *(Rule("route", k, _SPLIT) for k in _ROBUST),
    *(Rule("early_stop", k, _WORST, True, _stops) for k in _ROBUST),
    Rule(
        "early_stop",
        "tamper_resistant",
        "it stops when the training rows are learned, and cannot see whether attacks are withstood by then",
        True,
        _stops,
    ),
    *(
        Rule(
            "early_stop", k, "rows held out keep the answers of the data, which are not those trained on", when=_writes
        )
        for k in ("recontextualise", "reviewed_answers")
    ),
    Rule("caft", "prevent", _UNDONE, when=_same_direction),
    Rule("ablate_asked", "steer_asked", _UNDONE, when=_same_direction),
)
"""Pairs of kinds that cannot meet, beyond the order of stages."""


def unlawful(first: Intervention, second: Intervention) -> str | None:
    """Why `second` cannot follow `first` in a stack, as a clause that ends a sentence; None if it can.

    The order of stages is asked first, then `RULES`, then `second` itself; equal entries never follow one another.
    """
    before, after = PLACE[first.stage], PLACE[second.stage]
    if after < before:
        return _TOO_LATE[after]
    for rule in RULES:
        if rule.forbids(first, second):
            return rule.why
    why = second.conflict(first)
    if why is None and first == second:
        return "it is the same change twice, which would act once or clash with itself"
    return why


def _is(entry: Intervention, who: str) -> bool:
    if who.startswith("stage:"):
        return entry.stage == who.removeprefix("stage:")
    return getattr(entry, "kind", type(entry).__name__) == who
