"""The hardest of m wordings under the current model: MaxUp (Gong et al. 2020, arXiv:2002.09024), over paraphrases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from isobath.interventions.batch_objective import BatchObjective
from isobath.interventions.setting import Setting

if TYPE_CHECKING:
    from isobath.train.hooks import Hook


class Hardest(BatchObjective):
    """At each step, for every row drawn, train on that of `m` wordings which the model now finds hardest.

    Rows that agree in the columns `same` are wordings of one another (`isobath.interventions.vary` makes such rows).
    The candidates are the row drawn and m - 1 others of its set; one forward pass without gradient, in evaluation mode,
    says which has the highest loss (the weighted mean over its loss tokens), and the step is taken on that one. `m` 1
    is no change; so is a set of one. The rows drawn are those that the recipe draws, so the gradient sees as many rows
    as without it; what it costs beside that is m forward passes a row.

    `consistency` adds that many times the Jensen-Shannon divergence between the answers to the hardest and to the
    easiest candidate, where their answer tokens are the same (as in `WorstParaphrase`): the easiest one then goes
    through the model a second time, with gradient.

    It differs from `WorstParaphrase` at tau 0 in where gradients are spent: there a batch of B rows holds B / width
    sets and steps on one row of each, here it holds B sets.
    """

    kind: Literal["hardest"] = "hardest"
    same: tuple[str, ...] = Field(min_length=1)
    m: int = Field(default=4, ge=1)
    consistency: float = Field(default=0.0, ge=0.0)

    @property
    def name(self) -> str:
        """Such as ``hardest:thing``."""
        return f"hardest:{'+'.join(self.same)}"

    @property
    def label(self) -> str:
        """Such as ``hardest(thing,of 4)`` or ``hardest(thing,of 4,JS 1)``."""
        parts = ["+".join(self.same), f"of {self.m}"]
        parts += [f"JS {self.consistency:.4g}"] if self.consistency else []
        return f"hardest({','.join(parts)})"

    def hooks(self, setting: Setting) -> Sequence[Hook]:
        """One hook; none for m = 1."""
        if self.m == 1:
            return ()
        from isobath.interventions.hardest_hook import HardestHook

        return [HardestHook(self)]
