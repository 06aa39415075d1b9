"""`Comparison`: can a set of drafts be told from a set of real texts?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COLUMNS = 32
"""Principal columns of both sets together that the classifier sees."""

Array = NDArray[np.float64]


class Comparison(NamedTuple):
    """The classifier two-sample test (Lopez-Paz and Oquab 2017, arXiv:1610.06545): `auc` .5 where they are alike.

    `p` is the share of random divisions that do as well. `kind`: whether the references are of the drafts' own kind.
    """

    auc: float
    p: float
    permutations: int
    references: int
    drafts: int
    kind: str

    def __str__(self) -> str:
        verdict = (
            f"A classifier tells {self.drafts} drafts from {self.references} reference texts with AUC {self.auc:.2f} "
            f"(0.5: not at all; permutation p = {self.p:.3g}, {self.permutations} permutations)."
        )
        if self.kind == "other":
            return f"{verdict} The references are of another kind: that they differ is no sign that drafts are unreal."
        return f"{verdict} Near 1 for any change of template or wording: it does not say how far, or in what."


def compared(references: Array, drafts: Array, kind: str, seed: int, permutations: int) -> Comparison:
    """Compare vectors (n, width) with vectors (m, width); `COLUMNS` principal columns, chosen without the names.

    Raises `InputError` for fewer rows than folds (5).
    """
    from isobath.measures.two_sample import c2st

    both = np.concatenate([references, drafts])
    both = both - both.mean(0)
    _, _, axes = np.linalg.svd(both, full_matrices=False)
    turned = both @ axes[:COLUMNS].T
    found = c2st(turned[: len(references)], turned[len(references) :], seed=seed, permutations=permutations)
    return Comparison(found.auc, found.p, found.permutations, len(references), len(drafts), kind)
