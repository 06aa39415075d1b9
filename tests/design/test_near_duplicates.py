from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isobath.design.near_duplicates as module
from isobath.base.errors import InputError
from isobath.design.minhash import MinHash, recall
from isobath.design.near_duplicates import NearDuplicates, exact_rate, jaccard, shingles
from isobath.design.shingles import Shingled, Shingler

WORDS = [f"w{i}" for i in range(400)]


def texts_with_copies(seed, fresh=60, copies=40, changed=2):
    """Random texts of 60 words, then copies of some with a few words changed."""
    stream = np.random.default_rng(seed)
    found = [" ".join(stream.choice(WORDS, 60)) for _ in range(fresh)]
    for _ in range(copies):
        words = found[int(stream.integers(fresh))].split()
        for place in stream.choice(60, changed, replace=False):
            words[place] = "other"
        found.append(" ".join(words))
    return found


def by_definition(texts, threshold=0.8):
    """For each text the earlier one that repeats none itself and is similar enough, by sets of strings."""
    sets = [shingles(text) for text in texts]
    kept, out = [], []
    for i, mine in enumerate(sets):
        alike = [j for j in kept if jaccard(mine, sets[j]) >= threshold]
        out.append(alike)
        if not alike:
            kept.append(i)
    return out


def agrees(found, expected):
    return all(
        (i is None) == (not alike) and (i is None or i in alike) for i, alike in zip(found, expected, strict=True)
    )


def test_shingles_are_runs_of_words_without_case_or_punctuation():
    assert shingles("You have, been TOLD.") == {"you have been", "have been told"}
    assert shingles("Stop now") == {"stop now"} and shingles("...") == frozenset()
    assert shingles("a b c", width=1) == {"a", "b", "c"}


def test_jaccard_by_hand():
    assert jaccard({"a", "b", "c"}, {"b", "c", "d"}) == 0.5
    assert jaccard(set(), set()) == 1.0 and jaccard(set(), {"a"}) == 0.0


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(alphabet="ab .,", max_size=24), min_size=1, max_size=6), st.integers(1, 4))
def test_numbered_shingles_share_what_the_strings_share(texts, width):
    numbered, strings = Shingler(width)(texts), [shingles(text, width) for text in texts]
    assert numbered.sizes.tolist() == [len(s) for s in strings]
    for i, j in combinations(range(len(texts)), 2):
        assert len(np.intersect1d(numbered.of(i), numbered.of(j))) == len(strings[i] & strings[j])


@pytest.mark.parametrize("seed", range(3))
def test_near_duplicates_are_those_of_the_definition(seed):
    texts = texts_with_copies(seed)
    expected = by_definition(texts)
    assert agrees(NearDuplicates().add(texts), expected) and sum(map(bool, expected)) >= 40


def test_the_calls_texts_come_in_do_not_matter(monkeypatch):
    texts = texts_with_copies(7)
    whole = NearDuplicates().add(texts)
    found = NearDuplicates()
    parts = [one for i in range(0, 100, 9) for one in found.add(texts[i : i + 9])]
    assert parts == whole and len(found) == 100
    monkeypatch.setattr(module, "AT_ONCE", 17)
    assert NearDuplicates().add(texts) == whole
    monkeypatch.setattr(module, "MOST_PAIRS", 3)
    monkeypatch.setattr(module, "FEW", 2)
    assert NearDuplicates().add(texts) == whole


def test_copies_of_a_copy_name_the_text_that_is_kept():
    one = " ".join(WORDS[:40])
    near = " ".join([*WORDS[:39], "other"])
    assert NearDuplicates().add([one, near, near, near.upper()]) == [None, 0, 0, 0]
    found = NearDuplicates()
    assert found.add([one]) == [None] and found.add(["fresh words here", near, near]) == [None, 0, 0]


def test_thousands_of_copies_and_texts_without_words():
    assert NearDuplicates().add(["the same text again"] * 3000) == [None] + [0] * 2999
    assert NearDuplicates().add(["", "one", "...", "one"]) == [None, None, 0, 1]
    assert NearDuplicates().add([]) == []


def test_a_chain_drops_only_what_is_near_to_a_kept_text():
    texts = [" ".join(WORDS[i : i + 40]) for i in (0, 3, 6)]
    sets = [shingles(t) for t in texts]
    assert jaccard(sets[0], sets[1]) >= 0.8 > jaccard(sets[0], sets[2]) and jaccard(sets[1], sets[2]) >= 0.8
    assert NearDuplicates().add(texts) == [None, 0, None]


def test_agreement_on_a_band_is_as_frequent_as_the_formula_says():
    stream = np.random.default_rng(0)
    minhash, pairs = MinHash(0.8), 600
    hits = {0.5: 0, 0.7: 0, 0.8: 0}
    for similarity in hits:
        shared = round(90 * 2 * similarity / (1 + similarity))
        codes = []
        for _ in range(pairs):
            drawn = np.unique(stream.integers(0, 2**63, 400, dtype=np.uint64) * np.uint64(2))
            drawn = stream.permutation(drawn)[: 180 - shared]
            codes += [np.sort(drawn[:90]), np.sort(np.concatenate([drawn[:shared], drawn[90:]]))]
        bands = minhash(Shingled(np.concatenate(codes), np.arange(2 * pairs + 1) * 90)).bands
        hits[similarity] = float((bands[::2] == bands[1::2]).any(axis=1).mean())
        exact = shared / (180 - shared)
        expected = recall(exact, minhash.bands, minhash.rows)
        assert abs(hits[similarity] - expected) < 4 * np.sqrt(max(expected * (1 - expected), 0.002) / pairs)


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.9, 1.0])
def test_bands_keep_the_recall_they_promise(threshold):
    minhash = MinHash(threshold)
    assert recall(threshold, minhash.bands, minhash.rows) >= 0.99 and minhash.hashes <= 256


@pytest.mark.parametrize("seed", range(3))
def test_the_exact_rate_is_that_of_brute_force(seed, monkeypatch):
    texts = [*texts_with_copies(seed, 50, 12, 3), "", "?"]
    sets = [shingles(t) for t in texts]
    alike = [any(jaccard(a, b) >= 0.8 for j, b in enumerate(sets) if j != i) for i, a in enumerate(sets)]
    assert exact_rate(texts, len(texts)) == np.mean(alike)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert exact_rate(texts, 1000) == np.mean(alike)
    kept = [t for t, i in zip(texts, NearDuplicates().add(texts), strict=True) if i is None]
    assert exact_rate(kept, len(kept)) == 0


def test_the_sample_is_drawn_by_seed():
    texts = texts_with_copies(1)
    rates = [exact_rate(texts, 20, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert rates[0] == rates[1] and len(set(rates)) > 1


def test_what_cannot_be_is_an_error():
    for call in (lambda: NearDuplicates(threshold=0), lambda: NearDuplicates(width=0), lambda: exact_rate([], 3)):
        with pytest.raises(InputError):
            call()
