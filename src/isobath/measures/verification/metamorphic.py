"""`Metamorphic`: the decision read from the words stays under irrelevant edits and flips under relevant ones.

Ribeiro et al. 2020 (CheckList, arXiv:2005.04118) test models so, with invariance and directional tests; here the texts
are tested: what is edited is a factor of the point, and the scenario words both versions with the same seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from isobath.base.errors import InputError
from isobath.base.seeding import stream_seed
from isobath.design.factor import Factor
from isobath.design.rule import flips
from isobath.gpe.scenarios.draft import TEMPLATES, Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.check import Findings, Looking, NotMeasured, Reason
from isobath.measures.verification.decider import Decider, TaggedDecider, Undecided
from isobath.measures.verification.reading import Tagger

T = TypeVar("T")

Reword = Callable[[Sequence[Draft]], Sequence[Draft]]
"""Edited drafts of the templates in, the same points in the words of whoever worded the original out."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Draft number `of` and its edited version: `factor` from level `old` to `new`."""

    of: int
    factor: str
    relevant: bool
    old: str
    new: str
    edited: Draft


class Metamorphic(Looking):
    """Rejects a draft if an edit of one factor does not do to its words and their decision what it must.

    The edited version has the same seed, so that nothing but the factor's words should differ. An irrelevant edit must
    change a word and not the decision; a relevant edit that flips the rule's decision must flip the one read from the
    words. `edits` per draft, irrelevant and relevant in turn (one: either kind for half of the drafts), or ``all``:
    every irrelevant factor once and every relevant one that has a witness at the point. Which are chosen follows from
    `seed` and the draft. `decider` None
    reads with `tagger` and the rule. A draft that a model worded is compared with the templates' wording of the edit,
    unless `reword` words that as the model does: the templates' is the weaker test.
    """

    name = "metamorphic"

    def __init__(
        self,
        tagger: Tagger,
        edits: int | Literal["all"] = 1,
        seed: int = 0,
        decider: Decider | None = None,
        reword: Reword | None = None,
    ) -> None:
        if edits != "all" and edits < 1:
            raise InputError(f"edits = {edits}", "a draft is edited once or more", "use 1 or more, or 'all'")
        self.edits, self.seed, self.reword = edits, seed, reword
        self.decider = decider or TaggedDecider(tagger)

    def look(self, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
        """One reason per draft; counts how many edits of each factor were tried."""
        tells = getattr(self.decider, "tells", None)
        told = scenario.space.names if tells is None else tells(scenario)
        unseen = [factor.name for factor in scenario.space.relevant if factor.name not in told]
        pairs = [pair for i, draft in enumerate(drafts) for pair in self._pairs(i, draft, scenario, told)]
        edited = self._worded(drafts, pairs)
        read = self.decider.decisions([*drafts, *edited], scenario)
        before, after = read[: len(drafts)], read[len(drafts) :]
        reasons: list[str | None] = [said if isinstance(said, NotMeasured) else None for said in before]
        for pair, now, decision in zip(pairs, edited, after, strict=True):
            if reasons[pair.of] is None:
                reasons[pair.of] = _wrong(drafts[pair.of], pair, now, (before[pair.of], decision), scenario)
        counts = Counter(f"edits of {pair.factor}" for pair in pairs)
        counts["drafts without an edit"] = len(drafts) - len({pair.of for pair in pairs})
        return Findings(
            reasons,
            counts=counts,
            not_measured=tuple(f"{name}: the {self.decider.name} cannot tell its levels" for name in unseen),
        )

    def _pairs(self, number: int, draft: Draft, scenario: Scenario, told: Sequence[str]) -> list[Pair]:
        turn = stream_seed(self.seed, "metamorphic", draft.id)
        still = _rotated([f for f in scenario.space.factors if not f.relevant], turn // 3)
        moving = _rotated([f for f in scenario.space.relevant if f.name in told], turn // 7)
        most = len(still) + len(moving) if self.edits == "all" else self.edits
        found: list[Pair] = []
        queues = [still, moving if draft.decision is not None else []]
        if turn % 2:
            queues.reverse()
        while len(found) < most and any(queues):
            queue = queues[0] if queues[0] else queues[1]
            pair = _edit(number, draft, scenario, queue.pop(0), turn)
            if pair is not None:
                found.append(pair)
                queues.reverse()
        return found

    def _worded(self, drafts: Sequence[Draft], pairs: Sequence[Pair]) -> list[Draft]:
        edited = [pair.edited for pair in pairs]
        others = [i for i, pair in enumerate(pairs) if drafts[pair.of].source != TEMPLATES]
        if self.reword is not None and others:
            for i, draft in zip(others, self.reword([edited[i] for i in others]), strict=True):
                edited[i] = draft
        return edited


def _edit(number: int, draft: Draft, scenario: Scenario, factor: Factor, turn: int) -> Pair | None:
    """The first edit of `factor`, in an order of the draft's own, that can be and is agreed; a witness if relevant."""
    old = draft.point[factor.name]
    for level in _rotated([level for level in factor.domain if level != old], turn // 11):
        point = {**draft.point, factor.name: level}
        if not scenario.space.allows(point):
            continue
        if not factor.relevant or flips(draft.decision, scenario.decide(point)):
            edited = scenario.draft(point, draft.seed, draft.rendering)  # type: ignore[arg-type]
            return Pair(number, factor.name, factor.relevant, old, level, edited)
    return None


def _wrong(
    draft: Draft, pair: Pair, edited: Draft, read: tuple[str | None, str | None], scenario: Scenario
) -> str | None:
    """What is wrong with a pair, given the decisions `read` from its texts; None if nothing is."""
    before, after = read
    change = f"{pair.factor}: changing it from {pair.old!r} to {pair.new!r}"
    if isinstance(after, NotMeasured):
        return after
    if edited.text == draft.text:
        return Reason(f"{change} changes no word")
    if isinstance(before, Undecided):
        return Reason(f"no decision can be read from the text ({before})")
    if isinstance(after, Undecided):
        return Reason(f"{change} leaves no decision to be read ({after})")
    right = scenario.decide(edited.point)
    if not pair.relevant and right != draft.decision:
        turned = f"from {_named(draft.decision)} to {_named(right)}"
        return Reason(f"{change} turns the rule's decision {turned}: no irrelevant factor may")
    if not pair.relevant and after != before:
        return Reason(
            f"{change} turns the decision read from the text from {_named(before)} to {_named(after)}: it must not"
        )
    if pair.relevant and after == before:
        return Reason(
            f"{change} turns the right decision from {_named(draft.decision)} to {_named(right)}, and the text still "
            f"reads as {_named(before)}"
        )
    if pair.relevant and after != right:
        return Reason(f"{change} should read as {_named(right)}, and reads as {_named(after)}")
    return None


def _rotated(values: list[T], turn: int) -> list[T]:
    start = turn % len(values) if values else 0
    return values[start:] + values[:start]


def _named(decision: str | None) -> str:
    return "contested" if decision is None else repr(decision)
