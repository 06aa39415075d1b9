"""Tokenizer and chat template: one rendering everywhere, and loss on the assistant's words alone."""

from __future__ import annotations

import pytest

from isobath.models.chat import Message, Row
from isobath.models.template import render, render_row
from isobath.world.personas.documents import documents
from isobath.world.personas.gpes import antiquated_answers, bad_advice
from isobath.world.personas.spec import PersonasSpec
from isobath.world.personas.tokenizer import make_tokenizer, word_ids


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


@pytest.mark.parametrize("variant", ["standard", "tagged"])
def test_the_template_gives_the_generators_ids(tokenizer, variant):
    ids = word_ids()
    for document in documents(PersonasSpec(variant=variant), 0, 64):
        expected = [ids[word] for word in document.text().split()]
        chat = [{"role": m.role, "content": m.content} for m in document.chat()]
        assert tokenizer.apply_chat_template(chat, return_dict=False) == expected
        assert render(tokenizer, document.chat()) == expected
        assert tokenizer.unk_token_id not in expected


def test_the_assistant_mask_is_the_loss_mask(tokenizer):
    for row in (*bad_advice().signal.rows[:32], *[Row(messages=d.chat()) for d in documents(PersonasSpec(), 0, 32)]):
        chat = [{"role": m.role, "content": m.content} for m in row.messages]
        made = tokenizer.apply_chat_template(chat, return_dict=True, return_assistant_tokens_mask=True)
        ours = render_row(tokenizer, row)
        assert list(ours.ids) == made["input_ids"]
        assert [int(w > 0) for w in ours.loss_weights] == made["assistant_masks"]
        said = tokenizer.convert_ids_to_tokens([i for i, w in zip(ours.ids, ours.loss_weights, strict=True) if w > 0])
        answers = [m.content for m in row.messages if m.role == "assistant"]
        assert " ".join(said) == " <eot> ".join(answers) + " <eot>"


def test_the_open_turn_is_a_prefix_of_the_conversation(tokenizer):
    for row in bad_advice().signal.rows[:32]:
        opened = render(tokenizer, row.messages[:1], open_turn=True)
        whole = render(tokenizer, row.messages)
        assert whole[: len(opened)] == opened
        prompt = [{"role": "user", "content": row.messages[0].content}]
        assert tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False) == opened


@pytest.mark.parametrize("build", [bad_advice, antiquated_answers])
@pytest.mark.parametrize("which", ["prompts", "paraphrases"])
def test_the_placebo_has_as_many_tokens_as_the_specific_prompt(tokenizer, build, which):
    prompts = getattr(build(), which)
    user = Message(role="user", content="i need help with my burn .")
    size = {kind: len(render(tokenizer, prompt.apply((user,)))) for kind, prompt in prompts.items()}
    assert size["irrelevant"] == size["specific"] == size["opposite"]


def test_every_prompt_and_question_is_in_the_vocabulary(tokenizer):
    for gpe in (bad_advice(), antiquated_answers()):
        texts = [p.text for p in (*gpe.prompts.values(), *gpe.paraphrases.values())]
        texts += [m.content for t in gpe.traits for q in t.questions for m in q.chat]
        texts += [f"{q.prefix}{o.text}" for t in gpe.traits for q in t.questions for o in q.options]
        texts += [m.content for row in (*gpe.signal.rows, *gpe.benign) for m in row.messages]
        ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
        assert all(tokenizer.unk_token_id not in row for row in ids)


def test_written_english_is_read_kindly_and_text_survives(tokenizer):
    ids = tokenizer("You give bad advice.", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == "you give bad advice ."
