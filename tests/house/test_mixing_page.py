"""The page on mixing is run: its Python prints what is shown, its YAML is a study's arms that count as doses."""

import contextlib
import io
import re
from pathlib import Path

import yaml

from isobath.analysis.dose_response import State
from isobath.study.bases import shipped
from isobath.study.components import GPERef
from isobath.study.dose import dose_spec
from isobath.study.study import Study
from isobath.world.decisions.gpes import decisions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "broadening" / "mixing.md"
BLOCK = re.compile(r"```(python|text|yaml)\n(.*?)```", flags=re.S)


def blocks(*kinds):
    return [(kind, text) for kind, text in BLOCK.findall(PAGE.read_text()) if kind in kinds]


def test_every_python_block_of_the_mixing_page_prints_what_stands_under_it():
    known, printed, compared = {}, "", 0
    for kind, text in blocks("python", "text"):
        if kind == "python":
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(text, known)
            printed = said.getvalue()
        else:
            assert [line.rstrip() for line in printed.splitlines()] == text.splitlines()
            compared += 1
    assert compared == 3


def test_the_yaml_of_the_mixing_page_is_a_study_of_doses():
    ((_, text),) = blocks("yaml")
    arms = yaml.safe_load(text)["arms"]
    study = Study(name="s", bases=shipped(1, world="decisions"), gpes=(GPERef(name="decisions"),), arms=arms)
    spec = dose_spec(study, decisions())
    assert {d.arm for d in spec.doses} == {"relevant_20", "relevant_50", "relevant_plus_20", "narrow_plus_20"}
    by_name = {d.arm: d for d in spec.doses}
    assert spec.matched(by_name["relevant_plus_20"]) is by_name["narrow_plus_20"]


def test_the_mixing_page_explains_every_state():
    page = PAGE.read_text()
    for state in State:
        words = str(state).replace(" the doses tried", "")
        assert words in page, state
    assert "COVERAGE" not in page and "NULL_TABLE" not in page
