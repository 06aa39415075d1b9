"""docs/broadening/broaden.md says what is so: its specifications load, its fields and files are those there are."""

import re
from pathlib import Path

import pytest
import yaml

from isobath.cli.new_broadening import TEXT
from isobath.study.broadening.file import load_broadening
from isobath.study.broadening.paths import Paths
from isobath.study.broadening.spec import Broadening

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "broadening" / "broaden.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_python_block_is_a_specification():
    (code,) = blocks("python")
    names = {}
    exec(code, names)
    assert isinstance(names["broadening"], Broadening) and names["broadening"].wordings == 4


def test_the_yaml_block_is_one_too(tmp_path):
    (text,) = blocks("yaml")
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    read = load_broadening(str(path))
    assert read.writer.model == "some-model" and read.reader.model == "another-model"


def test_every_field_is_told_and_no_other():
    table = (
        PAGE.split("Scenario` |")[0].rsplit("| field | |", 1)[1] + PAGE.split("Scenario` |")[1].split("Flags win")[0]
    )
    told = {name for row in re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert told == set(Broadening.model_fields)


@pytest.mark.parametrize("name", ["train", "test", "island", "card", "page", "landscape", "state"])
def test_every_file_is_told(name):
    assert getattr(Paths.of("train.jsonl"), name).name in PAGE


def test_what_is_commented_out_in_a_new_specification_would_be_taken(tmp_path):
    text = TEXT.format(file="mine.yaml")
    more = [line[2:] for line in text.splitlines() if re.match(r"# \w+: ", line)]
    assert {"own", "writer", "tagger", "references", "selection", "evolution"} == {line.split(":")[0] for line in more}
    given = yaml.safe_load(text + "\n".join(more).replace("URL", '"http://localhost/v1"'))
    assert Broadening.model_validate(given).selection.method == "k_center"
