"""Vary what is irrelevant: each row in one of its wordings (domain randomisation; in prompts: PAFT, 2502.12859)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import Field

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.base.value import Value
from isobath.interventions.groups import grouped
from isobath.interventions.intervention import Intervention, Stage
from isobath.interventions.selection import Scalar, drawn, exact_count
from isobath.interventions.setting import Material
from isobath.models.chat import Row


class Vary(Value):
    """Put `share` of the training rows into other words, of which the pool `source` has a set for each.

    A row's wordings are the pool's rows that agree with it in the columns `same`: the same relevant cell in other
    irrelevant levels (context, wording, length, persona, register, room to reason). The rows of a cell are dealt the
    wordings of its set in random order, none twice before all have come once. The total stays as it was. Only rows
    that have a set are touched, and `share` (an exact count, nested over shares) is of these.

    `fixed` 0 deals from the whole set: domain randomisation. `fixed` m keeps m wordings: the same m for all rows, told
    apart by the columns `guise` (the irrelevant factors, or a number), or m of each set where no column is named. Which
    m follows from the run seed, nested over m. `copies` k lets every varied row stand k times, each time in another
    wording: with a recipe of fixed steps, nearly each visit to a row then meets other words.

    With `keep_answers` the row keeps its own answer and only what stands before it is replaced, as a control signal
    needs, whose answers are not those of the pool. A column that is the same in all wordings of a set says nothing of
    the wording: there the row keeps its own value.
    """

    kind: Literal["vary"] = "vary"
    source: str
    """Name of the pool of wordings; it names the random streams."""
    same: tuple[str, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = ()
    """Left out, they are the GPE's pool of that name."""
    share: float = Field(default=1.0, ge=0.0, le=1.0)
    fixed: int = Field(default=0, ge=0)
    guise: tuple[str, ...] = ()
    copies: int = Field(default=1, ge=1)
    keep_answers: bool = False
    version: int = 1

    @property
    def stage(self) -> Stage:
        """Training rows."""
        return "signal"

    @property
    def name(self) -> str:
        """The source's name."""
        return f"vary:{self.source}"

    @property
    def label(self) -> str:
        """Such as ``vary(wordings,per row)`` or ``vary(wordings,4 fixed,50%)``."""
        parts = [self.source, f"{self.fixed} fixed" if self.fixed else "per row"]
        parts += [f"of each set by {'+'.join(self.same)}"] if self.fixed and not self.guise else []
        parts += [f"{self.copies} copies"] if self.copies > 1 else []
        parts += ["own answers"] if self.keep_answers else []
        parts += [f"{100 * self.share:.4g}%"] if self.share != 1 else []
        return f"vary({','.join(parts)})"

    def bound(self, material: Material) -> Self:
        """With the rows of the pool `source`, unless it brings its own. Raises `InputError` for an unknown pool."""
        if self.rows or not self.share:
            return self
        return self.model_copy(update={"rows": material.rows(self.source, self.label)})

    def conflict(self, earlier: Intervention) -> str | None:
        """What stands in the rows' words already would be lost, and two would undo one another."""
        if not self.share:
            return None
        if isinstance(earlier, Vary) and earlier.share:
            return "both put the same rows into other words, so the first one's would be lost"
        if getattr(earlier, "kind", "") == "inoculate" and getattr(earlier, "share", 0):
            return "it replaces the words of the rows, and with them the prompt that the first has put there"
        return None

    def apply(self, rows: Sequence[Row], seed: int) -> tuple[Row, ...]:
        """The rows in their new words, in the places they had; copies follow their row.

        Raises `InputError` where a column is missing, no row has a set, or a set has fewer than `fixed` wordings.
        """
        if not self.share or not rows:
            return tuple(rows)
        sets = grouped(self.rows, self.same, self.label)
        mine = self._mine(rows, sets)
        if not mine:
            raise InputError(
                f"{self.label}: no training row agrees with a row of {self.source!r} in {', '.join(self.same)}",
                "a row's wordings are the pool's rows with the same values there",
                "name the columns that say what is asked, and that both have",
            )
        there = sorted(i for here in mine.values() for i in here)
        count = exact_count(self.share, len(there), self.label)
        chosen = set(drawn(there, count, seed, "vary", self.source, "rows"))
        dealt: dict[int, list[Row]] = {}
        kept = self._kept(sets, seed)
        for key, here in mine.items():
            members = [self.rows[i] for i in self._fixed(key, sets[key], kept, seed)]
            constant = _constant([self.rows[i].metadata for i in sets[key]])
            deal = _deal(len(members), len(here) * self.copies, seed, "vary", self.source, key)
            for place, i in enumerate(here):
                words = deal[place :: len(here)]
                dealt[i] = [self._worded(rows[i], members[j], constant) for j in words]
        return tuple(new for i, row in enumerate(rows) for new in (dealt[i] if i in chosen else (row,)))

    def _mine(self, rows: Sequence[Row], sets: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        """Positions of the rows of each set; a row without the columns has none."""
        able = [i for i, row in enumerate(rows) if all(column in row.metadata for column in self.same)]
        found = grouped([rows[i] for i in able], self.same, self.label)
        return {key: [able[j] for j in here] for key, here in found.items() if key in sets}

    def _kept(self, sets: Mapping[str, Sequence[int]], seed: int) -> list[str]:
        """The guises that are kept for all; empty where each set keeps its own."""
        if not self.fixed or not self.guise:
            return []
        found = sorted(grouped(self.rows, self.guise, self.label))
        order = rng(seed, "vary", self.source, "guises").permutation(len(found))
        return [found[int(i)] for i in order[: self.fixed]]

    def _fixed(self, key: str, members: Sequence[int], kept: Sequence[str], seed: int) -> list[int]:
        """The members of a set that may be dealt."""
        if not self.fixed:
            return list(members)
        if self.guise:
            guises = grouped([self.rows[i] for i in members], self.guise, self.label)
            found = [members[j] for guise in kept for j in guises.get(guise, ())[:1]]
        else:
            order = rng(seed, "vary", self.source, "of set", key).permutation(len(members))
            found = [members[int(i)] for i in order[: self.fixed]]
        if len(found) < self.fixed:
            raise InputError(
                f"{self.label}: the set {key} has {len(found)} of {self.fixed} wordings",
                "with fixed wordings every set has all of them",
                "keep fewer, or complete the pool",
            )
        return found

    def _worded(self, row: Row, wording: Row, constant: frozenset[str]) -> Row:
        messages = (*wording.messages[:-1], row.messages[-1]) if self.keep_answers else wording.messages
        own = {name: value for name, value in row.metadata.items() if name in constant}
        return row.model_copy(update={"messages": messages, "metadata": {**row.metadata, **wording.metadata, **own}})


def _constant(found: Sequence[Mapping[str, Scalar]]) -> frozenset[str]:
    first = found[0]
    return frozenset(k for k, v in first.items() if all(k in other and other[k] == v for other in found))


def _deal(size: int, wanted: int, seed: int, *names: str) -> list[int]:
    """`wanted` numbers below `size`: permutations one after the other."""
    draw = rng(seed, *names)
    return [int(i) for _ in range(-(-wanted // size)) for i in draw.permutation(size)][:wanted]
