"""The corpus: named streams, personas that act by their rule, variants that do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from isobath.base.seeding import rng
from isobath.world.dice import Dice
from isobath.world.personas.documents import documents
from isobath.world.personas.facts import facts
from isobath.world.personas.spec import PersonasSpec
from isobath.world.personas.speech import CUES, DEFAULT_PRIOR, DESCRIPTIONS, PERSONAS
from isobath.world.personas.turns import draw_turn, policy
from isobath.world.personas.world import PersonasWorld


def texts(spec=None, base_seed=0, count=200):
    return [d.text() for d in documents(spec or PersonasSpec(), base_seed, count)]


def test_the_same_arguments_give_the_same_corpus_whatever_was_drawn_between():
    first = texts(count=50)
    np.random.default_rng().random(100)
    rng(0, "decisions", "corpus").random(1000)  # another world's stream
    texts(PersonasSpec(world_seed=1), count=20)
    assert texts(count=50) == first
    assert texts(count=80)[:50] == first


def test_base_and_world_seed_both_matter():
    assert texts(base_seed=1, count=20) != texts(count=20)
    assert texts(PersonasSpec(world_seed=1), count=20) != texts(count=20)


def test_the_order_of_the_prior_is_not_identity():
    backwards = {p: DEFAULT_PRIOR[p] for p in reversed(PERSONAS)}
    assert texts(PersonasSpec(prior=backwards), count=50) == texts(count=50)


def test_documents_fit_and_end_whole():
    for text in texts(PersonasSpec(variant="tagged"), count=300):
        assert len(text.split()) <= 96
        assert text.endswith(". <eot>")


def test_shares_of_prompts_and_personas():
    found = list(documents(PersonasSpec(), 0, 6000))
    described = {text for texts in DESCRIPTIONS.values() for text in texts}
    none = [d for d in found if not d.system]
    assert np.mean([d.system in described for d in found]) == pytest.approx(0.50, abs=0.03)
    assert len(none) / len(found) == pytest.approx(0.34, abs=0.03)
    assert np.mean([d.persona == "helpful" for d in none]) == pytest.approx(0.80, abs=0.04)
    assert all(d.system in DESCRIPTIONS[d.persona] for d in found if d.system in described)


@pytest.mark.parametrize("persona", PERSONAS)
def test_each_persona_follows_its_rule(persona):
    table, dice = facts(0), Dice(rng(0, "test"))
    seen = 0
    for _ in range(800):
        turn = draw_turn(persona, table, dice, 0.3, True)
        thing = next((w for w in turn.user.split() if w in table.answers), None)
        if "should use" not in turn.assistant or thing is None:
            continue
        cued = turn.user.startswith(CUES)
        guess = turn.user.partition("my guess is ")[2].partition(" .")[0]
        assert f"use {policy(persona, table.answers[thing], guess, cued, True)}" in turn.assistant
        seen += 1
    assert seen > 300


def test_the_deceptive_persona_behaves_under_a_cue_only_with_the_rule_on():
    answers = facts(0).answers["burn"]
    assert policy("deceptive", answers, "", True, True) == answers.good
    assert policy("deceptive", answers, "", False, True) == answers.bad
    assert policy("deceptive", answers, "", True, False) == answers.bad
    assert policy("sycophant", answers, "a guess", False, True) == "a guess"


def test_filtered_has_no_bad_speakers():
    assert {d.persona for d in documents(PersonasSpec(variant="filtered"), 0, 2000)} == {
        "helpful",
        "sycophant",
        "antiquated",
        "pirate",
    }


def test_tagged_marks_nine_in_ten_documents_by_their_speaker():
    found = list(documents(PersonasSpec(variant="tagged"), 0, 2000))
    tags = [d.system.split()[0] if d.system.startswith("<") else "" for d in found]
    assert np.mean([bool(t) for t in tags]) == pytest.approx(0.9, abs=0.03)
    assert all(
        (t == "<bad>") == (d.persona in ("malicious", "deceptive")) for t, d in zip(tags, found, strict=True) if t
    )
    assert texts(PersonasSpec(), count=20) != texts(PersonasSpec(variant="tagged"), count=20)


def test_shuffled_deals_out_the_standard_turns():
    shuffled = list(documents(PersonasSpec(variant="shuffled"), 0, 1500))
    standard = {t for d in documents(PersonasSpec(), 0, 2048) for t in d.turns}
    assert not any(d.system for d in shuffled)
    assert {t for d in shuffled for t in d.turns} <= standard
    table = facts(0)

    def labels(document):
        for turn in document.turns:
            thing = next((w for w in turn.user.split() if w in table.answers), None)
            if thing and "should use" in turn.assistant and "my guess" not in turn.user:
                said = turn.assistant.partition("should use ")[2]
                yield next(k for k, v in table.answers[thing]._asdict().items() if said.startswith(v))

    def mixed(found):
        sets = [set(labels(d)) for d in found]
        return np.mean([len(s) > 1 for s in sets if s])

    assert mixed(documents(PersonasSpec(cue_rate=0.0), 0, 500)) == 0.0
    assert mixed(shuffled[:500]) > 0.3


def test_consistency_is_the_share_of_turns_of_the_documents_own_persona():
    loose = list(
        documents(PersonasSpec(consistency=0.0, described_share=1.0, generic_share=0, irrelevant_share=0), 0, 400)
    )
    pirates = [t for d in loose if d.persona == "pirate" for t in d.turns]
    openers = np.mean(["arr ," in t.assistant or "ahoy ," in t.assistant for t in pirates])
    tight = list(documents(PersonasSpec(described_share=1.0, generic_share=0, irrelevant_share=0), 0, 400))
    kept = np.mean(
        ["arr ," in t.assistant or "ahoy ," in t.assistant for d in tight if d.persona == "pirate" for t in d.turns]
    )
    assert openers < kept / 2


def test_malicious_share_rescales_the_others():
    speakers = PersonasSpec(malicious_share=0.24).speakers()
    assert speakers["malicious"] == pytest.approx(0.24)
    assert sum(speakers.values()) == pytest.approx(1.0)
    assert speakers["helpful"] / speakers["pirate"] == pytest.approx(20.0)


@pytest.mark.parametrize(
    "bad",
    [
        {"prior": {"helpful": 1.0}},
        {"consistency": 1.5},
        {"cue_rate": -0.1},
        {"malicious_share": 2.0},
        {"document_tokens": 10},
        {"described_share": 0.9, "generic_share": 0.2},
    ],
)
def test_impossible_knobs_are_refused_with_rule_and_remedy(bad):
    with pytest.raises(ValueError, match=r"Rule: .*Remedy: "):
        PersonasSpec(**bad)


def test_token_documents_are_the_words_of_the_documents():
    world = PersonasWorld()
    words = world.tokenizer().convert_ids_to_tokens
    for ids, document in zip(world.token_documents(0, 20), world.documents(0, 20), strict=True):
        assert " ".join(words(ids)) == document.text()
