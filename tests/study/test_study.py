import copy
import json
import shutil

import pandas as pd
import pytest

from isobath.analysis.question import Verdict
from isobath.base.errors import InputError, TrainingError
from isobath.base.row import COLUMNS
from isobath.models.folder import folder_identity
from isobath.store import Store
from isobath.study.arm import CONTROL, PLAIN, SPECIFIC, UNTRAINED, Arm, conditions_of
from isobath.study.cell import Cell
from isobath.study.checkpoint import checkpoint_key, run_spec
from isobath.study.components import GPERef, build_gpe
from isobath.study.respond import respond, stored_responses
from isobath.study.sheet import sheet
from isobath.study.study import Study
from isobath.train.recipe import LoRA, Recipe


def run(study, tmp_path, **more):
    return study.run(tmp_path / "store", tmp_path / "out", "inline", **more)


@pytest.fixture
def cells(small, tmp_path):
    return {c.arm.name: c for c in small.cells(Store(tmp_path / "store")) if c.base.base_seed == 0}


def test_rows_have_every_column_and_every_arm_its_conditions(small, tmp_path):
    rows = run(small, tmp_path).df
    assert list(rows.columns) == list(COLUMNS)
    asked = {arm: set(part["condition"]) for arm, part in rows.groupby("arm")}
    assert asked["specific"] == {"none", "training", "paraphrase"}
    assert asked["plain"] == asked["untrained"] == {"none", "positive", "positive_paraphrase"}
    per_cell = rows.groupby(["base", "arm"]).size()
    assert per_cell.nunique() == 1 and len(per_cell) == 8
    assert rows[rows["arm"] == "untrained"]["seed"].isna().all()
    assert rows["state"].eq("ok").any() and rows.loc[rows["state"] != "ok", "value"].isna().all()


def test_running_again_replays_and_a_new_store_gives_the_same_rows(small, tmp_path):
    first = run(small, tmp_path)
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "store").rglob("manifest.json")}
    again = run(small, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "store").rglob("manifest.json")} == made
    elsewhere = small.run(tmp_path / "other", tmp_path / "out2", "inline")
    assert first.rows_path.read_bytes() == again.rows_path.read_bytes() == elsewhere.rows_path.read_bytes()


def test_a_lost_artifact_is_made_again_and_nothing_else(small, tmp_path):
    first = run(small, tmp_path)
    before = first.rows_path.read_bytes()
    store = Store(tmp_path / "store")
    for kind in ("study", "scores"):
        shutil.rmtree(store.root / kind)
    lost = next(store.all("run")).path
    shutil.rmtree(lost)
    kept = {p: p.stat().st_mtime_ns for p in (store.root / "responses").rglob("manifest.json")}
    assert run(small, tmp_path).rows_path.read_bytes() == before
    assert {p: p.stat().st_mtime_ns for p in (store.root / "responses").rglob("manifest.json")} == kept


def test_new_questions_conditions_and_scores_ask_only_what_is_new(small, tmp_path, cells, monkeypatch):
    run(small, tmp_path)
    store, cell = Store(tmp_path / "store"), cells["specific"]
    key = checkpoint_key(cell, store)
    have = set(stored_responses(key, store))
    from small_gpe import small_gpe

    longer = sheet(small_gpe(cell.base.world, questions=8), conditions_of(cell.arm, cell.built(), cell.conditions))
    asked = []

    class Counting:
        identity = "counting"

        def choose(self, requests):
            asked.extend(requests)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        respond(key, longer, store, Counting)
    wanted = {line.response_id(key): line for line in longer}
    new_choices = [line for rid, line in wanted.items() if rid not in have and line.trait.is_choice]
    assert have <= set(wanted) and 0 < len(asked) == len(new_choices)
    assert set(stored_responses(key, store)) == have


def test_traits_that_read_the_same_answer_share_it(small, tmp_path):
    rows = run(small, tmp_path).df
    bad = rows[rows["trait"] == "bad_held_out"].set_index(["base", "arm", "question", "condition"])["response_id"]
    old = rows[rows["trait"] == "old_held_out"].set_index(["base", "arm", "question", "condition"])["response_id"]
    assert bad.equals(old)


def test_identity_follows_what_decides_the_weights_and_nothing_else(cells, tmp_path):
    store = Store(tmp_path)
    cell = cells["plain"]
    same = cell.model_copy(update={"arm": Arm(name="renamed", role="treatment")})
    moved = cell.model_copy(update={"base": cell.base.model_copy(update={"folder": cell.base.folder + "/."})})
    assert run_spec(cell, store) == run_spec(same, store) == run_spec(moved, store)
    changes = [
        {"seed": 1},
        {"arm": SPECIFIC},
        {"arm": CONTROL},
        {"recipe": Recipe(steps=3)},
        {"recipe": Recipe(steps=2, precision="bf16")},
        {"recipe": Recipe(steps=2, adapter=LoRA())},
        {"base": cell.base.model_copy(update={"identity": "other"})},
    ]
    specs = [json.dumps(run_spec(cell.model_copy(update=c), store), default=str) for c in changes]
    assert len({*specs, json.dumps(run_spec(cell, store), default=str)}) == len(changes) + 1


def test_a_failed_run_costs_its_cell_and_no_more(small, tmp_path, monkeypatch):
    from isobath.study import checkpoint

    real = checkpoint._train

    def broken(cell, store, folder, key):
        if cell.arm.name == "control":
            raise TrainingError("Run x: the loss at step 1 is nan. Rule: a loss is finite. Remedy: lower the rate.")
        real(cell, store, folder, key)

    monkeypatch.setattr(checkpoint, "_train", broken)
    results = run(small, tmp_path)
    assert sorted(f.job for f in results.failures) == [
        "small/control/personas-0/seed 0",
        "small/control/personas-1/seed 0",
    ]
    assert all("nan" in f.error for f in results.failures)
    assert set(results.df["arm"]) == {"untrained", "plain", "specific"}
    monkeypatch.setattr(checkpoint, "_train", real)
    whole = run(small, tmp_path)
    assert not whole.failures and set(whole.df["arm"]) == {"untrained", "plain", "control", "specific"}


def test_a_learning_rate_that_explodes_is_reported_with_rule_and_remedy(small, tmp_path):
    results = run(small.changed(recipe=Recipe(steps=6, learning_rate=1e30), arms=(UNTRAINED, PLAIN)), tmp_path)
    assert len(results.failures) == 2 and all("Remedy" in f.error for f in results.failures)
    assert set(results.df["arm"]) == {"untrained"}


def test_lora_runs_are_peft_folders_and_are_asked_as_such(small, tmp_path):
    study = small.changed(
        recipe=Recipe(steps=2, learning_rate=3e-3, adapter=LoRA(r=4, alpha=8)), arms=(UNTRAINED, PLAIN)
    )
    rows = run(study, tmp_path).df
    (one, _) = Store(tmp_path / "store").all("run")
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {p.name for p in one.path.iterdir()}
    means = rows[rows["trait"] == "bad_in_domain"].groupby("arm")["value"].mean()
    assert means["plain"] != pytest.approx(means["untrained"], abs=1e-4)


@pytest.mark.parametrize("adapter", [None, LoRA(r=4, alpha=8)])
def test_a_model_asked_from_memory_and_from_its_folder_says_the_same(small, tmp_path, cells, adapter):
    from isobath.study.checkpoint import checkpoint_of

    cell = cells["plain"].model_copy(update={"recipe": Recipe(steps=2, adapter=adapter)})
    fresh = checkpoint_of(cell, Store(tmp_path / "store"))
    requests = [line.request("x") for line in cell.lines() if line.trait.is_choice][:8]
    kept, read = fresh.load(), fresh.load()
    assert kept is not read and kept.choose(requests) == read.choose(requests)


def test_no_pickle_is_ever_written(small, tmp_path):
    run(small, tmp_path)
    store = Store(tmp_path / "store")
    kinds = {p.suffix for kind in store.kinds() for a in store.all(kind) for p in a.path.rglob("*") if p.is_file()}
    assert {".safetensors", ".parquet", ".json"} <= kinds <= {".safetensors", ".parquet", ".json", ".jinja"}


def test_a_trained_run_opens_with_from_pretrained(small, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run(small.changed(arms=(UNTRAINED, PLAIN)), tmp_path)
    folder = next(Store(tmp_path / "store").all("run")).path
    assert AutoModelForCausalLM.from_pretrained(folder).config.hidden_size == 96
    assert AutoTokenizer.from_pretrained(folder).chat_template and len(folder_identity(folder)) == 32


def test_a_question_about_a_trait_that_is_none_is_refused_before_anything_is_trained(small, tmp_path):
    question = small.questions[0]
    for gpe in (None, "small"):
        wrong = small.changed(questions=(question.model_copy(update={"trait": "bad_heldout", "gpe": gpe}),))
        with pytest.raises(InputError, match="did you mean 'bad_held_out'"):
            wrong.plan(tmp_path)
        with pytest.raises(InputError, match="did you mean 'bad_held_out'"):
            wrong.run(tmp_path, tmp_path / "out", engine="inline")


def test_the_plan_counts_what_is_missing(small, tmp_path):
    store = tmp_path / "store"
    before = small.plan(store)
    assert (before.runs, before.runs_to_train, before.cells, before.judge_calls) == (6, 6, 8, 0)
    assert before.responses_missing > 0 and not before.finished and not store.exists()
    run(small, tmp_path)
    after = small.plan(store)
    assert after.finished and after.runs_to_train == after.responses_missing == 0
    wider = small.changed(seeds=(0, 1)).plan(store)
    assert wider.runs_to_train == 6 and wider.runs == 12


def test_results_answer_plot_and_view(small, tmp_path):
    results = run(small, tmp_path)
    (finding,) = results.findings
    assert finding.verdict is Verdict.TOO_UNCERTAIN and finding.n_replicates == 2
    seen = results.view("plain", "bad_held_out", n=4)
    assert (
        len(seen) == 4
        and seen["prompt"].str.contains("user:").all()
        and seen["options"].str.contains("probability").all()
    )
    written = results.view("plain", "coherence", n=2)
    assert (written["kind"] == "text").all() and written["text"].str.len().gt(0).all()
    with pytest.raises(InputError, match="arms are"):
        results.view("nobody", "bad_held_out")
    assert "plain" in json.dumps(results.plot().to_dict())


def test_values_equal_a_plain_forward_pass(small, tmp_path, cells):
    """The number in a row is what the model says: recomputed here with nothing but transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rows = run(small, tmp_path).df
    cell, gpe = cells["untrained"], build_gpe(GPERef(name="small"), cells["untrained"].base.world)
    question = next(t for t in gpe.traits if t.name == "bad_held_out").questions[0]
    model = AutoModelForCausalLM.from_pretrained(cell.base.folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(cell.base.folder)
    chat = [m.model_dump() for m in question.chat]
    bad = next(o.text for o in question.options if o.label == "bad")
    prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) + question.prefix
    head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    tail = tokenizer(bad, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logs = model(torch.tensor([head + tail])).logits.log_softmax(-1)[0]
    value = sum(float(logs[len(head) - 1 + i, t]) for i, t in enumerate(tail))
    mine = rows[
        (rows["base"] == "personas-0")
        & (rows["arm"] == "untrained")
        & (rows["trait"] == "bad_held_out")
        & (rows["question"] == question.id)
        & (rows["condition"] == "none")
        & (rows["option_order"] == question.option_order)
        & (rows["paraphrase"] == question.paraphrase)
    ]
    assert len(mine) == 1 and float(mine["value"].iloc[0]) == pytest.approx(pow(2.718281828459045, value), abs=2e-5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bases": ()}, "at least 1"),
        ({"seeds": (0, 0)}, "stands twice"),
        ({"gpes": ["bad_advise"]}, "did you mean"),
        ({"conditions": ("nonee",)}, "none"),
        ({"name": "../x"}, "pattern"),
    ],
)
def test_a_study_that_cannot_be_is_refused(small, change, says):
    with pytest.raises((ValueError, InputError), match=says):
        small.changed(**change)


def test_an_arm_without_its_prompt_or_benign_rows_says_what_there_is(small):
    gpe = build_gpe(GPERef(name="bad_advice"), None)
    with pytest.raises(InputError, match="specific"):
        Arm(name="x", role="treatment", prompt="specifick").stack_for(gpe)
    bare = gpe.model_copy(update={"benign": ()})
    with pytest.raises(InputError, match="benign"):
        Arm(name="x", role="treatment", mix=0.1).stack_for(bare)
    with pytest.raises(ValueError, match="trains on nothing"):
        Arm(name="x", role="untrained", data="none", mix=0.1)


def test_a_prompt_the_template_would_drop_is_refused_before_training(cells, monkeypatch):
    from isobath.base.errors import TemplateError
    from isobath.study import work

    cell = cells["specific"]
    assert any("prompt" in sentence.lower() for sentence in work.check_conditions(cell))

    deaf = copy.copy(work.load_tokenizer(cell.base.folder))
    deaf.chat_template = deaf.chat_template.replace("{{ ' <sys> ' + message['content'] }}", "")
    monkeypatch.setattr(work, "load_tokenizer", lambda folder: deaf)
    with pytest.raises(TemplateError, match="Remedy"):
        work.check_conditions(cell)


def test_bases_of_other_worlds_ask_that_worlds_questions(small):
    from isobath.world.personas.spec import PersonasSpec

    one, other = (build_gpe(GPERef(name="bad_advice"), PersonasSpec(world_seed=w)) for w in (0, 1))
    assert one.signal.rows != other.signal.rows and one != other


def test_study_and_cells_are_values(small, tmp_path):
    again = Study(**{n: getattr(small, n) for n in Study.model_fields})
    store = Store(tmp_path / "store")
    assert again == small and again.fingerprint(store) == small.fingerprint(store)
    assert small.changed(seeds=(1,)).fingerprint(store) != small.fingerprint(store)
    assert all(isinstance(c, Cell) for c in small.cells(store)) and pd.notna(len(small.cells(store)))
