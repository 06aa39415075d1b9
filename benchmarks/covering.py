"""Covering designs: rows and CPU-seconds against covertable, with constraints, as extensions; the density curve.

    python -m benchmarks.covering [--quick]

covertable is not a dependency: where it is installed it is run in turn with ours, otherwise the rows published for
version 3.2.0 at its defaults stand in its column. ``--quick`` leaves out strength 4 and the larger curves.
"""

from __future__ import annotations

import argparse
import importlib
import math
import time
from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from isobath.base.seeding import rng
from isobath.design.coverage import coverage, uncovered
from isobath.design.covering import covering
from isobath.design.density import density_curve
from isobath.design.factor import Factor
from isobath.design.places import place_all
from isobath.design.space import Space
from isobath.design.support import support_of
from isobath.design.test_points import test_points

MIXED = (6, 5, 4, 4, 3, 3, 2, 2)
CASES = (
    ("4^8", (4,) * 8, 2, 27),
    ("3^13", (3,) * 13, 2, 19),
    ("6.5.4.4.3.3.2.2", MIXED, 2, 30),
    ("6.5.4.4.3.3.2.2", MIXED, 3, 148),
    ("4^8", (4,) * 8, 3, 144),
    ("10^10", (10,) * 10, 2, 161),
    ("2^30", (2,) * 30, 2, 12),
    ("5^6", (5,) * 6, 3, 230),
    ("4^10", (4,) * 10, 4, 776),
)
"""Name, levels, strength, rows of covertable 3.2.0 at its defaults (measured with this file)."""

PAIRS = (((0, 0), (1, 0)), ((0, 0), (1, 1)), ((2, 3), (3, 3)), ((6, 1), (7, 1)), ((0, 5), (4, 2)))
"""Pairs of (factor, level) that cannot be, for the mixed space: 356 of its 361 pairs are left."""


def plain(sizes: Sequence[int], pairs: Sequence[tuple[tuple[int, int], ...]] = ()) -> Space:
    factors = tuple(Factor(name=f"f{i}", levels=tuple(f"l{k}" for k in range(n))) for i, n in enumerate(sizes))
    forbidden = tuple({f"f{column}": (f"l{level}",) for column, level in pair} for pair in pairs)
    return Space(factors=factors, forbidden=forbidden)


def seconds(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def theirs(sizes: Sequence[int], t: int, pairs: Sequence[tuple[tuple[int, int], ...]] = ()) -> Any:
    """Rows of covertable as codes and its CPU-seconds, or None where it is not installed."""
    try:
        covertable = importlib.import_module("covertable")
    except ImportError:
        return None
    rules = [
        {"operator": "or", "conditions": [{"operator": "ne", "left": f"f{c}", "value": level} for c, level in pair]}
        for pair in pairs
    ]
    factors = {f"f{i}": list(range(n)) for i, n in enumerate(sizes)}
    rows, cost = seconds(lambda: covertable.make(factors, strength=t, **({"constraints": rules} if rules else {})))
    return np.array([[row[name] for name in factors] for row in rows], dtype=np.int16), cost


def print_rows(quick: bool) -> None:
    print("| levels | strength | rows | seconds | missed | covertable rows | its seconds | rows, ours / its |")
    print("|" + " --- |" * 8)
    for name, sizes, t, published in CASES:
        if quick and t == 4:
            continue
        space = plain(sizes)
        found, cost = seconds(lambda space=space, t=t: covering(space, t))
        missed = len(uncovered(space, found.codes, t))
        other = theirs(sizes, t)
        rows, its = (len(other[0]), f"{other[1]:.2f}") if other else (published, "-")
        ratio = len(found) / rows
        print(f"| {name} | {t} | {len(found)} | {cost:.2f} | {missed} | {rows} | {its} | {ratio:.2f} |", flush=True)


def print_seeds() -> None:
    print("\n### Rows over seeds 0 to 11 (the table above is seed 0)\n")
    print("| levels | strength | fewest | most | covertable |")
    print("|" + " --- |" * 5)
    for name, sizes, t, published in CASES[:5]:
        rows = [len(covering(plain(sizes), t, seed=seed)) for seed in range(12)]
        print(f"| {name} | {t} | {min(rows)} | {max(rows)} | {published} |", flush=True)


def print_constrained() -> None:
    print("\n### With constraints (five pairs of levels that cannot be)\n")
    print(
        "| strength | tuples that can be | rows | seconds | missed | rows that cannot be | covertable rows (missed) |"
    )
    print("|" + " --- |" * 7)
    space = plain(MIXED, PAIRS)
    for t in (2, 3):
        found, cost = seconds(lambda t=t: covering(space, t))
        missed, bad = len(uncovered(space, found.codes, t)), int((~space.allowed(found.codes)).sum())
        other = theirs(MIXED, t, PAIRS)
        said = f"{len(other[0])} ({len(uncovered(space, other[0], t))})" if other else "-"
        print(f"| {t} | {found.feasible:,} | {len(found)} | {cost:.2f} | {missed} | {bad} | {said} |", flush=True)


def print_extension() -> None:
    print("\n### Extending 20 random points of 4^8\n")
    print("| strength | held before | rows added | missed | rows of a design from nothing |")
    print("|" + " --- |" * 5)
    space = plain((4,) * 8)
    old = rng(0, "bench", "extension").integers(0, 4, size=(20, 8)).astype(np.int16)
    for t in (2, 3):
        more = covering(space, t, having=old)
        share = coverage(space, old, t).share
        print(f"| {t} | {share:.0%} | {len(more)} | {more.missed} | {len(covering(space, t))} |", flush=True)


def print_density(quick: bool) -> None:
    ranges = {1: (4, 8, 16, 32, 64), 2: (4, 8, 16, 32, 64), 3: (4, 8, 16, 32), 4: (4, 8, 12)}
    if quick:
        ranges = {1: (4, 8, 16), 2: (4, 8, 16), 3: (4, 8)}
    print("\n### Rows needed against the number of factors, four levels each\n")
    print(
        "| strength | factors | cells | covering, all | random, all | covering, 90 % | random, 90 % | cells per row |"
    )
    print("|" + " --- |" * 8)
    for t, factors in ranges.items():
        whole, most = density_curve(4, factors, (t,)), density_curve(4, factors, (t,), share=0.9)
        for a, b in zip(whole, most, strict=True):
            rows = f"{a.covering_rows:,} | {a.random_rows:,} | {b.covering_rows:,} | {b.random_rows:,}"
            print(
                f"| {t} | {a.factors} | 10^{math.log10(a.cells):.1f} | {rows} | {a.cells / a.covering_rows:.1e} |",
                flush=True,
            )


def print_points() -> None:
    print("\n### Test points per region, 8 relevant factors of 6 levels and 3 irrelevant of 4\n")
    factors = [Factor(name=f"r{i}", kind="ordinal" if i % 2 else "nominal", levels=tuple("abcdef")) for i in range(8)]
    factors += [Factor(name=f"i{i}", relevant=False, levels=tuple("wxyz")) for i in range(3)]
    space, stream = Space(factors=tuple(factors)), rng(0, "bench", "support")
    codes = np.concatenate([stream.choice([0, 2, 4], (200, 8)), stream.integers(0, 2, (200, 3))], axis=1)
    support = support_of(space, codes.astype(np.int16))
    found, cost = seconds(lambda: test_points(space, support, 100))
    print(f"support of {len(support)} cells; asked 100 per region, drawn {found.places.counts()}, {cost:.2f} s")
    uniform = stream.integers(0, space.shape, size=(500, 11)).astype(np.int16)
    print(f"500 uniform draws instead: {place_all(support, uniform).counts()}")


def check_verifier() -> None:
    """The verifier against a count without any of its code."""
    space = plain(MIXED, PAIRS)
    whole = [c for c in product(*(range(n) for n in MIXED)) if not any(all(c[j] == x for j, x in p) for p in PAIRS)]
    possible = {(s, tuple(c[j] for j in s)) for c in whole for s in combinations(range(8), 2)}
    rows = covering(space, 2).codes[:-3].tolist()
    held = {(s, tuple(r[j] for j in s)) for r in rows for s in combinations(range(8), 2)}
    counted = len(uncovered(space, np.array(rows, dtype=np.int16), 2))
    print(f"\nVerifier on a design cut by three rows: {counted} missed; by brute force {len(possible - held)}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    print_rows(quick)
    if not quick:
        print_seeds()
    print_constrained()
    print_extension()
    check_verifier()
    print_points()
    print_density(quick)


if __name__ == "__main__":
    main()
