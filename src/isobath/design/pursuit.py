"""Adaptive pursuit (Thierens, GECCO 2005): how often each of several rules is used follows what each achieved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

RATE = 0.3
"""How far an estimate, and the probabilities, move at once. Our choice."""


class AdaptivePursuit:
    """Probabilities of rules: the one with the best estimated reward is pursued, the others keep a least share.

    After use, the estimate of a rule moves towards its reward, ``q += rate (reward - q)``; then the probability of the
    rule with the largest estimate moves towards ``1 - (rules - 1) least`` and every other one towards ``least``, which
    is half of an even share, so that a rule that begins to pay is noticed. (Probability matching would make
    probabilities proportional to the estimates.)
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.least = 0.5 / len(self.names)
        self._estimates = np.zeros(len(self.names))
        self._shares = np.full(len(self.names), 1 / len(self.names))

    @property
    def probabilities(self) -> dict[str, float]:
        """How likely each rule is used next."""
        return dict(zip(self.names, self._shares.tolist(), strict=True))

    def draw(self, count: int, stream: np.random.Generator) -> npt.NDArray[np.int64]:
        """Numbers of `count` rules to use."""
        return stream.choice(len(self.names), count, p=self._shares)

    def credit(self, rewards: Mapping[int, float]) -> None:
        """Take note of the mean reward of each rule that was used."""
        for rule, reward in rewards.items():
            self._estimates[rule] += RATE * (reward - self._estimates[rule])
        if self._estimates.max() <= 0:
            return
        goal = np.full(len(self.names), self.least)
        goal[int(self._estimates.argmax())] = 1 - (len(self.names) - 1) * self.least
        self._shares += RATE * (goal - self._shares)
        self._shares /= self._shares.sum()
