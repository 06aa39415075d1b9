"""The page on control arms: every built-in kind stands in its table, and its study file is read, bound and complete."""

from __future__ import annotations

import re
from pathlib import Path

from isobath.gpe.gpe import GPE
from isobath.interventions.kinds import BUILT_IN
from isobath.study.file import load_study
from isobath.world.personas.gpes import bad_advice

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "control" / "controls.md").read_text()
OF_THEIR_KIND = {"group_dro", "vrex", "kl", "decay", "cvar", "early_stop", "screen", "upsample", "in_pretraining"}
OF_THEIR_KIND |= {"hardest"}  # with m = 1 it is no change
"""Kinds whose control is made of another kind."""


def test_every_kind_has_a_control_in_the_table():
    told = set()
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            told |= set(re.findall(r"`(\w+)`", line.split("|")[1]))
    assert set(BUILT_IN) - told == {"group_balanced"}  # it is a control itself
    assert not [kind for kind in told - set(BUILT_IN) if not kind.startswith("LoRA")]


def test_its_study_file_is_read_and_every_arm_is_complete(tmp_path):
    (body,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)
    (tmp_path / "study.yaml").write_text(body)
    study, gpe = load_study(tmp_path / "study.yaml"), bad_advice()
    assert isinstance(gpe, GPE)
    kinds = set()
    for arm in study.arms:
        for entry in arm.stack_for(gpe).entries:
            kinds.add(entry.kind)
            assert getattr(entry, "rows", True), arm.name
    assert set(BUILT_IN) - kinds == OF_THEIR_KIND
