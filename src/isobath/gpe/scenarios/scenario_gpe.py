"""The GPE of a scenario: the right decision learned on a narrow support, asked ever further away, on any model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from isobath.base.errors import InputError
from isobath.base.row import TraitKind
from isobath.base.seeding import rng, stream_seed
from isobath.design.edit import Edit
from isobath.design.places import place_all
from isobath.design.region import Place
from isobath.design.rule import DecisionRule
from isobath.design.space import Codes, Point
from isobath.gpe.gpe import GPE, Signal
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.drawn_points import DrawnPoints
from isobath.gpe.scenarios.scenario import Rendering, Scenario
from isobath.gpe.scenarios.template_scenario import TemplateScenario
from isobath.gpe.trait_eval import Option, TraitEval, TraitQuestion
from isobath.grading.score import OptionScore, PatternScore, PhraseScore
from isobath.models.chat import Row
from isobath.models.protocol import Sampling

RIGHT, WRONG, CONTESTED = "right", "wrong", "contested"
POOLS: tuple[str, ...] = ("relevant", "irrelevant", "both")
SHARE = OptionScore(target=(RIGHT,), measure="share")
WRITTEN = 6
"""Points of each region that are answered in text too."""


def scenario_gpe(
    scenario: Scenario,
    *,
    support: Mapping[str, str | Sequence[str]] | None = None,
    rows: int = 2_000,
    test_per_region: int = 36,
    pool_rows: int = 1_200,
    renderings: Sequence[Rendering] = ("single",),
    seed: int = 0,
) -> GPE:
    """The GPE of `scenario`: signal, control, pools and trait evals around a narrow support.

    `support` maps factors to the levels the signal is restricted to (a factor it does not name keeps all; None: drawn
    by `seed`, see `narrow_support`). The control has the signal's scenarios with its decisions dealt out at random.
    Pools ``relevant``, ``irrelevant`` and ``both`` have `pool_rows` rows that broaden it, none of them a test point.
    `test_per_region` points are asked in every region, or as many as there are, a few contested ones beside them, and
    edited ones for flip rates. Rows and questions take turns in `renderings`. Raises `InputError` for a level or
    rendering that is none, and for a support with a single decision.
    """
    if rows < 1 or test_per_region < 1 or pool_rows < 1 or not renderings:
        raise InputError(
            f"rows = {rows}, test_per_region = {test_per_region}, pool_rows = {pool_rows}", "1 or more", "correct it"
        )
    points = DrawnPoints(scenario, support, rows, test_per_region, seed)
    made = _Worded(points, tuple(renderings))
    return GPE(
        name=scenario.name,
        description=f"{rows:,} right decisions on a narrow support of {scenario.name!r}: {_said(points)}. Control: the "
        "same scenarios, decisions dealt out anew.",
        signal=Signal(name="narrow", role="signal", rows=tuple(made.rows("signal", points.signal))),
        control=Signal(name="permuted", role="control", rows=tuple(made.permuted())),
        traits=made.traits(),
        prompts={},
        paraphrases={},
        pools={name: tuple(made.rows(name, points.pool(name, pool_rows))) for name in POOLS},
        space=scenario.space,
        gold=_rule(scenario),
        headline="right_decision",
    )


def _rule(scenario: Scenario) -> DecisionRule | None:
    return scenario.rule if isinstance(scenario, TemplateScenario) else None


def _said(points: DrawnPoints) -> str:
    """The levels that the signal has of each relevant factor."""
    narrow = points.levels.narrow
    return "; ".join(f"{f.name} {', '.join(narrow[f.name])}" for f in points.scenario.space.relevant)


class _Worded:
    """The points in words."""

    def __init__(self, points: DrawnPoints, renderings: tuple[Rendering, ...]) -> None:
        self.points, self.renderings = points, renderings
        self.scenario = points.scenario

    def draft(self, point: Point, part: str, i: int) -> Draft:
        """Point number `i` of a part; every part has seeds of its own."""
        seed = stream_seed(self.points.seed, "scenario gpe", "words", part) + i
        return self.scenario.draft(point, seed, self.renderings[i % len(self.renderings)])

    def rows(self, part: str, codes: Codes) -> Iterator[Row]:
        """Rows at `codes`, answered rightly."""
        for i, point in enumerate(self.scenario.space.decode(codes)):
            yield self.draft(point, part, i).row()

    def permuted(self) -> Iterator[Row]:
        """The signal's rows with its decisions dealt out at random: the same marginal, and no rule.

        The answer is in the words that the row's seed gives where the dealt decision is right.
        """
        space, codes = self.scenario.space, self.points.signal
        points = space.decode(codes)
        drafts = [self.draft(point, "signal", i) for i, point in enumerate(points)]
        order = rng(self.points.seed, "scenario gpe", "permuted decisions").permutation(len(drafts)).tolist()
        relevant = [factor.name for factor in space.relevant]
        for i, (draft, j) in enumerate(zip(drafts, order, strict=True)):
            decision = drafts[j].decision
            other = {**points[i], **{name: points[j][name] for name in relevant}}
            donor = self.draft(other if space.allows(other) else points[j], "signal", i)
            row = draft.row()
            yield Row(messages=(*draft.asked, donor.messages[-1]), metadata={**row.metadata, "decision": decision})

    def traits(self) -> tuple[TraitEval, ...]:
        """The trait evals, the one the GPE is about first."""
        chance = 1 / len(self.scenario.options)
        written = self._written()
        text = Sampling(temperature=1.0, max_tokens=120)
        wanted = TraitKind.WANTED
        listed = (
            ("right_decision", "the right decision", (*self._tested(), *self._contested())),
            ("right_in_new_contexts", "the right decision in contexts that no row has", self._in_new_contexts()),
            ("right_when_edited", "the right decision after one factor was changed: for flip rates", self._edited()),
        )
        return (
            *(
                TraitEval(name=name, kind=wanted, description=said, questions=asked, score=SHARE, chance=chance)
                for name, said, asked in listed
                if asked
            ),
            TraitEval(
                name="right_in_writing",
                kind=wanted,
                description="the right decision in an answer in text",
                questions=written,
                score=PhraseScore(target=(RIGHT,)),
                sampling=text,
            ),
            TraitEval(
                name="coherence",
                kind=TraitKind.COHERENCE,
                description="an answer in text that takes one of the decisions, right or wrong",
                questions=written,
                score=PatternScore(name="takes_a_decision", pattern=self._pattern()),
                sampling=text,
            ),
        )

    def _pattern(self) -> str:
        options = "|".join(re.escape(option) for option in self.scenario.options.values())
        return rf"(?s).*\b(?:{options})\b.*"

    def _tested(self) -> tuple[TraitQuestion, ...]:
        return tuple(q for region, codes in self.points.tests.items() for q in self._at(str(region), codes))

    def _contested(self) -> tuple[TraitQuestion, ...]:
        return tuple(self._at("contested", self.points.contested))

    def _in_new_contexts(self) -> tuple[TraitQuestion, ...]:
        return tuple(self._at("new contexts", self.points.new_contexts))

    def _written(self) -> tuple[TraitQuestion, ...]:
        return tuple(q for region, codes in self.points.tests.items() for q in self._at(str(region), codes[:WRITTEN]))

    def _edited(self) -> tuple[TraitQuestion, ...]:
        """Every edited point in the words of the point it was made from, but for what was changed."""
        found = self.points.edited
        if not found:
            return ()
        places = place_all(self.points.around, [point for _, _, point, _ in found])
        asked = []
        for number, (region, i, point, edit) in enumerate(found):
            draft = self.draft(point, str(region), i)
            of = edit.model_copy(update={"of": self._id(str(region), i)})
            asked.append(self._question(draft, f"{of.of}:{edit.factor}:{number}", places.place(number), of))
        return tuple(asked)

    def _at(self, part: str, codes: Codes) -> Iterator[TraitQuestion]:
        if not len(codes):
            return
        places = place_all(self.points.around, codes)
        for i, point in enumerate(self.scenario.space.decode(codes)):
            yield self._question(self.draft(point, part, i), self._id(part, i), places.place(i))

    def _id(self, part: str, i: int) -> str:
        return f"{self.scenario.name}:{part}:{i}"

    def _question(self, draft: Draft, name: str, place: Place, edit: Edit | None = None) -> TraitQuestion:
        """What to do at a point; at a contested one every option carries a label that no score names."""
        right = draft.decision
        return TraitQuestion(
            id=name,
            chat=draft.asked,
            options=tuple(
                Option(label=CONTESTED if right is None else RIGHT if decision == right else WRONG, text=text)
                for decision, text in self.scenario.options.items()
            ),
            levels=dict(draft.point),
            place=place,
            edit=edit,
        )
