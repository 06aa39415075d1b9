"""`Support`: the cells that training covers, with how often."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.design.keys import row_keys
from isobath.design.space import Codes, Point, Space


class NearWarning(UserWarning):
    """An ordinal factor whose neighbouring levels count as near: a step outside the data is then shore, not bay."""


@dataclass(frozen=True, eq=False)
class Support:
    """The cells with at least `n_min` training examples.

    `codes` are the distinct cells, shape (cells, factors), in ascending order; `counts` the examples in each, shape
    (cells,); `left_out` counts examples in cells that have fewer than `n_min`, which are no support.
    """

    space: Space
    codes: Codes
    counts: npt.NDArray[np.int64]
    n_min: int = 1
    left_out: int = field(default=0)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def examples(self) -> int:
        """Training examples in all cells of the support."""
        return int(self.counts.sum())

    @property
    def points(self) -> list[dict[str, str]]:
        """The cells as points."""
        return self.space.decode(self.codes)

    def levels(self, name: str) -> tuple[str, ...]:
        """Levels of the factor `name` that some cell has, in the factor's order."""
        factor = self.space.factor(name)
        seen = np.unique(self.codes[:, self.space.names.index(name)])
        return tuple(factor.domain[int(i)] for i in seen)


def support_of(space: Space, points: Iterable[Point] | Codes, n_min: int = 1) -> Support:
    """The support that training `points` (one per example; codes serve as well) give.

    Raises `InputError` where no cell has `n_min` examples, or where a point cannot be. Warns (`NearWarning`) where an
    ordinal factor has `near` of 1 or more.
    """
    if n_min < 1:
        raise InputError(f"n_min = {n_min}", "a cell of the support has at least one example", "use 1 or more")
    codes = as_codes(space, points)
    for factor in space.factors:
        if factor.kind == "ordinal" and factor.near:
            warnings.warn(
                f"{factor.name!r} has near = {factor.near}: a level {factor.near} outside those seen counts as shore. "
                "With near = 0 it is a bay, as the six-tined fork is.",
                NearWarning,
                stacklevel=2,
            )
    (keys,) = row_keys(space.shape, codes)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    enough = counts >= n_min
    if not enough.any():
        raise InputError(
            f"no support: {len(codes)} examples, {len(first)} cells, n_min = {n_min}",
            "regions are defined around at least one cell with n_min training examples",
            "add training points or lower n_min",
        )
    kept, counted = codes[first[enough]], counts[enough].astype(np.int64)
    order = np.lexsort(kept.T[::-1])
    left_out = int(counts[~enough].sum())
    return Support(space, np.ascontiguousarray(kept[order]), counted[order], n_min, left_out)


def as_codes(space: Space, points: Iterable[Point] | Codes) -> Codes:
    """`points` as codes of `space`. Raises `InputError` for a level that is none and a combination that cannot be."""
    codes = points if isinstance(points, np.ndarray) else space.encode(points)
    if codes.ndim != 2 or codes.shape[1] != len(space.factors):
        raise InputError(
            f"codes of shape {codes.shape}", f"the space has {len(space.factors)} factors", "one column each"
        )
    if len(codes) and ((codes < 0).any() or (codes >= np.array(space.shape)).any()):
        raise InputError("a code that is no level", f"the factors have {space.shape} levels", "encode with the space")
    fine = space.allowed(codes)
    if not fine.all():
        shown = space.decode(codes[~fine][:1])[0]
        raise InputError(
            f"{int((~fine).sum())} of {len(codes)} points cannot be, such as {shown}",
            "a point matches no forbidden combination of its space",
            "correct the point, or the combinations that are forbidden",
        )
    return codes.astype(np.int16, copy=False)
