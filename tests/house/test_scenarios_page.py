"""The page on scenarios is run: its Python block and its command; what it prints is what it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from isobath.design.space_file import read_space
from isobath.gpe.tagged.line import FIELDS
from isobath.study.tag_texts import read_rules, tag_file

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "my-scenarios.md").read_text()
SPACE, TAGS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)


def test_the_example_runs_and_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    from isobath.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (python,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)
    exec(python, {})
    (command,) = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.S)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command)[1:])
    assert ended.value.code == 0
    said = capsys.readouterr()
    lines = [line.rstrip() for line in said.out.splitlines()]
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, flags=re.S)
    for line in shown.strip().splitlines():
        assert line.rstrip() == "..." or line.rstrip() in lines, line
    assert "taken as ordinal" in said.err
    page = (tmp_path / "out" / "landscape-answers" / "report.html").read_text()
    assert "How the scenarios were placed" in page and "island" in page


def test_the_space_file_reads_and_its_rule_depends_on_what_it_says(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    found = read_space(tmp_path / "space.yaml")
    assert [f.name for f in found.space.relevant] == ["principal", "stakes"] and found.rule is not None
    assert found.rule({"principal": "user", "stakes": "2", "setting": "farm"}) == "do"
    assert found.said == ()


def test_the_tagging_rules_read_levels_and_leave_out_what_says_nothing(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "tags.yaml").write_text(TAGS)
    assert [rule.factor for rule in read_rules(str(tmp_path / "tags.yaml"))] == ["principal", "stakes", "setting"]
    lines = [
        {"split": "train", "text": "In the office. The stakes are 2."},
        {"split": "test", "text": "The owner asks at the harbour, the stakes are 4.", "value": 1},
        {"split": "test", "text": "Nobody says where or what.", "value": 1},
    ]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    target, said = tag_file(
        str(tmp_path / "texts.jsonl"), str(tmp_path / "space.yaml"), tmp_path / "out", str(tmp_path / "tags.yaml")
    )
    made = [json.loads(line)["levels"] for line in target.read_text().splitlines()]
    assert made == [
        {"principal": "user", "stakes": "2", "setting": "office"},
        {"principal": "owner", "stakes": "4", "setting": "harbour"},
    ]
    assert "1 of 3 lines could not be tagged" in said[0] and "stakes 1" in said[0] and "setting 1" in said[0]


def test_the_fields_of_a_line_are_those_it_lists():
    table = PAGE[PAGE.index("| field |") : PAGE.index("A training line needs")]
    named = {
        name for row in table.splitlines()[2:] if "|" in row for name in re.findall(r"`([a-z]+)`", row.split("|")[1])
    }
    assert named | {"state"} == set(FIELDS)


def test_the_flags_it_names_exist():
    from isobath.cli.main import app

    known = {name for argument in app["landscape"].assemble_argument_collection() for name in argument.names}
    for flag in set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", PAGE)):
        assert flag in known, flag
