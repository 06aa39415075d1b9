"""Specifications: what they are made of, and every mistake named with its line."""

import pytest

from isobath.base.errors import InputError
from isobath.study.broadening.file import load_broadening
from isobath.study.broadening.sources import identity_of, scenarios_of, shares_of
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.writing import cost_of

YAML = """\
scenarios: [honesty, evading_control]
budget: 100
holdout: [bay]
renderings: {single: 1, multi: 1}
irrelevant: 4 wordings of each point
selection: dpp
"""


def written(tmp_path, text, name="spec.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_a_yaml_file_is_the_value_that_python_makes(tmp_path):
    read = load_broadening(written(tmp_path, YAML))
    assert read == Broadening(
        scenarios=("honesty", "evading_control"),
        budget=100,
        holdout=("bay",),
        renderings={"single": 1, "multi": 1},
        irrelevant="4 wordings of each point",
        selection="dpp",
    )
    assert (read.wordings, read.fixed) == (4, None)
    assert [str(region) for region in read.holdout.regions] == ["bay"]


def test_a_python_file_and_flags_that_change_it(tmp_path):
    text = "from isobath import Broadening\nbroadening = Broadening(scenarios=('honesty',), budget=10)\n"
    path = written(tmp_path, text, "spec.py")
    assert load_broadening(path).budget == 10
    changed = load_broadening(path, {"budget": 77, "holdout": "none"})
    assert changed.budget == 77 and changed.holdout is None


def test_names_alone_are_a_specification():
    read = load_broadening("honesty, evading_control", {"budget": 12})
    assert read.scenarios == ("honesty", "evading_control")
    assert shares_of(read) == [6, 6]


def test_a_scenario_file_alone_is_one_too(tmp_path):
    from isobath.gpe.scenarios.catalogue import FOLDER

    path = written(tmp_path, (FOLDER / "honesty.yaml").read_text(), "honesty.yaml")
    assert load_broadening(path).scenarios == (path,)
    assert [one.name for one in scenarios_of(load_broadening(path))] == ["honesty"]


@pytest.mark.parametrize(
    ("line", "at", "said"),
    [
        ("budgte: 5", 1, "did you mean 'budget'?"),
        ("holdout: [bay, see]", 3, "holdout"),
        ("holdout: {regions: bay}", 3, "write [bay]"),
        ("irrelevant: 4 paraphrases", 5, "fixed paraphrases"),
        ("renderings: {singel: 1}", 4, "renderings"),
        ("budget: many", 2, "budget"),
        ("checks: []", 1, "no checks"),
        ("budget: 1", 2, "a budget of 1 rows"),
    ],
)
def test_a_mistake_names_its_line(tmp_path, line, at, said):
    key = line.split(":")[0]
    kept = [one for one in YAML.splitlines() if not one.startswith(f"{key}:")]
    where = at - 1 if key in YAML else len(kept)
    text = "\n".join([*kept[:where], line, *kept[where:]])
    path = written(tmp_path, text)
    with pytest.raises(InputError) as found:
        load_broadening(path)
    assert said in str(found.value) and f"{path}:{where + 1}" in str(found.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (", "not Python"),
        ("x = 1\n", "there is no `broadening`"),
        ("from isobath import Broadening\n\nbroadening = Broadening(scenarios=('a',), budget=0)\n", "spec.py:3"),
        ("broadening = 3\n", "int"),
    ],
)
def test_a_python_file_that_is_none_says_so(tmp_path, text, said):
    with pytest.raises(InputError, match=r"spec\.py") as found:
        load_broadening(written(tmp_path, text, "spec.py"))
    assert said in str(found.value)


def test_a_key_where_it_does_not_belong_is_never_repeated(tmp_path):
    secret = "sk-live-0123456789"
    text = f"scenarios: [honesty]\nbudget: 5\nwriter:\n  url: https://x.y/v1\n  model: m\n  key_env: {secret}\n"
    with pytest.raises(InputError) as found:
        load_broadening(written(tmp_path, text))
    assert secret not in str(found.value) and "spec.yaml:4" in str(found.value)


def test_an_unknown_scenario_and_two_of_one_name():
    with pytest.raises(InputError, match="honesty"):
        scenarios_of(Broadening(scenarios=("honesti",), budget=5))
    with pytest.raises(InputError, match="twice"):
        load_broadening("honesty,honesty")


def test_identity_is_what_decides_the_rows_and_nothing_else():
    def identity(**fields):
        spec = Broadening(**{"scenarios": ("honesty",), "budget": 10, **fields})
        return identity_of(spec, scenarios_of(spec))

    writer = {"url": "http://localhost:1/v1", "model": "m"}
    assert identity(writer=writer) == identity(writer={**writer, "connections": 3, "price_in": 1.0})
    assert len({identity(), identity(seed=1), identity(budget=11), identity(writer=writer)}) == 4


def test_budgets_are_shared_out_in_whole_sets():
    spec = Broadening(scenarios=("honesty", "evading_control"), budget=101, irrelevant="5 wordings of each point")
    assert shares_of(spec) == [50, 50]
    with pytest.raises(InputError, match="raise the budget"):
        shares_of(Broadening(scenarios=("honesty",), budget=3, irrelevant="5 wordings of each point"))


def test_a_model_s_words_are_not_looked_up_in_the_templates():
    writer = {"url": "http://localhost:1/v1", "model": "m"}
    with pytest.raises(ValueError, match="phrases"):
        Broadening(scenarios=("honesty",), budget=5, writer=writer, tagger="phrases")
    assert Broadening(scenarios=("honesty",), budget=5, writer=writer).reader.model == "m"


def test_evolution_does_not_go_with_fixed_paraphrases():
    with pytest.raises(ValueError, match="fixed paraphrases"):
        Broadening(scenarios=("honesty",), budget=50, irrelevant="3 fixed paraphrases", evolution=2)


def test_cost_is_unknown_where_a_price_or_a_count_is():
    spec = Broadening(scenarios=("honesty",), budget=5, writer={"url": "http://localhost:1/v1", "model": "m"})
    assert cost_of(spec.writer, 10, 10) is None
    priced = spec.writer.model_copy(update={"price_in": 2.0, "price_out": 4.0})
    assert cost_of(priced, 500_000, 250_000) == 2.0
    assert cost_of(priced, None, 5) is None


def test_the_plan_says_what_a_scenario_of_ones_own_lacks(tmp_path):
    from isobath.gpe.scenarios.catalogue import scenario
    from isobath.study.broadening.plan import make_plan

    whole = scenario("honesty")
    bare = whole.model_copy(update={"name": "mine", "asks": whole.asks[:1]})
    (part,) = make_plan(Broadening(scenarios=(bare,), budget=40), tmp_path / "t.jsonl").scenarios
    assert any("fault" in text and "told(path)" in text for text in part.said)
    (part,) = make_plan(Broadening(scenarios=("honesty",), budget=40), tmp_path / "u.jsonl").scenarios
    assert not any("fault" in text for text in part.said)
