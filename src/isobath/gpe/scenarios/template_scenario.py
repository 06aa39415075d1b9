"""`TemplateScenario`: a scenario that templates put into words; plain data that a person can read and extend."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, get_args

from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.base.value import Value
from isobath.design.rule import DecisionRule
from isobath.design.space import Point, Space
from isobath.gpe.scenarios.common import Common
from isobath.gpe.scenarios.decision import Decision
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.renderer import Renderer
from isobath.gpe.scenarios.scenario import Rendering
from isobath.gpe.scenarios.slots import capitalised

ENGINE = 1
"""Counts up when the same data is put into other words."""

PREPARED: tuple[str, ...] = ("version", "options", "renderings", "_renderer", "_decided", "_names")
"""What a scenario works out once from its data."""


class TemplateScenario(Value):
    """A factor space, a rule and the words of every level and decision (satisfies `Scenario`).

    `wordings` has the phrases of every factor that the scenario itself declares, `common` the irrelevant factors that
    all scenarios share. `about` says what is decided, for whom; `contested` why people do not agree where the rule has
    no decision. Files are read by `read_scenario`; docs/broadening/catalogue.md describes the format.
    """

    name: str
    title: str = ""
    about: str = ""
    space: Space
    rule: DecisionRule
    contested: str = ""
    decisions: Mapping[str, Decision]
    tools: Mapping[str, str] = {}
    wordings: Mapping[str, Mapping[str, tuple[str, ...]]]
    asks: tuple[str, ...]
    common: Common

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> TemplateScenario:
        """A copy with `update` in it; what was prepared for the original's words is not kept."""
        copied = super().model_copy(update=update, deep=deep)
        for name in PREPARED:
            copied.__dict__.pop(name, None)
        return copied

    @cached_property
    def version(self) -> int:
        """A number that is another one as soon as any word, rule or level of the scenario is."""
        return int(fingerprint([ENGINE, self])[:8], 16)

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the factors that the scenario itself declares."""
        return tuple(self.wordings)

    @cached_property
    def options(self) -> Mapping[str, str]:
        """Decision -> the words it is offered in. Every answer has them as a sentence before the decision's own."""
        return {name: capitalised(decision.option) for name, decision in self.decisions.items()}

    @cached_property
    def renderings(self) -> tuple[Rendering, ...]:
        """``tools`` where every decision is a call."""
        callable_ = all(decision.call is not None for decision in self.decisions.values())
        return ("single", "multi", "tools") if callable_ else ("single", "multi")

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self)

    @cached_property
    def _decided(self) -> dict[tuple[str, ...], str | None]:
        """Combinations of the scenario's own levels, decided once each."""
        return {}

    def decide(self, point: Point) -> str | None:
        """The right decision at `point`; None where people do not agree. Raises `InputError` for what is no point."""
        try:
            key = tuple([point[name] for name in self.wordings])
        except KeyError:
            raise self._no_point(point) from None
        if key not in self._decided:
            self.space.point(dict(point))
            if not self.space.allows(point):
                raise InputError(f"{dict(zip(self.own, key, strict=True))}", "such a point cannot be", "change a level")
            self._decided[key] = self.rule(point)
        return self._decided[key]

    def draft(self, point: Point, seed: int, rendering: Rendering = "single") -> Draft:
        """`point` in words, answered where there is an agreed decision.

        Every slot draws from its own stream of (scenario, seed, slot): with one level changed and the same seed only
        that level's words change, and the answer where the decision does. Raises `InputError` for a point that cannot
        be or a rendering that the scenario does not have.
        """
        decision = self.decide(point)
        if rendering not in self.renderings:
            known = ", ".join(self.renderings)
            raise InputError(
                f"rendering {rendering!r} of {self.name!r}",
                f"it has {known}" if rendering in get_args(Rendering) else f"renderings are {known}",
                "choose one; `tools` needs a call for every decision",
            )
        try:
            messages = self._renderer.messages(point, seed, rendering, decision)
            levels = {name: point[name] for name in self._names}
        except KeyError:
            raise self._no_point(point) from None
        return Draft(self.name, levels, decision, messages, seed, rendering)

    def phrases(self, factor: str) -> Mapping[str, tuple[str, ...]]:
        """How the levels of `factor` may be worded, with slots such as ``{place}`` still in them (see `pattern_of`)."""
        self.space.factor(factor)
        return self.wordings[factor] if factor in self.wordings else self.common.phrases(factor)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self.space.names

    def _no_point(self, point: Point) -> InputError:
        try:
            self.space.point(dict(point))
        except InputError as error:
            return error
        return InputError(f"{dict(point)}", "a point is made of levels", "make it one: space.point({...})")
