"""Tables of transfer triples become a page of their own: sections, and nothing about rows that are not there."""

import json

import pytest

from isobath.cli.main import main

HEADER = "source,target,target_reference,generalization_accuracy,baseline_accuracy,baseline_intervention"
HEADER += ",target_tuned_capability,target_tuned_capability_intervention,source_ID_accuracy"


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "tiny-llama" / "lora"
    folder.mkdir(parents=True)
    (folder / "GENIES.csv").write_text(
        f"{HEADER}\neasy,hard,hard,.8,.6,zero_shot,.95,lora,.93\nmath,law,law,.57,.35,zero_shot,.9,lora,.92\n"
    )
    return folder / "GENIES.csv"


def test_the_page_has_the_triples_and_no_empty_section(table, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["landscape", "results/*/*/GENIES.csv", "--json"])
    assert ended.value.code == 0
    said = json.loads(capsys.readouterr().out)
    page = (tmp_path / said["report"]).read_text()
    assert said["rows"] == 2 and ("easy -&gt; hard" in page or "easy -> hard" in page)
    for gone in ("What was compared", "How often each arm", "What is missing", "asks no questions"):
        assert gone not in page
    assert "from the folder" in page  # what was taken from names is said
    means = (tmp_path / "out" / "transfer" / "means.csv").read_text()
    assert "elicitation" in means


def test_flags_about_scenarios_are_refused(table, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["landscape", str(table), "--irrelevant", "wording"])
    assert ended.value.code == 2 and "transfer triples" in capsys.readouterr().err


def test_a_malformed_table_is_refused_with_its_line(table, capsys):
    table.write_text(f"{HEADER}\neasy,hard,hard,80,.6,zero_shot,.95,lora,.93\n")
    with pytest.raises(SystemExit) as ended:
        main(["landscape", str(table)])
    assert ended.value.code == 2 and "GENIES.csv:2" in capsys.readouterr().err
