from itertools import combinations, pairwise

import numpy as np
import pytest

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.near_duplicates import shingles
from isobath.design.selection import cover_radius, dpp, facility_location, k_center
from isobath.design.text_vectors import text_vectors
from isobath.design.vendi import vendi

SEEDS = range(5)


def drawn(seed, items=30, dims=6):
    return rng(seed, "test", "vectors").normal(size=(items, dims))


@pytest.mark.parametrize("seed", SEEDS)
def test_k_center_is_naive_greedy_and_within_twice_the_best_radius(seed):
    rows = drawn(seed, 12, 2)
    chosen = k_center(rows, 4, seed=seed)
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
    naive = [int(chosen[0])]
    while len(naive) < 4:
        naive.append(int(apart[:, naive].min(axis=1).argmax()))
    assert chosen.tolist() == naive
    best = min(apart[:, list(c)].min(axis=1).max() for c in combinations(range(12), 4))
    widest, mean = cover_radius(rows, chosen)
    assert best - 1e-9 <= widest <= 2 * best + 1e-9
    assert np.allclose([widest, mean], [apart[:, naive].min(axis=1).max(), apart[:, naive].min(axis=1).mean()])


def test_k_center_extends_what_is_there():
    rows = np.array([[0.0], [1.0], [9.0], [10.0], [4.0]])
    assert k_center(rows, 2, first=np.array([0])).tolist() == [3, 4]
    assert sorted(k_center(rows, 99, first=np.array([1])).tolist()) == [0, 2, 3, 4]
    assert len({int(k_center(rows, 1, seed=s)[0]) for s in range(20)}) > 2


@pytest.mark.parametrize("seed", SEEDS)
def test_dpp_is_naive_greedy_on_the_log_determinant(seed):
    rows = drawn(seed)
    quality = 1 + rng(seed, "test", "quality").random(30)
    for scale, kernel in ((None, rows @ rows.T), (quality, quality[:, None] * (rows @ rows.T) * quality)):
        naive: list[int] = []
        while len(naive) < 5:
            rest = [i for i in range(30) if i not in naive]
            naive.append(max(rest, key=lambda i: np.linalg.slogdet(kernel[np.ix_([*naive, i], [*naive, i])])[1]))
        assert dpp(rows, 5, quality=scale).tolist() == naive
        assert dpp(budget=5, kernel=rows @ rows.T, quality=scale).tolist() == naive


def test_dpp_stops_at_the_rank_and_never_takes_a_copy():
    rows = np.repeat(np.eye(3), 4, axis=0)
    chosen = dpp(rows, 10)
    assert len(chosen) == 3 and {tuple(rows[i]) for i in chosen} == {tuple(r) for r in np.eye(3)}


@pytest.mark.parametrize("seed", SEEDS)
def test_facility_location_is_naive_greedy_and_near_the_best(seed):
    rows = drawn(seed, 14, 3)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    alike = np.maximum(unit @ unit.T, 0)

    def worth(chosen):
        return alike[:, list(chosen)].max(axis=1).sum()

    naive: list[int] = []
    while len(naive) < 4:
        naive.append(max((i for i in range(14) if i not in naive), key=lambda i: worth([*naive, i])))
    chosen = facility_location(rows, 4).tolist()
    assert np.isclose(worth(chosen), worth(naive))
    best = max(worth(c) for c in combinations(range(14), 4))
    assert (1 - 1 / np.e) * best <= worth(chosen) <= best + 1e-9


@pytest.mark.parametrize("choose", [k_center, dpp, facility_location])
def test_chosen_items_are_distinct_and_no_more_than_there_are(choose):
    rows = drawn(0, 7, 9)
    chosen = choose(rows, 20)
    assert sorted(chosen.tolist()) == list(range(7))
    assert len(set(choose(rows, 3).tolist())) == 3
    for wrong in (np.zeros((0, 3)), np.full((3, 3), np.nan), np.zeros(3)):
        with pytest.raises(InputError):
            choose(wrong, 2)
    with pytest.raises(InputError):
        choose(rows, 0)


@pytest.mark.parametrize("q", [0.5, 1, 2, np.inf])
def test_vendi_of_copies_is_1_and_of_orthogonal_items_their_number(q):
    assert np.isclose(vendi(np.tile([[1.0, 2.0, 3.0]], (8, 1)), q=q), 1)
    assert np.isclose(vendi(np.eye(6) * 3, q=q), 6) and np.isclose(vendi(kernel=np.eye(6), q=q), 6)
    assert np.isclose(vendi(np.repeat(np.eye(3), 5, axis=0), q=q), 3)


@pytest.mark.parametrize("likeness", [0.0, 0.3, 0.9])
def test_vendi_of_two_items_in_closed_form(likeness):
    high, low = (1 + likeness) / 2, (1 - likeness) / 2
    kernel = np.array([[1, likeness], [likeness, 1]])
    entropy = -sum(x * np.log(x) for x in (high, low) if x)
    assert np.isclose(vendi(kernel=kernel), np.exp(entropy))
    assert np.isclose(vendi(kernel=kernel, q=np.inf), 1 / high)
    assert np.isclose(vendi(kernel=kernel, q=2), 1 / (high**2 + low**2))


@pytest.mark.parametrize("shape", [(40, 5), (5, 40)])
def test_vendi_from_vectors_is_that_of_their_cosines(shape):
    rows = drawn(3, *shape)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for q in (1, 2, np.inf):
        assert np.isclose(vendi(rows, q=q), vendi(kernel=unit @ unit.T, q=q))


def test_a_diverse_choice_has_a_higher_vendi_score_than_a_random_one():
    stream = rng(0, "test", "clusters")
    rows = np.repeat(np.eye(20), 25, axis=0) + stream.normal(0, 0.05, (500, 20))
    random = np.mean([vendi(rows[stream.choice(500, 20, replace=False)]) for _ in range(20)])
    for choose in (k_center, dpp, facility_location):
        assert vendi(rows[choose(rows, 20)]) > random + 3


def test_what_has_no_vendi_score_is_an_error():
    for wrong in (
        {"vectors": np.zeros((2, 2))},
        {"kernel": np.array([[2.0]])},
        {"kernel": np.array([[1, 0.2], [0.5, 1]])},
        {},
        {"vectors": np.eye(2), "kernel": np.eye(2)},
        {"vectors": np.eye(2), "q": -1},
    ):
        with pytest.raises(InputError):
            vendi(**wrong)


def test_text_vectors_estimate_the_cosine_of_counts():
    stream = rng(0, "test", "texts")
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(stream.choice(words, 40)) for _ in range(40)]
    found = text_vectors(texts, 4096)

    def counts(text):
        split = text.split()
        runs = [*split, *(" ".join(pair) for pair in pairwise(split))]
        return {run: runs.count(run) for run in runs}

    def cosine(a, b):
        return sum(a[r] * b.get(r, 0) for r in a) / np.sqrt(
            sum(v * v for v in a.values()) * sum(v * v for v in b.values())
        )

    exact = np.array([[cosine(counts(a), counts(b)) for b in texts] for a in texts])
    assert np.abs(found @ found.T - exact).max() < 0.1 and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    wide = np.abs(text_vectors(texts, 64) @ text_vectors(texts, 64).T - exact).mean()
    assert wide > 2 * np.abs(found @ found.T - exact).mean()


def test_text_vectors_do_not_depend_on_the_other_texts():
    texts = ["stop now", "", "Stop, now!", "one", "carry on with the work at hand"]
    found = text_vectors(texts, 32)
    assert (found[0] == found[2]).all() and not found[1].any() and found[3].any()
    assert all((text_vectors([text], 32)[0] == row).all() for text, row in zip(texts, found, strict=True))
    assert shingles(texts[0]) == shingles(texts[2])
    with pytest.raises(InputError):
        text_vectors(texts, 0)
