"""`Factor`: one dimension of a scenario, its levels, and whether the right decision depends on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from isobath.base.errors import InputError
from isobath.base.value import Value

Kind = Literal["nominal", "ordinal", "continuous", "text"]

MISSING = "n/a"
"""The level of an `optional` factor where it does not apply: a level of its own, near to nothing else."""


MOST_LEVELS = 2**15
"""Codes are 16 bits wide. A factor with more levels is an identifier or a text that was not tagged."""


class Factor(Value):
    """One dimension of a scenario.

    ``nominal`` levels are equal or not. ``ordinal`` levels are listed in their order and compared by rank.
    ``continuous`` values fall into the bins between consecutive `edges` (a bin has its lower edge, not its upper one);
    the first and last edge may be infinite. ``text`` levels are what a rule or a judge tags free text with, and are
    compared like nominal ones. `relevant` says whether the right decision depends on the factor. `near` is the shore
    width of an ordered factor: how many ranks away still count as near (0: only the level itself).
    """

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")
    kind: Kind = "nominal"
    relevant: bool = True
    levels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()
    near: Annotated[int, Field(ge=0)] = 0
    optional: bool = False
    description: str = ""

    @model_validator(mode="after")
    def _levels_fit_the_kind(self) -> Factor:
        if self.kind == "continuous":
            if self.levels or len(self.edges) < 2 or any(not a < b for a, b in pairwise(self.edges)):
                raise ValueError(f"continuous factor {self.name!r} takes at least two ascending edges and no levels")
        elif self.edges or not self.levels:
            raise ValueError(f"{self.kind} factor {self.name!r} takes levels and no edges")
        if len(self.domain) > MOST_LEVELS:
            raise ValueError(f"factor {self.name!r} has {len(self.domain):,} levels, and {MOST_LEVELS:,} are the most")
        if len(set(self.domain)) != len(self.domain):
            raise ValueError(f"factor {self.name!r} lists a level twice")
        if self.near and not self.ordered:
            raise ValueError(f"{self.kind} factor {self.name!r} has no order: nothing is near but the level itself")
        return self

    @property
    def ordered(self) -> bool:
        """Whether its levels (but for `MISSING`) have an order."""
        return self.kind in ("ordinal", "continuous")

    @property
    def domain(self) -> tuple[str, ...]:
        """Every level, in order; `MISSING` last where it is one. A bin is named ``[low, high)`` (`edge_names`)."""
        return _domain(self.levels, self.edges, self.optional)

    def level_of(self, value: object) -> str:
        """The level that `value` is or falls into. Raises `InputError` where it has none."""
        text = level_text(value)
        if text in self.domain:
            return text
        if self.kind == "continuous":
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            for level, (low, high) in zip(self.domain, pairwise(self.edges), strict=False):
                if low <= number < high:
                    return level
        known = ", ".join(self.domain[:12]) + (", ..." if len(self.domain) > 12 else "")
        raise InputError(f"{self.name} = {value!r}", f"the levels of {self.name!r} are {known}", "correct it or add it")


@lru_cache(maxsize=1024)
def _domain(levels: tuple[str, ...], edges: tuple[float, ...], optional: bool) -> tuple[str, ...]:
    """Asked for once per value that is read, and the names of bins take long to write."""
    listed = levels or tuple(f"[{low}, {high})" for low, high in pairwise(edge_names(edges)))
    return (*listed, MISSING) if optional else listed


def edge_names(edges: Sequence[float]) -> list[str]:
    """Edges as they are written: to six significant digits, or to as many as tell them apart."""
    names = [f"{edge:g}" for edge in edges]
    for digits in range(7, 18):
        if len(set(names)) == len(set(edges)):
            break
        names = [f"{edge:.{digits}g}" for edge in edges]
    return names


def level_text(value: object) -> str:
    """A level as it is written: ``true`` for True, ``3`` for 3.0."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return MISSING if value is None else str(value)
