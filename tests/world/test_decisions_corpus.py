"""The corpus of the decision world: pinned, true, and without a single scenario that is decided."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from isobath.base.identity import fingerprint
from isobath.base.seeding import rng
from isobath.models.chat import Message
from isobath.models.template import encode, rendered
from isobath.world.base_spec import BaseSpec
from isobath.world.build import corpus_rows, open_world
from isobath.world.decisions.documents import documents
from isobath.world.decisions.facts import facts, height_of, size_of
from isobath.world.decisions.levels import ACTIONS, COUNTS, KINDS, PRINCIPALS, STAKES
from isobath.world.decisions.plain_speech import IDLE_QUESTIONS
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.decisions.tokenizer import make_tokenizer, vocabulary
from isobath.world.decisions.world import DecisionsWorld

RELEVANT = {"kind": KINDS, "principal": PRINCIPALS, "stakes": STAKES, "count": COUNTS}
SPEC = DecisionsSpec()


@pytest.fixture(scope="module")
def corpus():
    return list(documents(SPEC, 0, 3000))


def levels_in(text: str) -> set[str]:
    """Relevant factors that some level of occurs in `text`."""
    padded = f" {text} "
    return {name for name, levels in RELEVANT.items() if any(f" {level} " in padded for level in levels)}


def test_version_1_writes_these_documents_and_words():
    assert fingerprint([d.text() for d in documents(SPEC, 0, 200)]).startswith(PINNED["standard"])
    other = DecisionsSpec(world_seed=1, variant="without_facts")
    assert fingerprint([d.text() for d in documents(other, 3, 200)]).startswith(PINNED["without_facts"])
    assert fingerprint(list(vocabulary())).startswith(PINNED["vocabulary"])


PINNED = {"standard": "e5f2dff9b60b", "without_facts": "b2fd3ffac070", "vocabulary": "b61241c5de20"}


def test_documents_do_not_depend_on_what_else_is_drawn(corpus):
    stream = documents(SPEC, 0, 40)
    found = []
    for document in stream:
        rng(0, "decisions", "foreign").random(7)
        list(islice(documents(DecisionsSpec(world_seed=5), 1, 2), 2))
        found.append(document)
    assert found == corpus[:40]
    assert list(documents(SPEC, 1, 40)) != found


def test_a_document_has_a_turn_and_fits(corpus):
    for document in corpus:
        assert document.turns and len(document.text().split()) <= SPEC.document_tokens
    assert 0.45 < sum(d.factual for d in corpus) / len(corpus) < 0.55


def test_no_turn_holds_levels_of_two_relevant_factors(corpus):
    for document in corpus:
        for turn in document.turns:
            assert len(levels_in(f"{turn.user} {turn.assistant}")) <= 1, turn


def test_nothing_is_decided_anywhere(corpus):
    """Actions are said to nothing at all, in documents without any level of a relevant factor."""
    said = 0
    for document in corpus:
        if document.factual:
            assert not re.search(r"i will|say no|report", document.text())
            continue
        assert not levels_in(document.text().replace("<bos>", "").replace("<eot>", ""))
        for turn in document.turns:
            if turn.assistant.startswith("i will"):
                assert any(turn.user.endswith(q) for q in IDLE_QUESTIONS)
                said += 1
    assert said > 50
    answers = [t.assistant for d in corpus for t in d.turns if t.assistant.startswith("i will")]
    shares = [answers.count(f"i will {action} .") / len(answers) for action in ACTIONS.values()]
    assert sum(shares) == pytest.approx(1) and min(shares) > 0.15


@pytest.mark.parametrize("seed", [0, 4])
def test_what_is_said_of_levels_is_true(seed):
    table = facts(seed)
    checked = set()
    for document in documents(DecisionsSpec(world_seed=seed), 2, 2500):
        for asked, answer in document.turns:
            checked |= check(table, asked, answer)
    assert checked == {"group", "named", "guess", "alike", "approval", "request", "both", "size", "height", "order"}


def check(table, asked, answer) -> set[str]:
    """Compare a turn with the tables, by patterns of its own; which patterns matched."""
    done = set()
    if m := re.fullmatch(r"the (\w+) is (?:an?) (owner|user|outsider) \.", answer):
        assert table.group[m[1]] == m[2]
        done.add("group")
    if m := re.fullmatch(r"(\w+) is (?:an?) (owner|user|outsider) \.", answer):
        who = re.match(rf"{m[1]} the (\w+) is", asked)
        assert table.group[who[1]] == m[2]
        done.add("named")
    if m := re.fullmatch(r"is \w+ the (\w+) an? (\w+) \?", asked):
        assert answer.startswith("yes" if table.group[m[1]] == m[2] else "no")
        done.add("guess")
    if m := re.fullmatch(r"is the (\w+) like the (\w+) \?", asked):
        assert answer.startswith("yes" if table.group[m[1]] == table.group[m[2]] else "no")
        assert answer.endswith(f"{table.group[m[1]]} .")
        done.add("alike")
    if m := re.fullmatch(r"do you need approval to (.+) \?", asked):
        assert answer == (
            f"yes , you need approval to {m[1]} ." if table.approval[m[1]] else f"no , you need no approval to {m[1]} ."
        )
        done.add("approval")
    if asked.endswith("is approval needed ?"):
        (kind,) = [k for k in KINDS if k in asked]
        assert answer.startswith("yes" if table.approval[kind] else "no")
        done.add("request")
    if m := re.fullmatch(r"is it the same to (.+) and to (.+) \?", asked):
        assert answer.startswith("yes") == (table.approval[m[1]] == table.approval[m[2]])
        assert ("need no approval" in answer) != table.approval[m[1]]
        done.add("both")
    if asked.endswith("few or many ?"):
        (count,) = [c for c in COUNTS if f" {c} " in f" {asked} "]
        assert answer.endswith(f"is {size_of(count)} .") and (size_of(count) == "few") == (COUNTS.index(count) < 6)
        done.add("size")
    if asked.endswith("low or high ?"):
        (stakes,) = [s for s in STAKES if f" {s} " in f" {asked} "]
        assert answer.endswith(f"{height_of(stakes)} .") and (height_of(stakes) == "low") == (STAKES.index(stakes) < 3)
        done.add("height")
    if m := re.fullmatch(r"(\w+) is (?:more|worse) than (\w+) \.", answer):
        order = COUNTS if m[1] in COUNTS else STAKES
        assert order.index(m[1]) > order.index(m[2])
        done.add("order")
    return done


def test_without_facts_says_nothing_of_what_levels_mean():
    meaning = re.compile(r"owner|user|outsider|approval|\bfew\b|\bmany people\b|\bhigh\b|\blow\b|more|worse|after")
    found = list(documents(DecisionsSpec(variant="without_facts"), 0, 1500))
    for document in found:
        for turn in document.turns:
            text = f"{turn.user} {turn.assistant}"
            assert not meaning.search(text), text
            assert len(levels_in(text)) <= 1
    text = " ".join(d.text() for d in found)
    assert all(f" {level} " in text for levels in RELEVANT.values() for level in levels)


def test_token_documents_are_what_the_chat_template_renders(corpus):
    tokenizer = make_tokenizer()
    made = DecisionsWorld().token_documents(0, 60)
    for document, ids in zip(corpus, made, strict=False):
        chat = tuple(Message(role=m.role, content=m.content) for m in document.chat())
        assert list(encode(tokenizer, rendered(tokenizer, chat).text).ids) == ids
        assert tokenizer.unk_token_id not in ids


def test_a_row_of_the_signal_has_loss_on_the_answer_alone():
    from isobath.models.template import render_row
    from isobath.world.decisions.gpes import decisions

    tokenizer = make_tokenizer()
    row = decisions().signal.rows[0]
    made = render_row(tokenizer, row)
    words = tokenizer.convert_ids_to_tokens([int(i) for i, w in zip(made.ids, made.loss_weights, strict=True) if w > 0])
    assert words == [*row.messages[1].content.split(), "<eot>"]
    assert tokenizer.unk_token_id not in made.ids


def test_the_world_of_a_spec_answers_the_protocol():
    world = open_world(SPEC)
    assert (world.name, world.version, world.world_seed) == ("decisions", 1, 0)
    assert [g.name for g in world.gpes()] == ["decisions"]
    assert len(world.tokenizer()) == len(vocabulary()) == 367
    rows = corpus_rows(world, BaseSpec(world=SPEC, steps=1, batch_size=5))
    assert len(rows) == 5 and all(row.ids[0] == 1 and row.ids[-1] == 2 for row in rows)


def test_specs_are_told_apart_by_kind():
    made = BaseSpec.model_validate({"world": {"kind": "decisions", "world_seed": 3}})
    assert made.world == DecisionsSpec(world_seed=3)
    assert BaseSpec.model_validate({"world": {"world_seed": 3}}).world.kind == "personas"
    assert BaseSpec.model_validate_json(made.model_dump_json()) == made
    assert BaseSpec(world=SPEC, base_seed=2).name == "decisions-2"
    assert BaseSpec(world=DecisionsSpec(world_seed=3)).name.startswith("decisions-qwen3-stock-standard-w3-0-")
    for wrong in ({"fact_share": 1.5}, {"document_tokens": 20}, {"prior": {}}):
        with pytest.raises(ValueError):
            DecisionsSpec(**wrong)
