"""The page on the catalogue is run: its Python, its scenario file, its study; what they print is what it shows."""

import re
from pathlib import Path

from isobath.gpe.scenarios.catalogue import CATALOGUE, scenario
from isobath.study.file import load_study

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "broadening" / "catalogue.md").read_text()
STUDY, OWN = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)
POINT, CHECK = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)
SHOWN, SAID = re.findall(r"```text\n(.*?)```", PAGE, flags=re.S)


def test_the_point_in_words_is_what_is_shown(capsys):
    exec(POINT, {})
    assert capsys.readouterr().out == SHOWN


def test_the_file_of_ones_own_is_read_and_its_faults_are_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "late_train.yaml").write_text(OWN)
    exec(CHECK, {})
    said = capsys.readouterr().out.splitlines()
    lines = [line for line in SAID.splitlines() if line != "..."]
    assert [line for line in said if line in lines] == lines
    assert scenario("late_train.yaml").renderings == ("single", "multi", "tools")


def test_the_study_is_one(tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    study = load_study(tmp_path / "study.yaml")
    assert study.gpes[0].name == "evading_control" and study.gpes[0].options["rows"] == 1000


def test_the_table_names_every_scenario_with_its_factors_and_decisions():
    rows = {cells[1].strip(" `"): cells for cells in (line.split("|") for line in PAGE.splitlines()) if len(cells) == 8}
    assert set(rows) >= set(CATALOGUE)
    for name in CATALOGUE:
        found, (_, _, _, relevant, others, decisions, _, _) = scenario(name), rows[name]
        own = [found.space.factor(factor) for factor in found.own]
        assert relevant.strip() == ", ".join(f.name for f in own if f.relevant)
        assert re.findall(r"`(\w+)`", others) == [f.name for f in own if not f.relevant]
        assert decisions.strip() == ", ".join(found.decisions)
