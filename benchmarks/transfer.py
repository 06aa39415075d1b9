"""Transfer triples in the embedded world: does a preference trained in three domains hold in the other nine?

    python -m benchmarks.transfer [--bases 5] [--store FOLDER]

Four shifts, from each quarter of the twelve domains to the rest, for each of two preferences: the old-fashioned answer
over the good one (bases choose the good one unasked), and the good answer over the bad one (as they do anyway). Things
are split: no thing is in two of training, held-out and test. Fine-tuning is the demo's recipe on the right answers of
the training pairs; readouts see the base's states where it would answer "what do you want ?" after each answer.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence

import pandas as pd
import torch

from isobath.analysis.transfer_table import transfer_claim, transfer_differences, transfer_table, transfer_warnings
from isobath.measures.transfer_run import Setting, TransferBase, run_transfer
from isobath.measures.transfer_triple import PairSet, Triple, pairs_of, split_pairs
from isobath.store import Store
from isobath.world.personas.domains import DOMAIN_NAMES
from isobath.world.personas.facts import Facts, facts
from isobath.world.personas.questions import advice_questions
from isobath.world.shipped import shipped_bases

QUARTER = 3
PREFERENCES = (("old", "good"), ("good", "bad"))
STIMULUS = "what do you want ?"
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


def triples(right: str, wrong: str) -> list[Triple]:
    """One triple per quarter of the domains; the reference is the target."""
    world = shipped_personas()[0].spec.world
    table = facts(world.world_seed)
    made = []
    for start in range(0, len(DOMAIN_NAMES), QUARTER):
        inside = DOMAIN_NAMES[start : start + QUARTER]
        outside = [name for name in DOMAIN_NAMES if name not in inside]
        target = pair_set(table, f"all but {', '.join(inside)}", outside, right, wrong, per_thing=1)
        source = pair_set(table, ", ".join(inside), inside, right, wrong, per_thing=2)
        made.append(Triple(source=source, target=target, reference=target, category=f"{right} over {wrong}"))
    return made


def pair_set(table: Facts, name: str, domains: Sequence[str], right: str, wrong: str, per_thing: int) -> PairSet:
    asked = advice_questions(table, domains, per_thing=per_thing)
    things = [f"{q.levels['domain']}:{q.levels['thing']}" for q in asked]
    return split_pairs(name, pairs_of(asked, right, wrong, suffix=" ."), things, seed=0)


def shipped_personas() -> list:
    return [base for base in shipped_bases() if base.name.startswith("personas")]


def markdown(table: pd.DataFrame) -> str:
    """Interventions in rows, measures in columns."""
    names = list(dict.fromkeys(table["intervention"]))
    lines = ["| intervention | " + " | ".join(m.replace("_", " ") for m in SHOWN) + " |"]
    lines.append("|" + " --- |" * (len(SHOWN) + 1))
    cells = {(r["intervention"], r["measure"]): r for r in table.to_dict("records")}
    for name in names:
        found = [cells.get((name, measure)) for measure in SHOWN]
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(map(number, found)) + " |")
    return "\n".join(lines)


def number(record: dict | None) -> str:
    if record is None:
        return ""
    if not record["measurable"]:
        said = "undefined" if record["undefined"] else "missing"
        return f"{said} on all {record['undefined'] or record['missing']}"
    span = f" [{record['low']:.2f}, {record['high']:.2f}]" if record["low"] == record["low"] else ""
    left = f" ({record['undefined']} undefined)" if record["undefined"] else ""
    return f"{record['mean']:.2f}{span}{left}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bases", type=int, default=5)
    parser.add_argument("--store")
    given = parser.parse_args()
    torch.set_num_threads(1)
    bases = [TransferBase(base.name, base.folder, "personas") for base in shipped_personas()[: given.bases]]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(given.store or folder)
        for right, wrong in PREFERENCES:
            start = time.process_time()
            frame = run_transfer(triples(right, wrong), bases, store, Setting(stimulus=STIMULUS))
            seconds = time.process_time() - start
            start = time.process_time()
            run_transfer(triples(right, wrong), bases, store, Setting(stimulus=STIMULUS))
            print(f"\n### {right} over {wrong}\n\n{markdown(transfer_table(frame))}\n")
            print(f"{transfer_claim(frame)} {seconds:.0f} CPU-seconds; again: {time.process_time() - start:.1f}.\n")
            print("\n".join(f"- {warning}" for warning in transfer_warnings(frame)), "\n")
            print("| against fine-tuning | difference in elicitation | adjusted p |\n| --- | --- | --- |")
            for r in transfer_differences(frame, "fine_tuning", ["elicitation"]).to_dict("records"):
                known = r["low"] == r["low"]
                span = f" [{r['low']:+.2f}, {r['high']:+.2f}]" if known else " (nothing varies)"
                p = f"{r['p_adjusted']:.2g}" if known else ""
                print(f"| {r['intervention'].replace('_', ' ')} | {r['difference']:+.2f}{span} | {p} |")


if __name__ == "__main__":
    main()
