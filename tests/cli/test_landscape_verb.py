"""`isobath landscape`: judged answers, models asked and trained, texts without levels, and what it refuses."""

import json
from pathlib import Path

import pytest

from isobath.cli.main import main
from tiny_lm import tiny_model, word_tokenizer

COLOURS, THINGS = ("black", "white", "green", "red", "blue"), ("sky", "grass", "coal", "snow")


def lines(split, colours, things, **more):
    return [
        {"split": split, "id": f"{c}-{t}", "levels": {"colour": c, "thing": t}, **{k: f(c, t) for k, f in more.items()}}
        for c in colours
        for t in things
    ]


def question(colour, thing):
    return f"what colour is the {thing} ? {colour}"


def told(colour, thing):
    return [{"role": "user", "content": question(colour, thing)}, {"role": "assistant", "content": "good advice"}]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(here):
    tokenizer = word_tokenizer()
    tiny_model("qwen3", vocabulary=len(tokenizer)).save_pretrained(here / "model")
    tokenizer.save_pretrained(here / "model")
    return str(here / "model")


@pytest.fixture
def asked(here):
    options = {"options": lambda c, t: ["good advice", "bad advice"], "gold": lambda c, t: "good advice"}
    rows = lines("train", COLOURS[:3], THINGS[:2], messages=told)
    rows += lines("test", COLOURS, THINGS, question=question, **options)
    rows[-1]["gold"] = None  # contested: asked, never scored
    return write(here / "asked.jsonl", rows)


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["landscape", *arguments])
    return ended.value.code


def test_judged_answers_need_no_model(here, capsys):
    many = [f"thing{i}" for i in range(20)]
    rows = lines("train", COLOURS[:3], many[:10])
    for base in range(5):
        judged = {"value": lambda c, t: float(c in COLOURS[:3]), "base": lambda c, t, b=base: f"b{b}"}
        rows += lines("test", COLOURS, many, decision=lambda c, t: c, gold=lambda c, t: c, **judged)
    assert run(write(here / "judged.jsonl", rows), "--irrelevant", "thing", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["regions"] == {"island": 30, "shore": 30, "bay": 40}
    verdicts = {f["question"]: f["verdict"] for f in said["findings"]}
    assert verdicts["Is right decision lower in the bay than on the island (given)?"] == "yes"
    assert verdicts["Is right decision lower on the shore than on the island (given)?"] != "yes"
    page = (here / "out" / "landscape-judged" / "report.html").read_text()
    assert "What decisions rest on" in page  # decisions differ in one factor at a time


def test_answers_under_a_prompt_alone_have_a_landscape_too(here, capsys):
    rows = lines("train", COLOURS[:3], THINGS)
    for base in range(5):
        judged = {"value": lambda c, t: 1, "base": lambda c, t, b=base: f"b{b}", "condition": lambda c, t: "trigger"}
        rows += lines("test", COLOURS, THINGS, **judged)
    assert run(write(here / "prompted.jsonl", rows), "--irrelevant", "thing", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["question"].endswith("(given, under trigger)?") and found["verdict"] != "not measurable"


def test_a_model_is_asked_and_trained(asked, model, capsys):
    steps = ("--steps", "2", "--seeds", "0", "1", "--engine", "inline")
    assert run(asked, "--irrelevant", "thing", "--model", model, "--fine-tune", *steps) == 0
    out = capsys.readouterr().out
    assert "By region" in out and "untrained" in out and "plain" in out


def test_the_plan_of_an_untrained_model_alone(asked, model, capsys):
    assert run(asked, "--model", model, "--dry-run") == 0
    assert "1 training run per arm" in capsys.readouterr().out


def test_more_answers_move_no_bins_and_the_trained_arm_comes_first(here, capsys):
    rows = [{"split": "train", "levels": {"dose": i}} for i in range(40)]
    notes = []
    for arm in ("untrained", "plain", "more"):
        answers = [{"split": "test", "id": f"q{i}", "levels": {"dose": i}, "arm": arm, "value": 1} for i in range(90)]
        rows += [{**row, "base": f"b{base}"} for row in answers for base in range(5)]
        assert run(write(here / "doses.jsonl", rows), "--json") == 0
        out, said = capsys.readouterr()
        notes.append([line for line in said.splitlines() if "bins parted at" in line])
    assert notes[0] and notes[0] == notes[1] == notes[2]
    asked = [f["question"] for f in json.loads(out)["findings"]]
    assert asked[0].endswith("(plain)?") and asked[-1].endswith("(untrained)?")


def test_right_decisions_that_differ_at_one_point_are_noticed(here, capsys):
    rows = lines("train", COLOURS[:2], THINGS[:2]) + lines("test", COLOURS, THINGS, value=lambda c, t: 1)
    write(here / "torn.jsonl", [{**row, **({"gold": row["id"]} if "value" in row else {})} for row in rows])
    assert run("torn.jsonl") == 0
    assert "different right decisions" not in capsys.readouterr().err
    assert run("torn.jsonl", "--irrelevant", "thing") == 0
    assert "different right decisions in them: 5 (such as 'black-sky' and 'black-grass')" in capsys.readouterr().err


def test_a_gold_that_is_not_the_rules_is_noticed(here, capsys):
    levels = f"colour, levels: [{', '.join(COLOURS)}]}}\n  - {{name: thing, levels: [{', '.join(THINGS)}]"
    rule = "rule: {cases: [{when: {colour: red}, then: stop}], otherwise: go}"
    (here / "space.yaml").write_text(f"name: s\nfactors:\n  - {{name: {levels}}}\n{rule}\n")
    said = {"gold": lambda c, t: "stop" if c == "red" else "Go" if c == "blue" else "go", "value": lambda c, t: 1}
    write(here / "rule.jsonl", lines("train", COLOURS[:2], THINGS) + lines("test", COLOURS, THINGS, **said))
    assert run("rule.jsonl", "--space", "space.yaml") == 0
    assert "is not what the rule says, and counts: 4 (the first: 'blue-sky')" in capsys.readouterr().err


def test_contested_scenarios_are_asked_and_never_scored(here, asked, model):
    import pandas as pd

    assert run(asked, "--model", model, "--engine", "inline", "--json") == 0
    rows = pd.read_parquet(next((here / "out").glob("*/rows.parquet")))
    contested = rows[rows["question"] == f"{COLOURS[-1]}-{THINGS[-1]}"]
    assert set(contested["state"]) == {"not_applicable"} and contested["value"].isna().all()
    assert set(rows["region"]) == {"island", "bay", "sea"}


def test_measures_reach_the_report(asked, model, here):
    measures = ("--measures", "distances", "readouts")
    rows = lines("train", COLOURS[:3], THINGS, messages=told) * 8
    rows += [json.loads(line) for line in Path(asked).read_text().splitlines() if '"test"' in line]
    file = write(here / "many.jsonl", rows)
    flags = ("--fine-tune", "--steps", "1", "--engine", "inline", "--json")
    assert run(file, "--irrelevant", "thing", "--model", model, *flags, *measures) == 0
    page = next((here / "out").glob("*/report.html")).read_text()
    assert "Which distance predicts failure?" in page
    assert "What can be read off hidden states" in page


def test_texts_without_levels_are_near_or_far_and_never_in_a_bay(here, model, capsys):
    train = [{"split": "train", "text": question(c, t)} for c in COLOURS for t in THINGS] * 5
    test = [
        {"split": "test", "id": f"{c}{t}{b}", "text": question(c, t), "value": 1, "base": f"b{b}"}
        for c in COLOURS
        for t in THINGS
        for b in range(2)
    ]
    assert run(write(here / "texts.jsonl", [*train, *test]), "--embed", model, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["regions"]) <= {"in-distribution", "near", "far"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--fine-tune",), "flags about a model, and no --model"),
        (("--embed", "m", "--irrelevant", "thing"), "--embed with flags about levels"),
        (("--tags", "t.yaml"), "tagging without --space"),
        (("--n-min", "0"), "--n-min 0"),
        (("--irrelevant", "smell"), "no factor 'smell'"),
        ((), "has no judgement"),
    ],
)
def test_flags_that_cannot_work_are_refused(asked, flags, said, capsys):
    assert run(asked, *flags) == 2
    assert said in capsys.readouterr().err


def test_training_flags_without_fine_tune_are_refused(asked, model, capsys):
    assert run(asked, "--model", model, "--steps", "3") == 2
    assert "without --fine-tune" in capsys.readouterr().err


def test_a_plan_asks_no_judge_and_writes_nothing(here, capsys):
    space = "factors:\n  - {name: colour, levels: [black, white]}\n  - {name: thing, levels: [sky, snow]}\n"
    (here / "space.yaml").write_text(space)
    rows = [
        {"split": "train", "text": "black sky"},
        {"split": "test", "text": "white snow", "value": 1},
        {"split": "test", "levels": {"colour": "white", "thing": "sky"}, "value": 0},
    ]
    dead = "http://127.0.0.1:9/v1#nobody"
    file = write(here / "texts.jsonl", rows)
    assert run(file, "--space", "space.yaml", "--tag-judge", dead, "--dry-run") == 0
    assert json.loads(capsys.readouterr().out) == {"judge_calls": 4}  # two lines, two factors
    assert not (here / "out").exists()
