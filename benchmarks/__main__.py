"""`make bench`: the figures of docs/benchmarks.md, one bench after the other, each in a process of its own.

    python -m benchmarks [--control | --broaden] [--quick]

``--control`` (`make bench-control`) makes those on interventions instead: some four hours on two cores; ``--broaden``
(`make bench-broaden`) those on broadening: hours too. Both are kept in ``.isobath/store``, so that an interrupt loses
little. ``--quick`` leaves out the 3,000-step fine-tunes and simulates
less, or takes fewer bases.
"""

from __future__ import annotations

import os
import subprocess
import sys

BENCHES = (
    ("The demo", ("benchmarks.demo",), ("benchmarks.demo",)),
    (
        "Fine-tune and evaluation against the usual way",
        ("benchmarks.finetune", "--steps", "30", "300", "3000"),
        ("benchmarks.finetune", "--steps", "30"),
    ),
    (
        "LoRA of a model of 100 million parameters against a loop by hand",
        ("benchmarks.finetune_100m",),
        ("benchmarks.finetune_100m", "--rounds", "2", "--steps", "1", "--kinds", "llama"),
    ),
    ("Judge calls under faults", ("benchmarks.judging",), ("benchmarks.judging", "--calls", "2000")),
    ("Scoring forced choices", ("benchmarks.scoring",), ("benchmarks.scoring",)),
    ("Building a base", ("benchmarks.world_build",), ("benchmarks.world_build", "--steps", "20")),
    ("Re-analysis of judged rows", ("benchmarks.reanalysis",), ("benchmarks.reanalysis", "--rows", "100000")),
    ("Robust, dataset-driven or brittle", ("benchmarks.brittleness",), ("benchmarks.brittleness", "100")),
    ("Placing points around a support", ("benchmarks.regions",), ("benchmarks.regions", "--rounds", "1")),
    (
        "Covering designs and the density curve",
        ("benchmarks.covering",),
        ("benchmarks.covering", "--quick"),
    ),
    ("Distances of texts whose difference is known", ("benchmarks.distance",), ("benchmarks.distance",)),
    (
        "The decision world",
        ("benchmarks.decision_feasibility", "--groups", "shipped"),
        ("benchmarks.decision_feasibility", "--help"),
    ),
    (
        "Transfer triples in the embedded worlds",
        ("benchmarks.transfer",),
        ("benchmarks.transfer", "--only", "old", "--bases", "2"),
    ),
    (
        "Intervals of the landscape on simulated truth",
        ("benchmarks.landscape_coverage", "4000"),
        ("benchmarks.landscape_coverage", "250"),
    ),
    ("Intervals on scripted truth", ("benchmarks.coverage", "4000"), ("benchmarks.coverage", "500")),
)

STORE = ".isobath/store"
CONTROL = (
    (
        "What the world carries for control",
        ("benchmarks.control_feasibility", "--store", STORE),
        ("benchmarks.control_feasibility", "--help"),
    ),
    (
        "Signal- and inference-stage control",
        ("benchmarks.control_signal",),
        ("benchmarks.control_signal", "--parts", "early_stop", "--bases", "1"),
    ),
    (
        "Objective-stage control, onset, pre-screen",
        ("benchmarks.control_objective", "--keep", ".isobath/objective"),
        ("benchmarks.control_objective", "--rows", "10", "--bases", "2", "--seeds", "1"),
    ),
    (
        "Directions, steering and concept ablation",
        ("benchmarks.control_forward",),
        ("benchmarks.control_forward", "--bases", "2", "--seeds", "1", "--parts", "feasibility"),
    ),
    (
        "Control by weights and gradients",
        ("benchmarks.control_weights",),
        ("benchmarks.control_weights", "--bases", "1", "--seeds", "1"),
    ),
    (
        "Attacks on defences, and persistence",
        ("benchmarks.tamper",),
        ("benchmarks.tamper", "--bases", "1", "--defences", "plain base", "good advice"),
    ),
    (
        "How interventions compose",
        ("benchmarks.control_composition", "--store", STORE),
        ("benchmarks.control_composition", "--help"),
    ),
    (
        "Synergy on simulated truth",
        ("benchmarks.synergy_coverage", "4000"),
        ("benchmarks.synergy_coverage", "200"),
    ),
    (
        "A search for the best stack",
        ("benchmarks.control_search", "--store", STORE),
        ("benchmarks.control_search", "--help"),
    ),
    ("The control study", ("benchmarks.control", "--store", STORE), ("benchmarks.control", "--help")),
)

BROADEN = (
    ("100,000 rows", ("benchmarks.broaden",), ("benchmarks.broaden", "--rows", "5000")),
    ("Points for broadening", ("benchmarks.broaden_points",), ("benchmarks.broaden_points", "--quick")),
    (
        "What verification sees and misses",
        ("benchmarks.broaden_verification",),
        ("benchmarks.broaden_verification", "--only", "honesty"),
    ),
    ("EC50 on simulated truth", ("benchmarks.dose_coverage",), ("benchmarks.dose_coverage", "20")),
    (
        "How many different rules it takes",
        ("benchmarks.broaden_threshold", "--out", ".isobath/threshold"),
        ("benchmarks.broaden_threshold", "--help"),
    ),
    (
        "Irrelevant dimensions",
        ("benchmarks.broaden_irrelevant", "--store", STORE),
        ("benchmarks.broaden_irrelevant", "--help"),
    ),
    (
        "Claims about broadening",
        ("benchmarks.broaden_claims", "--store", STORE),
        ("benchmarks.broaden_claims", "--help"),
    ),
    (
        "The broadening study",
        ("benchmarks.broaden_study", "--store", STORE),
        ("benchmarks.broaden_study", "--help"),
    ),
)


def main() -> None:
    """Run and print them all; fails if one fails."""
    quick = "--quick" in sys.argv[1:]
    chosen = CONTROL if "--control" in sys.argv[1:] else BROADEN if "--broaden" in sys.argv[1:] else BENCHES
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    for title, whole, short in chosen:
        command = short if quick else whole
        print(f"\n## {title}\n\n    python -m {' '.join(command)}\n", flush=True)
        subprocess.run([sys.executable, "-m", *command], env=environment, check=True)


if __name__ == "__main__":
    main()
