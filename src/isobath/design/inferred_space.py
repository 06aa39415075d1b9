"""A space made from the levels that points have, with sentences on everything that was assumed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pydantic import ValidationError

from isobath.base.errors import InputError
from isobath.design.factor import MISSING, Factor, edge_names, level_text
from isobath.design.space import Space

FEW = 12
"""Different numbers up to which each is a level of its own; more become bins."""

BINS = 8
"""Bins, of about equally many points, of a factor with many numbers."""


def infer_space(
    points: Iterable[Mapping[str, object]], irrelevant: Sequence[str] = (), name: str = "inferred"
) -> tuple[Space, tuple[str, ...]]:
    """The space that `points` (raw levels by factor) seem to live in, and what was assumed, in sentences.

    Texts and truth values are nominal, in the order met. Up to `FEW` different numbers are ordinal; more are continuous
    with bins at quantiles of all points. A factor that some points lack, or have as null, is optional. All factors are
    relevant but those named `irrelevant`; nothing is forbidden. Raises `InputError` for no points, a value that is no
    level, and a name that is no factor.
    """
    columns: dict[str, list[object]] = {}
    total = 0
    for point in points:
        total += 1
        for key, value in point.items():
            columns.setdefault(key, []).append(value)
    if not columns:
        raise InputError("no levels", "a space is inferred from points that have levels", "add points")
    for one in irrelevant:
        if one not in columns:
            near = difflib.get_close_matches(one, columns, 1)
            hint = f"did you mean {near[0]!r}?" if near else "name one of them"
            raise InputError(f"no factor {one!r} in the points", f"the factors are {', '.join(columns)}", hint)
    factors, said = [], []
    for key, values in columns.items():
        factor, sentence = _factor(key, values, relevant=key not in irrelevant, total=total)
        factors.append(factor)
        said.append(sentence)
    relevant = [f.name for f in factors if f.relevant]
    said.append(
        f"The right decision is taken to depend on {', '.join(relevant) or 'no factor'}"
        f"{' and not on ' + ', '.join(irrelevant) if irrelevant else ''}; no combination is taken as impossible."
    )
    return Space(name=name, factors=tuple(factors)), tuple(said)


def _factor(name: str, values: Sequence[object], *, relevant: bool, total: int) -> tuple[Factor, str]:
    for value in values:
        if not isinstance(value, str | int | float | None) or (isinstance(value, int | float) and not _finite(value)):
            raise InputError(f"{name} = {value!r}", "a level is a text, a finite number or null", "write it as one")
    present = [v for v in values if v is not None and v != MISSING]
    if not present:
        raise InputError(f"{name!r} has no level in any point", "a factor has at least one level", "leave it out")
    optional = len(present) < total
    shape, how = _shape(present)
    try:
        factor = Factor(name=name, relevant=relevant, optional=optional, **shape)  # type: ignore[arg-type]
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"factor {name!r}: {message}", "a name has letters, digits, _ . or -", "rename it") from None
    without = (
        f"; where it is missing ({total - len(present):,} of {total:,}), {MISSING!r} is a level of its own"
        if optional
        else ""
    )
    return factor, f"{name!r} is taken as {how}{without}."


def _shape(present: Sequence[object]) -> tuple[dict[str, object], str]:
    """Kind and levels or edges of a factor with these values, and how to say so."""
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in present):
        levels = tuple(dict.fromkeys(level_text(v) for v in present))
        return {"kind": "nominal", "levels": levels}, f"nominal, without an order ({_listed(levels)})"
    # as they are: a whole number above 2**53 is another one as a float
    numbers = sorted({v for v in present if isinstance(v, int | float)})
    if len(numbers) <= FEW:
        levels = tuple(level_text(v) for v in numbers)
        return {"kind": "ordinal", "levels": levels}, f"ordinal, in the order of its numbers ({_listed(levels)})"
    every = np.array([float(v) for v in present if isinstance(v, int | float)])
    inner = _inner_edges(np.quantile(every, np.arange(1, BINS) / BINS).tolist(), numbers[0], numbers[-1])
    inner = inner or [float(numbers[1])]
    edges = (-math.inf, *inner, math.inf)
    shown = ", ".join(edge_names(inner))
    return {"kind": "continuous", "edges": edges}, f"continuous, in {len(inner) + 1} bins parted at {shown}"


def _finite(number: float) -> bool:
    """Whether it is a number that bins can be made of; a whole number may be too large for one."""
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


def _inner_edges(quantiles: Sequence[float], low: float, high: float) -> list[float]:
    """Quantiles within the numbers, to four significant digits: bins are named by their edges. To more where numbers
    lie so close together that four would make fewer bins."""
    found: list[float] = []
    for digits in (4, 8, 12, 17):
        found = sorted({edge for q in quantiles if low < (edge := float(f"{q:.{digits}g}")) <= high})
        if len(found) == len({q for q in quantiles if low < q <= high}):
            break
    return found


def _listed(levels: Sequence[str]) -> str:
    return ", ".join(levels[:FEW]) + (f" and {len(levels) - FEW} more" if len(levels) > FEW else "")
