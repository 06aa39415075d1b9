"""The definitions of methods 1.2-1.3 again, point by point on plain values: what the fast classifier must equal.

Nothing here imports the classifier; a level is its place in the factor's domain.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from isobath.design.factor import MISSING, Factor
from isobath.design.space import Space


def ranked(factor, level):
    """Whether the level has a rank."""
    return factor.kind in ("ordinal", "continuous") and factor.domain[level] != MISSING


def near(factor, a, b):
    if a == b:
        return True
    return ranked(factor, a) and ranked(factor, b) and abs(a - b) <= factor.near


def status(factor, level, seen):
    if level in seen:
        return "seen"
    if any(near(factor, level, s) for s in seen):
        return "near"
    if not ranked(factor, level):
        return "novel"
    ranks = [s for s in seen if ranked(factor, s)]
    return "gap" if ranks and min(ranks) < level < max(ranks) else "beyond"


def delta(factor, level, seen):
    where = status(factor, level, seen)
    if where in ("seen", "near"):
        return 0.0
    ranks = [s for s in seen if ranked(factor, s)]
    width = len([x for x in range(len(factor.domain)) if ranked(factor, x)]) - 1
    if where == "novel" or not ranks or width == 0:
        return 1.0
    return min(abs(level - s) for s in ranks) / width


def place(factors, support, x):
    """Every field of `Place`, as a dict; `support` is a set of cells."""
    roles = [j for j, f in enumerate(factors) if f.relevant]
    columns = [{y[j] for y in support} for j in range(len(factors))]
    found = [status(f, x[j], columns[j]) for j, f in enumerate(factors)]
    m = sum(found[j] in ("beyond", "novel") for j in roles)
    k = min(sum(not near(factors[j], x[j], y[j]) for j in roles) for y in support)
    q = None
    for size in range(1, len(roles) + 1):
        if any(
            not any(all(near(factors[j], x[j], y[j]) for j in t) for y in support) for t in combinations(roles, size)
        ):
            q = size
            break
    region = "island" if x in support else "shore" if k == 0 else ("lake", "bay", "sea")[min(m, 2)]
    return {
        "region": region,
        "k": k,
        "q": q,
        "beyond": m,
        "gap": sum(found[j] == "gap" for j in roles),
        "new_irrelevant": sum(found[j] != "seen" for j, f in enumerate(factors) if not f.relevant),
        "enclosed": any(_enclosed(factors, support, x, roles, j) for j in roles),
        "d": sum(delta(factors[j], x[j], columns[j]) for j in roles),
    }


def _enclosed(factors, support, x, roles, j):
    if not ranked(factors[j], x[j]):
        return False
    others = [i for i in roles if i != j]
    fibre = [y[j] for y in support if all(near(factors[i], x[i], y[i]) for i in others) and ranked(factors[j], y[j])]
    return any(y < x[j] for y in fibre) and any(y > x[j] for y in fibre)


def random_space(draw: np.random.Generator, most: int = 4) -> Space:
    """1-4 factors of mixed kinds, roles, shore widths and a level for "does not apply"."""
    factors = []
    for j in range(int(draw.integers(1, most + 1))):
        kind = str(draw.choice(["nominal", "ordinal", "continuous", "text"]))
        levels = int(draw.integers(1 if kind != "continuous" else 2, 6))
        ordered = kind in ("ordinal", "continuous")
        factors.append(
            Factor(
                name=f"f{j}",
                kind=kind,
                relevant=bool(draw.random() < 0.7),
                levels=() if kind == "continuous" else tuple(f"v{i}" for i in range(levels)),
                edges=tuple(float(i) for i in range(levels + 1)) if kind == "continuous" else (),
                near=int(draw.integers(0, 2)) if ordered else 0,
                optional=bool(draw.random() < 0.2),
            )
        )
    return Space(factors=tuple(factors))


def random_cells(draw: np.random.Generator, space: Space, count: int) -> np.ndarray:
    return np.stack([draw.integers(0, n, count) for n in space.shape], axis=1).astype(np.int16)
