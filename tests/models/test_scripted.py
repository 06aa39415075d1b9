import math

import numpy as np
import pytest

from isobath.base.row import State
from isobath.models.chat import Message
from isobath.models.protocol import ChoiceRequest, TextRequest
from isobath.models.scripted import ScriptedModel, ScriptedStudy

ASK = (Message(role="user", content="what should i do ?"),)


def test_choices_have_the_scripted_probability():
    model = ScriptedModel({"clean water": 0.7, "a soft bandage": 0.2})
    (scores,) = model.choose([ChoiceRequest(chat=ASK, options=("a soft bandage", "clean water", "mud"))])
    assert [math.exp(x) for x in scores.logprobs] == pytest.approx([0.2, 0.7, 0.0], abs=1e-12)
    assert scores.tokens == (3, 2, 1)


def test_texts_come_at_the_scripted_rates_and_refusals_are_a_state():
    model = ScriptedModel({"yes": 0.3}, refusals=0.1)
    texts = model.write([TextRequest(chat=ASK, stream=i) for i in range(4000)])
    refused = sum(t.state is State.REFUSED for t in texts)
    assert refused / 4000 == pytest.approx(0.1, abs=0.02)
    assert sum(t.text == "yes" for t in texts) / (4000 - refused) == pytest.approx(0.3, abs=0.03)


def test_a_text_depends_on_its_own_stream_only():
    model = ScriptedModel({"yes": 0.5})
    requests = [TextRequest(chat=ASK, stream=i) for i in range(20)]
    assert model.write(requests)[::-1] == model.write(requests[::-1])
    assert model.write(requests)[7] == model.write(requests[7:8])[0]


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="at most 1"):
        ScriptedModel({"a": 0.8, "b": 0.4})


@pytest.mark.parametrize("samples", [0, 3])
def test_the_truth_of_a_study_is_what_its_draws_average_to(samples):
    study = ScriptedStudy(arms={"a": -1.0}, bases=400, questions=400, samples=samples, question_sd=0.5)
    drawn = np.mean([study.values(seed)["a"].mean() for seed in range(3)])
    assert drawn == pytest.approx(study.truth("a"), abs=0.015)


def test_rows_have_missing_states_at_the_scripted_share():
    rows = ScriptedStudy(arms={"a": 0.0}, bases=20, questions=50, missing=0.2).rows(0)
    assert (rows["state"] == "refused").mean() == pytest.approx(0.2, abs=0.04)
    assert (rows["value"].isna() == (rows["state"] != "ok")).all()
