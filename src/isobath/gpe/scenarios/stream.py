"""Cheap named streams: one number for each (scenario, seed, slot), so that slots draw without disturbing each other.

A numpy generator for every slot of every draft would take longer than all else. Instead the key of a draft is one
SHA-256 stream seed, and each slot mixes it with a constant of its own (the finaliser of SplitMix64).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from isobath.base.seeding import stream_seed

T = TypeVar("T")
_BITS = (1 << 64) - 1


@lru_cache(maxsize=4096)
def slot(name: str) -> int:
    """The constant of the slot `name`."""
    return stream_seed(0, "slot", name) * 2 + 1


def draft_key(scenario: str, seed: int) -> int:
    """What every slot of one draft is mixed with."""
    return stream_seed(seed, "draft", scenario)


def number(key: int, constant: int) -> int:
    """64 bits of the stream (`key`, slot constant)."""
    x = (key + constant) & _BITS
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _BITS
    return x ^ (x >> 31)


def pick(key: int, constant: int, options: Sequence[T]) -> T:
    """One of `options`, each about as often."""
    return options[(number(key, constant) * len(options)) >> 64]


def order(key: int, constant: int, size: int) -> list[int]:
    """A permutation of `size` (at most 20) from one number."""
    left, places = number(key, constant), list(range(size))
    for i in range(size - 1, 0, -1):
        left, j = divmod(left, i + 1)
        places[i], places[j] = places[j], places[i]
    return places


def several(key: int, constant: int, options: Sequence[T], count: int) -> list[T]:
    """`count` different ones of `options` (all where there are fewer), in random order."""
    count = min(count, len(options))
    left, size = number(key, constant), len(options)
    moved: dict[int, int] = {}
    chosen: list[T] = []
    for i in range(count):
        left, j = divmod(left, size - i)
        at = i + j
        chosen.append(options[moved.get(at, at)])
        moved[at] = moved.get(i, i)
    return chosen
