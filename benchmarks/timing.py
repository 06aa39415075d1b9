"""Fair clocks: CPU-seconds of alternating rounds, minimum and median."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Cost(NamedTuple):
    """CPU-seconds per call over the rounds."""

    best: float
    median: float


def alternate(ways: Mapping[str, Callable[[], object]], rounds: int, *, warm: bool = True) -> dict[str, Cost]:
    """CPU-seconds of each way, called in turn `rounds` times; with `warm` after one call each that is not counted."""
    for way in ways.values() if warm else ():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name].append(time.process_time() - start)
    return {name: Cost(min(found), statistics.median(found)) for name, found in seconds.items()}
