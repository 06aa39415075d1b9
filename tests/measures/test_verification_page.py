"""The page on verification is run: every block of it, the endpoint's with a stub, and what it says of them holds."""

import json
import re
from pathlib import Path

import pytest

from isobath.gpe.scenarios.catalogue import scenario
from isobath.measures.verification import answer, duplicates, leakage, metamorphic, realism, round_trip
from stub_server import Said, StubServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "broadening" / "verification.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)


@pytest.fixture(scope="module")
def ran():
    """What every block printed, and the names they leave."""
    names, printed = {}, []

    def reads(body):
        text = body["messages"][-1]["content"]
        if "How realistic" in text:
            return Said(text="77")
        draft = next(d for d in names["drafts"] if d.text in text)
        if "Which of these does it decide?" in text:
            codes = {decision: f"D{i}" for i, decision in enumerate(names["power"].options, start=1)}
            return Said(text=codes[draft.decision])
        return Said(text=json.dumps(dict(draft.point)))

    with StubServer(reads) as stub:
        for block in BLOCKS:
            said = []
            names["print"] = lambda *parts, said=said: said.append(" ".join(map(str, parts)))
            exec(block.replace("http://localhost:8000/v1", stub.url), names)
            printed.append("\n".join(said))
    return printed, names


def test_sound_drafts_pass_and_the_faults_are_named(ran):
    printed, _ = ran
    assert printed[0].startswith("200 of 200 drafts kept, 0 rejected, 0 pending.")
    assert "realism, not measured: realism: neither reference texts nor a judge were given." in printed[0]
    faults = printed[1].splitlines()
    assert [line.partition(":")[0] for line in faults] == ["leakage", "round trip (phrase tagger)", "answer"]
    assert "held out for tests: " in faults[0] and "the question holds the answer" in faults[2]


def test_the_endpoint_block_keeps_what_the_judge_reads_rightly(ran):
    printed, _ = ran
    assert printed[2].splitlines()[-1] == "200 0 0" and "200 calls" in printed[2]


def test_batches_and_a_restart_do_what_the_page_says(ran):
    printed, names = ran
    assert printed[3] == "200 50" and len(names["whole"].kept) == 200
    assert printed[4].startswith("{'no numbers': ")


def test_the_table_names_every_check_there_is(ran):
    made = {
        answer.Answer,
        leakage.Leakage,
        round_trip.RoundTrip,
        metamorphic.Metamorphic,
        realism.Realism,
        duplicates.Duplicates,
    }
    table = PAGE[PAGE.index("| check | rejects") : PAGE.index("An edit has")]
    named = set(re.findall(r"^\| `(\w+)", table, flags=re.M))
    assert named == {one.__name__ for one in made}
    assert scenario("power_offered").name in PAGE
