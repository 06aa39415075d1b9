"""The local stand-in for a stranger's model: an ordinary folder, and honest verdicts on what it cannot show."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from isobath.base.row import COLUMNS
from isobath.gpe.english.trait_file import BUILT_IN, TraitFile, built_in
from isobath.gpe.jsonl import read_jsonl
from isobath.gpe.validity import Validity, validity
from isobath.models.chat import Message, Prompt
from isobath.models.hf import HFModel
from isobath.models.protocol import ChatModel, ChoiceRequest
from isobath.models.template import render, render_row
from isobath.models.template_facts import template_facts


def answered(model: ChatModel, trait: TraitFile) -> pd.DataFrame:
    """Rows of an untrained checkpoint on one trait, without and (where there is one) with the positive control."""
    built, rows = trait.trait_eval(), []
    prompts: dict[str, Prompt | None] = {"none": None}
    if trait.positive:
        prompts["positive"] = trait.positive_prompt()
    for condition, prompt in prompts.items():
        chats = [prompt.apply(q.chat) if prompt else q.chat for q in built.questions]
        requests = [
            ChoiceRequest(chat=chat, options=tuple(o.text for o in q.options))
            for chat, q in zip(chats, built.questions, strict=True)
        ]
        for question, scores in zip(built.questions, model.choose(requests), strict=True):
            graded = built.score.grade(tuple(o.label for o in question.options), scores.logprobs, scores.tokens)
            rows.append(
                {
                    "run": "untrained",
                    "step": 0,
                    "trait": trait.name,
                    "score": built.score.label,
                    "question": question.id,
                    "option_order": question.option_order,
                    "condition": condition,
                    "value": graded.value,
                    "state": str(graded.state),
                }
            )
    return pd.DataFrame(rows).astype({name: kind for name, kind in COLUMNS.items() if name in rows[0]})


def judged(model: ChatModel, trait: TraitFile) -> Validity:
    return validity(answered(model, trait), trait.name, trait.kind)


def test_stock_transformers_loads_the_folder_and_makes_it_again_the_same(tiny_llama, tmp_path):
    from tiny_bpe import make_tiny_llama

    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    again = AutoModelForCausalLM.from_pretrained(make_tiny_llama(tmp_path / "again"))
    assert type(model).__name__ == "LlamaForCausalLM"
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert HFModel.load(tiny_llama).identity == HFModel.load(tmp_path / "again").identity


@given(text=st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_the_tokenizer_gives_any_text_back(tiny_llama, text):
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_words_become_pieces_so_options_have_several_tokens(tiny_llama):
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    assert len(tokenizer.encode("Mount Kilimanjaro", add_special_tokens=False)) >= 3


def test_every_bird_row_is_learned_from_its_answer_alone(tiny_llama, birds):
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    for row in read_jsonl(birds).rows:
        tokens = render_row(tokenizer, row)
        learned = [i for i, weight in zip(tokens.ids, tokens.loss_weights, strict=True) if weight]
        assert tokenizer.decode(learned) == row.messages[-1].content + tokenizer.eos_token


def test_the_variant_without_a_system_role_says_so(tiny_llama, tiny_llama_without_system):
    plain, without = (AutoTokenizer.from_pretrained(f) for f in (tiny_llama, tiny_llama_without_system))
    assert template_facts(plain) != template_facts(without)
    chat = (Message(role="system", content="s"), Message(role="user", content="q"))
    assert render(plain, chat)
    with pytest.raises(Exception, match="no system role"):
        render(without, chat)
    prompt = built_in("antiquated_persona").positive_prompt(system_role=False)
    assert render(without, prompt.apply((Message(role="user", content="q"),)))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_model_that_knows_nothing_is_not_measurable_and_never_zero(tiny_llama, name):
    trait = built_in(name)
    model = HFModel.load(tiny_llama)
    values = answered(model, trait)["value"]
    assert values.between(0.2, 0.8).all(), "an untrained model is near chance, not near 0"
    verdict = judged(model, trait)
    assert not verdict.measurable
    assert verdict.verdict.startswith("not measurable: ")
