"""How many rows a share of the t-tuples takes as factors are added: covering, random, and every cell.

Source 0 asks whether broadening must thin the data out by orders of magnitude. Cells do grow exponentially with the
number of factors; the rows that hold every combination of t levels grow about as its logarithm (docs/designs.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from isobath.base.errors import InputError
from isobath.design.covering import covering
from isobath.design.factor import Factor
from isobath.design.space import Space


@dataclass(frozen=True)
class Density:
    """Rows that hold `share` of the `tuples` of `strength` levels, for so many `factors` of so many `levels`.

    `covering_rows` were constructed and checked, `random_rows` are computed, `cells` is the number of combinations.
    """

    factors: int
    levels: int
    strength: int
    share: float
    tuples: int
    covering_rows: int
    random_rows: int
    cells: int


def density_curve(
    levels: int, factors: Sequence[int], strengths: Sequence[int], share: float = 1.0, seed: int = 0
) -> list[Density]:
    """One record for each strength and number of factors (those below the strength are left out).

    Raises `InputError` for a share outside (0, 1], a strength that is not 1..4, or fewer than two levels.
    """
    if levels < 2 or not 0 < share <= 1:
        raise InputError(f"levels = {levels}, share = {share}", "two levels or more, a share in (0, 1]", "correct it")
    found = []
    for t in strengths:
        for n in factors:
            if n < t:
                continue
            names = tuple(str(level) for level in range(levels))
            space = Space(factors=tuple(Factor(name=f"f{i}", levels=names) for i in range(n)))
            rows = len(covering(space, t, share=share, seed=seed))
            tuples = math.comb(n, t) * levels**t
            found.append(Density(n, levels, t, share, tuples, rows, random_rows(levels, n, t, share), levels**n))
    return found


def random_rows(levels: int, factors: int, t: int, share: float = 1.0) -> int:
    """Independent uniform rows whose expected coverage of the t-tuples reaches `share`.

    A tuple is missed by N rows with probability (1 - levels^-t)^N, whatever the number of factors. For a share of 1 the
    N is that at which at most half a tuple is expected to be missed, so that none is with a chance of a half or more.
    """
    missed = 1.0 - share if share < 1 else 0.5 / (math.comb(factors, t) * levels**t)
    return math.ceil(math.log(missed) / math.log1p(-(float(levels) ** -t)))
