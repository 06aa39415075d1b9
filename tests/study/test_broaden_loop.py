"""The whole loop on somebody's own data and model: broaden it, mix at doses, measure."""

import json

import pytest

from isobath.base.errors import InputError
from isobath.design.training_points import training_points
from isobath.gpe.scenarios.catalogue import scenario
from isobath.study.broadening.spec import Broadening
from isobath.study.components import GPERef, build_gpe
from isobath.study.dose import dose_spec
from isobath.study.file import load_study
from tiny_lm import bpe_tokenizer, tiny_model

STUDY = """
name: loop
bases: [{{kind: folder, path: {model}}}]
gpes: [{{name: tagged, options: {{path: {asked}, space: {space}, pools: {{broad: {broad}}}}}}}]
recipe: {{steps: 4, batch_size: 4}}
conditions: [none]
arms:
  - untrained
  - plain
  - {{name: broad_25, role: treatment, stack: [{{kind: mix, source: broad, share: 0.25}}]}}
  - {{name: broad_50, role: treatment, mix: 0.5, mix_from: broad}}
  - {{name: broad_plus_50, role: treatment, stack: [{{kind: mix, source: broad, share: 0.5, at: added budget}}]}}
  - {{name: narrow_plus_50, role: placebo, stack: [{{kind: mix, source: signal, share: 0.5, at: added budget}}]}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty chats about honesty in few circumstances, as somebody's tagged file, and what broadens them."""
    into, honesty = tmp_path_factory.mktemp("loop"), scenario("honesty")
    narrow = {"topic": honesty.space.factor("topic").domain[:2], "asked": honesty.space.factor("asked").domain[:1]}
    with (into / "mine.jsonl").open("w") as out:
        points = training_points(honesty.space, 60, 0, gold=honesty.decide, levels=narrow).points
        told = [honesty.draft(point, i) for i, point in enumerate(points)]
        for draft in told:
            chat = [{"role": m.role, "content": m.content} for m in draft.messages]
            out.write(json.dumps({"split": "train", "levels": dict(draft.point), "messages": chat}) + "\n")
    made = Broadening(
        scenarios=("honesty",), own={"honesty": str(into / "mine.jsonl")}, budget=80, holdout={"per_region": 4}
    ).run(into / "broad.jsonl")
    assert made.card.leaked_rows == 0
    whole = "".join((into / name).read_text() for name in ("mine.jsonl", "broad.test.jsonl", "broad.island.jsonl"))
    (into / "asked.jsonl").write_text(whole)
    return into


def options(folder):
    space = folder / "broad.landscape" / "honesty.space.yaml"
    return {"path": str(folder / "asked.jsonl"), "space": str(space), "pools": {"broad": str(folder / "broad.jsonl")}}


def test_questions_lie_around_ones_own_data_and_the_broader_rows_are_a_pool(folder):
    gpe = build_gpe(GPERef(name="tagged", options=options(folder)), None)
    assert len(gpe.signal.rows) == 60 and len(gpe.offered["broad"]) == 80
    regions = {str(q.place.region) for q in gpe.traits[0].questions}
    assert {"island", "bay", "sea"} <= regions
    cells = {tuple(row.metadata[f.name] for f in gpe.space.relevant) for row in gpe.offered["broad"]}
    away = [q for q in gpe.traits[0].questions if not q.id.startswith("honesty:island:")]
    assert {str(q.place.region) for q in gpe.traits[0].questions if q not in away} == {"island"}
    asked = {tuple(q.levels[f.name] for f in gpe.space.relevant) for q in away}
    assert not cells & asked


def test_a_pool_has_no_name_that_every_gpe_has(folder):
    with pytest.raises(InputError, match="choose another name"):
        build_gpe(GPERef(name="tagged", options={**options(folder), "pools": {"signal": "broad.jsonl"}}), None)


def test_a_study_file_of_doses_runs_on_a_model_from_outside(folder, tmp_path):
    tokenizer = bpe_tokenizer()
    model = tiny_model("llama", vocabulary=len(tokenizer))
    model.config.max_position_embeddings = 2048
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    told = options(folder)
    text = STUDY.format(model=tmp_path / "model", asked=told["path"], space=told["space"], broad=told["pools"]["broad"])
    (tmp_path / "loop.yaml").write_text(text)
    study = load_study(tmp_path / "loop.yaml")
    spec = dose_spec(study, build_gpe(study.gpes[0], None))
    assert [(d.arm, d.share, d.at, d.narrow) for d in spec.doses] == [
        ("broad_25", 0.25, "fixed budget", False),
        ("broad_50", 0.5, "fixed budget", False),
        ("broad_plus_50", 0.5, "added budget", False),
        ("narrow_plus_50", 0.5, "added budget", True),
    ]
    results = study.run(tmp_path / "store", tmp_path / "out", engine="inline")
    assert not results.failures
    rows = results.df
    assert set(rows["arm"]) == {"untrained", "plain", "broad_25", "broad_50", "broad_plus_50", "narrow_plus_50"}
    assert rows["value"].notna().any() and {"bay", "sea"} <= set(rows["region"].dropna())
