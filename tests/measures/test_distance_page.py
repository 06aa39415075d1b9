"""The page on distances: its code runs, and what it says of columns, words and papers is what there is."""

import re
from pathlib import Path

import pytest
from test_failure import world

from isobath.base.seeding import rng
from isobath.measures.distance import BareLabel
from isobath.models.hf import HFModel
from tiny_lm import tiny_model, word_tokenizer

PAGE = (Path(__file__).parents[2] / "docs" / "distance.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def names():
    """What the page takes as given: the rows of a study with covariates, and a model with texts at known points."""
    rows, covariates = world(3, 40)
    stream = rng(0, "test", "page")
    levels = ["two", "three", "four", "five", "six"]
    drawn = [levels[stream.integers(5)] for _ in range(60)]
    return {
        "rows": rows,
        "covariates": covariates,
        "model": HFModel(tiny_model(), word_tokenizer(), "x"),
        "chats": [f"{tines} {['hello', 'sky', 'oil'][i % 3]} what {i % 7}" for i, tines in enumerate(drawn)],
        "points": [{"tines": tines} for tines in drawn],
    }


def test_the_code_runs(names, capsys):
    for block in BLOCKS:
        if "states = hidden_states" in block:
            names["regions"] = ["bay" if p["tines"] == "six" else "island" for p in names["points"]]
        exec(block, names)
        if "places_of" in block:
            assert names["regions"] == ["lake", "sea", None]
    assert set(names["table"]["label"]) == {"far"}
    said = capsys.readouterr().out
    assert "predicts failure best" in said and "many tines" in said


def test_its_columns_and_words_are_the_programs(names):
    exec(BLOCKS[0], names)
    listed = re.findall(r"^\| (`[^|]*`) \|", PAGE.partition("## What they cannot say")[0], flags=re.MULTILINE)
    told = {name for cell in listed for name in re.findall(r"`(\w+)`", cell)}
    assert told == set(names["table"].columns) - {"question", "base"}
    assert all(f"`{label}`" in PAGE for label in BareLabel)


def test_each_measure_names_its_paper():
    assert all(arxiv in PAGE for arxiv in ("2204.06507", "1807.03888", "2104.08279", "1610.06545", "1909.03368"))
