"""A judge behind an endpoint: structured replies are read strictly, and a call that failed is no reject."""

import json
import re
from dataclasses import replace

import pytest
from ferry_scenario import SPACE, Ferry, drafts

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.grading.judgement import Judgement
from isobath.measures.verification.answer import Answer, AnswerReader
from isobath.measures.verification.asked import Asked
from isobath.measures.verification.decider import Decider
from isobath.measures.verification.endpoint_tagger import EndpointDecider, EndpointTagger, point_rubric, point_said
from isobath.measures.verification.metamorphic import Metamorphic
from isobath.measures.verification.phrase_tagger import PhraseTagger
from isobath.measures.verification.reading import Tagger, failure
from isobath.measures.verification.realism import Realism
from isobath.measures.verification.round_trip import RoundTrip
from isobath.measures.verification.verify import verify
from isobath.models.chat import Message
from isobath.models.endpoint.budget import Budget
from isobath.models.endpoint.endpoint import Endpoint
from stub_server import Said, StubServer

FERRY = Ferry()
SOUND = drafts(FERRY, 12)
FACTORS = list(SPACE.factors)


def of(stub, **more):
    return Endpoint(url=stub.url, model="stub", **{"retries": 0, "connections": 2, **more})


def shown(body):
    """The draft whose words stand in the prompt."""
    prompt = body["messages"][-1]["content"]
    return next((d for d in SOUND if d.text in prompt), None)


def reads(body):
    """A judge that reads every level rightly."""
    return Said(text=json.dumps(dict(shown(body).point)))


def test_a_judge_that_reads_rightly_agrees_and_is_asked_once_per_text():
    with StubServer(reads) as stub:
        tagger = EndpointTagger(of(stub))
        found = verify(SOUND, FERRY, [RoundTrip(tagger)])
        assert len(found.kept) == 12 and all(a.share == 1 for a in found.agreement) and len(found.agreement) == 5
        tagger.read(SOUND, FERRY)
        assert stub.counts["ok"] == 12
        prompt = stub.bodies[0]["messages"][-1]["content"]
    assert "order (what the ferry is told to do): stop; wait; sail" in prompt and "never an instruction" in prompt
    assert isinstance(tagger, Tagger) and isinstance(tagger, AnswerReader)
    assert tagger.estimate(SOUND, FERRY).calls == 12


def test_a_level_that_the_judge_reads_otherwise_is_a_reject_naming_both():
    def wrong(body):
        return Said(text=json.dumps({**shown(body).point, "wind": "storm"}))

    with StubServer(wrong) as stub:
        found = verify(SOUND, FERRY, [RoundTrip(EndpointTagger(of(stub)))])
    assert {r.reason for r in found.rejects} == {
        f"wind: the text says 'storm', the point says {level!r}" for level in ("calm", "fresh")
    }
    assert {d.point["wind"] for d in found.kept} <= {"storm"}


def said(raw, state=State.PARSE_ERROR):
    return point_said(FACTORS, Judgement(key="k", rubric="r", judge="j", read="text", state=state, raw=raw))


POINT = dict(SOUND[0].point)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (json.dumps(POINT), POINT),
        (f"Sure!\n```json\n{json.dumps(POINT, indent=1)}\n```", POINT),
        (json.dumps({k: v.upper() for k, v in POINT.items()}), POINT),
        ("{'order': 'stop'}", dict.fromkeys(POINT)),
        ("order: stop", dict.fromkeys(POINT)),
        ("[1, 2]", dict.fromkeys(POINT)),
        (json.dumps({**POINT, "wind": "tornado"}), {**POINT, "wind": None}),
        (json.dumps({**POINT, "wind": "unclear"}), {**POINT, "wind": None}),
        (json.dumps({**POINT, "wind": ["calm", "storm"]}), {**POINT, "wind": None}),
        (json.dumps({**POINT, "wind": None}), {**POINT, "wind": None}),
        (f'{{"order": "sail"}} no, rather {json.dumps(POINT)}', POINT),
        ("{" * 5000, dict.fromkeys(POINT)),
    ],
)
def test_replies_are_read_strictly(raw, expected):
    reading = said(raw)
    assert dict(reading) == expected and not failure(reading)
    assert all(reading.why[name] for name, level in reading.items() if level is None)


def test_failures_refusals_and_cut_replies_are_states_of_their_own():
    assert failure(said("no reply within 60 s", State.JUDGE_FAILED)) == "no reply within 60 s"
    assert failure(said("", State.JUDGE_FAILED))
    assert failure(said("I'm sorry, I cannot.", State.REFUSED)) == "the judge refused"
    assert failure(said('{"order": "st', State.TRUNCATED)) == "the reply was cut"
    assert not failure(said(json.dumps(POINT) + " and", State.TRUNCATED))
    assert failure(said(json.dumps(POINT), State.JUDGE_FAILED))  # the trouble may quote the request


def test_a_level_with_braces_and_a_text_that_commands_are_only_material():
    rubric = point_rubric(FACTORS)
    assert rubric.template.count("{answer}") == 1 and rubric.isolate


def test_failed_calls_are_pending_and_asked_again_while_answers_are_kept():
    with StubServer(reads, faults={"500": 0.5}) as stub:
        tagger = EndpointTagger(of(stub))
        first = verify(SOUND, FERRY, [RoundTrip(tagger)])
        assert first.kept and first.pending and not first.rejects
        assert len(first.kept) + len(first.pending) == 12
        assert all("could not be asked" in p.reason for p in first.pending)
        bought = stub.counts["ok"]
        stub.faults = {}
        second = verify([p.draft for p in first.pending], FERRY, [RoundTrip(tagger)])
        assert len(second.kept) == len(first.pending) and not second.pending
        assert stub.counts["ok"] == bought + len(second.kept) == 12


def test_judgements_of_an_earlier_run_are_not_bought_again():
    with StubServer(reads) as stub:
        known = {}
        EndpointTagger(of(stub), known=known).read(SOUND, FERRY)
        assert len(known) == 12
        again = EndpointTagger(of(stub), known=dict(known))
        assert [r["order"] for r in again.read(SOUND, FERRY)] == [d.point["order"] for d in SOUND]
        assert stub.counts["ok"] == 12


def test_a_dead_endpoint_leaves_everything_pending_and_says_so():
    found = verify(
        SOUND, FERRY, [RoundTrip(EndpointTagger(Endpoint(url="http://127.0.0.1:9/v1", model="x", retries=0)))]
    )
    assert len(found.pending) == 12 and not found.rejects and "no connection" in found.pending[0].reason


def test_a_refused_key_and_a_spent_budget_stop_without_losing_answers(monkeypatch):
    monkeypatch.setenv("WRONG_KEY", "not-it")
    with StubServer(reads, key="right") as stub:
        tagger = EndpointTagger(of(stub, key_env="WRONG_KEY"))
        found = verify(SOUND, FERRY, [RoundTrip(tagger)])
        assert len(found.pending) == 12 and tagger.asked.stopped is not None
        assert "not-it" not in found.pending[0].reason
    with StubServer(reads) as stub:
        priced = of(stub, price_in=100.0, price_out=100.0, connections=1)
        tagger = EndpointTagger(priced, budget=Budget(0.3))
        found = verify(SOUND, FERRY, [RoundTrip(tagger)])
        assert found.kept and found.pending and "budget" in found.pending[0].reason.lower()
        assert len(found.kept) + len(found.pending) == 12


def test_the_answers_decision_is_read_by_a_judge():
    codes = {decision: f"D{i}" for i, decision in enumerate(FERRY.options, start=1)}

    def judged(body):
        prompt = body["messages"][-1]["content"]
        assert "Which of these does it decide?" in prompt
        draft = next(d for d in SOUND if d.text in prompt)
        if draft is SOUND[0]:
            return Said(text="D3" if draft.decision != "report" else "D1")
        if draft is SOUND[1]:
            return Said(status=400, error={"error": {"message": "no"}})
        return Said(text="unclear" if draft is SOUND[2] else codes[draft.decision])

    with StubServer(judged) as stub:
        found = verify(SOUND, FERRY, [Answer(EndpointTagger(of(stub)))])
    (reject,) = found.rejects
    assert reject.draft is SOUND[0] and reject.reason.startswith("the answer reads as 'report'")
    assert [p.draft for p in found.pending] == [SOUND[1]]
    (counted,) = found.agreement
    assert (counted.factor, counted.agree, counted.differ, counted.unread, counted.failed) == ("decision", 9, 1, 1, 1)


def test_a_judge_may_decide_the_metamorphic_pairs():
    tagger, codes = PhraseTagger(), list(FERRY.options)

    def right(body):
        text = re.search(r"<answer \w+>\n(.*)\n</answer", body["messages"][-1]["content"], re.S)[1]
        draft = SOUND[0]
        point = {**draft.point}
        (read,) = tagger.read([replace(draft, messages=(Message(role="user", content=text),), decision=None)], FERRY)
        point |= {name: level for name, level in read.items() if level is not None}
        decision = FERRY.decide(point)
        return Said(text=f"D{codes.index(decision) + 1}" if decision in codes else "unclear")

    with StubServer(right) as stub:
        decider = EndpointDecider(of(stub), guidance="Obey the captain.")
        found = verify(SOUND, FERRY, [Metamorphic(tagger, decider=decider)])
        assert isinstance(decider, Decider) and "Go by this:" in stub.bodies[0]["messages"][-1]["content"]
    assert len(found.kept) == 12 and not found.pending
    with StubServer(lambda body: Said(text="D1")) as stub:
        stuck = verify(SOUND, FERRY, [Metamorphic(tagger, edits="all", decider=EndpointDecider(of(stub)))])
        assert any("and the text still reads as 'obey'" in r.reason for r in stuck.rejects)
    with StubServer(right, faults={"500": 1.0}) as stub:
        down = verify(SOUND, FERRY, [Metamorphic(tagger, decider=EndpointDecider(of(stub)))])
        assert len(down.pending) == 12 and not down.rejects


def test_a_judge_rates_realism_and_its_failures_are_pending():
    def rate(body):
        draft = shown(body)
        if draft is SOUND[0]:
            return Said(text="5")
        return Said(text="well, hard to say") if draft is SOUND[1] else Said(text="80")

    with StubServer(rate) as stub:
        found = verify(SOUND, FERRY, [Realism(judge=Asked(of(stub)))])
    (reject,) = found.rejects
    assert reject.draft is SOUND[0] and reject.reason.endswith("rates its realism at 5 of 100, below 30")
    assert [p.draft for p in found.pending] == [SOUND[1]] and "realism" not in found.not_measured
    assert found.counts["realism"]["drafts rated"] == 11


def test_other_errors_are_not_swallowed():
    with pytest.raises(InputError, match="prices are unknown"):
        EndpointTagger(Endpoint(url="http://127.0.0.1:9/v1", model="x"), budget=Budget(1)).read(SOUND, FERRY)
