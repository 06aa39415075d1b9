"""Where points lie around a support: regions, depth, novelty order and distance (docs/regions.md).

Definitions: methods 1.2 and 1.3. A box hull over the relevant factors decides; irrelevant ones never make water.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.design.closeness import BEYOND, GAP, SEEN, closeness
from isobath.design.depth import depth_of
from isobath.design.keys import row_keys
from isobath.design.novelty import novelty_of
from isobath.design.region import Place, Region
from isobath.design.space import Codes, Point, Space
from isobath.design.support import Support, as_codes

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Places:
    """Where each of many points lies: one array per field of `Place`, all of shape (points,).

    `region` holds the names of `Region`; `q` is 0 where `Place.q` is None, which is where `k` is 0. Around a wide
    support of more than 18 relevant factors `q` may be a lower bound: a `NoveltyWarning` (`design.novelty`) says so.
    """

    region: npt.NDArray[np.str_]
    k: Ints
    q: Ints
    d: npt.NDArray[np.float64]
    beyond: Ints
    gap: Ints
    new_irrelevant: Ints
    enclosed: Flags
    count: Ints

    def __len__(self) -> int:
        return len(self.region)

    @property
    def correlation_breaking(self) -> Flags:
        """Lakes with q = 2 that no support encloses: every level was seen, but never the two together."""
        breaking: Flags = (self.region == str(Region.LAKE)) & (self.q == 2) & ~self.enclosed
        return breaking

    def place(self, i: int) -> Place:
        """The place of point `i`."""
        return Place(
            region=Region(str(self.region[i])),
            k=int(self.k[i]),
            q=int(self.q[i]) or None,
            d=float(self.d[i]),
            beyond=int(self.beyond[i]),
            gap=int(self.gap[i]),
            new_irrelevant=int(self.new_irrelevant[i]),
            enclosed=bool(self.enclosed[i]),
            count=int(self.count[i]),
        )

    def counts(self) -> dict[str, int]:
        """Points in each region, in the order of `Region`."""
        return {str(region): int((self.region == region).sum()) for region in Region}


def place_all(support: Support, points: Iterable[Point] | Codes, weights: Mapping[str, float] | None = None) -> Places:
    """Where every one of `points` (or codes) lies around `support`.

    `weights` are the factors' weights in `d`: 1 for each relevant factor and 0 for each irrelevant one unless named.
    Raises `InputError` for a point that cannot be: it has no region.
    """
    space = support.space
    codes = as_codes(space, points)
    close = [closeness(factor, support.codes[:, j]) for j, factor in enumerate(space.factors)]
    status = np.stack([c.status[codes[:, j]] for j, c in enumerate(close)], axis=1)
    delta = np.stack([c.delta[codes[:, j]] for j, c in enumerate(close)], axis=1)
    relevant = np.array([f.relevant for f in space.factors])
    count = _examples_in_cell(support, codes)
    k, q, enclosed = _depths(support, codes)
    beyond = (status[:, relevant] >= BEYOND).sum(axis=1)
    region = np.select(
        [count > 0, k == 0, beyond == 0, beyond == 1],
        [str(r) for r in (Region.ISLAND, Region.SHORE, Region.LAKE, Region.BAY)],
        str(Region.SEA),
    )
    return Places(
        region=region,
        k=k,
        q=q,
        d=delta @ _weights(space, weights),
        beyond=beyond,
        gap=(status[:, relevant] == GAP).sum(axis=1),
        new_irrelevant=(status[:, ~relevant] != SEEN).sum(axis=1),
        enclosed=enclosed,
        count=count,
    )


def place_of(support: Support, point: Point, weights: Mapping[str, float] | None = None) -> Place:
    """Where one `point` lies around `support`."""
    return place_all(support, [point], weights).place(0)


def _examples_in_cell(support: Support, codes: Codes) -> Ints:
    """Training examples in each point's very cell, 0 where it is no cell of the support."""
    cells, keys = row_keys(support.space.shape, support.codes, codes)
    order = np.argsort(cells)
    at = order[np.minimum(np.searchsorted(cells, keys, sorter=order), len(cells) - 1)]
    found: Ints = np.where(cells[at] == keys, support.counts[at], 0)
    return found


def _depths(support: Support, codes: Codes) -> tuple[Ints, Ints, Flags]:
    """k, q (0 for none) and enclosed of each point: computed once per distinct relevant combination."""
    space = support.space
    columns = [j for j, f in enumerate(space.factors) if f.relevant]
    if not columns:
        zeros = np.zeros(len(codes), dtype=np.int64)
        return zeros, zeros.copy(), zeros.astype(bool)
    factors = [space.factors[j] for j in columns]
    shape = [len(f.domain) for f in factors]
    seen, asked = support.codes[:, columns], codes[:, columns]
    seen_keys, asked_keys = row_keys(shape, seen, asked)
    seen = seen[np.unique(seen_keys, return_index=True)[1]]
    _, first, back = np.unique(asked_keys, return_index=True, return_inverse=True)
    asked = asked[first]
    k, enclosed = depth_of(factors, seen, asked)
    q = novelty_of(factors, seen, asked, k)
    return k[back], q[back], enclosed[back]


def _weights(space: Space, weights: Mapping[str, float] | None) -> npt.NDArray[np.float64]:
    for name, weight in (weights or {}).items():
        space.factor(name)
        if not 0 <= weight < float("inf"):
            raise InputError(f"weight {weight} of {name!r}", "a weight is 0 or more", "correct it")
    return np.array([(weights or {}).get(f.name, float(f.relevant)) for f in space.factors])
