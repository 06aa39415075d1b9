"""Vendi score (Friedman and Dieng, 2210.02410): how many different items there effectively are, by their likeness."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError

Reals = npt.NDArray[np.floating]

AT_ONCE = 10_000
"""Rows made precise at once: many vectors of single precision stay as small as they are."""


def vendi(vectors: Reals | None = None, *, kernel: Reals | None = None, q: float = 1.0) -> float:
    """The effective number of different items: 1 where all are alike, their number where none is like another.

    With the eigenvalues l of ``kernel / n``: ``exp(-sum l log l)`` for q = 1, ``1 / max(l)`` for q infinite, else
    ``(sum l^q)^(1 / (1 - q))`` (Pasarkar and Dieng, 2310.12952). A `kernel` has 1 on its diagonal. From `vectors` it is
    the cosine, and the eigenvalues are those of the smaller of the two products (the dual form), so that many items
    cost no more than their dimensions. Raises `InputError` for a kernel that is none, a row of zeros, or q below 0.
    """
    if (vectors is None) == (kernel is None) or q < 0:
        raise InputError(f"q = {q}, vectors and kernel", "q of 0 or more, and exactly one of the others", "correct it")
    values = _of_vectors(np.asarray(vectors)) if kernel is None else _of_kernel(np.asarray(kernel))
    values = values[values > 1e-12]
    if math.isinf(q):
        return float(1 / values.max())
    if q == 1:
        return float(np.exp(-(values * np.log(values)).sum()))
    return float((values**q).sum() ** (1 / (1 - q)))


def _of_vectors(rows: Reals) -> npt.NDArray[np.float64]:
    if rows.ndim != 2 or not len(rows) or not np.isfinite(rows).all():
        raise InputError(f"vectors of shape {rows.shape}", "a row of finite numbers per item", "pass at least one")
    if not rows.any(axis=1).all():
        raise InputError("rows of zeros", "the cosine needs a length", "leave them out")
    if rows.shape[1] >= len(rows):
        unit = _unit(rows)
        return np.asarray(np.linalg.eigvalsh(unit @ unit.T / len(rows)), dtype=np.float64)
    product = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), AT_ONCE):
        unit = _unit(rows[start : start + AT_ONCE])
        product += unit.T @ unit
    return np.asarray(np.linalg.eigvalsh(product / len(rows)), dtype=np.float64)


def _unit(rows: Reals) -> npt.NDArray[np.float64]:
    exact = rows.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True))


def _of_kernel(kernel: Reals) -> npt.NDArray[np.float64]:
    square = kernel.ndim == 2 and kernel.shape[0] == kernel.shape[1] and len(kernel) > 0
    if not square or not np.allclose(kernel, kernel.T) or not np.allclose(kernel.diagonal(), 1):
        raise InputError(
            f"a kernel of shape {kernel.shape}", "square, symmetric, 1 on its diagonal", "scale it, or pass vectors"
        )
    return np.asarray(np.linalg.eigvalsh(np.asarray(kernel, dtype=np.float64) / len(kernel)), dtype=np.float64)
