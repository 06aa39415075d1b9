"""String rewriting: tasks "replace this pattern by that in a string", a toy whose instructions can be counted.

The task of 2402.10891 and of Only-IF (2410.04717), after Markov algorithms: an instruction is a rule, an input is a
string, and the answer is the string with the leftmost occurrence of the rule's pattern replaced. The number of distinct
rules is the diversity of the instructions; strings for each rule make up the rest of a budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isobath.base.errors import InputError


class RewritingRule(NamedTuple):
    """Replace `pattern` by `replacement`."""

    pattern: str
    replacement: str


class RewritingTask(NamedTuple):
    """A rule to be applied to `text`, and the `answer`."""

    rule: RewritingRule
    text: str
    answer: str


def rewrite(rule: RewritingRule, text: str) -> str:
    """`text` with the leftmost occurrence of the pattern replaced; unchanged where there is none."""
    before, found, after = text.partition(rule.pattern)
    return before + rule.replacement + after if found else text


def number_of_rules(symbols: int, width: int) -> int:
    """How many rules of `width` symbols on either side there are: the sides differ."""
    sides = symbols**width
    return int(sides * (sides - 1))


def distinct_rules(alphabet: str, width: int, count: int, draw: np.random.Generator) -> list[RewritingRule]:
    """`count` different rules in random order, both sides of `width` symbols. Raises `InputError` for more than are."""
    most = number_of_rules(len(alphabet), width)
    if not 1 <= count <= most:
        raise InputError(
            f"{count} rules of width {width} over {len(alphabet)} symbols", f"there are {most}", "ask fewer"
        )
    sides = len(alphabet) ** width
    places = draw.choice(most, size=count, replace=False)
    pairs = [(int(place) // (sides - 1), int(place) % (sides - 1)) for place in places]
    return [RewritingRule(_side(alphabet, width, p), _side(alphabet, width, r + (r >= p))) for p, r in pairs]


def _side(alphabet: str, width: int, number: int) -> str:
    return "".join(alphabet[number // len(alphabet) ** i % len(alphabet)] for i in range(width))


def rewriting_tasks(
    rules: Sequence[RewritingRule], count: int, alphabet: str, length: int, draw: np.random.Generator
) -> list[RewritingTask]:
    """`count` tasks with strings of `length` symbols, the rules in turn.

    Every string holds the pattern at a uniformly random place (by luck more than once); other symbols are uniform, so
    that no part of a string tells the rule. Raises `InputError` for a pattern longer than the string.
    """
    tasks = []
    for i in range(count):
        rule = rules[i % len(rules)]
        room = length - len(rule.pattern)
        if room < 0:
            raise InputError(f"strings of {length} symbols", f"{rule.pattern!r} has more", "make them longer")
        rest = "".join(alphabet[j] for j in draw.integers(len(alphabet), size=room))
        at = int(draw.integers(room + 1))
        text = rest[:at] + rule.pattern + rest[at:]
        tasks.append(RewritingTask(rule, text, rewrite(rule, text)))
    return tasks
