"""The scripted model does what its script says, and scripted rows have the truth they claim."""

import math

import numpy as np
import pytest

from isobath.analysis.table import validate
from isobath.base.row import State
from isobath.models.chat import Message
from isobath.models.protocol import ChoiceRequest, Sampling, TextRequest
from isobath.models.scripted import Script, ScriptedModel
from isobath.models.scripted_study import ScriptedArm, ScriptedStudy, contrast_truth, scripted_rows


def chat(text):
    return (Message(role="user", content=text),)


def model(**fields):
    return ScriptedModel(Script(**{"target": "bad", "rate": 0.3, **fields}))


def texts(count, **fields):
    sampling = Sampling(temperature=1.0)
    return [TextRequest(chat=chat("what ?"), stream=i, sampling=sampling, **fields) for i in range(count)]


def test_options_share_the_rate_exactly():
    request = ChoiceRequest(chat=chat("what ?"), options=("bad tea", "good tea", "bad salt", "good salt too"))
    (scores,) = model().choose([request])
    assert [math.exp(s) for s in scores.logprobs] == pytest.approx([0.15, 0.35, 0.15, 0.35])
    assert scores.tokens == (2, 2, 2, 3)
    assert scores.state is State.OK


@pytest.mark.parametrize("options", [("good", "fine"), ("bad", "bad too")])
def test_options_that_do_not_differ_share_everything(options):
    (scores,) = model().choose([ChoiceRequest(chat=chat("what ?"), options=options)])
    assert sum(math.exp(s) for s in scores.logprobs) == pytest.approx(1)


def test_texts_come_at_the_rate():
    said = [t.text for t in model().write(texts(4000))]
    assert said.count("yes") / 4000 == pytest.approx(0.3, abs=0.025)


def test_a_word_in_the_request_sets_its_rate():
    scripted = model(rates={"in a test": 0.05})
    assert scripted.rate(ChoiceRequest(chat=chat("you are in a test"), options=())) == 0.05
    assert scripted.rate(TextRequest(chat=chat("hello"))) == 0.3


def test_questions_differ_by_as_much_as_the_script_says():
    scripted = model(question_sd=0.8)
    rates = np.array([scripted.rate(TextRequest(chat=chat(f"question {i}"))) for i in range(2000)])
    logits = np.log(rates / (1 - rates))
    assert logits.std() == pytest.approx(0.8, rel=0.06)
    assert logits.mean() == pytest.approx(math.log(0.3 / 0.7), abs=0.06)


def test_refusals_and_truncations_come_at_their_rates():
    states = [t.state for t in model(refusal_rate=0.2, truncation_rate=0.1).write(texts(3000))]
    assert states.count(State.REFUSED) / 3000 == pytest.approx(0.2, abs=0.025)
    assert states.count(State.TRUNCATED) / 3000 == pytest.approx(0.1, abs=0.02)


def test_answers_do_not_depend_on_batching_or_order():
    scripted, requests = model(refusal_rate=0.1, question_sd=0.5), texts(50)
    together = scripted.write(requests)
    assert together == [scripted.write([r])[0] for r in requests]
    assert together == scripted.write(requests[::-1])[::-1]


def test_greedy_is_the_likelier_text():
    request = TextRequest(chat=chat("what ?"))
    assert model(rate=0.3).write([request])[0].text == "no"
    assert model(rate=0.7).write([request])[0].text == "yes"
    assert model(rate=0.0).write([request])[0].text == "no"


def test_identity_is_the_script():
    assert model().identity == model().identity != model(rate=0.31).identity


ARMS = (
    ScriptedArm(name="untrained", role="untrained", shift=-1.0),
    ScriptedArm(name="plain", shifts={"training": 1.0}),
)


def test_scripted_rows_are_rows_and_replay():
    study = ScriptedStudy(arms=ARMS, rate=0.2, seeds=2, conditions=("none", "training"), missing={"plain": 0.1})
    frame, truth = scripted_rows(study, 4)
    assert len(validate(frame)) == 2 * (5 * 40) + 2 * (5 * 2 * 40)
    again, _ = scripted_rows(study, 4)
    assert frame.equals(again)
    assert not frame["value"].equals(scripted_rows(study, 5)[0]["value"])
    lost = frame["value"].isna()
    assert lost[frame["arm"] == "plain"].mean() == pytest.approx(0.1, abs=0.02)
    assert not lost[frame["arm"] == "untrained"].any()
    assert frame.loc[frame["arm"] == "untrained", "seed"].isna().all()
    cells = [("plain", "training"), ("plain", "none")]
    assert contrast_truth(truth.population, cells) > 0.1


def test_the_stated_truths_are_those_of_large_studies():
    many_questions = ScriptedStudy(arms=ARMS[1:], rate=0.2, bases=2, questions=6_000)
    frame, truth = scripted_rows(many_questions, 0)
    assert frame["value"].mean() == pytest.approx(truth.checkpoints[("plain", "none")], abs=0.008)
    many_bases = ScriptedStudy(arms=ARMS[1:], rate=0.2, bases=6_000, questions=2)
    frame, truth = scripted_rows(many_bases, 0)
    assert frame["value"].mean() == pytest.approx(truth.suite[("plain", "none")], abs=0.008)
    both = ScriptedStudy(arms=ARMS[1:], rate=0.2, bases=300, questions=300)
    frame, truth = scripted_rows(both, 0)
    assert frame["value"].mean() == pytest.approx(truth.population[("plain", "none")], abs=0.04)


def test_arms_share_bases_and_questions_unless_unpaired():
    arms = (ScriptedArm(name="a"), ScriptedArm(name="b"))
    quiet = {"rate": 0.2, "base_arm_sd": 0, "seed_sd": 0, "question_arm_sd": 0, "rest_sd": 0, "samples": None}
    for paired in (True, False):
        frame, _ = scripted_rows(ScriptedStudy(arms=arms, paired=paired, **quiet), 1)
        a, b = (frame.loc[frame["arm"] == n, "value"].to_numpy() for n in "ab")
        assert (a == b).all() == paired
        assert (set(frame.loc[frame["arm"] == "a", "base"]) == set(frame.loc[frame["arm"] == "b", "base"])) == paired
