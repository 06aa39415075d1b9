"""Words from an endpoint: read back, journalled at once, never bought twice, whatever goes wrong on the way."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isobath import Broadening
from isobath.base.errors import InputError, StoreError
from isobath.gpe.rows.read import read_rows_file
from isobath.models.chat import Message
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.plan import make_plan
from isobath.study.broadening.runner import broaden
from isobath.study.broadening.writer_prompt import worded, writer_chat
from small_scenario import Doors
from stub_server import Said, StubServer

ROWS = 16


def asked_turns(body):
    text = body["messages"][-1]["content"]
    return json.loads(re.search(r"The draft:\n(\{.*\})\n\nWrite", text, re.DOTALL)[1])["turns"]


def rewording(body):
    """Writes the draft anew; reads levels and decisions back from the words, as a person would."""
    text = body["messages"][-1]["content"]
    if "The draft:" in text:
        turns = [{**turn, "content": f"Say, {turn['content']}"} for turn in asked_turns(body)]
        return Said(text=f"Here it is:\n```json\n{json.dumps({'turns': turns})}\n```", top=None)
    if "which level does the text have" in text:
        said = {
            "door": re.search(r"a (\w+) door at", text)[1],
            "hour": re.search(r"door at (\w+)\.", text)[1],
            "guest": re.search(r"A (\w+) guest knocks", text)[1],
        }
        return Said(text=json.dumps(said))
    code = "D1" if re.search(r"I open the door", text) else "D2"
    return Said(text=code)


def billed(body):
    """Dollars of a call as the stub counts its tokens: a quarter of the characters in, one out."""
    return (sum(len(m["content"]) for m in body["messages"]) // 4 + 2) / 1e6


def spec(stub, **fields):
    writer = {"url": stub.url, "model": "stub", "retries": 3, "price_in": 1.0, "price_out": 2.0, "connections": 4}
    given = {"scenarios": (Doors(),), "budget": ROWS, "holdout": {"regions": ["bay"], "per_region": 2}, **fields}
    return Broadening(**{**given, "writer": {**writer, **fields.get("writer", {})}})


def rows(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def files(folder):
    """Everything but the journal, whose order is that of arrival."""
    skipped = ("lock", "answers.jsonl")
    return {p.name: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file() and p.name not in skipped}


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch):
    monkeypatch.setattr("isobath.models.endpoint.engine.BACKOFF_S", 0.01)


def test_rows_are_in_the_models_words_and_read_back(tmp_path):
    with StubServer(rewording) as stub:
        made = spec(stub).run(tmp_path / "train.jsonl")
    assert made.finished and made.card.rows == ROWS
    found = rows(made.paths.train)
    assert all(row["messages"][0]["content"].startswith("Say, There is a") for row in found)
    assert {row["metadata"]["source"] for row in found} == {"stub"}
    assert len(read_rows_file(made.paths.train).rows) == ROWS
    factors = {(one.factor, one.agree) for one in made.card.numbers[0].agreement}
    assert factors == {("door", ROWS), ("hour", ROWS), ("guest", ROWS), ("decision", ROWS)}
    # one call to write and two to read back, for each row; all of them in the card
    assert made.card.bill.answers == 3 * ROWS and made.card.bill.readings == 2 * ROWS
    assert "stub at 127.0.0.1" in made.paths.card.read_text()
    assert all(":bay:" in row["id"] or ":contested:" in row["id"] for row in rows(made.paths.test))


def test_the_prompt_tells_the_point_and_keeps_what_must_not_be_worded():
    from isobath.gpe.scenarios.catalogue import scenario

    one = scenario("evading_control")
    point = next(p for p in one.space.points() if one.decide(p) is not None)
    draft = one.draft(point, 3, "tools")
    asked = writer_chat(one, draft)[-1].content
    assert one.about.strip()[:40] in asked and all(f"{name}" in asked for name in one.space.names)
    turns = asked_turns({"messages": [{"content": asked}]})
    assert [turn["role"] for turn in turns] == [m.role for m in draft.messages[:-1] if m.role != "system"]
    reply = json.dumps({"turns": [{**turn, "content": "Other words."} for turn in turns]})
    found = worded(draft, reply, "m")
    assert found.messages[-1] == draft.messages[-1] and found.source == "m"
    assert [m.content for m in found.messages if m.role == "user"] == ["Other words."] * len(turns)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "not the JSON object"),
        ("sorry", "not the JSON object"),
        ("{" * 5000, "not the JSON object"),
        ('{"turns": 3}', "no list of turns"),
        ("[1, 2]", "not the JSON object"),
        ('{"turns": []}', "the turns none"),
        ('{"turns": [1, 2]}', "the turns None, None"),
        ('{"turns": [{"role": "user", "content": "a"}]}', "asked were user, assistant"),
        ('{"turns": [{"role": "user", "content": " "}, {"role": "assistant", "content": "b"}]}', "nothing in it"),
        ('{"turns": [{"role": "user", "content": 7}, {"role": "assistant", "content": "b"}]}', "nothing in it"),
        ('{"turns": [{"role": "system", "content": "a"}, {"role": "assistant", "content": "b"}]}', "asked were user"),
        (
            '{"turns": [{"role": "user", "content": "LONG"}, {"role": "assistant", "content": "b"}]}',
            "20,001",
        ),
    ],
)
def test_a_garbled_answer_is_a_reason(reply, said):
    draft = Doors().draft(next(iter(Doors().space.points())), 0)
    assert said in worded(draft, reply.replace("LONG", 20001 * "x"), "m")


def test_half_a_surrogate_becomes_something_that_can_be_written():
    draft = Doors().draft(next(iter(Doors().space.points())), 0)
    reply = '{"turns": [{"role": "user", "content": "a\\ud800b"}, {"role": "assistant", "content": "c"}]}'
    assert worded(draft, reply, "m").messages[0] == Message(role="user", content="a?b")


def test_garbled_answers_are_turned_down_and_asked_for_again(tmp_path):
    def now_and_then(body):
        if "The draft:" in body["messages"][-1]["content"] and "thin coat" in body["messages"][-1]["content"]:
            return Said(text="I would rather not.")
        return rewording(body)

    with StubServer(now_and_then) as stub:
        made = spec(stub, rounds=6).run(tmp_path / "train.jsonl")
    assert made.finished and made.card.missing == 0
    kinds = {(one.check, one.kind) for one in made.card.numbers[0].rejects}
    assert ("writer", "the reply is not the JSON object asked for") in kinds


def test_a_model_that_changes_the_facts_is_caught(tmp_path):
    def liar(body):
        said = rewording(body)
        if "The draft:" in body["messages"][-1]["content"]:
            return Said(text=said.text.replace("red door", "blue door").replace("I shut the", "I open the"))
        return said

    with StubServer(liar) as stub:
        made = spec(stub, rounds=1).run(tmp_path / "train.jsonl")
    told = [row["metadata"] for row in rows(made.paths.train)]
    assert told and all(one["door"] != "red" and one["decision"] == "open" for one in told)
    rejected = " ".join(one.kind for one in made.card.numbers[0].rejects)
    assert "the text says 'blue', the point says 'red'" in rejected and "reads as 'open'" in rejected
    assert made.card.missing > 0


def test_faults_on_the_way_change_no_byte(tmp_path):
    for name, faults in (("still", {}), ("rough", {"429": 0.1, "500": 0.1, "reset": 0.1, "truncated": 0.1})):
        (tmp_path / name).mkdir()
        with StubServer(rewording, faults, only=2, port=0) as stub:
            # the address is part of the identity, and the stub's port is another each time
            made = spec(stub).run(tmp_path / name / "train.jsonl")
            assert made.finished
    assert (tmp_path / "still/train.jsonl").read_bytes() == (tmp_path / "rough/train.jsonl").read_bytes()


def test_an_endpoint_that_dies_loses_nothing_and_the_same_command_goes_on(tmp_path):
    answered = []

    def dying(body):
        if len(answered) >= 20:
            return Said(status=500, error={"message": "out of order"})
        answered.append(1)
        return rewording(body)

    with StubServer(dying) as stub:
        asked = spec(stub, writer={"retries": 0})
        made = asked.run(tmp_path / "train.jsonl")
        assert not made.finished and "out of order" in " ".join(made.stopped)
        assert "Not finished" in made.paths.card.read_text()
        kept = len(Journal(made.paths.journal).entries)
        assert kept == 20 and made.card.rows < ROWS
        assert make_plan(asked, tmp_path / "train.jsonl").bought == 20
        stub.reply = rewording
        before = len(stub.bodies)
        made = asked.run(tmp_path / "train.jsonl")
        assert made.finished and made.card.rows == ROWS and len(stub.bodies) - before == 3 * ROWS - 20


def test_a_budget_in_dollars_stops_cleanly_and_more_of_it_goes_on(tmp_path):
    with StubServer(rewording) as stub:
        asked = spec(stub, sampling={"temperature": 0.5, "max_tokens": 300})
        made = asked.run(tmp_path / "train.jsonl", max_cost=0.01)
        assert not made.finished and "budget" in " ".join(made.stopped).lower()
        assert 0 < len(Journal(made.paths.journal).entries) < 3 * ROWS
        assert made.paths.train.exists() and made.card.rows < ROWS
        whole = broaden(asked, tmp_path / "train.jsonl", max_cost=5.0)
        assert whole.finished and whole.card.rows == ROWS
        assert len(stub.bodies) == 3 * ROWS
        # what later runs take off their own limit is what the server billed for everything, readings included
        kept = Journal(made.paths.journal)
        assert kept.dollars == pytest.approx(sum(map(billed, stub.bodies)), rel=0.05)


def test_a_refused_key_stops_at_once_and_is_never_written_down(tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_KEY", "sk-wrong-key")
    with StubServer(rewording, key="sk-right") as stub:
        made = spec(stub, writer={"key_env": "STUB_KEY"}).run(tmp_path / "train.jsonl")
        assert not made.finished and len(stub.bodies) <= 4
    kept = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"sk-wrong-key" not in kept and b"sk-right" not in kept


def test_the_same_words_are_not_bought_twice_for_another_specification(tmp_path):
    with StubServer(rewording) as stub:
        spec(stub).run(tmp_path / "train.jsonl")
        (tmp_path / "train.jsonl").unlink()
        before = len(stub.bodies)
        made = spec(stub, checks=["leakage", "duplicates"]).run(tmp_path / "train.jsonl")
        assert made.finished and len(stub.bodies) == before


def test_the_plan_says_what_it_will_take_before_anything_is_asked(tmp_path):
    with StubServer(rewording) as stub:
        plan = make_plan(spec(stub), tmp_path / "train.jsonl")
        unpriced = make_plan(spec(stub, writer={"price_in": None}), tmp_path / "train.jsonl")
        made = spec(stub).run(tmp_path / "train.jsonl")
        asked = len(stub.bodies)
    assert (plan.rows, plan.drafts, plan.calls, plan.most_calls) == (ROWS, ROWS, 3 * ROWS, 12 * ROWS)
    assert asked == plan.calls and plan.spends and not list(tmp_path.glob("*.tmp"))
    assert 0 < plan.dollars < plan.most_dollars and unpriced.dollars is None and "not known" in unpriced.money()
    assert 0.3 < plan.tokens_in / sum(len(json.dumps(b["messages"])) / 4 for b in stub.bodies) < 3
    assert make_plan(spec(stub), tmp_path / "train.jsonl").calls == 0 and made.finished


KILLED = """
import sys
sys.path[:0] = sys.argv[3:]
from test_broaden_endpoint import spec
class Stub: url = sys.argv[1]
spec(Stub, writer={"connections": 1}).run(sys.argv[2])
"""


def test_after_kill_9_nothing_is_asked_again_and_the_bytes_are_the_same(tmp_path):
    places = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    with StubServer(rewording, delay_s=0.02) as stub:

        def start(folder):
            (tmp_path / folder).mkdir(exist_ok=True)
            out = str(tmp_path / folder / "train.jsonl")
            return subprocess.Popen([sys.executable, "-c", KILLED, stub.url, out, *places])

        journal = tmp_path / "killed" / "train.broaden" / "answers.jsonl"
        first = start("killed")
        deadline = time.time() + 120
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= 5):
            assert time.time() < deadline and first.poll() is None
            time.sleep(0.005)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        kept = len(Journal(journal).entries)
        with journal.open("ab") as stream:
            stream.write(b'{"key": "torn')  # and a line torn by the crash
        before = len(stub.bodies)
        assert start("killed").wait() == 0
        assert len(stub.bodies) - before <= 3 * ROWS - kept
        assert start("whole").wait() == 0
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_a_torn_last_line_is_cut_off_and_a_damaged_one_skipped(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"key": "a", "text": "1"}\nnonsense\n[3]\n{"key": "b", "text": "2"}\n{"key": "c", "te')
    journal = Journal(path)
    assert set(journal.entries) == {"a", "b"} and journal.damaged == 2
    journal.append("c", {"text": "3"})
    assert set(Journal(path).entries) == {"a", "b", "c"}
    assert path.read_bytes().endswith(b'"b", "text": "2"}\n{"key": "c", "text": "3"}\n')


def test_an_answer_that_cannot_be_kept_is_an_error_and_the_next_one_begins_anew(tmp_path, monkeypatch):
    from isobath.study.broadening import journal as module

    path, full = tmp_path / "answers.jsonl", Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    kept = Journal(path)
    kept.append("a", {"text": "1"})

    def onto_full(handle):
        with full.open("wb", buffering=0) as device:
            device.write(b"x")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", onto_full)
        with pytest.raises(StoreError, match="could not be kept"):
            kept.append("b", {"text": "2"})
    assert "b" not in kept
    kept.append("c", {"text": "3"})
    assert set(Journal(path).entries) == {"a", "c"}


def test_a_tagger_alone_may_be_an_endpoint(tmp_path):
    with StubServer(rewording) as stub:
        tagger = {"kind": "endpoint", "url": stub.url, "model": "stub"}
        asked = Broadening(scenarios=(Doors(),), budget=6, holdout="none", tagger=tagger, checks=["round_trip"])
        assert make_plan(asked, tmp_path / "t.jsonl").calls == 6
        made = asked.run(tmp_path / "t.jsonl")
    assert made.finished and made.card.bill.readings == 6
    assert {row["metadata"]["source"] for row in rows(made.paths.train)} == {"templates"}


def test_a_budget_needs_prices(tmp_path):
    with StubServer(rewording) as stub, pytest.raises(InputError, match="prices are unknown"):
        spec(stub, writer={"price_in": None}).run(tmp_path / "train.jsonl", max_cost=1.0)
