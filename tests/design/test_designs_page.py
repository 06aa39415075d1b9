"""What docs/designs.md shows runs, and its figures are those that the code gives."""

import re
from pathlib import Path

from isobath.design.density import density_curve

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "designs.md").read_text()


def test_the_example_runs_as_shown(capsys):
    exec(compile(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1), "docs/designs.md", "exec"), {})
    numbers, counts, split = capsys.readouterr().out.splitlines()
    assert numbers.split()[1] == "60"
    assert "'island': 10" in counts
    assert "decision = report with stakes = low is held out" in split
    assert "atom=0.00" in split and "compound=0.10" in split and "atom 0.00, compound 0.10" in PAGE


def test_the_density_table_has_the_figures_of_the_code():
    rows = re.findall(r"^\| ([12]) \| (4|8|16) \| [^|]* \| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    whole = density_curve(4, (4, 8, 16), (1, 2))
    assert [tuple(map(int, row)) for row in rows] == [
        (d.strength, d.factors, d.covering_rows, d.random_rows) for d in whole
    ]
