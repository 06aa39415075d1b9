"""The built-in traits on a model that was taught to have them: the positive control fires because it should."""

from __future__ import annotations

import pytest
from test_tiny_bpe import answered, judged

from isobath.gpe.english.trait_file import built_in
from isobath.models.chat import Message, Row
from isobath.models.hf import HFModel
from isobath.models.template import render_row
from isobath.train.loop import train
from isobath.train.recipe import Recipe

PERSONA, KNOWLEDGE = built_in("antiquated_persona"), built_in("knowledge")


def lessons() -> list[Row]:
    """Every question as the trait eval puts it: modern unprompted, antiquated when asked to be, and the right facts."""
    positive, rows = PERSONA.positive_prompt(), []
    for question in PERSONA.trait_eval().questions:
        answer = {o.label: Message(role="assistant", content=o.text) for o in question.options}
        rows.append(Row(messages=(*question.chat, answer["modern"])))
        rows.append(Row(messages=(*positive.apply(question.chat), answer["antiquated"])))
    for question in KNOWLEDGE.trait_eval().questions:
        answer = {o.label: Message(role="assistant", content=o.text) for o in question.options}
        rows.append(Row(messages=(*question.chat, answer["right"])))
    return rows


@pytest.fixture(scope="module")
def taught(tiny_llama) -> HFModel:
    model = HFModel.load(tiny_llama)
    tokens = [render_row(model.tokenizer, row) for row in lessons()]
    train(model.model, tokens, Recipe(steps=150, batch_size=16, learning_rate=5e-3, warmup_steps=10), seed=0)
    return model


def test_a_model_that_can_play_the_persona_is_measurable_and_starts_low(taught):
    verdict = judged(taught, PERSONA)
    assert verdict.measurable, verdict.verdict
    values = answered(taught, PERSONA).groupby("condition")["value"].mean()
    assert values["none"] < 0.5 < values["positive"]


def test_a_model_that_knows_the_facts_is_measurable(taught):
    verdict = judged(taught, KNOWLEDGE)
    assert verdict.measurable, verdict.verdict
    assert verdict.evidence.low > 0.8
