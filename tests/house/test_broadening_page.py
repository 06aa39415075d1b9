"""The page on broadening: its study file loads, its commands exist, and its catalogue GPE is one."""

from pathlib import Path

import yaml

from isobath.gpe.scenarios.catalogue import CATALOGUE
from isobath.study.components import GPERef, build_gpe
from isobath.study.file import load_study

PAGE = Path(__file__).resolve().parents[2] / "docs" / "broadening" / "README.md"


def blocks(language):
    return [part.split("```")[0] for part in PAGE.read_text().split(f"```{language}\n")[1:]]


def test_the_study_file_on_the_page_is_one(tmp_path):
    (text,) = blocks("yaml")
    (tmp_path / "broadening.yaml").write_text(text)
    study = load_study(tmp_path / "broadening.yaml")
    assert [a.name for a in study.arms] == [
        a if isinstance(a, str) else a["name"] for a in yaml.safe_load(text)["arms"]
    ]
    assert study.gpes[0].options["pools"] == {"broad": "broad.jsonl"}


def test_the_scenario_of_the_page_is_in_the_catalogue_and_its_levels_are():
    (line,) = [line for line in PAGE.read_text().splitlines() if "gpes: [{name: honesty" in line]
    options = yaml.safe_load(line.split("`gpes: ")[1].split("`")[0])[0]
    assert options["name"] in CATALOGUE
    gpe = build_gpe(GPERef(**{**options, "options": {**options["options"], "rows": 80, "pool_rows": 60}}), None)
    assert {row.metadata["topic"] for row in gpe.signal.rows} == set(options["options"]["support"]["topic"])
    assert {"relevant", "irrelevant", "both"} <= set(gpe.pools)


def test_every_page_it_names_is_there():
    text = PAGE.read_text()
    named = {part.split(")")[0] for part in text.split("](")[1:]}
    assert named
    for name in named:
        assert (PAGE.parent / name).is_file(), name
