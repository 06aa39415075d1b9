"""`Decider`: which decision is right, read from a draft's words alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.check import NotMeasured, Reason
from isobath.measures.verification.reading import Levels, Tagger, failure, why_none


class Undecided(Reason):
    """Why no decision can be read from a text."""


@runtime_checkable
class Decider(Protocol):
    """Reads decisions. It may know the rule, never the point."""

    @property
    def name(self) -> str:
        """Stands in reasons."""
        ...

    def decisions(self, drafts: Sequence[Draft], scenario: Scenario) -> list[str | None]:
        """Per draft the decision that is right by its words (None: contested), `Undecided`, or `NotMeasured`."""
        ...


class TaggedDecider:
    """A tagger's reading of the relevant factors, put into the scenario's rule.

    What it cannot see: anything that its tagger cannot.
    """

    def __init__(self, tagger: Tagger) -> None:
        self.tagger = tagger
        self.name = f"{tagger.name} and rule"

    def tells(self, scenario: Scenario) -> tuple[str, ...]:
        """What its tagger tells; the other factors are taken from the point, so that nothing is learned of them."""
        return self.tagger.tells(scenario)

    def decisions(self, drafts: Sequence[Draft], scenario: Scenario) -> list[str | None]:
        """One per draft."""
        relevant = [factor.name for factor in scenario.space.relevant]
        told = set(self.tagger.tells(scenario))
        readings = self.tagger.read(drafts, scenario)
        return [
            _decision(draft, reading, scenario, relevant, told) for draft, reading in zip(drafts, readings, strict=True)
        ]


def _decision(draft: Draft, reading: Levels, scenario: Scenario, relevant: Sequence[str], told: set[str]) -> str | None:
    if failed := failure(reading):
        return NotMeasured(f"the tagger could not be asked: {failed}", "the tagger could not be asked")
    point = dict(draft.point)
    for name in relevant:
        level = reading.get(name)
        if level is not None:
            point[name] = level
        elif name in told:
            return Undecided(f"{name}: {why_none(reading, name)}")
    if not scenario.space.allows(point):
        return Undecided(f"{', '.join(f'{name} = {point[name]}' for name in relevant)} cannot be together")
    return scenario.decide(point)
