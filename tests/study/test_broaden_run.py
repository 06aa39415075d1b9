"""A broadening from a specification to its files: coverage, leaks, budget, resuming, refusals."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from isobath import Broadening, GPERef
from isobath.base.errors import InputError, IsobathError
from isobath.design.space_file import read_space
from isobath.design.training_points import training_points
from isobath.gpe.rows.read import read_rows_file
from isobath.gpe.scenarios.catalogue import __file__ as catalogue_file
from isobath.gpe.scenarios.catalogue import scenario
from isobath.gpe.tagged.gpe import tagged_gpe
from isobath.gpe.tagged.spec import TaggedSpec
from isobath.study.broadening.evolving import evolved
from isobath.study.broadening.own_data import OwnData, own_data
from isobath.study.broadening.runner import broaden
from isobath.study.broadening.sources import scenario_of
from isobath.study.components import build_gpe
from small_scenario import Doors

DOORS = {"scenarios": (Doors(),), "budget": 40, "holdout": {"regions": ["bay"], "per_region": 3}}


def lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def files(folder):
    return {p.name: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file() and p.name != "lock"}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    out = tmp_path_factory.mktemp("catalogue") / "train.jsonl"
    spec = Broadening(
        scenarios=("honesty", "evading_control"),
        budget=240,
        renderings={"single": 2, "multi": 1, "tools": 1},
        holdout={"regions": ["bay", "sea"], "per_region": 6},
    )
    return spec, spec.run(out, workers=1)


def test_the_budget_is_met_and_own_readers_read_the_rows(catalogue):
    _, made = catalogue
    assert made.finished and made.card.rows == 240 and made.card.missing == 0
    data = read_rows_file(made.paths.train)
    assert len(data.rows) == 240 and data.format == "chat"
    told = data.rows[0].metadata
    assert {"id", "scenario", "decision", "rendering", "source", "lineage", "context", "register"} <= told.keys()
    assert {row.metadata["rendering"] for row in data.rows} == {"single", "multi", "tools"}
    assert len({row.metadata["id"] for row in data.rows}) == 240
    assert [row.metadata["scenario"] for row in data.rows[:4]] == ["honesty", "evading_control"] * 2


def test_no_combination_of_a_test_question_is_trained_on(catalogue):
    _, made = catalogue
    relevant = {name: [f.name for f in scenario(name).space.relevant] for name in ("honesty", "evading_control")}
    held = {
        (row["id"].split(":")[0], *(row["levels"][f] for f in relevant[row["id"].split(":")[0]]))
        for row in lines(made.paths.test)
    }
    trained = [row["metadata"] for row in lines(made.paths.train)]
    assert held and not [t for t in trained if (t["scenario"], *(t[f] for f in relevant[t["scenario"]])) in held]
    assert made.card.leaked_rows == made.card.leaked_texts == 0


def test_every_pair_that_may_be_trained_on_is_trained_on(catalogue):
    """By brute force: any agreed point that is not barred vouches for its pairs of relevant levels."""
    from isobath.gpe.scenarios.catalogue import scenario
    from isobath.study.broadening.candidates import held_of
    from isobath.study.broadening.own_data import OwnData

    spec, made = catalogue
    for name in ("honesty", "evading_control"):
        one = scenario(name)
        held = held_of(spec, one, OwnData())
        names = [f.name for f in one.space.relevant]
        first = {f.name: f.domain[0] for f in one.space.irrelevant}
        cells = one.space.model_copy(update={"factors": one.space.relevant}).points()
        points = [{**first, **cell} for cell in cells]
        free = [p for p, bar in zip(points, held.bars(points), strict=True) if not bar and one.decide(p) is not None]
        pairs = {(a, b, p[a], p[b]) for p in free for a, b in combinations(names, 2)}
        rows = [row["metadata"] for row in lines(made.paths.train) if row["metadata"]["scenario"] == name]
        assert pairs == {(a, b, p[a], p[b]) for p in rows for a, b in combinations(names, 2)}
        counted = next(n for n in made.card.numbers if n.name == name)
        assert counted.relevant_coverage[1].covered == counted.relevant_coverage[1].trainable == len(pairs)


def test_the_landscape_takes_rows_and_questions_with_the_space_file(catalogue):
    _, made = catalogue
    for name in ("honesty", "evading_control"):
        folder = made.paths.landscape
        found = TaggedSpec(path=str(folder / f"{name}.jsonl"), space=str(folder / f"{name}.space.yaml")).read()
        assert found.space.factors == scenario(name).space.factors and found.file.trainable
        placed = zip(found.questions, found.places.region, strict=True)
        regions = {(line.id.split(":")[1], str(region)) for line, region in placed if line.gold is not None}
        assert regions == {("bay", "bay"), ("sea", "sea"), ("island", "island")}
        assert all(line.contested for line in found.questions if ":contested:" in line.id)
        gpe = tagged_gpe(path=str(found.path), space=str(folder / f"{name}.space.yaml"))
        assert len(gpe.signal.rows) == 120 and len(gpe.traits[0].questions) == len(found.questions)
        assert not [remark for remark in found.remarks if "rule" in remark]  # gold is what the rule says


def test_own_scenarios_and_a_space_smaller_than_the_budget(tmp_path):
    made = Broadening(**DOORS).run(tmp_path / "train.jsonl")
    assert made.finished and 0 < made.card.rows <= 40
    assert made.card.numbers[0].sources == {"templates": made.card.rows}
    points = {tuple(row["metadata"][f] for f in ("door", "hour", "guest")) for row in lines(made.paths.train)}
    assert ("blue", "night", "known") not in points


def test_what_cannot_be_filled_is_said(tmp_path):
    class Mute(Doors):
        def draft(self, point, seed, rendering="single"):
            return super().draft(point, 0, rendering)  # one wording of each point, whatever the seed

    made = broaden(Broadening(**{**DOORS, "scenarios": (Mute(),), "budget": 100}), tmp_path / "train.jsonl")
    assert made.finished and made.card.missing == 100 - made.card.rows > 0
    assert "could not be made" in made.paths.card.read_text()
    assert made.card.numbers[0].rejects[0].check == "duplicates"


def test_wordings_of_one_point_stand_together_and_share_a_name(tmp_path):
    spec = Broadening(scenarios=("honesty",), budget=60, irrelevant="4 wordings of each point", holdout="none")
    made = spec.run(tmp_path / "train.jsonl")
    rows = [row["metadata"] for row in lines(made.paths.train)]
    assert len(rows) == 60 and not made.paths.test.read_text()
    relevant = [f.name for f in scenario("honesty").space.relevant]
    for i in range(0, 60, 4):
        group = rows[i : i + 4]
        assert len({row["same"] for row in group}) == 1
        assert len({tuple(row[name] for name in relevant) for row in group}) == 1
        assert len({r["context"] for r in group}) == 4 and len({r["decision"] for r in group}) == 1


def test_evolution_keeps_coverage_and_tells_lineages(tmp_path):
    plain = {"scenarios": ("honesty",), "budget": 200, "holdout": {"regions": ["bay"], "per_region": 4}}
    still = Broadening(**plain).run(tmp_path / "still.jsonl").card.numbers[0]
    moved = Broadening(**plain, evolution=6).run(tmp_path / "moved.jsonl").card.numbers[0]
    assert moved.coverage[1].covered == moved.coverage[1].trainable == still.coverage[1].covered
    assert moved.coverage[2].covered > still.coverage[2].covered  # triples are what it goes for
    rows = [row["metadata"]["lineage"] for row in lines(tmp_path / "moved.jsonl")]
    assert set(moved.lineages) <= {"drawn", "mutate", "branch", "crossover", "from decision"}
    assert any(" > " in one for one in rows) and sum(map(bool, rows)) == 200 - moved.lineages["drawn"]


def test_fixed_paraphrases_are_few_combinations_of_irrelevant_levels(tmp_path):
    made = Broadening(scenarios=("honesty",), budget=60, irrelevant="3 fixed paraphrases").run(tmp_path / "t.jsonl")
    seen = {tuple(row["metadata"][f] for f in ("context", "persona", "register")) for row in lines(made.paths.train)}
    assert len(seen) <= 3
    assert "every pair of relevant levels that may be trained on is covered" in made.paths.card.read_text()
    assert made.paths.test.name == "t.test.jsonl"


def test_regions_lie_around_own_data(tmp_path):
    own = {"topic": ["secret", "own_mistake"], "asked": ["asked"]}
    spec = Broadening(scenarios=("honesty",), budget=60, own=own, holdout={"regions": ["bay", "sea"], "per_region": 4})
    made = spec.run(tmp_path / "train.jsonl")
    found = made.card.numbers[0]
    assert found.tests["bay"] == found.tests["sea"] == 4
    levels = [row["levels"] for row in lines(made.paths.test) if ":sea:" in row["id"]]
    assert all(x["topic"] not in own["topic"] and x["asked"] not in own["asked"] for x in levels)
    # the levels are trained on now, their combinations are not: no sea is left
    assert "sea" not in found.tests_after


def test_questions_on_the_island_are_at_points_of_ones_own_data_in_other_words(tmp_path):
    honesty = scenario("honesty")
    relevant = [f.name for f in honesty.space.relevant]
    narrow = {"topic": ("secret", "own_mistake"), "asked": ("asked",)}
    points = training_points(honesty.space, 40, 0, gold=honesty.decide, levels=narrow).points
    own = tmp_path / "own.jsonl"
    told = [honesty.draft(point, i) for i, point in enumerate(points)]
    own.write_text("".join(json.dumps({"split": "train", "levels": dict(d.point)}) + "\n" for d in told))
    spec = Broadening(scenarios=("honesty",), budget=60, own=str(own), holdout={"regions": ["bay"], "per_region": 6})
    made = spec.run(tmp_path / "train.jsonl")
    asked = lines(tmp_path / "island.jsonl")
    mine = [dict(d.point) for d in told]
    assert len(asked) == made.card.numbers[0].island == 6 and made.card.leaked_rows == 0
    assert all(row["levels"] in mine and row["gold"] == honesty.options[honesty.decide(row["levels"])] for row in asked)
    assert len({tuple(row["levels"][f] for f in relevant) for row in asked}) == 6
    assert not {row["messages"][0]["content"] for row in asked} & {d.messages[0].content for d in told}
    # without own data they are at points of the rows; with nothing held out nothing is asked
    alone = Broadening(scenarios=("honesty",), budget=60, holdout="bay").run(tmp_path / "alone.jsonl")
    trained = [
        row["levels"] for row in lines(tmp_path / "alone.landscape" / "honesty.jsonl") if row["split"] == "train"
    ]
    asked = [row["levels"] for row in lines(alone.paths.island)]
    assert len(asked) == 20 and all(one in trained for one in asked)
    none = Broadening(scenarios=("honesty",), budget=60, holdout="none").run(tmp_path / "none.jsonl")
    assert none.paths.island.read_text() == ""


def test_levels_as_own_data_put_island_questions_at_their_relevant_combinations(tmp_path):
    spec = Broadening(scenarios=("honesty", "own_goals"), budget=60, own={"honesty": {"topic": ["doubt"]}})
    made = spec.run(tmp_path / "train.jsonl")
    asked = [row["levels"] for row in lines(made.paths.island) if row["id"].startswith("honesty")]
    assert asked and {one["topic"] for one in asked} == {"doubt"} and len({one["context"] for one in asked}) > 3
    assert "one's own data (honesty), of the others around everything" in made.paths.card.read_text()
    with pytest.raises(InputError, match="own_goals: a shore"):
        Broadening(**{**dict(spec), "holdout": {"regions": ["shore", "bay"]}}).run(tmp_path / "shore.jsonl")


def test_a_budget_that_whole_sets_of_wordings_do_not_fill_is_said(tmp_path):
    made = Broadening(scenarios=("honesty",), budget=62, irrelevant="4 wordings of each point").run(
        tmp_path / "t.jsonl"
    )
    assert made.card.rows == 60 and "2 rows of the budget left: rows come in whole sets" in made.paths.card.read_text()


def test_own_data_in_a_file_and_its_mistakes(tmp_path):
    levels = {"topic": "secret", "asked": "asked", "matters": "much", "wish": "comfort", "checkable": "never"}
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"split": "train", "levels": levels}) + "\n")
    spec = Broadening(scenarios=("honesty",), budget=30, own=str(own), holdout={"regions": ["bay"], "per_region": 2})
    made = spec.run(tmp_path / "train.jsonl")
    assert any("1 training line" in text for text in made.card.numbers[0].said)
    own.write_text(json.dumps({"split": "train", "levels": {**levels, "topic": "weather"}}) + "\n")
    with pytest.raises(InputError, match=r"own\.jsonl:1"):
        spec.run(tmp_path / "other.jsonl")


def test_own_data_of_a_scenario_file_goes_by_its_name_or_its_file(tmp_path):
    data = Path(catalogue_file).parent / "data" / "honesty.yaml"
    (tmp_path / "mine.yaml").write_text(data.read_text().replace("name: honesty", "name: plain_speech", 1))
    both = (str(tmp_path / "mine.yaml"), "own_goals")
    levels = {"topic": ["doubt"]}
    mine = scenario_of(both[0])
    for name in ("plain_speech", "mine", "mine.yaml", both[0]):
        assert own_data(Broadening(scenarios=both, budget=60, own={name: levels}), mine).support is not None
        assert own_data(Broadening(scenarios=both[:1], budget=60, own={name: levels}), mine).support is not None
        assert (
            own_data(Broadening(scenarios=both, budget=60, own={name: levels}), scenario("own_goals")).support is None
        )
    assert own_data(Broadening(scenarios=both[:1], budget=60, own=levels), mine).support is not None
    with pytest.raises(InputError, match="the scenarios are plain_speech, own_goals"):
        own_data(Broadening(scenarios=both, budget=60, own={"yours": levels}), mine)
    with pytest.raises(InputError, match="stands twice, as mine and plain_speech"):
        own_data(Broadening(scenarios=both, budget=60, own={"mine": levels, "plain_speech": levels}), mine)


def test_own_lines_without_irrelevant_levels_and_the_questions_are_read_with_the_space_beside_them(tmp_path):
    levels = {"topic": "secret", "asked": "asked", "matters": "much", "wish": "comfort", "checkable": "never"}
    chat = [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": "Keep it private and admit that."}]
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"split": "train", "levels": levels, "messages": chat}) + "\n")
    spec = Broadening(scenarios=("honesty",), budget=30, own=str(own), holdout={"regions": ["bay", "sea"]})
    made = spec.run(tmp_path / "train.jsonl")
    (tmp_path / "asked.jsonl").write_text(own.read_text() + made.paths.test.read_text())
    space = tmp_path / "train.landscape" / "honesty.space.yaml"
    gpe = build_gpe(GPERef(name="tagged", options={"path": str(tmp_path / "asked.jsonl"), "space": str(space)}), None)
    for question in gpe.traits[0].questions:
        if not question.id.startswith("honesty:contested:"):
            assert f":{question.place.region}:" in question.id
    told = read_space(space).space
    assert [f.name for f in told.factors if f.optional] == [
        *("context", "wording", "length", "persona", "register", "room")
    ]


def test_a_finished_run_is_left_alone_and_another_specification_is_refused(tmp_path):
    out = tmp_path / "train.jsonl"
    Broadening(**DOORS).run(out)
    before = files(tmp_path)
    assert not Broadening(**DOORS).run(out).fresh
    assert files(tmp_path) == before
    with pytest.raises(InputError, match="choose another --out"):
        Broadening(**DOORS, seed=1).run(out)
    (tmp_path / "mine.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="was not made by this command"):
        Broadening(**DOORS).run(tmp_path / "mine.jsonl")
    assert (tmp_path / "mine.jsonl").read_text() == "{}\n"


def test_one_process_writes_an_output(tmp_path):
    from isobath.study.broadening.paths import Paths
    from isobath.study.broadening.state import claimed

    with claimed(Paths.of(tmp_path / "train.jsonl")), pytest.raises(InputError, match="another process"):
        Broadening(**DOORS).run(tmp_path / "train.jsonl")


def test_a_factor_that_is_called_as_other_metadata_is_refused(tmp_path):
    own = scenario("power_offered")
    factors = tuple(f.model_copy(update={"name": "source"} if f.name == "origin" else {}) for f in own.space.factors)
    other = own.model_copy(update={"space": own.space.model_copy(update={"factors": factors, "forbidden": ()})})
    with pytest.raises(InputError, match=r"'source'.*rename the factor"):
        Broadening(scenarios=(other,), budget=60).run(tmp_path / "train.jsonl")


def test_the_rows_are_compared_as_a_set_with_texts_that_people_sent(tmp_path):
    Broadening(scenarios=("honesty",), budget=420, seed=1).run(tmp_path / "real.jsonl")
    spec = Broadening(scenarios=("honesty",), budget=60, references=str(tmp_path / "real.jsonl"))
    made = spec.run(tmp_path / "train.jsonl")
    assert "A classifier tells 60 drafts from 300 reference texts with AUC" in made.card.realism
    assert made.card.realism in made.paths.card.read_text()


KILLED = """
import os, signal, sys
from isobath.study.broadening.evolving import evolved
from isobath.study.broadening.own_data import OwnData, own_data
from isobath.study.broadening.runner import broaden
from isobath.study.broadening.spec import Broadening
spec = Broadening(scenarios=("honesty", "evading_control"), budget=120)
die = sys.argv[2] == "die"
def tell(name, rows):
    if die and name == "honesty":
        os.kill(os.getpid(), signal.SIGKILL)
broaden(spec, sys.argv[1], workers=1, tell=tell)
"""


def test_after_kill_9_the_same_command_ends_with_the_same_bytes(tmp_path):
    def run(folder, how):
        (tmp_path / folder).mkdir(exist_ok=True)
        out = str(tmp_path / folder / "train.jsonl")
        return subprocess.run([sys.executable, "-c", KILLED, out, how], capture_output=True, text=True).returncode

    assert run("whole", "live") == 0
    assert run("killed", "die") == -signal.SIGKILL
    assert not (tmp_path / "killed" / "train.jsonl").exists()
    assert run("killed", "live") == 0
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.mark.slow
def test_the_number_of_workers_changes_no_byte(tmp_path):
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        Broadening(scenarios=("honesty", "evading_control"), budget=400).run(folder / "train.jsonl", workers=workers)
    assert files(tmp_path / "1") == files(tmp_path / "2")


def test_a_full_disk_is_said_and_nothing_half_is_left(tmp_path, monkeypatch):
    from isobath.study.broadening import whole_file

    full, real = Path("/dev/full"), whole_file.os.fsync
    if not full.exists():
        pytest.skip("no /dev/full on this system")

    def onto_full(handle):
        with full.open("wb", buffering=0) as device:
            device.write(b"x")
        real(handle)

    monkeypatch.setattr(whole_file.os, "fsync", onto_full)
    with pytest.raises(IsobathError, match="No space left"):
        Broadening(**DOORS).run(tmp_path / "train.jsonl")
    assert not [name for name in files(tmp_path) if name.endswith((".tmp", "train.jsonl", "state.json"))]
    monkeypatch.undo()
    assert Broadening(**DOORS).run(tmp_path / "train.jsonl").finished


def test_stopping_in_the_middle_leaves_the_journal_of_nothing(tmp_path):
    """An interrupt between two scenarios: what is whole is used, what is not is made again."""

    def tell(name, rows):
        raise KeyboardInterrupt

    spec = Broadening(**{**DOORS, "scenarios": (Doors(), Doors(name="gates"))})
    with pytest.raises(KeyboardInterrupt):
        broaden(spec, tmp_path / "train.jsonl", tell=tell)
    parts = sorted(p.name for p in (tmp_path / "train.broaden" / "parts").iterdir())
    assert parts == ["000.island.jsonl", "000.numbers.json", "000.test.jsonl", "000.train.jsonl"]
    assert spec.run(tmp_path / "train.jsonl").finished
    assert not (tmp_path / "train.broaden" / "parts").exists() and os.listdir(tmp_path / "train.landscape")


@pytest.mark.parametrize("method", ["k_center", "dpp"])
def test_selection_keeps_coverage_and_raises_diversity(tmp_path, method):
    plain = {"scenarios": ("honesty",), "budget": 150, "holdout": {"regions": ["bay"], "per_region": 4}}
    none = Broadening(**plain).run(tmp_path / "none.jsonl").card
    some = Broadening(**plain, selection={"method": method, "oversample": 3}).run(tmp_path / "some.jsonl").card
    assert some.rows == 150 and some.drafted >= 450
    assert some.numbers[0].coverage[1].covered == some.numbers[0].coverage[1].trainable
    assert some.vendi[0] > none.vendi[0]


def test_levels_that_own_data_does_not_tell_are_not_taken_for_there():
    """Evolution towards new combinations: only data that tell every level hold combinations already."""
    honesty = scenario("honesty")
    spec = Broadening(scenarios=("honesty",), budget=60, evolution=2, own={"honesty": {"topic": ["doubt"]}})
    points = training_points(honesty.space, 130, 0, gold=honesty.decide)
    told = own_data(spec, honesty)
    assert told.support is not None and not told.whole

    def made(own):
        codes, lineages, _ = evolved(spec, honesty, points.codes, points.covering, None, own, 0)
        return codes.tolist(), lineages

    assert points.covering < 130 and made(told) == made(OwnData()) != made(replace(told, whole=True))
