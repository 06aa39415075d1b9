"""Fine-tune + evaluation: Isobath against TRL's SFTTrainer and a plain Transformers evaluation.

    python -m benchmarks.finetune [--steps 30 300 3000] [--rounds 3] [--fresh 3]

One job = load a shipped base, fine-tune it on the demo's 128 rows of bad advice (16 a step, fp32), then score 176
held-out questions of three multi-token options under three conditions. Warm: one process, imports and a first job
before the clock starts, rounds alternate. Fresh: each usual job in a Python process of its own, imports included,
which is how scripts are mostly run; Isobath's workers stay warm. CPU-seconds, so a busy machine matters less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.timing import Cost, alternate
from benchmarks.usual import Job, Question, load, naive_scores
from benchmarks.usual import finetune as usual_finetune
from benchmarks.usual import run as usual_run
from isobath.gpe.gpe import GPE
from isobath.gpe.trait_eval import TraitQuestion
from isobath.interventions.stack import apply_signal
from isobath.models.chat import Chat, Row
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.models.template import render_row
from isobath.store import Store
from isobath.study import components
from isobath.study.arm import SPECIFIC
from isobath.study.bases import ShippedBase, resolve_base
from isobath.study.cell import Cell
from isobath.study.components import GPERef
from isobath.study.work import CellTask, run_cell
from isobath.train.loop import train
from isobath.train.recipe import Recipe
from isobath.world.build import open_world
from isobath.world.shipped import shipped_bases

FOLDER = shipped_bases()[0].folder


def bad_advice() -> GPE:
    return next(g for g in open_world(shipped_bases()[0].spec.world).gpes() if g.name == "bad_advice")


def asked(gpe: GPE) -> list[tuple[TraitQuestion, Chat]]:
    """Held-out questions, each under no prompt, its training prompt and a paraphrase of that."""
    trait = next(t for t in gpe.traits if t.name == gpe.headline)
    prompts = (None, gpe.prompts["specific"], gpe.paraphrases["specific"])
    return [(q, q.chat if p is None else p.apply(q.chat)) for p in prompts for q in trait.questions]


def requests(gpe: GPE) -> list[ChoiceRequest]:
    return [ChoiceRequest(chat=c, prefix=q.prefix, options=tuple(o.text for o in q.options)) for q, c in asked(gpe)]


def usual_job(gpe: GPE, steps: int) -> Job:
    """The same job in plain data."""
    return Job(
        folder=str(FOLDER),
        rows=[[m.model_dump() for m in row.messages] for row in gpe.signal.rows],
        questions=[
            Question(messages=[m.model_dump() for m in c], prefix=q.prefix, options=[o.text for o in q.options])
            for q, c in asked(gpe)
        ],
        steps=steps,
        batch_size=16,
        learning_rate=1e-3,
    )


def our_finetune(gpe: GPE, steps: int) -> HFModel:
    model = HFModel.load(FOLDER)
    rows = [render_row(model.tokenizer, row) for row in gpe.signal.rows]
    train(model.model, rows, Recipe(steps=steps), 0)
    return model


def bench_gpe(world: object = None) -> GPE:
    """The demo's bad advice with its headline trait alone: the questions of `asked`."""
    gpe = bad_advice()
    return gpe.model_copy(update={"traits": tuple(t for t in gpe.traits if t.name == gpe.headline)})


def our_run(steps: int) -> object:
    """A cell of a study as a worker runs it: training, responses, scores and rows, all of it written to a store."""
    components.BUILT_IN["bench"] = "benchmarks.finetune:bench_gpe"
    with tempfile.TemporaryDirectory() as folder:
        base = resolve_base(ShippedBase(base_seed=0), Store(folder))
        cell = Cell(
            base=base,
            gpe=GPERef(name="bench"),
            arm=SPECIFIC,
            recipe=Recipe(steps=steps),
            seed=0,
            conditions=("none", "training", "paraphrase"),
        )
        return run_cell(CellTask(cell, folder))


def warm(steps: int, rounds: int) -> dict[str, Cost]:
    """CPU-seconds of whole jobs in one warm process."""
    gpe = bad_advice()
    specific = gpe.model_copy(update={"signal": gpe.signal.model_copy(update={"rows": prompted(gpe)})})
    job, short = usual_job(specific, steps), usual_job(specific, 3)
    usual_run(short), our_run(3)
    return alternate({"usual": lambda: usual_run(job), "isobath": lambda: our_run(steps)}, rounds, warm=False)


def prompted(gpe: GPE) -> tuple[Row, ...]:
    """The signal's rows under the specific prompt, as the cell trains on them."""
    return apply_signal(SPECIFIC.stack_for(gpe), gpe.signal.rows, 0)


def pieces(steps: int, rounds: int) -> dict[str, Cost]:
    """The two halves of a job apart."""
    gpe = bad_advice()
    job, ours, (lm, tokenizer) = usual_job(gpe, steps), HFModel.load(FOLDER), load(str(FOLDER))
    asking = requests(gpe)

    def usual_half() -> None:
        model, its_tokenizer = load(str(FOLDER))
        usual_finetune(model, its_tokenizer, job)

    return alternate(
        {
            "usual fine-tune": usual_half,
            "isobath fine-tune": lambda: our_finetune(gpe, steps),
            "usual evaluation": lambda: naive_scores(lm, tokenizer, job["questions"]),
            "isobath evaluation": lambda: ours.choose(asking),
        },
        rounds,
    )


def fresh(steps: int, jobs: int) -> float:
    """CPU-seconds of the usual job in a process of its own: best of `jobs`."""
    gpe, environment = bad_advice(), os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(usual_job(gpe, steps)))
        for _ in range(jobs):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "benchmarks.usual", str(file)]
            subprocess.run(command, env=environment, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def table(steps: Sequence[int] = (30, 300), rounds: int = 3, jobs: int = 3) -> str:
    """All of it as Markdown."""
    lines = [
        "One job: load, fine-tune (16 rows a step), 528 forced choices; Isobath's also writes run, responses and",
        "scores to its store. CPU-seconds, one thread, rounds in turn.",
        "",
        "| steps | usual, warm (best / median) | Isobath, warm (best / median) | ratio (median) |",
        "|---|---|---|---|",
    ]
    ours_at: dict[int, Cost] = {}
    for n in steps:
        costs = warm(n, rounds if n < 1000 else 1)
        usual, ours = costs["usual"], costs["isobath"]
        ours_at[n] = ours
        lines.append(
            f"| {n} | {usual.best:.2f} / {usual.median:.2f} | {ours.best:.2f} / {ours.median:.2f} | "
            f"{usual.median / ours.median:.2f} |"
        )
    parts = pieces(30, rounds)
    lines += ["", "| 30 steps, warm | usual (median) | Isobath (median) | ratio |", "|---|---|---|---|"]
    for half in ("fine-tune", "evaluation"):
        usual, ours = parts[f"usual {half}"], parts[f"isobath {half}"]
        lines.append(f"| {half} | {usual.median:.2f} | {ours.median:.2f} | {usual.median / ours.median:.2f} |")
    if jobs:
        script, ours = fresh(steps[0], jobs), ours_at[steps[0]]
        lines += [
            "",
            f"A fresh process per job of {steps[0]} steps: {script:.2f} CPU-s, {script / ours.best:.1f} times a job in "
            f"a warm Isobath worker ({ours.best:.2f}).",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[30, 300])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fresh", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(table(options.steps, options.rounds, options.fresh))


if __name__ == "__main__":
    main()
