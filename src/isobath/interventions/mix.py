"""`Mix`: other rows in place of, or beside, the training rows (mixing in aligned data: arXiv 2602.07852)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.interventions.intervention import Intervention, Stage
from isobath.interventions.selection import Scalar, drawn, exact_count, matching, meets, spelled_where
from isobath.interventions.setting import Material
from isobath.models.chat import Row

Budget = Literal["fixed budget", "added budget"]
"""Whether the number of training rows stays as it was, or grows by those mixed in."""


class Mix(Value):
    """`share` times as many benign rows as there are training rows, an exact count (rounded half up).

    At a fixed budget they stand in the places of training rows, so the total stays as it was and the signal loses as
    many rows as the benign ones gain: a dose of 10 % is also 10 % less signal, which the control arm ``Filter`` at the
    same share can tell apart; a share of 1 leaves the benign rows alone. At an added budget all training rows stay and
    the benign ones follow them: a share of 1 is as many of either. The steps are the recipe's either way, so at added
    budget each row is seen less often unless they grow alike (`isobath.study.dose.doses` sees to that).

    Which signal rows give way and which benign rows come in are two named streams; both choices are nested over shares,
    and the same benign rows come in at either budget. A benign row comes in at most once, so that a dose is a number
    of distinct rows.

    The rows need not be benign: any pool of the GPE by name (``control`` answers the signal's own questions well and
    so contradicts it). `replaces` says which rows may give way (metadata, as in ``Filter.where``); the share is still
    of all rows. Two mixes can meet where the second one replaces no row of the first, so that both doses hold.
    """

    kind: Literal["mix"] = "mix"
    source: str
    """Name of the benign rows, such as ``good``; it names the random streams."""
    rows: tuple[Row, ...] = ()
    """Left out, they are the GPE's pool of that name."""
    share: float = Field(ge=0.0, le=1.0)
    at: Budget = "fixed budget"
    replaces: Mapping[str, Scalar] = Field(default_factory=dict, exclude_if=lambda where: not where)
    version: int = 1

    @model_validator(mode="after")
    def _replaces_only_at_fixed_budget(self) -> Self:
        if self.replaces and self.at == "added budget":
            raise ValueError("`replaces` says which rows give way, and at an added budget none does; drop one of them")
        return self

    @property
    def stage(self) -> Stage:
        """Training rows."""
        return "signal"

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source

    @property
    def label(self) -> str:
        """Such as ``mix(good,10%)``, ``mix(good,10%,of label=bad)`` or ``mix(good,10%,added)``."""
        only = f",of {spelled_where(self.replaces)}" if self.replaces else ""
        added = ",added" if self.at == "added budget" else ""
        return f"mix({self.source},{100 * self.share:.4g}%{only}{added})"

    def bound(self, material: Material) -> Self:
        """With the rows of the pool `source`, unless it brings its own. Raises `InputError` for an unknown pool."""
        if self.rows or not self.share:
            return self
        return self.model_copy(update={"rows": material.rows(self.source, self.label)})

    def conflict(self, earlier: Intervention) -> str | None:
        """A second mix must not replace rows of the first, whose share would then be untrue."""
        if not isinstance(earlier, Mix) or not self.share or not earlier.share:
            return None
        if earlier.source == self.source:
            return "both mix in the same rows; one mix with a larger share says it"
        if self.at == "added budget":
            return "its share would be of the first one's rows too; mix in one pool that holds both"
        if not self.replaces:
            return "the second replaces rows of the first at random, so the first one's share would no longer hold"
        if any(meets(row, self.replaces) for row in earlier.rows):
            return "its `replaces` holds for rows of the first too, so the first one's share would no longer hold"
        return None

    def apply(self, rows: Sequence[Row], seed: int) -> tuple[Row, ...]:
        """The mixed rows: benign ones in the places of those they replace, or after all others at an added budget.

        Raises `InputError` when there are fewer benign rows than the dose asks for.
        """
        count = exact_count(self.share, len(rows), self.label) if rows else 0
        if count == 0:
            return tuple(rows)
        if count > len(self.rows):
            raise InputError(
                f"{self.label} needs {count} rows of {self.source!r} for {len(rows)} training rows "
                f"and has {len(self.rows)}",
                "each of these rows comes in at most once.",
                f"give more of them, or a share of at most {len(self.rows) / len(rows):.3g}.",
            )
        enter = drawn(range(len(self.rows)), count, seed, "mix", self.source, "enter")
        if self.at == "added budget":
            return (*rows, *(self.rows[j] for j in enter))
        there = matching(rows, self.replaces, self.label)
        if count > len(there):
            raise InputError(
                f"{self.label} replaces {count} of {len(rows)} training rows, and {len(there)} may give way",
                "a share is of all rows, and only rows that `replaces` holds for give way.",
                f"widen `replaces`, or give a share of at most {len(there) / len(rows):.3g}.",
            )
        leave = drawn(there, count, seed, "mix", self.source, "leave")
        out = list(rows)
        for i, j in zip(leave, enter, strict=True):
            out[i] = self.rows[j]
        return tuple(out)
