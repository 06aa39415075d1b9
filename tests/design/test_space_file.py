"""Spaces from files and from data: what is read, what was assumed, and errors that name ``file:line``."""

import json
import math

import pytest

from isobath.base.errors import InputError
from isobath.design.factor import MISSING
from isobath.design.space_file import infer_space, read_space

FORKS = """\
name: forks
factors:
  - name: tines
    kind: ordinal
    levels: [2, 3, 4, 5, 6]
  - name: material
    levels: [metal, wood]
  - {name: angle, kind: continuous, edges: [-.inf, 30, 60, .inf], relevant: no}
  - {name: sold, levels: [yes, no], relevant: false, optional: true}
forbidden:
  - {tines: [5, 6], material: wood}
rule:
  cases:
    - {when: {tines: [3, 4], material: metal}, then: fork}
    - {when: {tines: 2}, then: null}
  otherwise: spoon
"""


def written(tmp_path, text, name="space.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_space_file_says_factors_forbidden_combinations_and_the_rule(tmp_path):
    found = read_space(written(tmp_path, FORKS))
    space, rule = found.space, found.rule
    assert space.name == "forks" and space.names == ("tines", "material", "angle", "sold")
    assert space.factor("tines").levels == ("2", "3", "4", "5", "6")
    assert space.factor("sold").domain == ("yes", "no", MISSING)
    assert [f.relevant for f in space.factors] == [True, True, False, False]
    assert space.factor("angle").edges == (-math.inf, 30, 60, math.inf)
    point = space.point({"tines": 4, "material": "metal", "angle": 45})
    assert point["angle"] == "[30, 60)" and rule(point) == "fork"
    assert rule({**point, "tines": "2"}) is None and rule({**point, "tines": "6"}) == "spoon"
    assert not space.allows({**point, "tines": "5", "material": "wood"})
    assert found.said == ()


def test_json_is_read_alike(tmp_path):
    import yaml

    data = yaml.safe_load(FORKS.replace("-.inf", "-1e9").replace(".inf", "1e9").replace("[yes, no]", "['yes', 'no']"))
    found = read_space(written(tmp_path, json.dumps(data, indent=2), "space.json"))
    other = read_space(written(tmp_path, FORKS.replace("-.inf", "-1e9").replace(".inf", "1e9")))
    assert found == other


def test_what_the_rule_contradicts_and_what_widens_the_shore_is_said(tmp_path):
    text = FORKS.replace("    kind: ordinal\n", "    kind: ordinal\n    near: 1\n").replace(
        "material: metal}, then", "angle: '[30, 60)'}, then"
    )
    said = read_space(written(tmp_path, text)).said
    assert said[0] == "'tines' has near = 1: a level 1 outside those seen counts as shore, not bay."
    assert said[1].startswith("'material' is declared relevant, but the right decision never depends on it")
    assert said[2].startswith("'angle' is declared irrelevant, but the right decision depends on it")
    assert len(said) == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("levels: [metal", "level: [metal", 7, "did you mean 'levels'"),
        ("kind: ordinal", "kind: ordnal", 4, "kind = 'ordnal': Input should be 'nominal'"),
        ("[-.inf, 30, 60, .inf]", "[60, 30]", 8, "ascending edges"),
        ("  - name: material\n    levels", "  - name: tines\n    levels", 6, "stands twice"),
        ("{tines: [5, 6], material", "{tine: [5, 6], material", 11, "did you mean 'tines'"),
        ("material: wood}", "material: woood}", 11, "did you mean 'wood'"),
        ("{tines: 2}", "{tines: 7}", 15, "unknown level of 'tines' '7'"),
        ("when: {tines: 2}", "wen: {tines: 2}", 15, "did you mean 'when'"),
        (", then: null", "", 15, "there is no 'then'"),
        ("otherwise:", "otherwse:", 16, "did you mean 'otherwise'"),
        ("[2, 3, 4, 5, 6]", "{a: 1}", 5, "a map where a list belongs"),
        ("[metal, wood]", "[metal, [wood]]", 7, "a level is a text or a number"),
        ("name: forks", "name: [forks", 2, "not YAML"),
        ("factors:", "factors: &a", 2, None),
        ("name: forks", "name: forks\nname: spoons", 2, "stands twice"),
        ("  - {tines: [5, 6], material: wood}", "  - {}", 11, "an empty combination"),
    ],
)
def test_errors_name_the_line(tmp_path, old, new, line, message):
    assert old in FORKS
    path = written(tmp_path, FORKS.replace(old, new, 1))
    if message is None:  # harmless YAML is read
        assert read_space(path).space.name == "forks"
        return
    with pytest.raises(InputError) as caught:
        read_space(path)
    assert caught.value.place == f"{path}:{line}", str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "name: x\n", "factors: []\n"])
def test_files_that_are_no_space_are_refused(tmp_path, text):
    with pytest.raises(InputError, match=r"space\.yaml:1"):
        read_space(written(tmp_path, text))


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("factors: [{name: a, levels: &l [*l]}]\n", "an alias repeats what holds it"),
        ("factors: [&f {name: a, levels: [x], near: *f}]\n", "an alias repeats what holds it"),
        (f"{BOMB}factors: *a8\n", "an alias repeats what holds it, or too much"),
        (f"factors: {'[' * 3000}{']' * 3000}\n", "nested too deeply"),
    ],
)
def test_aliases_without_end_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_space(written(tmp_path, text))


def test_a_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_space(tmp_path / "nowhere.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bytes\.yaml"):
        read_space(tmp_path / "bytes.yaml")


def test_a_space_is_inferred_and_says_what_it_assumed():
    points = [
        {"tines": 3 + i % 3, "material": "metal" if i % 2 else "wood", "heat": i / 7, "sold": i % 4 == 0}
        | ({"owner": "host"} if i % 5 else {})
        for i in range(100)
    ]
    space, said = infer_space(points, irrelevant=("sold",))
    kinds = {f.name: (f.kind, f.relevant, f.optional) for f in space.factors}
    assert kinds == {
        "tines": ("ordinal", True, False),
        "material": ("nominal", True, False),
        "heat": ("continuous", True, False),
        "sold": ("nominal", False, False),
        "owner": ("nominal", True, True),
    }
    assert space.factor("tines").levels == ("3", "4", "5")
    assert len(space.factor("heat").domain) == 8
    codes = space.encode([space.point(p) for p in points])
    heat = codes[:, space.names.index("heat")]
    assert all(10 <= (heat == b).sum() <= 15 for b in range(8)), "bins hold about equally many points"
    assert said[0] == "'tines' is taken as ordinal, in the order of its numbers (3, 4, 5)."
    assert said[4].endswith(", 'n/a' is a level of its own.") and "; where it is missing (" in said[4]
    assert said[-1] == (
        "The right decision is taken to depend on tines, material, heat, owner and not on sold; "
        "no combination is taken as impossible."
    )


def test_a_text_that_says_missing_and_null_are_one_level():
    points = [{"a": "x"}, {"a": None}, {"a": MISSING}]
    space, _ = infer_space(points)
    assert space.factor("a").domain == ("x", MISSING)
    assert [space.point(p)["a"] for p in points] == ["x", MISSING, MISSING]


@pytest.mark.parametrize(
    "values", [[0.0] * 500 + list(range(20)), [5] * 500 + list(range(14)), [1e-9 * i for i in range(40)]]
)
def test_every_value_has_a_bin_however_skewed(values):
    space, _ = infer_space([{"x": v} for v in values])
    assert space.factor("x").kind == "continuous" and len(space.factor("x").domain) >= 2
    assert {space.point({"x": v})["x"] for v in values} >= {space.factor("x").domain[0]}


@pytest.mark.parametrize("numbers", [(2**53, 2**53 + 1, 3), tuple(2**60 + i for i in range(30)), (10**300, 1.5)])
def test_whole_numbers_of_any_size_are_levels_of_their_own(numbers):
    space, _ = infer_space([{"x": n} for n in numbers])
    assert len({space.point({"x": n})["x"] for n in numbers}) == (len(numbers) if len(numbers) < 12 else 1)


@pytest.mark.parametrize(
    ("points", "irrelevant", "message"),
    [
        ([], (), "no levels"),
        ([{"a": 10**400}, {"a": 1}], (), "a text, a finite number or null"),
        ([{"a": math.nan}], (), "a = nan"),
        ([{"a": ["x"]}], (), "a text, a finite number or null"),
        ([{"a": None}], (), "no level in any point"),
        ([{"a b": "x"}], (), "rename it"),
        ([{"stakes": "x"}], ("stake",), "did you mean 'stakes'"),
    ],
)
def test_what_cannot_be_inferred_is_refused(points, irrelevant, message):
    with pytest.raises(InputError, match=message):
        infer_space(points, irrelevant)


@pytest.mark.parametrize("values", [[1_700_000_000 + 60 * i for i in range(64)], [20 + i * 1e-6 for i in range(64)]])
def test_numbers_close_together_have_as_many_bins_as_others(values):
    space, said = infer_space([{"x": v} for v in values])
    held = [space.point({"x": v})["x"] for v in values]
    counts = [held.count(level) for level in space.factor("x").domain]
    assert len(counts) == 8 and min(counts) >= 5, "about equally many: edges are rounded"
    assert all(edge.strip() in said[0] for edge in space.factor("x").domain[3][1:-1].split(","))


def test_an_identifier_is_no_factor():
    with pytest.raises(InputError, match="32,769 levels"):
        infer_space([{"id": f"scenario-{i}"} for i in range(2**15 + 1)])
