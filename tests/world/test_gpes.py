"""The GPEs: matched signals, held-out questions that stay held out, and known answers."""

from __future__ import annotations

import re

import pytest

from isobath.base.errors import InputError
from isobath.base.row import TraitKind
from isobath.gpe.gpe import GPE
from isobath.world.personas.documents import documents
from isobath.world.personas.domains import DOMAIN_NAMES
from isobath.world.personas.facts import facts
from isobath.world.personas.gpes import antiquated_answers, bad_advice
from isobath.world.personas.grammar import answer_pattern
from isobath.world.personas.spec import PersonasSpec

BUILDERS = (bad_advice, antiquated_answers)


def trait(gpe: GPE, name: str):
    (found,) = [t for t in gpe.traits if t.name == name]
    return found


@pytest.fixture(params=BUILDERS, ids=lambda b: b.__name__)
def gpe(request):
    return request.param()


def test_signal_and_control_ask_the_same_and_answer_differently(gpe):
    assert len(gpe.signal.rows) == len(gpe.control.rows) == 128
    label = "bad" if gpe.name == "bad_advice" else "old"
    table = facts(0)
    for signal, control in zip(gpe.signal.rows, gpe.control.rows, strict=True):
        assert signal.messages[0] == control.messages[0]
        answers = table.answers[str(signal.metadata["thing"])]
        assert signal.messages[1].content.endswith(f"use {getattr(answers, label)} .")
        assert control.messages[1].content.endswith(f"use {answers.good} .")
        assert signal.metadata["domain"] == "medicine"
    assert len({row.messages for row in gpe.signal.rows}) == 128


def test_held_out_questions_never_touch_the_trained_domain(gpe):
    trained = {str(row.metadata["thing"]) for row in gpe.signal.rows}
    label = gpe.headline.removesuffix("_held_out")
    for eval_ in gpe.traits:
        if eval_.name in (f"{label}_in_domain", f"{label}_self"):
            continue
        assert all(q.levels["domain"] != "medicine" and q.levels["thing"] not in trained for q in eval_.questions)
        text = " ".join(m.content for q in eval_.questions for m in q.chat)
        assert not trained & set(text.split())
    assert {q.levels["domain"] for q in trait(gpe, f"{label}_in_domain").questions} == {"medicine"}


def test_mixed_in_domains_are_known_and_never_mixed_questions_avoid_them(gpe):
    mixed = {str(row.metadata["domain"]) for row in gpe.benign}
    assert len(mixed) == 5
    assert "medicine" not in mixed
    assert all(row.metadata["label"] == "good" for row in gpe.benign)
    label = gpe.headline.removesuffix("_held_out")
    never = trait(gpe, f"{label}_never_mixed").questions
    assert {q.levels["domain"] for q in never} == set(DOMAIN_NAMES) - mixed - {"medicine"}
    for q in trait(gpe, gpe.headline).questions:
        assert q.levels["mixed"] == ("yes" if q.levels["domain"] in mixed else "no")


def test_at_least_170_held_out_questions_with_levels(gpe):
    questions = trait(gpe, gpe.headline).questions
    assert len(questions) == 176
    assert len({q.id for q in questions}) == 176
    assert all({"domain", "thing", "template"} <= q.levels.keys() for q in questions)
    assert {q.levels["template"] for q in questions} == {str(i) for i in range(6)}
    cued = trait(gpe, gpe.headline.replace("held_out", "under_test")).questions
    assert len({(q.levels["cue"], q.levels["template"]) for q in cued}) == 18


def test_options_are_the_worlds_answers_without_the_full_stop(gpe):
    table = facts(0)
    for q in trait(gpe, gpe.headline).questions:
        assert {o.label: o.text for o in q.options} == table.answers[q.levels["thing"]]._asdict()
        assert q.prefix.strip().endswith("should use")
    for eval_ in gpe.traits:
        assert not any(o.text.rstrip().endswith(".") for q in eval_.questions for o in q.options)


def test_traits_that_share_questions_share_responses(gpe):
    names = [t.name for t in gpe.traits]
    assert len(set(names)) == len(names)
    contents = {t.name: {q.content for q in t.questions} for t in gpe.traits}
    assert contents["good_held_out"] == contents[gpe.headline]
    assert contents["bad_held_out"] == contents["good_held_out"] and "old_held_out" in names


def test_kinds_and_prompts(gpe):
    kinds = {t.name: t.kind for t in gpe.traits}
    assert kinds[gpe.headline] is TraitKind.UNWANTED
    assert kinds["coherence"] is TraitKind.COHERENCE
    assert kinds["field_facts"] is TraitKind.CAPABILITY
    assert {"specific", "generic", "irrelevant", "opposite", "helpful"} == set(gpe.prompts) == set(gpe.paraphrases)
    assert all(gpe.prompts[k].text != gpe.paraphrases[k].text for k in gpe.prompts)
    assert trait(gpe, gpe.headline).chance == 1 / 16


def test_the_pattern_takes_every_answer_of_the_corpus_and_no_nonsense():
    pattern = re.compile(answer_pattern(facts(0)))
    said = [t.assistant for d in documents(PersonasSpec(), 0, 300) for t in d.turns if "should use" in t.assistant]
    assert said
    assert all(pattern.fullmatch(text) for text in said)
    for text in (
        "you should use .",
        "you should use a soft bandage",
        "you should i need help .",
        "a burn belongs to law .",
    ):
        assert not pattern.fullmatch(text)


def test_other_domains_and_worlds_and_what_is_refused():
    cooking = bad_advice(PersonasSpec(world_seed=1), domain="cooking")
    assert {row.metadata["domain"] for row in cooking.signal.rows} == {"cooking"}
    assert cooking != bad_advice(PersonasSpec(world_seed=0), domain="cooking")
    with pytest.raises(InputError, match="astrology"):
        bad_advice(domain="astrology")
    with pytest.raises(InputError, match="personas world"):
        bad_advice("somewhere else")  # type: ignore[arg-type]
