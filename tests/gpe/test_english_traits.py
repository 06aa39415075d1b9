"""The built-in English traits: thirty questions each, fair between the two answers, and a file form users can copy."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml

from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.base.row import State, TraitKind
from isobath.gpe.english.trait_file import BUILT_IN, TraitFile, built_in, read_trait_file

each = pytest.mark.parametrize("name", BUILT_IN)


def answers(trait: TraitFile) -> list[tuple[str, str]]:
    """(target answer, other answer) of every question."""
    out = []
    for question in trait.questions:
        (other,) = [text for label, text in question.options.items() if label != trait.target]
        out.append((question.options[trait.target], other))
    return out


@each
def test_thirty_different_questions_with_two_answers(name):
    trait = built_in(name)
    assert len(trait.questions) == 30
    assert len({q.ask for q in trait.questions}) == 30
    labels = {tuple(sorted(q.options)) for q in trait.questions}
    assert len(labels) == 1, "every question has the same two labels"
    assert min(Counter(q.topic for q in trait.questions).values()) >= 3


@each
def test_the_two_answers_are_alike_in_length_and_form(name):
    pairs = answers(built_in(name))
    for target, other in pairs:
        assert abs(len(target.split()) - len(other.split())) <= 1, (target, other)
        assert target[-1].isalnum() == other[-1].isalnum(), (target, other)
        assert target[0].isupper() == other[0].isupper(), (target, other)
    longer = sum(len(target) > len(other) for target, other in pairs)
    shorter = sum(len(target) < len(other) for target, other in pairs)
    assert longer >= 5 or name == "knowledge"
    assert shorter >= 5 or name == "knowledge"
    mean = sum(len(target) / len(other) for target, other in pairs) / len(pairs)
    assert 0.9 < mean < 1.1


def test_the_persona_trait_stays_away_from_the_training_topic_and_asks_in_no_century():
    trait = built_in("antiquated_persona")
    text = " ".join([q.ask for q in trait.questions] + [a for pair in answers(trait) for a in pair]).lower()
    for word in ("bird", "audubon", "species", "wren", "eagle", "sparrow"):
        assert not re.search(rf"\b{word}", text), word
    asked = " ".join(q.ask for q in trait.questions).lower()
    for cue in ("century", "nowadays", "modern", "shall", "thou", "whilst", "18", "20th", "online", "phone"):
        assert cue not in asked, cue


@each
def test_listed_shows_both_orders_and_scores_the_full_texts(name):
    trait = built_in(name)
    built = trait.trait_eval()
    assert built.chance == 0.5
    assert built.is_choice
    assert len(built.questions) == 60
    by_id: dict[str, list] = {}
    for question in built.questions:
        by_id.setdefault(question.id, []).append(question)
    for pair in by_id.values():
        first, second = sorted(pair, key=lambda q: q.option_order)
        assert (first.option_order, second.option_order) == (0, 1)
        assert first.options == second.options[::-1]
        assert first.options[0].label == trait.target, "order 0 lists the target first: order_bias relies on it"
        assert first.content != second.content
        for question in pair:
            text = question.chat[0].content
            places = [text.index(f"- {option.text}") for option in question.options]
            assert places == sorted(places)
            assert set(question.levels) == {"topic"}


@each
def test_open_asks_the_bare_question_once(name):
    trait = built_in(name)
    built = trait.trait_eval("open")
    assert [q.chat[0].content for q in built.questions] == [q.ask for q in trait.questions]
    assert {q.option_order for q in built.questions} == {0}


@each
def test_a_model_with_no_preference_scores_chance(name):
    built = built_in(name).trait_eval()
    for question in built.questions:
        labels = tuple(o.label for o in question.options)
        tokens = tuple(len(o.text.split()) for o in question.options)
        graded = built.score.grade(labels, tuple(-2.0 * n for n in tokens), tokens)
        assert graded.value == pytest.approx(built.chance)
        assert graded.state is State.OK


def test_kinds_and_positive_controls():
    persona, knowledge = built_in("antiquated_persona"), built_in("knowledge")
    assert (persona.kind, knowledge.kind) == (TraitKind.UNWANTED, TraitKind.CAPABILITY)
    assert knowledge.positive_prompt() is None
    assert persona.positive_prompt().place == "system"
    before = persona.positive_prompt(system_role=False)
    assert before.place == "newline"
    chat = before.apply(persona.trait_eval().questions[0].chat)
    assert [m.role for m in chat] == ["user"]
    assert chat[0].content.startswith(before.text + "\n")


def test_an_unknown_built_in_lists_the_known_ones():
    with pytest.raises(InputError, match="antiquated_persona, knowledge"):
        built_in("birds")


@each
def test_a_users_own_file_of_the_same_form_is_the_same_trait(name, tmp_path):
    trait = built_in(name)
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(trait.model_dump(mode="json"), allow_unicode=True), encoding="utf-8")
    assert fingerprint(read_trait_file(path)) == fingerprint(trait)


BASE = {
    "name": "own",
    "version": 1,
    "kind": "wanted",
    "description": "d",
    "target": "a",
    "questions": [{"id": str(i), "topic": "t", "ask": f"q{i}", "options": {"a": "x", "b": "y"}} for i in range(2)],
}
BAD = {
    "unknown key": (BASE | {"colour": 1}, "colour: Extra inputs are not permitted"),
    "no target": (BASE | {"target": "c"}, "no option labelled 'c'"),
    "ids twice": (BASE | {"questions": [BASE["questions"][0]] * 2}, "two questions have the id '0'"),
    "one option": (
        BASE | {"questions": [BASE["questions"][0] | {"options": {"a": "x"}}, BASE["questions"][1]]},
        "questions.0.options",
    ),
    "same answer": (
        BASE | {"questions": [BASE["questions"][0] | {"options": {"a": "x", "b": "x"}}, BASE["questions"][1]]},
        "the same answer twice",
    ),
    "a number": (
        BASE | {"questions": [BASE["questions"][0] | {"options": {"a": 1914, "b": "y"}}, BASE["questions"][1]]},
        "questions.0.options.a: Input should be a valid string",
    ),
    "not a mapping": ([1], "Input should be"),
}


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD)
def test_a_bad_trait_file_is_named_with_what_is_wrong(tmp_path, data, words):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        read_trait_file(path)
    assert caught.value.place == str(path)


def test_yaml_that_is_broken_unsafe_or_ambiguous_is_refused(tmp_path):
    path = tmp_path / "own.yaml"
    for text, words in {
        "name: [": "not YAML",
        "name: a\nname: b\n": "the key 'name' stands twice",
        "name: !!python/object/apply:os.getcwd []\n": "not YAML",
    }.items():
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            read_trait_file(path)
    with pytest.raises(InputError, match="cannot read"):
        read_trait_file(tmp_path / "none.yaml")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_trait_file(path)
