import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.study.demo import demo_study
from isobath.study.file import dump_study, load_study

GOOD = """\
name: small
bases: shipped
gpes: [bad_advice]
arms: [untrained, plain, specific]
recipe:
  steps: 10
seeds: [0, 1]
questions:
  - text: Does it spread?
    gpe: bad_advice
    trait: bad_held_out
    contrast: [plain, untrained]
    expect: higher
"""


def write(tmp_path, text, name="study.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_short_file_is_a_study(tmp_path):
    study = load_study(write(tmp_path, GOOD))
    assert [a.name for a in study.arms] == ["untrained", "plain", "specific"]
    assert len(study.bases) == 5 and study.recipe.steps == 10 and study.seeds == (0, 1)


def test_a_study_survives_its_own_yaml(tmp_path):
    study = demo_study()
    assert load_study(write(tmp_path, dump_study(study))) == study


@pytest.mark.parametrize(
    ("line", "wrong", "place", "says"),
    [
        ("  steps: 10", "  stepz: 10", 6, "did you mean 'steps'"),
        ("  steps: 10", "  steps: ten", 6, "recipe.steps"),
        ("  steps: 10", "  steps: 0", 6, "greater than or equal to 1"),
        ("seeds: [0, 1]", "seeds: [0, x]", 7, "seeds.1"),
        ("seeds: [0, 1]", "seeds: [0, 0]", 7, "stands twice"),
        ("seeds: [0, 1]", "seeds: [0, 1]\nname: again", 8, "'name' stands twice"),
        ("name: small", "name: a/b", 1, "name"),
        ("gpes: [bad_advice]", "gpes: [bad_advise]", 3, "did you mean 'bad_advice'"),
        ("arms: [untrained, plain, specific]", "arms: [untrained, planar]", 4, "planar"),
        ("    contrast: [plain, untrained]", "    contrast: [plain, mixed]", 12, "'mixed'"),
        ("    expect: higher", "    expect: up", 13, "expect"),
        ("    expect: higher", "    region: bye", 13, "the regions are island, shore"),
        ("    expect: higher", "    region: bay\n    reference_region: iland", 14, "the regions are island, shore"),
        ("bases: shipped", "bases: []", 2, "bases"),
        ("bases: shipped", "bases: [{kind: shiped, base_seed: 0}]", 2, "bases.0"),
        ("recipe:", "recipe: [", 7, "not YAML"),
    ],
)
def test_a_wrong_line_is_named_with_its_rule_or_remedy(tmp_path, line, wrong, place, says):
    assert line in GOOD
    path = write(tmp_path, GOOD.replace(line, wrong))
    with pytest.raises(InputError) as caught:
        load_study(path)
    message = str(caught.value)
    assert says in message
    assert message.startswith(f"{path}:{place}:"), message


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "\ufeff"])
def test_a_file_that_is_no_map_says_so(tmp_path, text):
    with pytest.raises(InputError, match=":1"):
        load_study(write(tmp_path, text))


@given(st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_bytes_raise_anything_but_an_input_error(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("fuzz") / "study.yaml"
    path.write_bytes(raw)
    with pytest.raises(InputError):
        load_study(path)


def test_yaml_cannot_run_code(tmp_path):
    with pytest.raises(InputError):
        load_study(write(tmp_path, "name: !!python/object/apply:os.system ['echo no']\n"))


def test_a_python_file_is_the_second_door(tmp_path):
    text = "from isobath.study.demo import demo_study\nstudy = demo_study().changed(name='mine')\n"
    assert load_study(write(tmp_path, text, "study.py")).name == "mine"


@pytest.mark.parametrize(
    ("text", "says"), [("x = 1\n", "no `study`"), ("study = 3\n", "int"), ("study = (\n", "not Python")]
)
def test_a_python_file_without_a_study_says_what_to_write(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        load_study(write(tmp_path, text, "study.py"))


def test_a_missing_file_or_another_kind(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_study(tmp_path / "none.yaml")
    with pytest.raises(InputError, match=r"\.py or \.yaml"):
        load_study(write(tmp_path, "{}", "study.json"))
