"""Readouts on states whose directions are known: found where they are there, carried over where they are the same."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.base.seeding import rng
from isobath.design.factor import MISSING, Factor
from isobath.measures.factor_readout import Target, factor_readout, readout_frame, target_of
from isobath.measures.linear_readout import Part, fitted, rank_correlation
from isobath.measures.readout_table import readout_table

COLOUR = Factor(name="colour", levels=("red", "green", "blue", "pink"))
TINES = Factor(name="tines", kind="ordinal", levels=("1", "2", "3", "4", "5", "6"))
MIXED = Factor(name="mixed", levels=tuple("abcdefgh"), relevant=False)
NOISY = 0.3


def drawn(n=320, width=24, seed=0, twist=0.0, names=()):
    """Points, regions and states of two layers: layer 0 is noise; layer 1 holds colour as directions of its own and
    tines along one line. In the bay colour and tines go beyond the island; `twist` turns the bay's tines direction."""
    stream = rng(seed, "test", "readout", *names)
    axes = np.linalg.qr(stream.normal(size=(width, width)))[0]
    points, regions, rows = [], [], []
    for i in range(n):
        bay, sea = i % 4 == 1, i % 4 == 3
        colour = "pink" if sea else ("red", "green", "blue")[stream.integers(3)]
        tines = str(stream.choice([1, 6])) if bay or sea else str(stream.integers(2, 6))
        point = {"colour": colour, "tines": tines, "mixed": str(stream.choice(list("abcdefgh")))}
        line = np.cos(twist) * axes[0] + np.sin(twist) * axes[1] if bay else axes[0]
        rows.append((int(tines) - 3.5) * line + 3 * axes[5 + COLOUR.levels.index(colour)])
        points.append(point)
        regions.append("bay" if bay else "sea" if sea else "island")
    noise = stream.normal(size=(2, n, width))
    return np.stack([noise[0], np.array(rows) + NOISY * noise[1]]).astype(np.float32), points, regions


def best(records, region):
    (one,) = [r for r in records if r.chosen and r.region == region]
    return one


def test_a_factor_in_the_states_is_read_and_its_layer_chosen():
    states, points, regions = drawn()
    found = factor_readout(states, points, regions, COLOUR)
    assert [(r.layer, r.region) for r in found] == [(n, r) for n in (0, 1) for r in ("island", "bay", "sea")]
    assert {r.layer for r in found if r.chosen} == {1}
    for region, n in (("island", 40), ("bay", 80)):
        one = best(found, region)
        assert one.accuracy > 0.95 and one.chance < 0.55 and one.selectivity > 0.4
        assert one.n == pytest.approx(n, abs=2) and one.unseen == 0
    noise = next(r for r in found if r.layer == 0 and r.region == "bay")
    assert abs(noise.accuracy - 1 / 3) < 0.2 and abs(noise.control - 1 / 3) < 0.2


def test_a_level_never_seen_cannot_be_named_but_a_property_it_shares_can_be_read():
    states, points, regions = drawn()
    sea = best(factor_readout(states, points, regions, COLOUR), "sea")
    assert sea.state is State.NOT_APPLICABLE and np.isnan(sea.accuracy) and (sea.n, sea.unseen) == (0, 80)
    assert "a label never seen cannot be named" in sea.why
    many = Target("many tines", lambda point: "many" if int(point["tines"]) > 3 else "few")
    for region in ("island", "bay", "sea"):
        one = best(factor_readout(states, points, regions, many), region)
        assert one.state is State.OK and one.accuracy > 0.9


def test_an_ordered_factor_is_read_beyond_its_levels():
    states, points, regions = drawn()
    found = factor_readout(states, points, regions, TINES)
    island, bay = best(found, "island"), best(found, "bay")
    assert island.correlation > 0.9 and island.accuracy > 0.8
    assert bay.unseen == bay.n == 80 and bay.correlation > 0.8 and bay.pooled > 0.9
    assert bay.accuracy > bay.chance + 0.15  # one and six, neither of which it was trained on
    assert abs(bay.bias) < 0.2


def test_a_direction_that_turns_in_the_bay_is_not_carried_over():
    """A quarter turn: what tells two from five on the island says nothing of one and six."""
    states, points, regions = drawn(twist=np.pi / 2)
    found = factor_readout(states, points, regions, TINES)
    assert best(found, "island").correlation > 0.9
    assert abs(best(found, "bay").correlation) < 0.35 and best(found, "bay").accuracy < 0.2
    assert best(found, "sea").correlation > 0.8


def test_a_factor_that_is_not_there_is_not_read():
    found = factor_readout(*drawn(), MIXED)
    for region in ("island", "bay", "sea"):
        assert best(found, region).accuracy < 0.35 and abs(best(found, region).selectivity) < 0.2


def test_where_points_can_be_told_apart_the_control_is_as_good():
    """Two points on the island, each with its own state: any label is read, so reading one says nothing."""
    stream = rng(0, "test", "readout", "two")
    centres = stream.normal(size=(2, 10))
    points = [{"colour": ("red", "green")[i % 2]} for i in range(80)]
    states = np.array([centres[i % 2] for i in range(80)])[None] + 0.1 * stream.normal(size=(1, 80, 10))
    one = best(factor_readout(states, points, ["island"] * 80, COLOUR), "island")
    assert one.accuracy == 1 and one.control == 1 and one.selectivity == 0


def test_nothing_outside_the_island_decides_what_is_read():
    states, points, regions = drawn()
    other = states.copy()
    outside = [r != "island" for r in regions]
    other[:, outside] += 7
    for factor in (COLOUR, TINES):
        a, b = (factor_readout(s, points, regions, factor) for s in (states, other))
        for x, y in zip(a, b, strict=True):
            assert (x.chosen, x.penalty) == (y.chosen, y.penalty) or x.state is State.NOT_APPLICABLE
            if x.region == "island":
                assert x == y or (np.isnan(x.bias) and x.accuracy == y.accuracy)


def test_the_same_text_is_never_on_both_sides():
    """States that are noise, ten copies of each: a readout that saw copies in training would be perfect."""
    stream = rng(0, "test", "readout", "copies")
    noise = np.repeat(stream.normal(size=(40, 30)), 10, axis=0)[None]
    points = [{"colour": ("red", "green")[(i // 10) % 2]} for i in range(400)]
    one = best(factor_readout(noise, points, ["island"] * 400, COLOUR), "island")
    assert 0.1 < one.accuracy < 0.9


def test_the_seed_decides_and_layers_keep_their_names():
    data = drawn()
    a, b = factor_readout(*data, TINES), factor_readout(*data, TINES)
    assert readout_frame(a).equals(readout_frame(b))
    assert not readout_frame(a).equals(readout_frame(factor_readout(*data, TINES, seed=1)))
    assert {r.layer for r in factor_readout(*data, TINES, layers=[3, 7], controls=0)} == {3, 7}
    assert all(np.isnan(r.control) for r in factor_readout(*data, TINES, controls=0))


def test_levels_that_do_not_apply_have_no_label():
    optional = Factor(name="tines", kind="ordinal", levels=TINES.levels, optional=True)
    assert target_of(optional).of({"tines": MISSING}) is None and target_of(optional).order == TINES.levels
    states, points, regions = drawn()
    points = [{**p, "tines": MISSING} if i % 8 == 1 else p for i, p in enumerate(points)]
    assert best(factor_readout(states, points, regions, optional), "bay").n == 40


def test_an_island_with_one_level_has_nothing_to_read():
    states, points, regions = drawn()
    points = [{**p, "colour": "red"} for p in points]
    found = factor_readout(states, points, regions, COLOUR)
    assert [r.state for r in found] == [State.NOT_APPLICABLE] * 3 and "one level of colour" in found[0].why


def test_ridge_reaches_its_optimum():
    stream = rng(0, "test", "ridge")
    values, part = stream.normal(size=(40, 3)), np.repeat([Part.FIT, Part.CHOOSE], [30, 10])
    codes = np.clip(np.rint(values @ [1, 2, 0] + 4), 0, 8).astype(np.intp)
    found = fitted(values, codes, part, ranks=True)
    fit = part == Part.FIT
    z = (values - values[fit].mean(0)) / values[fit].std(0)

    def loss(w):
        return ((z[fit] @ w[:3] + w[3] - codes[fit]) ** 2).mean() + found.penalty * (w[:3] ** 2).sum()

    w = minimize(loss, np.zeros(4), tol=1e-12).x
    np.testing.assert_allclose(found.read, z @ w[:3] + w[3], atol=1e-4)


def test_wide_states_are_read_in_the_directions_the_island_spans():
    stream = rng(0, "test", "wide")
    values = stream.normal(size=(20, 300))
    codes, part = np.arange(20) % 2, np.repeat([Part.FIT, Part.CHOOSE], [12, 8])
    full = fitted(values, codes, part, ranks=True)
    fit = part == Part.FIT
    z = (values - values[fit].mean(0)) / values[fit].std(0)
    gram = z[fit].T @ z[fit] + full.penalty * 12 * np.eye(300)
    w = np.linalg.solve(gram, z[fit].T @ (codes[fit] - codes[fit].mean()))
    np.testing.assert_allclose(full.read, z @ w + codes[fit].mean(), atol=1e-8)


def test_rank_correlation_is_spearmans():
    stream = rng(0, "test", "rank")
    a, b = stream.integers(0, 5, 30), stream.integers(0, 5, 30)
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert np.isnan(rank_correlation(np.ones(3), np.arange(3))) and np.isnan(rank_correlation(a[:0], b[:0]))


def test_the_table_has_intervals_over_bases_and_paired_changes():
    frames = []
    for base in range(5):
        for checkpoint, twist in (("before", np.pi / 2), ("after", 0.0)):
            records = factor_readout(*drawn(160, seed=base, twist=twist), TINES, controls=1)
            frames.append(readout_frame(records, base=f"b{base}", checkpoint=checkpoint))
    frame = pd.concat(frames, ignore_index=True)
    table = readout_table(frame, before="before").set_index(["region", "checkpoint"])
    then, now = table.loc[("bay", "before")], table.loc[("bay", "after")]
    own = frame[frame["chosen"] & (frame["region"] == "bay") & (frame["checkpoint"] == "after")]
    assert now["accuracy"] == pytest.approx(own["accuracy"].mean()) and now["bases"] == 5
    assert now["low"] < now["accuracy"] < now["high"]
    assert now["change"] == pytest.approx(now["accuracy"] - then["accuracy"]) and now["change_low"] > 0
    assert np.isnan(then["change"]) and table.loc[("island", "after"), "change_low"] < 0.1
    half = own["correlation"].std(ddof=1) / 5**0.5 * stats.t.ppf(0.975, 4)
    assert now["correlation_low"] == pytest.approx(own["correlation"].mean() - half)


def test_not_applicable_stays_so_in_the_table():
    frame = readout_frame(factor_readout(*drawn(), COLOUR, controls=0), base="b", checkpoint="before")
    sea = readout_table(frame).set_index("region").loc["sea"]
    assert sea["state"] == "not_applicable" and np.isnan(sea["accuracy"]) and "cannot be named" in sea["why"]


def test_what_does_not_fit_is_refused():
    states, points, regions = drawn(40)
    with pytest.raises(InputError, match="a point and a region for each text"):
        factor_readout(states, points[1:], regions, COLOUR)
    with pytest.raises(InputError, match="not finite"):
        factor_readout(np.where(states == states.max(), np.nan, states), points, regions, COLOUR)
    with pytest.raises(InputError, match="the region 'lagoon'"):
        factor_readout(states, points, ["lagoon", *regions[1:]], COLOUR)
    with pytest.raises(InputError, match="no text of the island"):
        factor_readout(states, points, ["sea"] * 40, COLOUR)
    with pytest.raises(InputError, match="tines = '9'"):
        factor_readout(
            states,
            [{**points[0], "tines": "9"}, *points[1:]],
            regions,
            Target("tines", lambda p: p["tines"], TINES.levels),
        )
    with pytest.raises(InputError, match="no column base"):
        readout_table(readout_frame(factor_readout(states, points, regions, TINES), checkpoint="x"))
