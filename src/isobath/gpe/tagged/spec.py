"""`TaggedSpec`: a tagged file with the factor space it lives in."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path

from pydantic import Field

from isobath.base.value import Value
from isobath.design.edit import Edit
from isobath.design.places import Places, place_all
from isobath.design.rule import DecisionRule
from isobath.design.space import Point, Space
from isobath.design.space_file import infer_space, read_space
from isobath.design.support import NearWarning, Support, support_of
from isobath.gpe.tagged.edits import one_factor_edits
from isobath.gpe.tagged.file import TaggedFile, read_tagged
from isobath.gpe.tagged.line import TaggedLine


class TaggedSpec(Value):
    """What a landscape of somebody's own data is made of.

    `path` is the tagged file, `space` a space file (None: the space is inferred from the levels in the data, and
    `Landscape.remarks` says what was assumed). `irrelevant` names factors that the right decision does not depend on. A
    cell belongs to the support with `n_min` training examples.
    """

    path: str
    space: str | None = None
    irrelevant: tuple[str, ...] = ()
    n_min: int = Field(default=1, ge=1)

    def read(self) -> Landscape:
        """The file with every line placed. Raises `InputError` for what cannot be read or has no place."""
        file = read_tagged(self.path)
        rule: DecisionRule | None = None
        if self.space is not None:
            declared = read_space(self.space)
            space, rule = declared.space, declared.rule
            said = list(declared.said)
            space = _marked(space, self.irrelevant)
        else:
            # a question counts once, however often it was answered: another arm must not move the bins
            asked = {line.id: line.levels for line in reversed(file.test)}
            tests = [asked[name] for name in dict.fromkeys(line.id for line in file.test)]
            space, sentences = infer_space([*(line.levels for line in file.train), *tests], irrelevant=self.irrelevant)
            said = list(sentences)
        return Landscape(file, space, rule, self.n_min, tuple(said))


def _marked(space: Space, irrelevant: tuple[str, ...]) -> Space:
    for name in irrelevant:
        space.factor(name)
    factors = tuple(f.model_copy(update={"relevant": False}) if f.name in irrelevant else f for f in space.factors)
    return space.model_copy(update={"factors": factors})


class Landscape:
    """A tagged file in its space: the support, and where every test line lies.

    Raises `InputError` where no training line gives a support.
    """

    def __init__(
        self, file: TaggedFile, space: Space, rule: DecisionRule | None, n_min: int, said: tuple[str, ...]
    ) -> None:
        self.file, self.space, self.rule, self.n_min = file, space, rule, n_min
        self._said = said

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what was assumed or noticed, and on what the support is made of."""
        found = self.support
        least = "one training example" if self.n_min == 1 else f"{self.n_min:,} training examples"
        sentence = f"Support, combinations with at least {least}: {len(found):,}, of {found.examples:,} examples in all"
        left = f"; examples of rarer combinations, which do not count: {found.left_out:,}" if found.left_out else ""
        nobody = [f"Questions without an agreed decision, whose answers are not scored: {len(self.contested):,}."]
        more = (*(nobody if self.contested else ()), *self._against_the_rule, *self._torn, *self._whose)
        return (*self._said, *self.file.notes, f"{sentence}{left}.", *more)

    @cached_property
    def _against_the_rule(self) -> tuple[str, ...]:
        """What to say where a line's own right decision is another than the rule's: the line's counts."""
        if self.rule is None:
            return ()
        asked = zip(self.questions, self.points, strict=True)
        other = [line.id for line, point in asked if line.gold is not None and line.gold != self.rule(point)]
        if not other:
            return ()
        return (
            f"Questions whose `gold` is not what the rule says, and counts: {len(other):,} (the first: {other[0]!r}).",
        )

    @cached_property
    def _torn(self) -> tuple[str, ...]:
        """What to say where scenarios of one point have different right decisions: their levels miss what decides."""
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for line, point in zip(self.questions, self.points, strict=True):
            gold = self.gold(line, point)
            if gold is not None:
                found.setdefault(tuple(point[f.name] for f in self.space.factors if f.relevant), {}).setdefault(
                    gold, line.id
                )
        torn = [list(ids.values()) for ids in found.values() if len(ids) > 1]
        if not torn:
            return ()
        first, second = torn[0][:2]
        return (
            f"Combinations of relevant levels with different right decisions in them: {len(torn):,} (such as {first!r} "
            f"and {second!r}). What decides there is no factor, is marked irrelevant, or lies within one bin.",
        )

    @cached_property
    def _whose(self) -> tuple[str, ...]:
        """What to say of an empty island, of answers that stand twice, and of answers that name no replicate."""
        said = []
        if not self.places.counts()["island"]:
            said.append("No test scenario lies on the island, so nothing says how the model does where it was trained.")
        judged = [line for line in self.file.test if line.state is not None]
        keys = [(x.id, x.trait, x.arm, x.base, x.model, x.seed, x.condition, x.judge) for x in judged]
        again = len(keys) - len(set(keys))
        if again:
            said.append(
                f"Judged lines that repeat question, arm, base, seed and condition of another: {again:,}. They count "
                "as further samples of one checkpoint; if they are of others, name these (`base`, `seed`)."
            )
        if judged and all(x.base is None and x.model is None and x.seed is None for x in judged):
            said.append("No line names a base, model or seed: all answers of an arm count as those of one checkpoint.")
        return tuple(said)

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    @cached_property
    def support(self) -> Support:
        """The support that the training lines give."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NearWarning)  # said in the remarks
            return support_of(self.space, self.file.points(self.space, self.file.train), self.n_min)

    @cached_property
    def questions(self) -> tuple[TaggedLine, ...]:
        """The first line of every test id: what stands in it of the question holds for the others too."""
        first: dict[str, TaggedLine] = {}
        for line in self.file.test:
            first.setdefault(line.id, line)
        return tuple(first.values())

    @cached_property
    def points(self) -> list[dict[str, str]]:
        """The points of `questions`."""
        return self.file.points(self.space, self.questions)

    @cached_property
    def edits(self) -> list[tuple[str, Edit]]:
        """Questions that differ from another one in a single factor, where the right decision on both is known."""
        asked = zip(self.questions, self.points, strict=True)
        return one_factor_edits(self.space, ((line.id, point, self.gold(line, point)) for line, point in asked))

    def gold(self, line: TaggedLine, point: Point) -> str | None:
        """The right decision on a question: what its line says, else what the space's rule says; None if neither."""
        if line.options or line.gold is not None or line.contested:
            return line.gold
        return None if self.rule is None else self.rule(point)

    @cached_property
    def contested(self) -> frozenset[str]:
        """Ids of the questions on which a line, or else the space's rule, says that no decision is agreed."""
        asked = zip(self.questions, self.points, strict=True)
        known = self.rule is not None
        return frozenset(
            line.id for line, point in asked if (line.contested or known) and self.gold(line, point) is None
        )

    @cached_property
    def places(self) -> Places:
        """Where `questions` lie."""
        return place_all(self.support, self.points)
