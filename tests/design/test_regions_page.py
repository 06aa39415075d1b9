"""docs/regions.md: what it states and shows is what the code says and draws."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from isobath.design.density import density_curve
from isobath.design.places import place_of
from isobath.design.space_file import read_space
from isobath.design.support import support_of
from isobath.report.region_figures import REGION_COLOURS, draw
from isobath.study.region_pictures import FORKS, TRAINED, broadened, planes
from region_definitions import place as place_by_definition

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "regions.md").read_text(encoding="utf-8")


def table(first_column):
    """Rows of the table whose first heading is `first_column`, as dicts."""
    lines = PAGE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, flags=re.S)[1]


def test_the_table_of_forks_is_what_the_code_says():
    support = support_of(FORKS, TRAINED)
    rows = table("tines")
    assert len(rows) == 10 and {row["region"] for row in rows} == set(REGION_COLOURS)
    for row in rows:
        found = place_of(support, {name: row[name] for name in FORKS.names})
        shown = (found.region, str(found.k), str(found.q or "–"), f"{found.d:g}", "yes" if found.enclosed else "no")
        assert shown == tuple(row[name] for name in ("region", "k", "q", "d", "enclosed")), row


def test_the_table_of_regions_names_them_in_order():
    assert [row["region"].strip("*") for row in table("region")] == list(REGION_COLOURS)


def test_the_rows_that_hold_every_pair_are_those_of_the_designs():
    curve = density_curve(4, [4, 8, 16], [2])
    shown = [(str(d.factors), f"{d.cells:,}", str(d.covering_rows)) for d in curve]
    assert [tuple(row.values()) for row in table("factors")] == shown


def test_the_python_block_prints_what_the_page_says(capsys):
    exec(block("python"), {})
    assert capsys.readouterr().out == block("text")


def test_the_space_file_is_read_and_its_rule_depends_on_what_it_declares(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(block("yaml"), encoding="utf-8")
    found = read_space(path)
    assert found.said == ()
    point = {"tines": "2", "material": "wood", "angle": "front"}
    assert (found.rule(point), found.rule({**point, "tines": "3"}), found.rule({**point, "tines": "5"})) == (
        None,
        "fork",
        "not a fork",
    )
    assert not found.space.allows({**point, "tines": "7"})


def drawn(svg):
    """What an SVG shows, in order: fills and outlines of its cells, and its texts; no positions, which fonts decide."""
    shown = []
    for node in ET.fromstring(svg).iter():
        tag = node.tag.rpartition("}")[2]
        if tag in ("path", "text"):
            shown.append((tag, node.get("fill"), node.get("stroke"), (node.text or "").strip()))
    return shown


@pytest.mark.parametrize("plane", planes(), ids=lambda plane: plane.name)
def test_each_picture_is_on_the_page_and_is_what_the_code_draws(plane):
    assert f"](regions/{plane.name}.svg)" in PAGE
    stored = (DOCS / "regions" / f"{plane.name}.svg").read_text(encoding="utf-8")
    assert drawn(stored) == drawn(draw(plane)), "python -m isobath.study.region_pictures --out docs/regions"


def test_the_page_shows_no_other_pictures():
    shown = set(re.findall(r"\]\(regions/([a-z]+)\.svg\)", PAGE))
    assert shown == {plane.name for plane in planes()} == {path.stem for path in (DOCS / "regions").glob("*.svg")}


def test_a_picture_shows_its_regions_and_outlines_the_support():
    """The plane of forks cell by cell against the definitions, and the colours that come out in its SVG."""
    plane = planes()[0]
    cells = {tuple(row) for row in FORKS.encode(TRAINED).tolist()}
    for cell in plane.cells:
        angle = "front" if "front" in cell["column"] else "below"
        point = {"tines": cell["x"], "material": cell["y"], "angle": angle}
        code = tuple(FORKS.encode([point])[0].tolist())
        assert cell["region"] == cell["label"] == place_by_definition(FORKS.factors, cells, code)["region"]
        assert cell["support"] == (code in cells)
    fills = [fill for tag, fill, _, text in drawn(draw(plane)) if tag == "path" and not text]
    for region, colour in REGION_COLOURS.items():
        in_cells = sum(cell["region"] == region for cell in plane.cells)
        assert fills.count(colour) == in_cells + 1, f"{region}: its cells and its legend"
    outlines = [stroke for _, fill, stroke, _ in drawn(draw(plane)) if stroke == "#1c2430"]
    assert len(outlines) == sum(cell["support"] for cell in plane.cells) == 3


def test_the_supports_of_the_picture_of_broadening_keep_the_promise():
    narrow, levels, pairs = broadened().values()
    assert len(narrow) < len(levels) < len(pairs) < narrow.space.cells / 2
    for strength, support in ((1, levels), (2, pairs)):
        for point in support.space.points():
            place = place_of(support, point)
            assert place.region in ("island", "lake") and (place.q is None or place.q > strength)
