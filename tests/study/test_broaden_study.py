"""The broadening study: its file, its arms, and the same file with another model's name."""

import pytest
import yaml

from isobath.cli.new import starting_study, study_text
from isobath.interventions.mix import Mix
from isobath.study.broaden_study import FACTORS, broaden_study
from isobath.study.components import build_gpe
from isobath.study.dose import dose_spec
from isobath.study.file import load_study
from tiny_lm import bpe_tokenizer, tiny_model


def test_the_file_that_new_writes_is_the_study(tmp_path):
    study = starting_study("mine", "doses")
    assert study == broaden_study().changed(name="mine")
    (tmp_path / "mine.yaml").write_text(study_text(study, "mine.yaml"))
    assert load_study(tmp_path / "mine.yaml") == study


def test_every_dose_has_the_rows_it_says_and_matched_steps():
    study = broaden_study()
    gpe = build_gpe(study.gpes[0], None)
    spec = dose_spec(study, gpe)
    assert len(study.bases) == 5 and len(study.seeds) == 2
    assert [d.share for d in spec.of("relevant", "fixed budget")] == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    for dose in spec.doses:
        arm = next(a for a in study.arms if a.name == dose.arm)
        (mix,) = arm.stack_for(gpe).entries
        assert isinstance(mix, Mix) and len(mix.rows) >= round(dose.share * 2_000)
        rows = mix.apply(gpe.signal.rows, 0)
        changed = sum(a is not b for a, b in zip(rows, gpe.signal.rows, strict=False))
        added = dose.at == "added budget"
        assert len(rows) == 2_000 + added * round(dose.share * 2_000) == dose.rows
        assert changed == (0 if added else round(dose.share * 2_000))
        assert dose.steps == (round(200 * (1 + dose.share)) if added else 200)
    matched = {d.arm: spec.matched(d).arm for d in spec.doses if spec.matched(d) and not d.narrow}
    assert matched["relevant_plus_20"] == "narrow_plus_20" and matched["relevant_plus_50"] == "narrow_plus_50"
    assert {f"{name}_20" for name in FACTORS} <= {a.name for a in study.arms}


@pytest.mark.slow
def test_the_same_file_runs_with_another_models_name(tmp_path):
    tokenizer = bpe_tokenizer()
    tiny_model("llama", vocabulary=len(tokenizer)).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    told = yaml.safe_load(study_text(starting_study("mine", "doses"), "mine.yaml"))
    told["bases"] = [{"kind": "folder", "path": str(tmp_path / "model")}]
    told["recipe"]["steps"], told["seeds"], told["questions"] = 1, [0], []
    wanted = ("untrained", "plain", "relevant_20", "both_5", "narrow_plus_20")
    told["arms"] = [a for a in told["arms"] if (a if isinstance(a, str) else a["name"]) in wanted]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(told, allow_unicode=True))
    results = load_study(tmp_path / "mine.yaml").run(tmp_path / "store", tmp_path / "out", engine="inline")
    assert not results.failures
    assert set(results.df["arm"]) == set(wanted) and results.df["value"].notna().any()
