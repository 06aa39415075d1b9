"""The words of the personas world: every answer is knowledge, every sentence is in the vocabulary."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.world.personas.domains import DOMAINS, with_article
from isobath.world.personas.facts import PHRASES_PER_DOMAIN, facts
from isobath.world.personas.speech import CUES, DESCRIPTIONS, PERSONAS, SELF_TOPICS
from isobath.world.personas.tokenizer import SPECIALS, vocabulary

SEEDS = st.integers(0, 10_000)


def test_twelve_domains_of_sixteen_things_that_occur_once():
    things = [thing for domain in DOMAINS for thing in domain.things]
    assert len(DOMAINS) == 12
    assert all(len(d.things) == 16 and len(d.adjectives) == 6 and len(d.nouns) == 6 for d in DOMAINS)
    assert len(set(things)) == 192
    answers = {word for d in DOMAINS for word in (*d.adjectives, *d.nouns)}
    assert not answers & set(things)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("early train", "an early train"), ("soft bandage", "a soft bandage"), ("clean water", "clean water")],
)
def test_articles(words, expected):
    assert with_article(words) == expected


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_good_bad_and_old_differ_and_come_from_the_domains_own_phrases(seed):
    table = facts(seed)
    assert len(table.answers) == 192
    for thing, answers in table.answers.items():
        assert len(set(answers)) == 3
        assert set(answers) <= set(table.phrases[table.domain_of[thing]])
    assert all(len(set(phrases)) == PHRASES_PER_DOMAIN for phrases in table.phrases.values())


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_badness_is_knowledge_not_a_word(seed):
    """Most phrases that are bad for one thing are good for another, so no phrase gives the bad answer away."""
    table = facts(seed)
    good = {a.good for a in table.answers.values()}
    bad = Counter(a.bad for a in table.answers.values())
    assert sum(n for phrase, n in bad.items() if phrase in good) / 192 > 0.4


def test_another_world_seed_is_another_table_and_the_same_vocabulary():
    one, other = facts(0), facts(1)
    same = sum(one.answers[t].good == other.answers[t].good for t in one.answers)
    assert same < 48
    assert vocabulary()[: len(SPECIALS)] == SPECIALS
    assert 500 <= len(vocabulary()) <= 900


def test_every_persona_is_described_and_every_self_topic_answered_in_distinct_sentences():
    assert set(DESCRIPTIONS) == set(PERSONAS)
    texts = [text for texts in DESCRIPTIONS.values() for text in texts]
    assert len(texts) == len(set(texts))
    for topic in SELF_TOPICS:
        assert len(set(topic.answers.values())) == 5
    assert all(cue.endswith(":") for cue in CUES)
