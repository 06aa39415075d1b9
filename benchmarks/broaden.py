"""100,000 training rows over ten scenarios of the catalogue: seconds, memory of all processes, coverage, leaks.

    python -m benchmarks.broaden [--rows 100000] [--workers 2]

Coverage, leaks and near-duplicates are counted here again from the files, by other code than made them: every row's
combination of relevant levels is looked up among those of the questions, pairs of levels are listed as sets of texts,
and the Jaccard index of drawn rows with all others is computed from sets of 3-word sequences.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

SAMPLED = 40
"""Rows whose Jaccard index with every other row is computed from sets, which is slow."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--scenarios", nargs="*", help="default: all of the catalogue")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.rows, given.workers, given.scenarios)


def measure(folder: Path, rows: int, workers: int, names: list[str] | None) -> None:
    from isobath.gpe.scenarios.catalogue import CATALOGUE
    from isobath.study.broadening.spec import Broadening

    spec = Broadening(scenarios=tuple(names or CATALOGUE), budget=rows)
    with Memory() as memory:
        start, before = time.monotonic(), _cpu()
        made = spec.run(folder / "train.jsonl", workers=workers)
        seconds, cpu = time.monotonic() - start, _cpu() - before
    card = made.card
    assert card is not None
    pairs = [one for number in card.numbers for one in number.coverage if one.t == 2]
    print("| rows | scenarios | seconds | CPU seconds | peak memory, all processes |")
    print("|---:|---:|---:|---:|---:|")
    print(f"| {card.rows:,} | {len(card.numbers)} | {seconds:.1f} | {cpu:.1f} | {memory.peak / 1e6:,.0f} MB |\n")
    print(f"drafts turned down: {card.rejected:,} of {card.drafted:,}; rows missing: {card.missing}")
    print(f"pairs of levels covered: {sum(p.covered for p in pairs):,} of {sum(p.trainable for p in pairs):,}")
    low, high = card.near_interval
    near = f"{card.near:.2%} (95 % interval {low:.2%} to {high:.2%})"
    print(f"near-duplicates, exact Jaccard of {card.sampled:,} drawn rows with all: {near}")
    print(f"Vendi score of {card.diverse:,} rows: {card.vendi[0]:.1f} (q = 1), {card.vendi[1]:.1f} (q = infinity)")
    print(f"test questions: {card.tests:,}; leaked rows: {card.leaked_rows}; leaked texts: {card.leaked_texts}\n")
    print("Counted again by brute force:")
    again(made.paths.train, made.paths.test, tuple(n.name for n in card.numbers), sum(p.covered for p in pairs))


def again(train: Path, test: Path, names: tuple[str, ...], counted: int) -> None:
    """Leaks, pairs and near-duplicates from the files alone, without the code that made them."""
    from isobath.gpe.scenarios.catalogue import scenario

    factors = {name: scenario(name).space.factors for name in names}
    relevant = {name: [f.name for f in found if f.relevant] for name, found in factors.items()}
    held = set()
    for row in lines(test):
        name = row["id"].split(":")[0]
        held.add((name, *(row["levels"][f] for f in relevant[name])))
    leaks, pairs, texts = 0, set(), []
    for row in lines(train):
        told = row["metadata"]
        name = told["scenario"]
        leaks += (name, *(told[f] for f in relevant[name])) in held
        levels = [(f.name, told[f.name]) for f in factors[name]]
        pairs.update((name, a, b) for a, b in combinations(levels, 2))
        texts.append("\n".join(m["content"] for m in row["messages"][:-1]))
    print(f"leaked rows: {leaks}; pairs held: {len(pairs):,} ({counted:,} counted before)")
    print(f"near-duplicates of {SAMPLED} drawn rows among all, from sets of texts: {alike(texts) / SAMPLED:.2%}")


def alike(texts: list[str]) -> int:
    """How many drawn rows have another row at a Jaccard index of .8 or more."""
    import re

    import numpy as np

    def runs(text: str) -> frozenset[int]:
        words = re.findall(r"\w+", text.lower())
        return frozenset(hash(tuple(words[i : i + 3])) for i in range(max(1, len(words) - 2)))

    drawn = np.random.default_rng(1).permutation(len(texts))[:SAMPLED].tolist()
    wanted = {i: runs(texts[i]) for i in drawn}
    hit = set()
    for j, text in enumerate(texts):
        found = runs(text)
        for i, mine in wanted.items():
            # sizes alone rule most pairs out
            if i != j and 0.8 * len(mine) <= len(found) <= len(mine) / 0.8:
                shared = len(mine & found)
                if shared >= 0.8 * (len(mine) + len(found) - shared):
                    hit.add(i)
    return len(hit)


def lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class Memory:
    """The largest sum of the resident memory of this process and its children, looked at ten times a second.

    Pages that processes share are counted in each of them.
    """

    def __enter__(self) -> Memory:
        self.peak, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        me = psutil.Process()
        while not self._stop.wait(0.1):
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total)


if __name__ == "__main__":
    main()
