"""Transfer triples as values: pairs of responses of which one is right, sets of them, and source, target, reference."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pydantic import model_validator

from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.base.seeding import rng
from isobath.base.value import Value
from isobath.gpe.trait_eval import TraitQuestion
from isobath.models.chat import Chat, Message, Row
from isobath.models.requests import joined


class Pair(Value):
    """A chat and two ways to answer it, one of them right.

    `prefix` are the opening words of both answers and `suffix` their last; a forced choice reads `right` and `wrong`
    after the prefix, training and hidden states take the whole answer.
    """

    id: str
    chat: Chat
    right: str
    wrong: str
    prefix: str = ""
    suffix: str = ""

    @model_validator(mode="after")
    def _two_answers(self) -> Pair:
        if self.right == self.wrong or not self.chat:
            raise ValueError(f"pair {self.id!r}: it has a chat and two answers that differ")
        return self

    @cached_property
    def content(self) -> str:
        """What an answer to it depends on: everything but its id."""
        return fingerprint([self.chat, self.prefix, self.right, self.wrong, self.suffix])

    def answered(self, right: bool) -> Chat:
        """The chat with the right or the wrong answer as its last turn."""
        text = self.prefix + joined(self.prefix, self.right if right else self.wrong) + self.suffix
        return (*self.chat, Message(role="assistant", content=text))

    @property
    def row(self) -> Row:
        """The training row that teaches the right answer."""
        return Row(messages=self.answered(right=True))


class PairSet(Value):
    """One distribution: pairs to train on, to choose and calibrate with (`held_out`), and to test on."""

    name: str
    train: tuple[Pair, ...] = ()
    held_out: tuple[Pair, ...] = ()
    test: tuple[Pair, ...]

    @model_validator(mode="after")
    def _apart(self) -> PairSet:
        if not self.test:
            raise ValueError(f"set {self.name!r} has nothing to test on")
        seen: dict[str, str] = {}
        for part, pairs in (("train", self.train), ("held_out", self.held_out), ("test", self.test)):
            for pair in pairs:
                before = seen.setdefault(pair.content, part)
                if before != part:
                    raise ValueError(f"set {self.name!r}: the pair {pair.id!r} is in {before} and in {part}")
        return self


class Triple(Value):
    """A shift: train on `source`, test on `target`; `reference` is what the target-tuned model is tuned and tested on.

    It is the target itself where that has pairs to train on; another where right answers to the target cannot be
    trained, as GENIES does for sycophancy (quotes attributed rightly stand for the capability).
    """

    source: PairSet
    target: PairSet
    reference: PairSet
    category: str | None = None

    @model_validator(mode="after")
    def _untrained_tests(self) -> Triple:
        tested = {pair.content: pair.id for s in (self.source, self.target, self.reference) for pair in s.test}
        for trained in (self.source, self.reference):
            if not trained.train:
                raise ValueError(f"set {trained.name!r} has nothing to train on")
            for pair in (*trained.train, *trained.held_out):
                if pair.content in tested:
                    raise ValueError(f"the pair {pair.id!r} of {trained.name!r} is trained on and tested")
        return self

    @property
    def name(self) -> str:
        """``source -> target``."""
        return f"{self.source.name} -> {self.target.name}"


def pairs_of(
    questions: Sequence[TraitQuestion], right: str, wrong: str, suffix: str = "", seed: int = 0
) -> tuple[Pair, ...]:
    """Choice questions as pairs: the option labelled `right` against one labelled `wrong`.

    Where several options carry either label, one is drawn by `seed` and the question's id. Raises `InputError` on a
    question without an option of each.
    """
    made = []
    for question in questions:
        texts = {label: [o.text for o in question.options if o.label == label] for label in (right, wrong)}
        for label, found in texts.items():
            if not found:
                raise InputError(
                    f"question {question.id!r} has no option labelled {label!r}",
                    "a pair is one right and one wrong answer",
                    f"its labels are {', '.join(o.label for o in question.options)}: name two of them",
                )
        draw = rng(seed, "transfer", "options", question.id)
        picked = {label: found[int(draw.integers(len(found)))] for label, found in texts.items()}
        made.append(
            Pair(
                id=question.id,
                chat=question.chat,
                prefix=question.prefix,
                right=picked[right],
                wrong=picked[wrong],
                suffix=suffix,
            )
        )
    return tuple(made)


def split_pairs(
    name: str, pairs: Sequence[Pair], groups: Sequence[str], seed: int, shares: tuple[float, float] = (0.2, 0.3)
) -> PairSet:
    """`pairs` as a set; `shares` of the groups, drawn at random, are held out and tested.

    Pairs of one group (the same thing asked in other words) stay together, or the test would repeat the training.
    Raises `InputError` where a part would be empty.
    """
    if len(groups) != len(pairs):
        raise InputError(f"{len(groups)} groups of {len(pairs)} pairs", "each pair has a group", "name one for each")
    names = sorted(set(groups))
    order = rng(seed, "transfer", name, "split").permutation(len(names))
    held_out, tested = (round(share * len(names)) for share in shares)
    if min(held_out, tested, len(names) - held_out - tested) < 1:
        raise InputError(
            f"{len(names)} groups in shares {shares}",
            "training, held-out and test parts have a group each",
            "give more groups or other shares",
        )
    part = {names[i]: "held_out" if n < held_out else "test" for n, i in enumerate(order[: held_out + tested])}
    parts: dict[str, list[Pair]] = {"train": [], "held_out": [], "test": []}
    for pair, group in zip(pairs, groups, strict=True):
        parts[part.get(group, "train")].append(pair)
    return PairSet(name=name, **{part: tuple(found) for part, found in parts.items()})
