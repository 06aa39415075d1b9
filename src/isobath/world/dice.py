"""Fast scalar draws from one named stream (numpy's own scalar calls are ten times slower)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")
BLOCK = 4096


class Dice:
    """Uniform draws in [0, 1) from `generator`, and choices made with them."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._draws = self._stream(generator)

    @staticmethod
    def _stream(generator: np.random.Generator) -> Iterator[float]:
        while True:
            yield from generator.random(BLOCK).tolist()

    def roll(self) -> float:
        """One uniform draw."""
        return next(self._draws)

    def below(self, probability: float) -> bool:
        """True with `probability`."""
        return next(self._draws) < probability

    def pick(self, values: Sequence[T]) -> T:
        """One of `values`, all equally likely."""
        return values[int(next(self._draws) * len(values))]


class Weighted:
    """Labels with their shares, prepared for drawing."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self._labels = [label for label, share in shares.items() if share > 0]
        self._edges = list(accumulate(shares[label] for label in self._labels))

    def draw(self, dice: Dice) -> str:
        """One label, drawn by share."""
        spot = dice.roll() * self._edges[-1]
        for label, edge in zip(self._labels, self._edges, strict=True):
            if spot < edge:
                return label
        return self._labels[-1]
