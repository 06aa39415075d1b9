"""A few items of many: k-center (1708.00489), greedy DPP (1709.05135) and facility location (Nemhauser et al. 1978)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng

Reals = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

SMALLEST = 1e-10
"""Gain of a determinant below which the items left are taken to lie in the span of those chosen."""

AT_ONCE, KEPT = 4_000_000, 5_000


def k_center(vectors: Reals, budget: int, first: Ints | None = None, seed: int = 0) -> Ints:
    """`budget` rows of `vectors`, each next one the farthest from those chosen; Euclidean distance.

    Greedy k-center of Sener and Savarese (1708.00489, algorithm 1): the largest distance of a row to a chosen one is at
    most twice the least that is possible. `first`: rows that are already there, which are not returned; without any the
    first row is drawn by `seed`. Ties go to the row listed first. All rows where there are no more than `budget`.
    """
    rows = _rows(vectors, budget)
    squares = np.einsum("ij,ij->i", rows, rows)
    nearest = np.full(len(rows), np.inf)
    taken = np.zeros(len(rows), dtype=bool)
    chosen: list[int] = []
    for i in [] if first is None else np.asarray(first).tolist():
        taken[i] = True
        np.minimum(nearest, _to(rows, squares, i), out=nearest)
    for _ in range(min(budget, int((~taken).sum()))):
        if np.isinf(nearest[0]):
            best = int(rng(seed, "design", "k-center").integers(len(rows)))
        else:
            best = int(np.where(taken, -1.0, nearest).argmax())
        chosen.append(best)
        taken[best] = True
        np.minimum(nearest, _to(rows, squares, best), out=nearest)
    return np.array(chosen, dtype=np.int64)


def cover_radius(vectors: Reals, chosen: Ints) -> tuple[float, float]:
    """Largest and mean Euclidean distance of a row of `vectors` to the nearest `chosen` one."""
    rows = _rows(vectors, 1)
    squares = np.einsum("ij,ij->i", rows, rows)
    nearest = np.full(len(rows), np.inf)
    for i in np.asarray(chosen).tolist():
        np.minimum(nearest, _to(rows, squares, i), out=nearest)
    away = np.sqrt(nearest)
    return float(away.max()), float(away.mean())


def _to(rows: Reals, squares: Reals, i: int) -> Reals:
    """Squared distance of every row to row `i`."""
    return np.asarray(np.maximum(squares - 2 * (rows @ rows[i]) + squares[i], 0.0))


def dpp(
    vectors: Reals | None = None, budget: int = 1, *, kernel: Reals | None = None, quality: Reals | None = None
) -> Ints:
    """Up to `budget` items, each next one adding most to the log-determinant of the kernel of those chosen.

    Greedy MAP of a determinantal point process by an incremental Cholesky factor (Chen, Zhang and Zhou, 1709.05135,
    algorithm 1), in O(items budget^2). The kernel is the products of `vectors`, or `kernel`; item i counts `quality` i
    times as long. Stops early where every other item lies in the span of those chosen: at the rank of the vectors.
    Raises `InputError` unless one of `vectors` and `kernel` is given.
    """
    if (vectors is None) == (kernel is None):
        raise InputError("vectors and kernel", "exactly one of them", "pass dpp(vectors, n) or dpp(budget=n, kernel=K)")
    given = _rows(vectors if vectors is not None else kernel, budget)
    if kernel is not None and given.shape[0] != given.shape[1]:
        raise InputError(f"a kernel of shape {given.shape}", "a similarity for every two items", "make it square")
    scale = np.ones(len(given)) if quality is None else np.asarray(quality, dtype=np.float64)
    rows = given * scale[:, None] if vectors is not None else given * scale[:, None] * scale[None, :]
    gains = np.einsum("ij,ij->i", rows, rows) if vectors is not None else rows.diagonal().copy()
    least = SMALLEST * float(gains.max())
    factor = np.zeros((min(budget, len(rows)), len(rows)))
    chosen: list[int] = []
    while len(chosen) < len(factor):
        best = int(gains.argmax())
        if gains[best] <= least:
            break
        step = len(chosen)
        products = rows @ rows[best] if vectors is not None else rows[best]
        factor[step] = (products - factor[:step, best] @ factor[:step]) / np.sqrt(gains[best])
        gains = gains - factor[step] ** 2
        chosen.append(best)
        gains[chosen] = -np.inf
    return np.array(chosen, dtype=np.int64)


def facility_location(vectors: Reals, budget: int) -> Ints:
    """`budget` rows, each next one adding most to the sum, over all rows, of the similarity to the nearest chosen one.

    Similarity is the cosine, 0 where it is negative. Greedy is within 1 - 1/e of the best (Nemhauser, Wolsey and
    Fisher 1978); gains only fall, so a row whose last known gain still leads is looked at first (Minoux 1978). Up to
    5,000 rows all similarities are kept; for many more it is slow: choose among a sample.
    """
    rows = _rows(vectors, budget)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1.0)
    alike = np.maximum(unit @ unit.T, 0.0) if len(unit) <= KEPT else None

    def near(i: int) -> Reals:
        return np.asarray(alike[i] if alike is not None else np.maximum(unit @ unit[i], 0.0))

    held = np.zeros(len(unit))
    gains = np.empty(len(unit))
    step = max(1, AT_ONCE // len(unit))
    for start in range(0, len(unit), step):
        gains[start : start + step] = np.maximum(unit[start : start + step] @ unit.T, 0.0).sum(axis=1)
    chosen: list[int] = []
    fresh = np.zeros(len(unit), dtype=np.int64)
    while len(chosen) < min(budget, len(unit)):
        best = int(gains.argmax())
        if fresh[best] < len(chosen):
            gains[best], fresh[best] = np.maximum(near(best) - held, 0.0).sum(), len(chosen)
            continue
        chosen.append(best)
        np.maximum(held, near(best), out=held)
        gains[best] = -np.inf
    return np.array(chosen, dtype=np.int64)


def _rows(vectors: Reals | None, budget: int) -> Reals:
    """The vectors as they are where they are single or double precision: 100,000 of them are large."""
    rows = np.asarray(vectors)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if rows.ndim != 2 or not len(rows) or not np.isfinite(rows).all() or budget < 1:
        raise InputError(
            f"vectors of shape {rows.shape}, budget {budget}",
            "a row of finite numbers per item, at least one item, a budget of 1 or more",
            "correct it",
        )
    return rows
