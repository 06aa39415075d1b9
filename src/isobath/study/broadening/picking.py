"""Which of the rows that were made are kept under the budget: first what covers, then what adds most."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt

from isobath.base.seeding import rng
from isobath.design.space import Codes, Space
from isobath.design.tuples import tuples_of
from isobath.study.broadening.candidates import Candidates
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.spool import Spool
from isobath.study.broadening.text_vectors import text_kernel, text_vectors

Ints = npt.NDArray[np.int64]

BLOCK = 1000
"""Texts among which a determinantal point process chooses at once."""


def picked(spec: Broadening, candidates: Candidates, rows: Ints, budget: int, spool: Spool) -> list[int]:
    """The rows to write, in ascending order: `budget` of `rows`, or all where there are no more.

    A selection never costs coverage: rows that hold a tuple of `strength` levels that no earlier row holds are kept.
    """
    if len(rows) <= budget:
        return [int(row) for row in rows]
    if spec.selection is None:
        return [int(row) for row in rows[:budget]]
    step = spec.wordings
    units = rows[::step]  # a set of wordings is chosen whole, by its first member
    first = covering_rows(candidates.scenario.space, candidates.codes[units], spec.strength)
    chosen = _selected(spec, units, first[: budget // step], budget // step, spool)
    return [int(row) for unit in sorted(chosen) for row in rows[unit * step : (unit + 1) * step]]


def covering_rows(space: Space, codes: Codes, strength: int) -> list[int]:
    """Places of the rows that hold a tuple of `strength` levels that no row before them holds."""
    index = tuples_of(space.shape, tuple(range(len(space.shape))), min(strength, len(space.shape)))
    held = np.zeros(index.size, dtype=bool)
    found = []
    for start in range(0, len(codes), 4096):
        for i, ids in enumerate(index.ids(codes[start : start + 4096]), start):
            if not held[ids].all():
                held[ids] = True
                found.append(i)
    return found


def _selected(spec: Broadening, units: Ints, first: list[int], budget: int, spool: Spool) -> list[int]:
    """Places in `units`: those `first`, and the others that the method chooses."""
    assert spec.selection is not None
    texts = [_text(line) for line in spool.lines(units.tolist())]
    left = budget - len(first)
    if left < 1:
        return first
    if spec.selection.method == "k_center":
        from isobath.design.selection import k_center

        found = k_center(text_vectors(texts).astype(np.float64), left, first=np.array(first), seed=spec.seed)
        return [*first, *found.tolist()]
    rest = np.setdiff1d(np.arange(len(units)), first)
    return [*first, *_by_dpp(rest, texts, left, rng(spec.seed, "broaden", "dpp"))]


def _by_dpp(rest: Ints, texts: list[str], left: int, stream: np.random.Generator) -> list[int]:
    """`left` of `rest`: an equal share of each block, for the cost grows with the square of what is chosen."""
    from isobath.design.selection import dpp

    shuffled = stream.permutation(rest)
    blocks = np.array_split(shuffled, max(1, math.ceil(len(rest) / BLOCK)))
    ends = np.round(np.cumsum([len(block) for block in blocks]) / len(rest) * left).astype(int)
    chosen: list[int] = []
    for block, end in zip(blocks, ends.tolist(), strict=True):
        share = end - len(chosen)
        if share < 1:
            continue
        places = dpp(budget=share, kernel=text_kernel([texts[i] for i in block.tolist()])).tolist()
        more = [i for i in range(len(block)) if i not in set(places)]
        chosen += [int(block[i]) for i in (*places, *more)[:share]]  # texts that are all alike have a low rank
    return chosen


def _text(line: bytes) -> str:
    messages = json.loads(line)["messages"]
    return "\n".join(message["content"] for message in messages)
