"""The landscape of judged answers: which arm the others are read against."""

import json

import pytest

from isobath.gpe.tagged.spec import TaggedSpec
from isobath.study.judged_landscape import judged_landscape


def written(tmp_path, arms):
    """Judged answers of five bases: the arm `plain` decides rightly everywhere, others at home alone."""
    lines = [{"split": "train", "levels": {"a": "x"}}]
    for base in range(5):
        for question in range(6):
            at = {"id": str(question), "levels": {"a": "xy"[question % 2]}, "base": f"b{base}"}
            lines += [{**at, "split": "test", "arm": a, "value": int(a == "plain" or not question % 2)} for a in arms]
    path = tmp_path / "judged.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return TaggedSpec(path=str(path))


@pytest.mark.parametrize(("arms", "compared"), [(("plain", "untrained"), True), (("plain", "other"), False)])
def test_arms_are_read_against_the_untrained_one(tmp_path, arms, compared):
    report = judged_landscape(written(tmp_path, arms)).report
    section = next(s for s in report.sections if s.title == "Landscape")
    captions = [table.caption for table in section.tables]
    assert any("Differences in points from the untrained arm" in c for c in captions) == compared
    assert ("in the untrained arm, a difference of +100 points" in section.text) == compared
