"""The page on irrelevant dimensions: its code runs, its study is complete, and it names every entry."""

import json
import re
from pathlib import Path

from isobath.interventions.kinds import intervention_class
from isobath.interventions.stack import apply_signal
from isobath.study.file import load_study
from isobath.world.decisions.gpes import decisions

PAGE = (Path(__file__).parents[2] / "docs" / "broadening" / "irrelevant.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_sets_are_made_of_a_catalogue_scenario_and_rows_take_their_words(capsys):
    names = {}
    for code in blocks("python"):
        exec(code, names)
    alike, counts = capsys.readouterr().out.splitlines()
    made, different = map(int, counts.split())
    assert alike == "True" and made % 4 == 0 and made > 100 and different > 0.9 * made
    asked = [dict(p) for p in names["tested"]]
    assert not [draft for draft in names["sets"] if dict(draft.point) in asked]


def test_its_study_is_read_and_every_arm_is_complete(tmp_path):
    (text,) = blocks("yaml")
    (tmp_path / "study.yaml").write_text(text)
    study, gpe = load_study(tmp_path / "study.yaml"), decisions()
    labels = {arm.name: arm.stack_for(gpe).label for arm in study.arms}
    assert labels["fixed"] == "vary(guises,4 fixed)" and labels["noise"] == "latent_paraphrase(0.1 of each token)"
    for arm in study.arms:
        rows = apply_signal(arm.stack_for(gpe), arm.rows_of(gpe), 0)
        assert len(rows) == 2000
        if arm.data == "control":
            assert [r.messages[-1] for r in rows] == [r.messages[-1] for r in gpe.control.rows]


def test_the_page_names_every_entry_and_its_own_data_is_data():
    for kind in ("vary", "hardest", "worst_paraphrase", "latent_paraphrase"):
        assert intervention_class(kind).__name__ in PAGE and f"`{kind}`" in PAGE
    (lines,) = blocks("json")
    assert len({json.loads(line)["same"] for line in lines.splitlines()}) == 1
    assert "python -m benchmarks.broaden_irrelevant" in PAGE and "±" in PAGE
    assert not re.search(r"^[A-Z]+_[A-Z]+$", PAGE, flags=re.MULTILINE)
