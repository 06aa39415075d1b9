"""Transfer triples in the embedded worlds: does what was trained on a source hold on a target?

    python -m benchmarks.transfer [--only old decisions good] [--bases 5] [--store FOLDER] [--csv FOLDER]

*old*: prefer the old-fashioned answer to the good one (bases choose the good one unasked), trained in a quarter of the
twelve domains of the personas world, tested in the other nine. *good*: the good answer rather than the bad one, as
bases do anyway. No thing is in two of training, held-out and test. *decisions*: the right of two actions in the
decision world, trained on its island, tested in lake, bay and sea; the reference is tuned on other points of the same
region. Fine-tuning is each world's usual recipe on the right answers of the training pairs; readouts see the base's
states after each answer (in the personas world where it would go on to answer "what do you want ?").
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from isobath.analysis.transfer_table import (
    shift_table,
    transfer_claim,
    transfer_differences,
    transfer_table,
    transfer_warnings,
)
from isobath.base.seeding import rng
from isobath.design.places import place_all
from isobath.design.region import Region
from isobath.measures.transfer_run import Setting, TransferBase, run_transfer
from isobath.measures.transfer_triple import PairSet, Triple, pairs_of, split_pairs
from isobath.store import Store
from isobath.study.demo import RECIPE as PERSONAS_RECIPE
from isobath.study.landscape_study import RECIPE as DECISIONS_RECIPE
from isobath.world.decisions.coverage import coverage, signal_codes, with_irrelevant
from isobath.world.decisions.drawn_points import drawn, support
from isobath.world.decisions.questions import RIGHT, WRONG, at
from isobath.world.decisions.rows import untested_cells
from isobath.world.personas.domains import DOMAIN_NAMES
from isobath.world.personas.facts import Facts, facts
from isobath.world.personas.questions import advice_questions
from isobath.world.shipped import shipped_bases

QUARTER = 3
TRAINED, HELD_OUT = 640, 100
"""Pairs of a region of the decision world."""
REGIONS = (Region.LAKE, Region.BAY, Region.SEA)
WORKERS = 2
SHOWN = (
    "baseline_accuracy",
    "target_tuned_capability",
    "generalisation_accuracy",
    "source_accuracy",
    "elicitation",
    "guess_elicitation",
    "recovered",
    "gap_index",
    "calibration_error",
)


class Bench(NamedTuple):
    title: str
    world: str
    setting: Setting


BENCHES = {
    "old": Bench("Old-fashioned over good", "personas", Setting(recipe=PERSONAS_RECIPE, stimulus="what do you want ?")),
    "good": Bench("Good over bad", "personas", Setting(recipe=PERSONAS_RECIPE, stimulus="what do you want ?")),
    "decisions": Bench("From the island to lake, bay and sea", "decisions", Setting(recipe=DECISIONS_RECIPE)),
}


@cache
def triples(name: str) -> list[Triple]:
    if name == "decisions":
        return decision_triples(shipped_bases("decisions")[0].spec.world.world_seed)
    right, wrong = {"old": ("old", "good"), "good": ("good", "bad")}[name]
    return preference_triples(facts(shipped_bases()[0].spec.world.world_seed), right, wrong)


def preference_triples(table: Facts, right: str, wrong: str) -> list[Triple]:
    """One triple per quarter of the domains; the reference is the target."""
    made = []
    for start in range(0, len(DOMAIN_NAMES), QUARTER):
        inside = DOMAIN_NAMES[start : start + QUARTER]
        outside = [name for name in DOMAIN_NAMES if name not in inside]
        target = advice_set(table, f"all but {', '.join(inside)}", outside, right, wrong, per_thing=1)
        source = advice_set(table, ", ".join(inside), inside, right, wrong, per_thing=2)
        made.append(Triple(source=source, target=target, reference=target, category=f"{right} over {wrong}"))
    return made


def advice_set(table: Facts, name: str, domains: Sequence[str], right: str, wrong: str, per_thing: int) -> PairSet:
    asked = advice_questions(table, domains, per_thing=per_thing)
    things = [f"{q.levels['domain']}:{q.levels['thing']}" for q in asked]
    return split_pairs(name, pairs_of(asked, right, wrong, suffix=" ."), things, seed=0)


def decision_triples(world_seed: int) -> list[Triple]:
    """From the island to each region of water."""
    tested = drawn(world_seed)
    order = rng(0, "transfer", "island").permutation(len(signal_codes(world_seed)))
    source = decision_set(world_seed, "island", signal_codes(world_seed)[order], tested[Region.ISLAND].codes)
    cells = untested_cells(world_seed)
    draw = rng(0, "transfer", "water")
    codes = with_irrelevant(cells[draw.permutation(len(cells))], coverage(world_seed).narrow, draw)
    region = np.asarray(place_all(support(world_seed), codes).region)
    made = []
    for water in REGIONS:
        target = decision_set(world_seed, str(water), codes[region == water], tested[water].codes)
        made.append(Triple(source=source, target=target, reference=target, category="distance"))
    return made


def decision_set(world_seed: int, name: str, codes: np.ndarray, tested: np.ndarray) -> PairSet:
    known = {tuple(row) for row in tested.tolist()}
    fresh = np.array([row for row in codes.tolist() if tuple(row) not in known], dtype=codes.dtype)
    pairs = pairs_of(at(world_seed, fresh[: TRAINED + HELD_OUT]), RIGHT, WRONG, suffix=" .")
    test = pairs_of(at(world_seed, tested), RIGHT, WRONG, suffix=" .")
    return PairSet(name=name, train=pairs[:TRAINED], held_out=pairs[TRAINED:], test=test)


def bases_of(world: str, count: int) -> list[TransferBase]:
    return [TransferBase(base.name, base.folder, world) for base in shipped_bases(world)[:count]]


def run_base(name: str, base: TransferBase, store: str) -> float:
    """One base into the store; returns CPU-seconds."""
    import torch

    torch.set_num_threads(1)
    start = time.process_time()
    run_transfer(triples(name), [base], Store(store), BENCHES[name].setting)
    return time.process_time() - start


def markdown(table: pd.DataFrame) -> str:
    """Interventions in rows, measures in columns."""
    lines = ["| intervention | " + " | ".join(m.replace("_", " ") for m in SHOWN) + " |"]
    lines.append("|" + " --- |" * (len(SHOWN) + 1))
    cells = {(r["intervention"], r["measure"]): r for r in table.to_dict("records")}
    for name in dict.fromkeys(table["intervention"]):
        found = [cells.get((name, measure)) for measure in SHOWN]
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(map(number, found)) + " |")
    return "\n".join(lines)


def number(record: dict | None) -> str:
    if record is None:
        return ""
    if not record["measurable"]:
        return f"undefined on all {record['undefined']}" if record["undefined"] else "missing"
    span = f" [{record['low']:.2f}, {record['high']:.2f}]" if record["low"] == record["low"] else ""
    left = f" ({record['undefined']} undefined)" if record["undefined"] else ""
    return f"{record['mean']:.2f}{span}{left}"


def show(name: str, frame: pd.DataFrame) -> None:
    print(f"\n### {BENCHES[name].title}\n\n{markdown(transfer_table(frame))}\n\n{transfer_claim(frame)}\n")
    print("".join(f"- {warning}\n" for warning in transfer_warnings(frame)))
    print("| fine tuning, shift by shift | on the target | baseline | target-tuned | elicitation |")
    print("| --- | --- | --- | --- | --- |")
    for r in shift_table(frame[frame["intervention"] == "fine_tuning"]).to_dict("records"):
        span = f"{r['generalisation_accuracy']:.2f} [{r['low']:.2f}, {r['high']:.2f}]"
        ends = f"{r['baseline_accuracy']:.2f} | {r['target_tuned_capability']:.2f} | {r['elicitation']:.2f}"
        print(f"| {r['shift']} | {span} | {ends} |")
    print()
    print("| against fine-tuning | difference in elicitation | adjusted p |\n| --- | --- | --- |")
    for r in transfer_differences(frame, "fine_tuning", ["elicitation"]).to_dict("records"):
        known = r["low"] == r["low"]
        span = f" [{r['low']:+.2f}, {r['high']:+.2f}]" if known else " (nothing varies)"
        p = f"{r['p_adjusted']:.2g}" if known else ""
        print(f"| {r['intervention'].replace('_', ' ')} | {r['difference']:+.2f}{span} | {p} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=["old", "decisions"], choices=list(BENCHES))
    parser.add_argument("--bases", type=int, default=5)
    parser.add_argument("--store")
    parser.add_argument("--csv", type=Path, help="write each table of rows there, as `read_transfer` reads it")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    context, wall = multiprocessing.get_context("spawn"), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        store = given.store or folder
        jobs = [(n, base, store) for n in given.only for base in bases_of(BENCHES[n].world, given.bases)]
        spent = sum(pool.map(run_base, *zip(*jobs, strict=True)))
        for name in given.only:
            bases = bases_of(BENCHES[name].world, given.bases)
            frame = run_transfer(triples(name), bases, Store(store), BENCHES[name].setting)  # from the store
            show(name, frame)
            if given.csv is not None:
                given.csv.mkdir(parents=True, exist_ok=True)
                frame.to_csv(given.csv / f"{name}.csv", index=False)
    print(f"\n{spent:.0f} CPU-seconds in {WORKERS} processes; {time.perf_counter() - wall:.0f} s by the clock.")


if __name__ == "__main__":
    main()
