"""The words for prompts and conditions: complete, used by the code, and the same in the decision."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from isobath.interventions.vocabulary import (
    CONDITIONS,
    FAMILIES,
    KINDS,
    PLACES,
    SOURCES,
    TERMS,
    ConditionWord,
    find,
    markdown_terms,
    markdown_words,
)
from isobath.models.chat import Place, PromptFamily, PromptKind
from isobath.study.arm import CONDITIONS as ASKED

DECISION = Path(__file__).parents[2] / "docs" / "decisions" / "08-conditions.md"


@pytest.mark.parametrize(
    ("words", "literal"),
    [(KINDS, PromptKind), (FAMILIES, PromptFamily), (PLACES, Place), (CONDITIONS, ConditionWord)],
    ids=["kinds", "families", "places", "conditions"],
)
def test_every_word_of_the_code_has_a_meaning_and_no_other(words, literal):
    assert tuple(words) == get_args(literal)


def test_the_decision_shows_the_same_tables():
    page = DECISION.read_text(encoding="utf-8")
    for table in (*map(markdown_words, (KINDS, FAMILIES, PLACES, CONDITIONS)), markdown_terms()):
        assert table in page
    for name, text in SOURCES.items():
        assert f"- **{name}**: {text}." in page


def test_every_condition_a_study_asks_has_a_word():
    assert set(ASKED) <= set(CONDITIONS)


def test_each_papers_word_stands_once_and_means_a_prompt_or_a_condition():
    assert len({(t.source, t.word) for t in TERMS}) == len(TERMS)
    assert {t.source for t in TERMS} == set(SOURCES)
    for term in TERMS:
        assert (term.kind is None) != (term.condition is None), term.word
        assert (term.kind is None) == (term.family is None), term.word


def test_words_that_mean_two_things_are_told_apart():
    assert find("Tan", "general").kind == "specific"
    assert find("Tan", "trigger token").kind == "trigger"
    assert find("Tan, backdoors", "Trigger").kind == "specific"
    assert find("Brittle", "irrelevant: helpful assistant").kind == "helpful"
    assert find("Adapters", "irrelevant").condition == "placebo"
    with pytest.raises(KeyError):
        find("Tan", "generic")
