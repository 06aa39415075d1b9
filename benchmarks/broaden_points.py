"""Points for broadening: what is held out, covered, evolved and selected, how fast and in how much memory.

    python -m benchmarks.broaden_points [--quick] [--only points budget evolution duplicates recall selection]

Spaces and texts are those of the catalogue's `honesty` (4 relevant factors, 6 irrelevant ones, templates offline), but
where a line says otherwise. ``--quick`` makes fewer rows and seeds. Each part runs in a process of its own, so that its
peak is its own.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np

import isobath.design.pursuit as pursuit
from isobath.base.seeding import rng
from isobath.design.cells import with_irrelevant
from isobath.design.evolution import evolve
from isobath.design.fitness import tuples_filled
from isobath.design.held_out import held_out, leaked
from isobath.design.minhash import MinHash, recall
from isobath.design.near_duplicates import NearDuplicates, exact_rate, jaccard, shingles
from isobath.design.selection import cover_radius, dpp, facility_location, k_center
from isobath.design.space import Space
from isobath.design.support import support_of
from isobath.design.text_vectors import text_vectors
from isobath.design.training_points import training_points
from isobath.design.vendi import vendi
from isobath.gpe.scenarios.catalogue import scenario

PARTS = ("points", "budget", "evolution", "duplicates", "recall", "selection")


def peak() -> float:
    """MB, of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pairs_of(space: Space, points: Sequence[dict[str, str]], t: int = 2) -> set[Any]:
    """Every t-tuple of levels that the points hold, without any of the library's counting."""
    names = space.names
    return {(chosen, tuple(point[n] for n in chosen)) for point in points for chosen in combinations(names, t)}


def with_interval(values: Sequence[float]) -> str:
    """Mean and half the width of its 95 % t-interval."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return f"{np.mean(values):.1f} ± {half:.1f}"


def points(quick: bool) -> None:
    told = scenario("honesty")
    print("### Held out and trained on, 50 test points in each of lake, bay and sea\n")
    print(
        "| rows | held out, s | points, s | rows that cover | pairs missed | leaked, brute force | that, s | peak MB |"
    )
    print("|" + " --- |" * 8)
    for rows in (200, 2_000, 20_000 if quick else 100_000):
        marks = [time.process_time()]
        held = held_out(told.space, ("lake", "bay", "sea"), per_region=50, seed=0, gold=told.decide)
        marks.append(time.process_time())
        found = training_points(told.space, rows, 0, held=held, gold=told.decide)
        marks.append(time.process_time())
        wrong = len(leaked(held, found.codes))
        marks.append(time.process_time())
        listed = {
            (tuple(u.levels), tuple(u.levels.values())) for u in found.uncoverable
        }  # what no point can hold, as the design says; the rest is counted apart from it
        shape = {n: f.domain for n, f in zip(told.space.names, told.space.factors, strict=True)}
        every = {(c, (a, b)) for c in combinations(told.space.names, 2) for a in shape[c[0]] for b in shape[c[1]]}
        missed = len(every - listed - pairs_of(told.space, found.points[: found.covering]))
        s = [b - a for a, b in pairwise(marks)]
        print(
            f"| {rows:,} | {s[0]:.2f} | {s[1]:.2f} | {found.covering} | {missed} | {wrong} | {s[2]:.2f} "
            f"| {peak():.0f} |",
            flush=True,
        )


def budget(quick: bool) -> None:
    told = scenario("honesty")
    print("\n### Share of the pairs that can be trained on, by budget; mean of 5 seeds\n")
    print("| rows | training_points | random points |")
    print("|" + " --- |" * 3)
    for rows in (10, 20, 40, 80, 160):
        ours, theirs = [], []
        for seed in range(2 if quick else 5):
            found = training_points(told.space, rows, seed, gold=told.decide)
            many = training_points(told.space, 4_000, seed, gold=told.decide).points[found.covering :]
            drawn = rng(seed, "bench", "random").choice(len(many), rows, replace=False)
            ours.append(found.share)
            theirs.append(len(pairs_of(told.space, [many[i] for i in drawn])) / found.feasible)
        print(f"| {rows} | {np.mean(ours):.1%} | {np.mean(theirs):.1%} |", flush=True)


def evolution(quick: bool) -> None:
    told = scenario("honesty")
    seeds, generations, size = range(3 if quick else 10), 12, 200
    print(f"\n### Triples that {size} points hold and the covering rows do not, n = {len(seeds)} seeds\n")
    found: dict[str, list[float]] = {"evolved": [], "evolved, all rules alike": [], "best of as many random": []}
    found |= {"random": [], "constructed for triples": []}
    rate = pursuit.RATE
    for seed in seeds:
        start = training_points(told.space, 96 + size, seed, gold=told.decide)
        there, given = start.codes[: start.covering], start.codes[start.covering :][:size]
        fitness = tuples_filled(told.space, 3, there)
        alone = tuples_filled(told.space, 3, there, shared=False)

        def new(codes: Any, there: Any = there) -> float:
            held = pairs_of(told.space, told.space.decode(there), 3)
            return len(pairs_of(told.space, told.space.decode(codes), 3) - held)

        for name, speed in (("evolved", rate), ("evolved, all rules alike", 0.0)):
            pursuit.RATE = speed
            best = evolve(told.space, given, fitness, generations=generations, size=size, seed=seed, gold=told.decide)
            found[name].append(new(best.codes))
        pursuit.RATE = rate
        drawn = training_points(told.space, size * (generations + 1), seed + 100, gold=told.decide).codes[96:]
        found["best of as many random"].append(new(drawn[np.argsort(-alone(drawn))[:size]]))
        found["random"].append(new(given))
        made = training_points(
            told.space, size, seed, strength=3, gold=told.decide, support=support_of(told.space, there)
        )
        found["constructed for triples"].append(new(made.codes))
    for name, values in found.items():
        print(f"- {name}: {with_interval(values)}")
    gain = np.array(found["evolved"]) - np.array(found["evolved, all rules alike"])
    print(f"- pursuit against all rules alike, paired: {with_interval(gain.tolist())}", flush=True)


def made_up(count: int) -> list[str]:
    """Texts of about 80 words: nine slots of 12 to 31 sentences in random order; 5 % repeat one but for two words."""
    stream = rng(0, "bench", "texts")
    words = [f"w{i}" for i in range(3_000)]
    slots = [
        [" ".join(stream.choice(words, int(stream.integers(6, 12)))) for _ in range(int(stream.integers(12, 32)))]
        for _ in range(9)
    ]
    texts = []
    for _ in range(count):
        parts = [slots[s][int(stream.integers(len(slots[s])))] for s in stream.permutation(9)]
        texts.append(". ".join([*parts, " ".join(stream.choice(words, 2))]))
    for i in stream.choice(np.arange(count // 2, count), count // 20, replace=False):
        split = texts[int(stream.integers(count // 2))].split()
        for place in stream.choice(len(split), 2, replace=False):
            split[int(place)] = "changed"
        texts[i] = " ".join(split)
    return texts


def duplicates(quick: bool) -> None:
    count = 10_000 if quick else 100_000
    texts = made_up(count)
    words = sum(len(text.split()) for text in texts) / count
    print(f"\n### Near-duplicates among {count:,} texts of {words:.0f} words, {count // 20:,} of them near-copies\n")
    print("| what | CPU s | found | peak MB (texts alone) |")
    print("|" + " --- |" * 4)
    idle, start = peak(), time.process_time()
    found = NearDuplicates().add(texts)
    taken = time.process_time() - start
    print(f"| NearDuplicates | {taken:.1f} | {sum(i is not None for i in found):,} | {peak():.0f} ({idle:.0f}) |")
    wrong = sum(jaccard(shingles(texts[i]), shingles(texts[j])) < 0.8 for i, j in enumerate(found) if j is not None)
    kept = [text for text, i in zip(texts, found, strict=True) if i is None]
    for name, some in (("exact_rate, all texts", texts), ("exact_rate, texts kept", kept)):
        start = time.process_time()
        rate = exact_rate(some, 1_000)
        print(f"| {name}, sample 1,000 | {time.process_time() - start:.1f} | {rate:.1%} | {peak():.0f} |", flush=True)
    print(f"\nFound and not so by exact Jaccard: {wrong}.")
    reference(texts[: count // 20])


def reference(texts: list[str]) -> None:
    """datasketch on a part of the texts, where it is installed."""
    try:
        from datasketch import MinHash as Theirs
        from datasketch import MinHashLSH
    except ImportError:
        print("datasketch is not installed: not compared.")
        return
    start = time.process_time()
    sets = [[one.encode() for one in shingles(text)] for text in texts]
    index, hits = MinHashLSH(threshold=0.8, num_perm=128), 0
    for i, made in enumerate(Theirs.bulk(sets, num_perm=128)):
        hits += bool(index.query(made))
        index.insert(i, made)
    theirs = time.process_time() - start
    start = time.process_time()
    NearDuplicates().add(texts)
    ours = time.process_time() - start
    chance = recall(0.8, index.b, index.r)
    print(
        f"The first {len(texts):,} texts: datasketch (128 hashes, {index.b} bands of {index.r}) {theirs:.2f} s, "
        f"ours {ours:.2f} s; a pair at .8 agrees on a band with probability {chance:.2f} there, "
        f"{recall(0.8, MinHash(0.8).bands, MinHash(0.8).rows):.3f} here."
    )


def recall_table(quick: bool) -> None:
    print("\n### Near-copies found, by their exact similarity (pairs of random texts of 80 words)\n")
    print("| similarity | pairs | found |")
    print("|" + " --- |" * 3)
    stream, words = rng(0, "bench", "recall"), [f"w{i}" for i in range(5_000)]
    by_share: dict[str, list[bool]] = {}
    for _ in range(500 if quick else 4_000):
        one = stream.choice(words, 80).tolist()
        other = list(one)
        for place in stream.choice(80, int(stream.integers(1, 9)), replace=False):
            other[int(place)] = "other"
        pair = [" ".join(one), " ".join(other)]
        alike = jaccard(shingles(pair[0]), shingles(pair[1]))
        if alike >= 0.75:
            low = math.floor(alike * 20 + 1e-9) / 20
            by_share.setdefault(f"{low:.2f} - {low + 0.05:.2f}", []).append(NearDuplicates().add(pair)[1] == 0)
    for name, hits in sorted(by_share.items()):
        print(f"| {name} | {len(hits):,} | {np.mean(hits):.1%} |", flush=True)


def selection(quick: bool) -> None:
    told = scenario("honesty")
    count, keep = (1_000, 50) if quick else (4_000, 200)
    drawn = training_points(told.space, count, 0, gold=told.decide)
    # a pool as one that was not designed: half of it from ten combinations of relevant levels
    narrow = with_irrelevant(told.space, drawn.codes[np.resize(np.arange(10), count // 2)], rng(0, "bench", "pool"))
    codes = np.concatenate([narrow, drawn.codes[: count - count // 2]])
    listed = told.space.decode(codes)
    texts = [told.draft(p, i, "single").text for i, p in enumerate(listed)]
    start = time.process_time()
    vectors = text_vectors(texts, 256)
    cost = time.process_time() - start
    print(f"\n### {keep} of {count:,} drafts, half of them from ten combinations (text_vectors: {cost:.2f} s)\n")
    print("| method | Vendi, q = 1 | q = inf | radius, largest | mean | pairs held | s |")
    print("|" + " --- |" * 7)
    choices = {
        "k_center": lambda: k_center(vectors, keep),
        "dpp": lambda: dpp(vectors, keep),
        "facility_location": lambda: facility_location(vectors, keep),
    }
    for seed in range(2 if quick else 5):
        choices[f"random, seed {seed}"] = lambda seed=seed: rng(seed, "bench", "choice").permutation(count)[:keep]
    for name, choose in choices.items():
        start = time.process_time()
        chosen = choose()
        cost = time.process_time() - start
        part, radius = vectors[chosen], cover_radius(vectors, chosen)
        pairs = len(pairs_of(told.space, [listed[i] for i in chosen.tolist()]))
        print(
            f"| {name} | {vendi(part):.1f} | {vendi(part, q=math.inf):.2f} | {radius[0]:.2f} | {radius[1]:.2f} "
            f"| {pairs} | {cost:.2f} |",
            flush=True,
        )
    start = time.process_time()
    whole = vendi(vectors)
    print(f"\nVendi score of all {count:,}: {whole:.1f} in {time.process_time() - start:.2f} s.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    told = parser.parse_args()
    if len(told.only) > 1:
        for part in told.only:
            flags = ["--quick"] if told.quick else []
            subprocess.run([sys.executable, "-m", "benchmarks.broaden_points", "--only", part, *flags], check=True)
        return
    run = {"points": points, "budget": budget, "evolution": evolution, "duplicates": duplicates}
    {**run, "recall": recall_table, "selection": selection}[told.only[0]](told.quick)


if __name__ == "__main__":
    main()
