"""What docs/broadening/points.md shows runs, and prints what it says."""

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "broadening" / "points.md").read_text(encoding="utf-8")


def test_the_examples_print_what_the_page_says(capsys):
    blocks = re.findall(r"```(python|text)\n(.*?)```", PAGE, re.DOTALL)
    assert [kind for kind, _ in blocks].count("text") == 4
    shown, names = "", {}
    for kind, block in blocks:
        if kind == "text":
            assert shown == block
            shown = ""
            continue
        exec(compile(block, "docs/broadening/points.md", "exec"), names)
        shown += capsys.readouterr().out
    assert not shown
