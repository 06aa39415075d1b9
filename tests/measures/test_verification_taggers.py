"""Taggers: the phrase lookup against its definition, and n-grams that never saw the table they are compared with."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from ferry_scenario import PHRASES, SPACE, Ferry, drafts, reworded
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.measures.verification.check import Check, Looking, Remembering
from isobath.measures.verification.decider import Decider, TaggedDecider, Undecided
from isobath.measures.verification.duplicates import Duplicates
from isobath.measures.verification.learnt_tagger import LearntTagger
from isobath.measures.verification.metamorphic import Metamorphic
from isobath.measures.verification.ngrams import NGrams, words_of
from isobath.measures.verification.phrase_tagger import PhraseTagger
from isobath.measures.verification.reading import Tagger, why_none
from isobath.measures.verification.round_trip import RoundTrip
from isobath.measures.verification.verify import verify
from isobath.measures.verification.words import sentences, spaced, tokens, trimmed

FERRY = Ferry()
SOUND = drafts(FERRY, 150)


@pytest.fixture(scope="module")
def learnt():
    return LearntTagger.fit(FERRY, seed=3, rows=400)


def test_words_are_found_whatever_the_case_and_punctuation():
    assert tokens("Don’t STOP - the «boat»!  Why?..") == ["dont", "stop", "the", "«boat»", ".", "why", ".", ".", "."]
    assert tokens("under_score 3.5 it's") == ["under", "score", "3", ".", "5", "its"]
    assert trimmed([".", "a", ".", "b", "."]) == ["a", ".", "b"] and trimmed(["."]) == []
    assert sentences("One. Two three! ") == [" one ", " two three "]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(f, level, text) for f in PHRASES for level, texts in PHRASES[f].items() for text in texts]),
    st.sampled_from(["", "Hello there. ", "- "]),
    st.sampled_from([str, str.upper, lambda s: s.rstrip("."), lambda s: s.replace(" ", "\n")]),
)
def test_every_phrase_is_read_as_its_level_in_any_frame(phrase, before, register):
    factor, level, text = phrase
    said = register(text.replace("{place}", "the old tar works"))
    draft = reworded(SOUND[0], SOUND[0].messages[0].content, before + said)
    draft = replace(draft, messages=draft.messages[:1], decision=None)
    (found,) = PhraseTagger().read([draft], FERRY)
    assert found[factor] == level
    others = {name for name in PHRASES if name != factor and found[name] is not None}
    assert others <= {"harbour"}  # what fills the slot


def test_a_slot_takes_words_of_one_sentence_only():
    index = PhraseTagger().index(FERRY)
    assert [w.level for w in index.found("You are told to set out for the far side of it without waiting.")] == ["sail"]
    assert not index.found("You are told to set out for it. Go without waiting.")
    assert not index.found("You are told to set out for " + "far " * 20 + "without waiting.")


def test_the_index_finds_what_trying_every_phrase_finds():
    index = PhraseTagger().index(FERRY)
    for draft in SOUND[:60]:
        text = spaced(tokens(draft.text))
        assert set(index.found(draft.text)) == {w for w in index.wordings if w.found(text)}


def test_two_levels_are_none_and_three_are_too():
    texts = [PHRASES["wind"][level][0] for level in ("calm", "fresh", "storm")]
    for said in (texts[:2], texts):
        draft = replace(
            SOUND[0], messages=(SOUND[0].messages[0].model_copy(update={"content": " ".join(said)}),), decision=None
        )
        (found,) = PhraseTagger().read([draft], FERRY)
        assert found["wind"] is None and why_none(found, "wind").startswith("the text says two levels")
        assert why_none(found, "order") == "nothing in the text says which"


def test_the_phrase_tagger_looks_at_words_and_never_at_the_point():
    tagger = PhraseTagger()
    lied = [replace(d, point={**d.point, "wind": "calm"}) for d in SOUND]
    assert tagger.read(lied, FERRY) == tagger.read(SOUND, FERRY)
    other = Ferry(table={**PHRASES, "wind": {"calm": PHRASES["wind"]["storm"]}})
    assert tagger.read(SOUND[:1], other) != tagger.read(SOUND[:1], FERRY)  # the phrases are those of the scenario asked


def test_the_learnt_tagger_agrees_on_new_seeds_and_abstains_where_nothing_is_said(learnt):
    assert set(learnt.tells(FERRY)) >= {"order", "sender", "wind"}
    found = verify(SOUND, FERRY, [RoundTrip(learnt, unread="pass")])
    assert found.reject_interval(found.rejects[0].check if found.rejects else "round trip (learnt tagger)").low < 0.02
    for part in found.agreement:
        assert part.share > 0.95, part
    silent = drafts(Ferry(hidden=frozenset({"wind"})), 60)
    named = [reading["wind"] for reading in learnt.read(silent, FERRY)]
    assert named.count(None) > 50


def test_the_learnt_tagger_catches_a_moved_phrase_without_a_table(learnt):
    wrong = Ferry(spoken={("wind", "calm"): PHRASES["wind"]["storm"]})
    calm = [d for d in drafts(wrong, 120) if d.point["wind"] == "calm"]
    found = verify(calm, FERRY, [RoundTrip(learnt, unread="pass")])
    assert len(found.rejects) > 0.9 * len(calm)
    assert found.rejects[0].reason == "wind: the text says 'storm', the point says 'calm'"


def test_a_table_that_is_wrong_itself_is_seen_by_the_learnt_tagger_alone(learnt):
    swapped = {
        **PHRASES,
        "wind": {"calm": PHRASES["wind"]["storm"], "fresh": PHRASES["wind"]["fresh"], "storm": PHRASES["wind"]["calm"]},
    }
    bad = Ferry(table=swapped)
    calm = [d for d in drafts(bad, 120) if d.point["wind"] == "calm"]
    assert not verify(calm, bad, [RoundTrip(PhraseTagger())]).rejects  # it looks up the table that is wrong
    assert len(verify(calm, bad, [RoundTrip(learnt, unread="pass")]).rejects) > 0.9 * len(calm)


def test_unseen_wordings_are_read_by_classifiers_that_have_not_seen_them():
    shared = {
        "wind": {
            level: tuple(
                f"{a} {word} {b}."
                for a, b in (("The sea is", "today"), ("All say", "it is"), ("A", "wind then"), ("Now", "air"))
            )
            for level, word in (("calm", "smooth"), ("fresh", "breezy"), ("storm", "raging"))
        }
    }
    easy = Ferry(table={**PHRASES, **shared})
    tagger = LearntTagger.fit(easy, rows=300, folds=4)
    by_factor = {part.factor: part for part in tagger.accuracy}
    assert by_factor["wind"].share > 0.9  # the wordings share the word that tells
    assert by_factor["order"].share < 0.7  # these share nothing: an unseen wording cannot be read
    assert "wind" in tagger.tells(easy) and "order" not in tagger.tells(easy)
    assert "unseen" in tagger.name


def test_fitting_is_repeatable_and_knows_its_scenario(learnt):
    again = LearntTagger.fit(FERRY, seed=3, rows=400)
    assert again.accuracy == learnt.accuracy and again.read(SOUND, FERRY) == learnt.read(SOUND, FERRY)
    with pytest.raises(InputError, match="fitted on 'ferry' asked about 'barge'"):
        learnt.read(SOUND, Ferry(name="barge"))
    with pytest.raises(InputError, match="rows = 5"):
        LearntTagger.fit(FERRY, rows=5)


def test_ngrams_are_those_that_counting_by_hand_gives():
    texts = [words_of(d.text) for d in SOUND[:40]]
    grams = NGrams(texts)
    by_hand = {}
    for i, words in enumerate(texts):
        for gram in {*words, *pairwise(words)}:
            by_hand.setdefault(gram, set()).add(i)
    kept = [rows for rows in by_hand.values() if len(rows) >= 3]
    made = grams.matrix(texts).toarray()
    assert len(grams) == len(kept) and set(made.ravel()) == {0.0, 1.0}
    assert sorted(made.sum(0)) == sorted(len(rows) for rows in kept)
    assert not grams.matrix([["never", "seen"]]).nnz


def test_the_tagged_decider_reads_the_rule_and_says_what_it_misses():
    decider = TaggedDecider(PhraseTagger())
    assert decider.decisions(SOUND, FERRY) == [d.decision for d in SOUND]
    (said,) = decider.decisions([drafts(Ferry(hidden=frozenset({"order"})), 1)[0]], FERRY)
    assert isinstance(said, Undecided) and said == "order: nothing in the text says which"
    storm = reworded(FERRY.draft({**SOUND[0].point, "order": "wait", "wind": "calm"}, 1), "", "")
    calm = next(text for text in PHRASES["wind"]["calm"] if text in storm.text)
    (said,) = decider.decisions([reworded(storm, calm, "A full storm is raging.")], FERRY)
    assert isinstance(said, Undecided) and "cannot be together" in said


def test_a_factor_that_the_tagger_cannot_tell_is_said_to_be_untested():
    bare = Ferry(
        table={**PHRASES, "wind": {}}, spoken={("wind", level): texts for level, texts in PHRASES["wind"].items()}
    )
    found = verify(SOUND[:20], bare, [RoundTrip(PhraseTagger()), Metamorphic(PhraseTagger(), edits="all")])
    assert not found.rejects
    for texts in found.not_measured.values():
        assert any(re.match("wind: the phrase tagger.* cannot tell its levels", text) for text in texts)
    assert "edits of wind" not in found.counts["metamorphic"]


def test_the_protocols_hold():
    assert isinstance(PhraseTagger(), Tagger) and isinstance(TaggedDecider(PhraseTagger()), Decider)
    assert isinstance(Duplicates(), Check) and isinstance(Duplicates(), Remembering)
    assert not isinstance(RoundTrip(PhraseTagger()), Remembering)
    with pytest.raises(NotImplementedError):
        Looking().look([], FERRY)
    with pytest.raises(InputError, match="factor 'tide'"):
        RoundTrip(PhraseTagger(), factors=["tide"]).look(SOUND[:1], FERRY)
    assert SPACE.names == FERRY.space.names
