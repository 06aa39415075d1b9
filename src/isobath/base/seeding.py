"""Named random streams: drawing from one never disturbs another, and there is no global generator."""

from __future__ import annotations

import hashlib

import numpy as np


def stream_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream `names` under `seed` (SHA-256 of both, so streams are independent)."""
    text = "\x1f".join([str(int(seed)), *(f"{type(n).__name__}:{n}" for n in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator for the stream `names` under `seed`, such as ``rng(0, "corpus", "turns")``."""
    return np.random.default_rng(stream_seed(seed, *names))
