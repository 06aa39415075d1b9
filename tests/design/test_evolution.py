import re

import numpy as np
import pytest
from drawn_spaces import parts, possible, spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from test_held_out import NARROW, OFFICE, RULE

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.design import every_code
from isobath.design.evolution import evolve
from isobath.design.factor import Factor
from isobath.design.fitness import novelty, tuples_filled
from isobath.design.held_out import held_out, leaked
from isobath.design.operators import branch, crossover, from_decision, mutate
from isobath.design.pursuit import AdaptivePursuit
from isobath.design.space import Space
from isobath.design.training_points import training_points

STEP = re.compile(r"(?:mutate|branch): (\S+) (\S+) -> (\S+)")


def last_levels(codes):
    """Fitness: how many factors have their last level."""
    return (codes == np.array(OFFICE.shape) - 1).sum(axis=1).astype(float)


def test_evolution_finds_the_fittest_point_and_says_how():
    found = evolve(OFFICE, NARROW, last_levels, generations=15, size=30, seed=1)
    assert found.fitness[0] == 5 and (found.codes[0] == np.array(OFFICE.shape) - 1).all()
    best = [g.best for g in found.history]
    assert len(best) == 16 and best == sorted(best) and found.history[0].best == 0
    assert (np.diff(found.fitness) <= 0).all() and (last_levels(found.codes) == found.fitness).all()
    assert len({row.tobytes() for row in found.codes}) == len(found) == len(found.lineages) == 30


def test_a_lineage_of_single_changes_leads_from_a_given_point_to_its_own():
    found = evolve(OFFICE, NARROW, last_levels, generations=6, size=60, seed=2)
    replayed = 0
    for point, lineage in zip(found.points, found.lineages, strict=True):
        changes = [STEP.fullmatch(step) for step in lineage]
        if not lineage or not all(changes):
            continue
        first = dict(point)
        for change in reversed(changes):
            name, before, after = change.groups()
            assert first[name] == after
            first[name] = before
        assert first in NARROW
        replayed += 1
    assert replayed > 5


def test_points_given_have_no_lineage_and_stay_while_they_are_fit():
    found = evolve(OFFICE, NARROW, lambda codes: np.zeros(len(codes)), generations=0, size=10, seed=0)
    assert found.lineages == ((), (), ()) and found.points == NARROW


@settings(max_examples=40, deadline=None)
@given(spaces(factors=(2, 5), sizes=(1, 4), clauses=4), st.data())
def test_nothing_forbidden_barred_or_contested_ever_enters(space, data):
    codes = every_code(space)
    first = next(f.name for f in space.factors if f.relevant)
    contested = data.draw(st.sets(st.sampled_from(["l0", "l1"]), max_size=1))
    lost = {tuple(r) for r in codes[data.draw(st.lists(st.integers(0, len(codes) - 1), max_size=4))].tolist()}

    def gold(point):
        return None if point[first] in contested else point[first]

    def barred(rows):
        return np.array([tuple(row) in lost for row in rows.tolist()], dtype=bool)

    fine = [
        i for i, p in enumerate(space.decode(codes)) if gold(p) is not None and tuple(codes[i].tolist()) not in lost
    ]
    seen = []

    def fitness(rows):
        seen.extend(rows.tolist())
        return rows.sum(axis=1).astype(float)

    options = {"generations": 4, "size": 12, "seed": data.draw(st.integers(0, 50)), "barred": barred, "gold": gold}
    if not fine:
        with pytest.raises(InputError):
            evolve(space, codes, fitness, **options)
        return
    # a rule by relevant levels alone, and bars on whole points: the cells that lead back may be any that are left
    found = evolve(space, codes[fine[:2]], fitness, **options)
    allowed = {tuple(codes[i].tolist()) for i in fine}
    assert {tuple(row) for row in seen} <= allowed and {tuple(row) for row in found.codes.tolist()} <= allowed
    assert len(found) <= 12


def test_held_out_points_stay_out_of_what_evolves():
    held = held_out(OFFICE, ("lake", "bay", "sea"), per_region=6, seed=0, gold=RULE)
    start = training_points(OFFICE, 20, 0, held=held, gold=RULE)
    fitness = novelty(OFFICE, start.codes)
    found = evolve(OFFICE, start, fitness, generations=5, size=40, seed=0, barred=held.bars, gold=RULE)
    assert not len(leaked(held, found.codes)) and len(found) == 40
    assert all(RULE(p) is not None for p in found.points)
    assert sum(g.refused.get("barred", 0) for g in found.history) > 0


def test_rules_that_achieve_more_are_used_more():
    factors = [Factor(name="pays", kind="ordinal", levels=tuple(f"l{i}" for i in range(40)))]
    factors += [Factor(name=f"idle{i}", levels=("a", "b", "c")) for i in range(4)]
    space = Space(factors=tuple(factors))
    found = evolve(
        space, [space.decode(every_code(space)[:1])[0]], lambda c: c[:, 0].astype(float), generations=8, size=20, seed=0
    )
    rules = found.history[-1].rules
    assert max(rules, key=rules.get).endswith(" pays") and abs(sum(rules.values()) - 1) < 1e-9
    even = 1 / len(rules)
    assert max(rules.values()) > 3 * even and all(p >= 0.5 * even - 1e-9 for p in rules.values())


def test_pursuit_follows_its_equations_and_a_change_of_fortune():
    pursuit = AdaptivePursuit(["a", "b", "c", "d"])
    assert pursuit.least == 0.125 and set(pursuit.probabilities.values()) == {0.25}
    pursuit.credit({0: 0.0})
    assert set(pursuit.probabilities.values()) == {0.25}
    pursuit.credit({1: 1.0})
    expected = [0.25 + 0.3 * (goal - 0.25) for goal in (0.125, 0.625, 0.125, 0.125)]
    assert np.allclose(list(pursuit.probabilities.values()), expected)
    for _ in range(60):
        pursuit.credit({1: 0.0, 3: 0.5})
    assert np.allclose(list(pursuit.probabilities.values()), [0.125, 0.125, 0.125, 0.625], atol=1e-6)
    drawn = np.bincount(pursuit.draw(8000, rng(0, "test")), minlength=4) / 8000
    assert np.allclose(drawn, [0.125, 0.125, 0.125, 0.625], atol=0.02)


def test_operators_change_what_they_say():
    stream, parent, other = rng(0, "test"), OFFICE.encode(NARROW[:1])[0], np.array([2, 2, 2, 3, 2], dtype=np.int16)
    (child,) = mutate(OFFICE, parent, "stakes", stream)
    assert (child.row != parent).sum() == 1 and child.row[1] != parent[1]
    assert child.step == f"mutate: stakes low -> {OFFICE.factors[1].domain[child.row[1]]}"
    children = branch(OFFICE, parent, "order", stream)
    assert {int(c.row[0]) for c in children} == {1, 2, 3} and all((c.row[1:] == parent[1:]).all() for c in children)
    mixed = [crossover(OFFICE, parent, other, stream)[0].row for _ in range(50)]
    assert all(((row == parent) | (row == other)).all() for row in mixed)
    assert all((row != parent).any() and (row != other).any() for row in mixed)
    assert crossover(OFFICE, parent, parent, stream) == []


def test_from_a_decision_back_to_points_and_forward_again():
    held = held_out(OFFICE, ("bay", "sea"), per_region=6, seed=0, gold=RULE)
    for decision in ("ask", "accept"):
        codes = from_decision(OFFICE, RULE, decision, 200, 1, barred=held.bars)
        assert len(codes) == 200 and {RULE(p) for p in OFFICE.decode(codes)} == {decision}
        assert not len(leaked(held, codes)) and len({tuple(r) for r in codes.tolist()}) > 40
    with pytest.raises(InputError, match="accept"):
        from_decision(OFFICE, RULE, "refuse", 5, 0)
    evolved = evolve(OFFICE, NARROW, last_levels, generations=3, size=60, seed=0, gold=RULE)
    told = [(step, p) for line, p in zip(evolved.lineages, evolved.points, strict=True) for step in line[-1:]]
    backwards = [(s, p) for s, p in told if s.startswith("from decision")]
    assert backwards and all(s.startswith(f"from decision {RULE(p)}:") for s, p in backwards)


@settings(max_examples=40, deadline=None)
@given(spaces(), st.data())
def test_novelty_and_tuples_filled_by_brute_force(space, data):
    codes = every_code(space)
    some = st.lists(st.integers(0, len(codes) - 1), min_size=1, max_size=6)
    there, asked = codes[data.draw(some)], codes[data.draw(some)]

    def apart(factor, a, b):
        wide = factor.kind == "ordinal" and len(factor.levels) > 1
        return abs(a - b) / (len(factor.levels) - 1) if wide else float(a != b)

    nearest = [
        min(np.mean([apart(f, a, b) for f, a, b in zip(space.factors, x, y, strict=True)]) for y in there.tolist())
        for x in asked.tolist()
    ]
    assert np.allclose(novelty(space, there)(asked), nearest)
    names = [f.name for f in space.factors]
    missing = possible(space, names, 2) - parts(space.decode(there), names, 2)
    each = [len(parts([p], names, 2) & missing) for p in space.decode(asked)]
    assert tuples_filled(space, 2, there, shared=False)(asked).tolist() == each
    together = len(parts(space.decode(asked), names, 2) & missing)
    assert np.isclose(tuples_filled(space, 2, there)(asked).sum(), together)


def test_shared_worth_evolves_points_that_cover_more_together():
    start = NARROW
    names = [f.name for f in OFFICE.factors]
    found = evolve(OFFICE, start, tuples_filled(OFFICE, 3, start), generations=12, size=20, seed=0)
    alone = evolve(OFFICE, start, tuples_filled(OFFICE, 3, start, shared=False), generations=12, size=20, seed=0)
    assert len(parts(found.points, names, 3)) > len(parts(alone.points, names, 3))


def test_nothing_to_start_from_is_an_error():
    for wrong in ({"start": []}, {"barred": lambda c: np.ones(len(c), dtype=bool)}, {"size": 0}, {"generations": -1}):
        options = {"start": NARROW, "generations": 2, "size": 5, "seed": 0, **wrong}
        with pytest.raises(InputError):
            evolve(OFFICE, options.pop("start"), last_levels, **options)
