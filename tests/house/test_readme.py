"""What the README shows is run: its Python blocks, its links, its commands, its tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


def test_the_python_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    define, use = blocks("python")
    names = {}
    exec(define, names)
    whole = names["study"]
    assert len(whole.bases) == 5 and len(whole.arms) == 8
    # the same study, small enough for a test: one base, two arms, two steps
    names["study"] = whole.limited(1).changed(arms=whole.arms[:2], recipe=whole.recipe.model_copy(update={"steps": 2}))
    run, *rest = use.splitlines()
    exec(run.replace("study.run()", "study.run(engine='inline')"), names)
    exec("\n".join(rest), names)
    assert names["results"].findings[0].sentence and len(names["results"].df)


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / page).read_text(), flags=re.S)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_commands_and_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text()):
        assert re.search(rf"^{target}:", makefile, flags=re.M), target
    from isobath.cli.main import app

    for verb in re.findall(r"(?:`| {4})isobath ([a-z]+)", README):
        assert verb in app, verb


def test_the_tree_in_contributing_is_the_tree():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    shown = set(re.findall(r"^ {4}src/isobath/(\w+)", text, flags=re.M))
    there = {p.name for p in (ROOT / "src" / "isobath").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert shown == there


def test_ci_calls_the_readmes_test_command():
    assert "make test" in README and "make test" in (ROOT / ".ci" / "run").read_text()


def test_pins_are_public_and_within_the_ranges():
    import tomllib

    from packaging.requirements import Requirement

    lines = (ROOT / "constraints.txt").read_text().split()
    assert not [line for line in lines if "+" in line or "://" in line] and "torch==2.13.0" in lines
    pins = {line.partition("==")[0].lower().replace("_", "-"): line.partition("==")[2] for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"] + [r for extra in project["optional-dependencies"].values() for r in extra]:
        need = Requirement(text)
        if need.name != "isobath":
            assert pins[need.name.lower().replace("_", "-")] in need.specifier, text


@pytest.mark.slow
def test_the_result_on_the_first_screen_is_what_the_demo_prints(tmp_path):
    """Exact on the kind of machine it was made on; elsewhere rates may move a little (decision 03)."""
    from isobath.study.demo import demo_study

    results = demo_study().run(tmp_path / "store", tmp_path / "out", "local")
    results.report()
    printed = (results.folder / "summary.txt").read_text()
    first = next(block for block in README.split("```") if "\nuntrained " in block)  # a later one has the landscape
    arms = re.findall(r"^(\w+) .*?(<?[\d.]+)% \[.*?([\d.]+)% \[", first, flags=re.M)
    assert len(arms) == 8
    for arm, inside, outside in arms:
        shown = re.search(rf"^{arm} .*?(<?[\d.]+)% \[.*?([\d.]+)% \[", printed, flags=re.M)
        assert shown, arm
        for one, other in zip((inside, outside), shown.groups(), strict=True):
            assert float(one.lstrip("<")) == pytest.approx(float(other.lstrip("<")), abs=3), arm
