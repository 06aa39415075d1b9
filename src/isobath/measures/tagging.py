"""Free text tagged into factor levels, by rule or by a judge. What is not found is a state, never a guess.

A text with a level for every factor is a point, and has a region. One without has none (`TaggedText.point`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import pandas as pd
from pydantic import Field, field_validator, model_validator

from isobath.analysis.intervals import clopper_pearson
from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.base.value import Value
from isobath.design.factor import Factor, level_text
from isobath.design.places import place_of
from isobath.design.region import Place
from isobath.design.space import Space
from isobath.design.support import Support
from isobath.grading.judge import Judge, JudgeAsk, Read, judge_all
from isobath.grading.judgement import Judgement
from isobath.grading.rubric import Rubric

if TYPE_CHECKING:
    from isobath.models.endpoint.budget import Budget

NONE = "none of these"
"""What a judge says of a text that does not tell the level."""


class LevelRule(Value):
    """A text has `level` where the regular expression `pattern` is found in it, in any case."""

    level: str
    pattern: str = Field(min_length=1)

    @field_validator("level", mode="before")
    @classmethod
    def _as_written(cls, level: object) -> object:
        return _level(level)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _compiled(pattern)


class FactorRules(Value):
    """How the level of one factor is read from a text.

    The `rules` are tried in order and the first that is found decides; with `several` ``error``, a text in which rules
    of different levels are found has none. `number`, tried where no rule is found, is a pattern whose first group is
    the value itself: a number that falls into a bin, or a level. `otherwise` is the level of a text in which nothing is
    found, where the absence of words means one; None leaves the text untagged.
    """

    factor: str
    rules: tuple[LevelRule, ...] = ()
    number: str | None = None
    several: Literal["first", "error"] = "first"
    otherwise: str | None = None

    @field_validator("otherwise", mode="before")
    @classmethod
    def _as_written(cls, otherwise: object) -> object:
        return _level(otherwise)

    @field_validator("number")
    @classmethod
    def _has_a_group(cls, number: str | None) -> str | None:
        if number is not None and not re.compile(_compiled(number)).groups:
            raise ValueError(f"{number!r} has no group: put the value in round brackets")
        return number

    @model_validator(mode="after")
    def _says_something(self) -> FactorRules:
        if not self.rules and self.number is None:
            raise ValueError(f"no rule and no number for the factor {self.factor!r}")
        return self


class Tag(NamedTuple):
    """A level, or the state that says why there is none: `PARSE_ERROR` (nothing found, or too much), or the judge's
    own, `NOT_APPLICABLE` where it said `NONE`."""

    level: str | None
    state: State


@dataclass(frozen=True)
class TaggedText:
    """A text with its tag on every factor of `space`."""

    text: str
    space: Space
    tags: Mapping[str, Tag]

    @property
    def point(self) -> dict[str, str] | None:
        """The point it lies at; None where a level is missing, or where they make a point that cannot be."""
        levels = {name: tag.level for name, tag in self.tags.items() if tag.level is not None}
        return levels if len(levels) == len(self.space.factors) and self.space.allows(levels) else None

    @property
    def untagged(self) -> tuple[str, ...]:
        """Factors without a level."""
        return tuple(name for name, tag in self.tags.items() if tag.level is None)


def tag_by_rule(space: Space, rules: Sequence[FactorRules], texts: Sequence[str]) -> list[TaggedText]:
    """Each text with the level that the rules find for each factor.

    Raises `InputError` for a factor without rules or with two sets of them, and for a level that it does not have.
    """
    for rule in rules:
        space.factor(rule.factor)
    by_factor = {rule.factor: rule for rule in rules}
    missing = [name for name in space.names if name not in by_factor]
    if missing or len(by_factor) < len(rules):
        raise InputError(
            f"no rules for {', '.join(missing)}" if missing else "two sets of rules for one factor",
            f"each factor of {', '.join(space.names)} has one set of rules",
            "add them: a text without a level on every factor has no region",
        )
    for rule in rules:
        for level in [*(r.level for r in rule.rules), *([rule.otherwise] if rule.otherwise is not None else [])]:
            space.factor(rule.factor).level_of(level)
    return [
        TaggedText(text, space, {f.name: _found(f, by_factor[f.name], text) for f in space.factors}) for text in texts
    ]


def tag_by_judge(
    space: Space, judge: Judge, texts: Sequence[str], read: Read = "text", budget: Budget | None = None
) -> list[TaggedText]:
    """Each text with the level that the judge names for each factor: one call per factor and text.

    Raises what `judge_all` raises.
    """
    rubrics = {factor.name: level_rubric(factor) for factor in space.factors}
    asks = [JudgeAsk(rubrics[name], "", text) for text in texts for name in space.names]
    said = iter(judge_all(judge, read, asks, budget))
    return [
        TaggedText(text, space, {factor.name: _named(factor, next(said)) for factor in space.factors}) for text in texts
    ]


def level_rubric(factor: Factor) -> Rubric:
    """What a judge is asked about one factor: which of its levels a text has, or `NONE`.

    Levels that are no plain words (bins, signs) or look alike are put as codes, which a reply cannot mangle.
    """
    spoken = _spoken(factor)
    listed = "\n".join(f"- {said}" if said == level else f"- {said}: {level}" for said, level in spoken.items())
    what = f" ({factor.description})" if factor.description else ""
    return Rubric(
        name=f"level_of_{factor.name}",
        template=f"Here is a text:\n\n{{answer}}\n\nWhich {factor.name!r}{_literal(what)} does it have? "
        f"Choose one of these:\n\n{_literal(listed)}\n- {NONE}: the text does not say\n\n"
        "Reply with your choice alone, exactly as written above.",
        shape="label",
        labels=(*spoken, NONE),
        isolate=True,
        reply_tokens=24,
    )


def places_of(support: Support, tagged: Sequence[TaggedText]) -> list[Place | None]:
    """Where each text lies with respect to `support`; None for one that is not wholly tagged: it has no region."""
    return [None if (point := text.point) is None else place_of(support, point) for text in tagged]


def agreement_table(first: Sequence[TaggedText], second: Sequence[TaggedText]) -> pd.DataFrame:
    """How far two taggings of the same texts agree, one row per factor.

    Columns: factor; texts; both, only_first, only_second, neither (counts of tagged texts); agree; share (of those that
    both tagged), low, high (Clopper-Pearson, 95 %); kappa (Cohen 1960: agreement beyond what their shares of levels
    give by chance; NaN where that is certain). Raises `InputError` where the texts differ.
    """
    if [t.text for t in first] != [t.text for t in second] or not first:
        raise InputError("two taggings of different texts", "agreement is about the same texts", "tag the same list")
    rows = []
    for name in first[0].space.names:
        pairs = [(a.tags[name].level, b.tags[name].level) for a, b in zip(first, second, strict=True)]
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        agree = sum(a == b for a, b in both)
        interval = clopper_pearson(agree, len(both)) if both else (float("nan"),) * 2
        rows.append(
            {
                "factor": name,
                "texts": len(pairs),
                "both": len(both),
                "only_first": sum(a is not None and b is None for a, b in pairs),
                "only_second": sum(a is None and b is not None for a, b in pairs),
                "neither": sum(a is None and b is None for a, b in pairs),
                "agree": agree,
                "share": agree / len(both) if both else float("nan"),
                "low": interval[0],
                "high": interval[1],
                "kappa": _kappa(both),
            }
        )
    return pd.DataFrame(rows)


def _level(level: object) -> object:
    """A level that is a number or a truth value in a file of rules is the same level as in a space file."""
    return level_text(level) if isinstance(level, int | float) else level


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


def _found(factor: Factor, rules: FactorRules, text: str) -> Tag:
    hits = [rule.level for rule in rules.rules if re.search(rule.pattern, text, re.IGNORECASE)]
    if len(set(hits)) > 1 and rules.several == "error":
        return Tag(None, State.PARSE_ERROR)
    if hits:
        return Tag(factor.level_of(hits[0]), State.OK)
    if rules.number is not None and (hit := re.search(rules.number, text, re.IGNORECASE)) and hit[1] is not None:
        try:
            return Tag(factor.level_of(hit[1]), State.OK)
        except InputError:
            return Tag(None, State.PARSE_ERROR)
    if rules.otherwise is None:
        return Tag(None, State.PARSE_ERROR)
    return Tag(factor.level_of(rules.otherwise), State.OK)


def _named(factor: Factor, said: Judgement) -> Tag:
    if said.state is not State.OK:
        return Tag(None, said.state)
    level = _spoken(factor).get(said.label or "")
    return Tag(None, State.NOT_APPLICABLE) if level is None else Tag(level, State.OK)


def _spoken(factor: Factor) -> dict[str, str]:
    """What the judge says -> level: the level itself, or a code where a reply could not carry it."""
    plain = all(re.fullmatch(r"\w(?:[\w /-]*\w)?", level) for level in factor.domain)
    folded = {level.casefold() for level in (*factor.domain, NONE)}
    if plain and len(folded) == len(factor.domain) + 1:
        return {level: level for level in factor.domain}
    return {f"L{number}": level for number, level in enumerate(factor.domain, start=1)}


def _literal(text: str) -> str:
    """Braces of a level are not slots of the prompt."""
    return re.sub(r"\{(\w+)\}", r"{ \1 }", text)


def _kappa(pairs: Sequence[tuple[str, str]]) -> float:
    if not pairs:
        return float("nan")
    n = len(pairs)
    levels = {level for pair in pairs for level in pair}
    chance = sum(sum(a == x for a, _ in pairs) * sum(b == x for _, b in pairs) for x in levels) / n**2
    return float("nan") if chance == 1 else (sum(a == b for a, b in pairs) / n - chance) / (1 - chance)
