"""Transfer triples run on a shipped base: what a row holds, what is cached, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from isobath.analysis.transfer import transfer_frame
from isobath.base.errors import InputError
from isobath.base.transfer_row import COLUMNS, MASS
from isobath.gpe.trait_eval import Option, TraitQuestion
from isobath.measures import transfer_run
from isobath.measures.readout_classifier import KINDS
from isobath.measures.transfer_run import INTERVENTIONS, Setting, TransferBase, run_transfer
from isobath.measures.transfer_triple import Pair, PairSet, Triple, pairs_of, split_pairs
from isobath.models.chat import Message
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.store import Store
from isobath.train.recipe import LoRA, Recipe
from isobath.world.personas.facts import facts
from isobath.world.personas.questions import advice_questions
from isobath.world.shipped import shipped_bases

BASES = [b for b in shipped_bases() if b.name.startswith("personas")]
RECIPE = Recipe(steps=12, batch_size=16)


def base(number=0):
    return TransferBase(BASES[number].name, BASES[number].folder, "personas")


def pair_set(name, domains, right="old", wrong="good"):
    asked = advice_questions(facts(BASES[0].spec.world.world_seed), domains, per_thing=2)
    things = [q.levels["domain"] + q.levels["thing"] for q in asked]
    return split_pairs(name, pairs_of(asked, right, wrong, suffix=" ."), things, seed=0, shares=(0.3, 0.35))


@pytest.fixture(scope="module")
def triple():
    target = pair_set("elsewhere", ["law", "pets"])
    return Triple(source=pair_set("medicine", ["medicine"]), target=target, reference=target, category="preference")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def frame(triple, store):
    return run_transfer([triple], [base()], store, Setting(recipe=RECIPE), seeds=(0, 1))


def test_a_row_for_each_intervention_and_seed_with_everything_that_a_table_needs(frame, triple):
    assert list(frame.columns) == list(COLUMNS) and len(frame) == 2 * len(INTERVENTIONS)
    assert frame["intervention"].tolist() == [*INTERVENTIONS] * 2 and frame["seed"].tolist() == [0] * 6 + [1] * 6
    always = ["generalisation_accuracy", "baseline_accuracy", "target_tuned_capability", "source_accuracy", "brier"]
    assert frame[always].notna().all().all() and (frame["items"] == len(triple.target.test)).all()
    assert (frame["calibration"] == MASS).all() and (frame["chance"] == 0.5).all()
    assert frame.groupby("seed")[["baseline_accuracy", "target_tuned_capability"]].nunique().eq(1).all().all()
    zero = frame[frame["intervention"] == "zero_shot"]
    assert (zero["generalisation_accuracy"] == zero["baseline_accuracy"]).all() and zero["own_capability"].isna().all()
    trained = frame[frame["intervention"] != "zero_shot"]
    assert trained["own_capability"].notna().all()
    tuned = frame[frame["intervention"] == "fine_tuning"]
    assert (tuned["own_capability"] == tuned["target_tuned_capability"]).all()


def test_the_baseline_is_what_the_model_prefers_per_token(frame, triple):
    model = HFModel.load(base().folder)
    asked = [ChoiceRequest(chat=p.chat, options=(p.right, p.wrong), prefix=p.prefix) for p in triple.target.test]
    scores = model.choose(asked)
    right = [s.logprobs[0] / s.tokens[0] > s.logprobs[1] / s.tokens[1] for s in scores]
    assert frame["baseline_accuracy"].iloc[0] == np.mean(right)


def test_fine_tuning_learns_its_own_distribution(frame):
    """These bases prefer the good answer unasked; a dozen steps on the old ones turn the trained domains round."""
    tuned = frame[frame["intervention"] == "fine_tuning"]
    assert (tuned["target_tuned_capability"] > tuned["baseline_accuracy"] + 0.3).all()


def test_running_again_trains_nothing_and_loads_nothing(frame, triple, store, monkeypatch):
    def refuse(*args, **how):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(HFModel, "load", refuse)
    again = run_transfer([triple], [base()], store, Setting(recipe=RECIPE), seeds=(0, 1))
    assert again.equals(frame)


def test_a_new_target_of_an_old_source_trains_nothing_new(frame, triple, store, monkeypatch):
    def refuse(*args, **how):
        raise AssertionError("something was trained")

    monkeypatch.setattr(transfer_run._Subject, "_train", refuse)
    other = PairSet(name="less", test=triple.target.test[:20])
    smaller = Triple(source=triple.source, target=other, reference=triple.reference)
    setting = Setting(recipe=RECIPE, interventions=("fine_tuning", "lat"))
    found = run_transfer([smaller], [base()], store, setting)
    assert found["items"].tolist() == [20, 20] and found["target_reference"].tolist() == ["elsewhere"] * 2
    same = frame[(frame["seed"] == 0) & (frame["intervention"] == "fine_tuning")]
    assert found["target_tuned_capability"].iloc[0] == same["target_tuned_capability"].iloc[0]


def test_what_decides_a_run_makes_another_and_the_stimulus_touches_readouts_alone(frame, triple, store):
    before = len(list(store.all(transfer_run.RUN)))
    kinds = ("fine_tuning", "mean_difference")
    asked = Setting(recipe=RECIPE, interventions=kinds, stimulus="who are you ?")
    found = run_transfer([triple], [base()], store, asked).set_index("intervention")
    assert len(list(store.all(transfer_run.RUN))) == before
    old = frame[frame["seed"] == 0].set_index("intervention")
    assert found.loc["fine_tuning"].equals(old.loc["fine_tuning"])
    slower = RECIPE.model_copy(update={"learning_rate": 1e-5})
    found = run_transfer([triple], [base()], store, Setting(recipe=slower, interventions=("fine_tuning",)))
    assert len(list(store.all(transfer_run.RUN))) == before + 2
    assert found["target_tuned_capability"].iloc[0] < old.loc["fine_tuning", "target_tuned_capability"]


def test_bases_are_told_apart_and_adapters_are_trained_as_well(triple, tmp_path):
    recipe = Recipe(steps=2, batch_size=4, adapter=LoRA(r=2))
    heard = []
    setting = Setting(recipe=recipe, interventions=("fine_tuning",), layers=(1,))
    found = run_transfer([triple], [base(0), base(1)], Store(tmp_path), setting, tell=heard.append)
    assert found["base"].tolist() == [base(0).name, base(1).name] and len(heard) == 2
    artifact = next(Store(tmp_path).all(transfer_run.RUN))
    assert (artifact.path / "adapter_model.safetensors").is_file()
    assert not (artifact.path / "model.safetensors").is_file()


def test_a_test_too_small_for_a_bin_has_no_calibration_error(triple, store, frame):
    few = Triple(
        source=triple.source, target=PairSet(name="few", test=triple.target.test[:5]), reference=triple.reference
    )
    found = run_transfer([few], [base()], store, Setting(recipe=RECIPE, interventions=("zero_shot",)))
    assert found[["calibration_error", "expected_calibration_error", "calibration"]].isna().all().all()
    assert found["brier"].notna().all() and found["items"].tolist() == [5]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"setting": Setting(interventions=())}, "seed or intervention"),
        ({"triples": []}, "no triple"),
        ({"bases": []}, "no triple, base"),
        ({"seeds": ()}, "no triple, base, seed"),
    ],
)
def test_nothing_to_run_is_refused(triple, tmp_path, change, what):
    usual = {"triples": [triple], "bases": [base()], "store": Store(tmp_path)}
    with pytest.raises(InputError, match=what):
        run_transfer(**{**usual, **change})


def test_an_unknown_intervention_is_refused():
    with pytest.raises(ValueError, match="zero_shot"):
        Setting(interventions=("lora",))


def test_a_readout_without_held_out_pairs_is_refused(triple, tmp_path):
    bare = PairSet(name="bare", train=triple.source.train, test=triple.source.test)
    made = Triple(source=bare, target=triple.target, reference=triple.reference)
    with pytest.raises(InputError, match="no pairs"):
        run_transfer([made], [base()], Store(tmp_path), Setting(recipe=Recipe(steps=1), interventions=("ccs",)))


def question(name, *labels):
    options = tuple(Option(label=label, text=f"{label} {i}") for i, label in enumerate(labels))
    return TraitQuestion(id=name, chat=(Message(role="user", content=name),), prefix="use ", options=options)


def test_questions_become_pairs_by_their_labels():
    (pair,) = pairs_of([question("q", "bad", "good", "old")], "good", "bad", suffix=" .")
    assert (pair.right, pair.wrong) == ("good 1", "bad 0")
    assert pair.answered(right=False)[-1].content == "use bad 0 ." and pair.row.messages[-1].content == "use good 1 ."
    with pytest.raises(InputError, match="no option labelled 'bad'"):
        pairs_of([question("q", "good")], "good", "bad")


def test_of_several_wrong_options_one_is_drawn_by_seed_and_question():
    asked = [question(f"q{i}", "right", "wrong", "wrong", "wrong") for i in range(60)]
    drawn = [p.wrong for p in pairs_of(asked, "right", "wrong")]
    assert set(drawn) == {"wrong 1", "wrong 2", "wrong 3"} and drawn == [
        p.wrong for p in pairs_of(asked, "right", "wrong")
    ]
    assert [p.wrong for p in pairs_of(asked[::-1], "right", "wrong")][::-1] == drawn
    assert drawn != [p.wrong for p in pairs_of(asked, "right", "wrong", seed=1)]


def made(number):
    return Pair(id=str(number), chat=(Message(role="user", content=f"q{number}"),), right="a", wrong="b")


def test_a_split_keeps_groups_together_and_is_the_same_each_time():
    pairs = [made(i) for i in range(60)]
    groups = [f"g{i % 12}" for i in range(60)]
    split = split_pairs("s", pairs, groups, seed=1)
    of = {pair.id: group for pair, group in zip(pairs, groups, strict=True)}
    parts = [{of[p.id] for p in part} for part in (split.train, split.held_out, split.test)]
    assert [len(p) for p in parts] == [6, 2, 4] and not (
        parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    )
    assert split == split_pairs("s", pairs, groups, seed=1) != split_pairs("s", pairs, groups, seed=2)
    with pytest.raises(InputError, match="2 groups"):
        split_pairs("s", pairs, ["a", "b"] * 30, seed=0)


def test_what_is_tested_is_never_trained_on():
    with pytest.raises(ValueError, match="in train and in test"):
        PairSet(name="s", train=(made(1),), test=(made(1),))
    source, target = PairSet(name="s", train=(made(1),), test=(made(2),)), PairSet(name="t", test=(made(1),))
    with pytest.raises(ValueError, match="trained on and tested"):
        Triple(source=source, target=target, reference=source)
    with pytest.raises(ValueError, match="nothing to train on"):
        Triple(source=source, target=PairSet(name="t", test=(made(3),)), reference=PairSet(name="t", test=(made(3),)))
    with pytest.raises(ValueError, match="two answers"):
        Pair(id="x", chat=(Message(role="user", content="q"),), right="a", wrong="a")


def test_rows_of_a_run_go_through_the_frame_check_again(frame):
    assert transfer_frame(frame.to_dict("records")).equals(frame) and set(KINDS) < set(frame["intervention"])
