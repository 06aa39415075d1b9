"""A hook that tells a caller how far a training has come."""

from __future__ import annotations

from collections.abc import Callable

from isobath.train.hooks import Hook, Run


class StepProgress(Hook):
    """Calls ``tell(steps done, steps in all, loss)`` after every step."""

    def __init__(self, tell: Callable[[int, int, float], None]) -> None:
        self._tell = tell

    def step(self, run: Run) -> None:
        """Tell."""
        self._tell(run.step + 1, run.recipe.steps, run.losses[-1])
