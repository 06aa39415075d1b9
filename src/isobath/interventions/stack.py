"""`Stack`: interventions in order, checked for those that cannot meet, and their effect on training rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Any

from pydantic import Field

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.interventions.filter import Filter
from isobath.interventions.inoculate import Inoculate
from isobath.interventions.intervention import SignalIntervention
from isobath.interventions.mix import Mix
from isobath.models.chat import Row

AnyIntervention = Annotated[Filter | Inoculate | Mix, Field(discriminator="kind")]
"""Every built-in intervention; `kind` tells which in a file."""


class Stack(Value):
    """Interventions in the order they act; the empty stack is ``plain``.

    ``Stack(Inoculate(prompt=p), Mix(...))`` or, from a file, ``Stack(entries=[...])``. Order matters and is identity:
    ``Inoculate`` then ``Mix`` leaves the benign rows without the prompt, ``Mix`` then ``Inoculate`` gives it to them
    too. Of two prompts in one place, the later entry's stands first.

    Raises `InputError` when two entries cannot meet, and says which and why.
    """

    entries: tuple[AnyIntervention, ...] = ()

    def __init__(self, *entries: AnyIntervention, **fields: Any) -> None:
        if entries:
            fields["entries"] = (*entries, *fields.get("entries", ()))
        super().__init__(**fields)
        self._check()

    @property
    def label(self) -> str:
        """``plain``, or the entries' labels joined by `` + ``."""
        return " + ".join(entry.label for entry in self.entries) or "plain"

    def _check(self) -> None:
        for (i, first), (j, second) in combinations(enumerate(self.entries), 2):
            why = second.conflict(first)
            if why is not None:
                raise InputError(
                    f"{second.label} (entry {j + 1}) cannot follow {first.label} (entry {i + 1}): {why}",
                    "entries of a stack act one after the other and each keeps its meaning.",
                    "drop one of the two, change their order, or join them in one.",
                )


def apply_signal(stack: Stack, rows: Sequence[Row], seed: int) -> tuple[Row, ...]:
    """The training rows after every signal-stage entry of `stack`, in order; entries of other stages are not touched.

    `seed` is the run seed: the same rows for the same (stack, rows, seed), on every machine.
    """
    out = tuple(rows)
    for entry in stack.entries:
        if isinstance(entry, SignalIntervention):
            out = entry.apply(out, seed)
    return out
