"""Placing 10,000 points around a support of 10,000 cells: seconds and peak memory, novelty of every order included.

    python -m benchmarks.regions [--points 10000] [--rounds 3]

Target: at most 2 s and 1 GB. Each case runs in a process of its own, so that its peak is its own; points and training
examples are plain mappings, as a file gives them, and are encoded within the time shown.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

from isobath.base.seeding import rng
from isobath.design.factor import Factor, Kind
from isobath.design.places import place_all
from isobath.design.space import Codes, Space
from isobath.design.support import support_of


def nominal(count: int, levels: int, relevant: bool = True, first: int = 0) -> list[Factor]:
    """Factors, every other one ordered."""
    listed = tuple(f"v{i}" for i in range(levels))
    kinds: tuple[Kind, Kind] = ("nominal", "ordinal")
    return [Factor(name=f"f{first + j}", kind=kinds[j % 2], levels=listed, relevant=relevant) for j in range(count)]


def binned(count: int, bins: int) -> list[Factor]:
    """Continuous factors whose neighbouring bins are near."""
    edges = tuple(float(i) for i in range(bins + 1))
    return [Factor(name=f"f{j}", kind="continuous", edges=edges, near=1) for j in range(count)]


CASES = {
    "8 relevant factors of 4 levels, 4 irrelevant": (nominal(8, 4) + nominal(4, 4, relevant=False, first=8), 1.0),
    "8 relevant factors of 6 levels": (nominal(8, 6), 1.0),
    "8 relevant factors of 8 levels, support on half of each": (nominal(8, 8), 0.5),
    "12 relevant factors of 4 levels": (nominal(12, 4), 1.0),
    "8 continuous factors of 12 bins, neighbours near": (binned(8, 12), 1.0),
    "16 relevant factors of 2 levels": (nominal(16, 2), 1.0),
}


def distinct(space: Space, count: int, share: float, *names: str) -> Codes:
    """`count` different cells on the lowest `share` of each factor's levels."""
    draw = rng(0, "benchmark", *names)
    drawn = [draw.integers(0, max(1, int(n * share)), 3 * count) for n in space.shape]
    cells = np.unique(np.stack(drawn, axis=1).astype(np.int16), axis=0)
    return draw.permutation(cells)[:count]


def case(name: str, count: int, rounds: int) -> None:
    """One line of the table: the fastest of `rounds`, and the peak of this process."""
    factors, share = CASES[name]
    space = Space(factors=tuple(factors))
    trained = space.decode(distinct(space, count, share, "support"))
    asked = space.decode(distinct(space, count, 1.0, "points"))
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        support = support_of(space, trained)
        places = place_all(support, asked)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = ", ".join(f"{n} {region}" for region, n in places.counts().items() if n)
    print(
        f"| {name} | {len(support):,} | {len(places):,} | {min(seconds):.2f} | {max(seconds):.2f} | {peak:.0f} "
        f"| {idle:.0f} | {found}; q up to {places.q.max()} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", choices=list(CASES))
    flags = parser.parse_args()
    if flags.case:
        case(flags.case, flags.points, flags.rounds)
        return
    print("| space | support cells | points | s, fastest | s, slowest | peak MB | MB before | found |")
    print("|---|---:|---:|---:|---:|---:|---:|---|", flush=True)
    for name in CASES:
        command = ["--case", name, "--points", str(flags.points), "--rounds", str(flags.rounds)]
        subprocess.run([sys.executable, "-m", "benchmarks.regions", *command], check=True)


if __name__ == "__main__":
    main()
