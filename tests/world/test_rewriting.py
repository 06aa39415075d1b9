"""String rewriting: answers against str.replace, rules counted by hand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.world.rewriting import RewritingRule, distinct_rules, number_of_rules, rewrite, rewriting_tasks

texts = st.text("abc", min_size=0, max_size=12)
sides = st.text("abc", min_size=1, max_size=3)


@given(sides, sides, texts)
def test_the_leftmost_occurrence_is_replaced_as_python_would(pattern: str, replacement: str, text: str) -> None:
    assert rewrite(RewritingRule(pattern, replacement), text) == text.replace(pattern, replacement, 1)


@pytest.mark.parametrize(("symbols", "width"), [(2, 1), (3, 1), (2, 2), (3, 2)])
def test_all_rules_are_those_of_brute_force(symbols: int, width: int) -> None:
    alphabet = "abc"[:symbols]
    every = {(p, r) for p in product(alphabet, repeat=width) for r in product(alphabet, repeat=width) if p != r}
    assert number_of_rules(symbols, width) == len(every)
    drawn = distinct_rules(alphabet, width, len(every), rng(0, "rules"))
    assert {(tuple(rule.pattern), tuple(rule.replacement)) for rule in drawn} == every


def test_more_rules_than_there_are_is_an_error() -> None:
    with pytest.raises(InputError, match="there are 6"):
        distinct_rules("abc", 1, 7, rng(0))


@given(st.integers(0, 2**31), st.integers(1, 20), st.integers(1, 2), st.integers(2, 10))
def test_tasks_hold_their_pattern_and_its_answer(seed: int, count: int, width: int, length: int) -> None:
    rules = distinct_rules("abcd", width, 5, rng(seed, "rules"))
    tasks = rewriting_tasks(rules, count, "abcd", length, rng(seed, "tasks"))
    assert [task.rule for task in tasks] == [rules[i % 5] for i in range(count)]
    for task in tasks:
        assert len(task.text) == len(task.answer) == length
        assert task.rule.pattern in task.text
        assert task.answer == task.text.replace(task.rule.pattern, task.rule.replacement, 1)
    again = rewriting_tasks(rules, count, "abcd", length, rng(seed, "tasks"))
    assert again == tasks


def test_the_pattern_stands_at_every_place() -> None:
    rule = RewritingRule("d", "a")
    tasks = rewriting_tasks([rule], 600, "abc", 4, rng(3))
    places = [task.text.index("d") for task in tasks]
    assert all(100 < places.count(place) < 200 for place in range(4))


def test_a_string_shorter_than_the_pattern_is_an_error() -> None:
    with pytest.raises(InputError, match="has more"):
        rewriting_tasks([RewritingRule("ab", "ba")], 1, "ab", 1, rng(0))
