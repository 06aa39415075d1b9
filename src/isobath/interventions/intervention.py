"""What an intervention is: one composable change at a named stage of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from isobath.models.chat import Row

Stage = Literal["pretraining", "signal", "objective", "forward", "gradient", "weights", "inference"]
"""When a change acts, in the order a run meets them. Pretraining-stage changes belong to the base, not to a stack."""


@runtime_checkable
class Intervention(Protocol):
    """One composable change. Implementations are frozen Values whose fields, with `version`, are their identity.

    At strength zero (share 0, nothing selected) a change is exactly no change: the same rows, bit for bit.
    """

    @property
    def stage(self) -> Stage:
        """When it acts."""
        ...

    @property
    def name(self) -> str:
        """A short name, unique within a stack; it also names this intervention's random streams."""
        ...

    @property
    def label(self) -> str:
        """What a reader sees, such as ``inoculate(specific)``; settings that are not the default are spelled out."""
        ...

    @property
    def version(self) -> int:
        """Raised when the same settings begin to give other rows."""
        ...

    def conflict(self, earlier: Intervention) -> str | None:
        """Why this one cannot follow `earlier` in a stack, as a clause that ends a sentence; None if it can."""
        ...


@runtime_checkable
class SignalIntervention(Intervention, Protocol):
    """A change of the training rows, made before the first step."""

    def apply(self, rows: Sequence[Row], seed: int) -> tuple[Row, ...]:
        """The changed rows. Random choices come from streams named after this intervention under `seed`."""
        ...
