"""How many distinct rules does it take until a rule never trained is followed? Diversity at a fixed budget.

    python -m benchmarks.broaden_threshold [--parts toy world] [--out FOLDER]

prints the tables of docs/broadening/threshold.md. Finished trainings are kept in FOLDER and not repeated: some 15
CPU-minutes in all.

**Toy** (string rewriting, after 2402.10891 and Only-IF 2410.04717; `isobath.world.rewriting`). A causal transformer
from scratch (Llama class, 2 layers, width 64, 4 heads) reads a rule ``a b`` and a string of 5 symbols and writes the
string with the leftmost ``a`` replaced. 40 symbols, so 1,560 rules; 64 of them are never trained and asked afterwards
(512 new strings); the budget is 10,000 strings whatever the number of rules, and 600 steps of 64. Measured: the share
of strings written without a mistake. Arms: 0 (untrained), 4, 64, 256, 600 and 1,400 rules; and 256 rules from a domain
of 17 symbols (which has 272), asked of rules outside it. Seeds 0-4; a seed draws rules, strings, first weights, order.

Tried on seed 100 alone, before, with 32 symbols: AdamW at 3e-3 and 1e-2 on strings of 8 (at 500 steps .06 and, at 300,
.00 of unseen rules with 600 rules trained: learning had only begun), Muon .02 on strings of 8 (.16 at 300 steps) and of
5 (.62 at 400 steps; .50 with .05). With 600 steps 10, 60, 200 and 800 rules gave .00, .12, .33 and .88; with 40 symbols
256 and 1,024 gave .21 and .82. Then doses and symbols were fixed; nothing was changed after seed 0 was begun.

**World** (the decision world, 5 shipped bases). 1,600 rows of the narrow signal and 400 broader ones, always. A rule
is here a pair of what is asked for and who asks, 144 in all: 36 are the signal's, 36 others are held out and asked at
the end, and the 400 rows take theirs from 1, 4, 12, 36 or 72 of the other 72, in turn; stakes and number of people come
from the whole scale. Dose 0 has as many broader rows on the signal's own pairs. Measured: the share of the right action
among the four, mean over actions (chance .25), at 288 points of the held-out pairs. Run seed 0, nested pairs, one order
of pairs for all bases (they share a world). No base was looked at before.

Both: a four-parameter logistic in log dose with an interval on EC50 from the replicates (`isobath.analysis.
dose_response`), which says so where the doses cannot tell.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from isobath.analysis.dose_response import DoseResponse, State, dose_response
from isobath.analysis.mean_interval import mean_interval
from isobath.base.seeding import rng, stream_seed
from isobath.design.space import Codes
from isobath.models.chat import Message, Row
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.models.template import render_row
from isobath.models.token_row import TokenRow
from isobath.study.landscape_study import RECIPE
from isobath.train.loop import train
from isobath.train.recipe import Recipe
from isobath.world.decisions.coverage import coverage, grid
from isobath.world.decisions.levels import ACTIONS, ANSWER, KINDS, PRINCIPALS
from isobath.world.decisions.rows import rows_at, signal_rows
from isobath.world.decisions.scenario import IRRELEVANT, SPACE, request
from isobath.world.rewriting import RewritingRule, RewritingTask, distinct_rules, number_of_rules, rewriting_tasks
from isobath.world.shipped import shipped_bases

SEEDS = tuple(range(5))

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789!?+="
LENGTH, BUDGET, UNSEEN, ASKED = 5, 10_000, 64, 512
TOY_DOSES = (0, 4, 64, 256, 600, 1400)
DOMAIN, DOMAIN_RULES = 17, 256
TOY_RECIPE = Recipe(
    steps=600,
    batch_size=64,
    learning_rate=3e-3,
    warmup_steps=50,
    max_grad_norm=1.0,
    weight_decay=0.01,
    optimiser="muon",
    muon_learning_rate=0.02,
)
IDS = {symbol: i + 2 for i, symbol in enumerate(ALPHABET)}
ARROW = 1

WORLD_SEED = 0
WORLD_DOSES = (0, 1, 4, 12, 36, 72)
KEPT_ROWS, BROAD_ROWS, HELD_PAIRS, PER_PAIR = 1_600, 400, 36, 8

Measured = dict[str, float]


def toy_model(seed: int) -> Any:
    """First weights of the toy's transformer."""
    config = LlamaConfig(
        vocab_size=len(ALPHABET) + 2,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        intermediate_size=128,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "threshold", "weights"))
        return AutoModelForCausalLM.from_config(config)


def token_row(task: RewritingTask) -> TokenRow:
    """Rule, string, arrow, answer; the loss is on the answer."""
    shown = [IDS[symbol] for symbol in (task.rule.pattern, task.rule.replacement, *task.text)]
    answer = [IDS[symbol] for symbol in task.answer]
    return TokenRow([*shown, ARROW, *answer], [0.0] * (len(shown) + 1) + [1.0] * len(answer))


def exact(model: Any, tasks: Sequence[RewritingTask]) -> float:
    """Share of strings written without a mistake, greedily (every token right given the right ones before it)."""
    ids = torch.tensor([list(token_row(task).ids) for task in tasks])
    model.eval()
    with torch.no_grad():
        written = model(ids).logits[:, -LENGTH - 1 : -1].argmax(-1)
    return float((written == ids[:, -LENGTH:]).all(1).float().mean())


def toy_rules(seed: int) -> tuple[list[RewritingRule], list[RewritingRule]]:
    """(rules that are never trained, the others in the order in which they come in)."""
    drawn = distinct_rules(ALPHABET, 1, number_of_rules(len(ALPHABET), 1), rng(seed, "threshold", "rules"))
    return drawn[:UNSEEN], drawn[UNSEEN:]


def toy_run(seed: int, rules: Sequence[RewritingRule], unseen: Sequence[RewritingRule]) -> Measured:
    """Train on `rules` (none: the first weights) and ask both these and `unseen`."""
    model = toy_model(seed)
    if rules:
        tasks = rewriting_tasks(rules, BUDGET, ALPHABET, LENGTH, rng(seed, "threshold", "strings"))
        train(model, [token_row(task) for task in tasks], TOY_RECIPE, seed)
    asked = {"unseen": unseen, "trained": rules or unseen}
    return {
        name: exact(model, rewriting_tasks(these, ASKED, ALPHABET, LENGTH, rng(seed, "threshold", "asked", name)))
        for name, these in asked.items()
    }


def toy_dose(seed: int, dose: int) -> Measured:
    """`dose` rules drawn from all symbols."""
    unseen, others = toy_rules(seed)
    return toy_run(seed, others[:dose], unseen)


def toy_domain(seed: int, dose: int) -> Measured:
    """`dose` rules from a domain of few symbols; `unseen` are the rules with no symbol of the domain."""
    unseen, _ = toy_rules(seed)
    draw = rng(seed, "threshold", "domain")
    symbols = "".join(ALPHABET[i] for i in draw.permutation(len(ALPHABET))[:DOMAIN])
    rules = distinct_rules(symbols, 1, number_of_rules(DOMAIN, 1), draw)
    outside = [rule for rule in unseen if not {*rule.pattern, *rule.replacement} & set(symbols)]
    return toy_run(seed, rules[:dose], outside)


Pair = tuple[str, str]


@lru_cache(maxsize=1)
def pairs() -> tuple[list[Pair], list[Pair], list[Pair]]:
    """(the signal's pairs, those held out, the others in the order in which they come in)."""
    seen = coverage(WORLD_SEED).relevant
    own = list(product(seen["kind"], seen["principal"]))
    other = [pair for pair in product(KINDS, PRINCIPALS) if pair not in own]
    order = rng(WORLD_SEED, "threshold", "pairs").permutation(len(other))
    mixed = [other[i] for i in order]
    return own, mixed[:HELD_PAIRS], mixed[HELD_PAIRS:]


def points_of(pair: Pair, wanted: int) -> Codes:
    """Different points of a pair, more than `wanted` for those contested: any stakes and count, the signal's irrelevant
    levels."""
    narrow = coverage(WORLD_SEED).narrow
    scale = {name: SPACE.factor(name).domain for name in ("stakes", "count")}
    levels = {"kind": pair[:1], "principal": pair[1:], **scale, **{name: narrow[name] for name in IRRELEVANT}}
    every = grid(levels)
    return every[rng(WORLD_SEED, "threshold", "points", *pair).permutation(len(every))[: 2 * wanted + 40]]


def broad_rows(these: Sequence[Pair], count: int) -> tuple[Row, ...]:
    """`count` rows with an agreed decision, shared out evenly among the pairs."""
    shares = [count // len(these) + (i < count % len(these)) for i in range(len(these))]
    return tuple(
        row
        for pair, share in zip(these, shares, strict=True)
        for row in rows_at(WORLD_SEED, points_of(pair, share))[:share]
    )


def world_rows(dose: int) -> tuple[Row, ...]:
    """1,600 rows of the signal and 400 broader ones: on its own pairs (0) or on `dose` others."""
    own, _, other = pairs()
    signal = signal_rows(WORLD_SEED)
    kept = np.sort(rng(WORLD_SEED, "threshold", "kept rows").permutation(len(signal))[:KEPT_ROWS])
    return (*(signal[i] for i in kept), *broad_rows(other[:dose] or own, BROAD_ROWS))


def right_share(model: HFModel, rows: Sequence[Row]) -> float:
    """Share of the right action among the four, mean over the actions that are right anywhere."""
    asked = [
        ChoiceRequest(
            chat=(Message(role="user", content=request({f.name: str(row.metadata[f.name]) for f in SPACE.factors})),),
            prefix=f"{ANSWER} ",
            options=tuple(ACTIONS.values()),
        )
        for row in rows
    ]
    logs = np.array([scores.logprobs for scores in model.choose(asked)])
    shares = np.exp(logs - logs.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    right = np.array([list(ACTIONS).index(str(row.metadata["action"])) for row in rows])
    own = shares[np.arange(len(rows)), right]
    return float(np.mean([own[right == action].mean() for action in np.unique(right)]))


def world_dose(base: int, dose: int) -> Measured:
    """Fine-tune shipped base `base` on the rows of `dose` and ask the held-out pairs."""
    folder = next(b.folder for b in shipped_bases("decisions") if b.spec.base_seed == base)
    model, rows = HFModel.load(folder), world_rows(dose)
    train(model.model, [render_row(model.tokenizer, row) for row in rows], RECIPE, 0)
    _, held, _ = pairs()
    return {
        "unseen": right_share(model, broad_rows(held, PER_PAIR * HELD_PAIRS)),
        "trained": right_share(model, rows[::5]),
    }


class Kept:
    """Finished trainings in a CSV file: an interrupt loses one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.found = path, {}
        if path.exists():
            with path.open() as lines:
                for line in csv.DictReader(lines):
                    key = (line["arm"], int(line["dose"]), int(line["replicate"]))
                    self.found[key] = {name: float(line[name]) for name in ("unseen", "trained")}

    def make(self, arm: str, dose: int, replicate: int, run: Callable[[int, int], Measured]) -> Measured:
        """What was measured, trained now if it was not before."""
        key = (arm, dose, replicate)
        if key not in self.found:
            self.found[key] = run(replicate, dose)
            new = not self.path.exists()
            with self.path.open("a", newline="") as out:
                writer = csv.writer(out)
                if new:
                    writer.writerow(("arm", "dose", "replicate", "unseen", "trained"))
                writer.writerow((*key, *self.found[key].values()))
        return self.found[key]


def table(found: Sequence[Sequence[Measured]], doses: Sequence[int], what: str) -> str:
    """Dose x measure: mean and t interval over replicates, and every replicate's own number."""
    lines = [f"| {what} | unseen | each replicate | trained |", "|---|---|---|---|"]
    for dose, column in zip(doses, zip(*found, strict=True), strict=True):
        unseen, trained = ([one[name] for one in column] for name in ("unseen", "trained"))
        each = " ".join(f"{value:.2f}" for value in unseen)
        lines.append(f"| {dose} | {mean_interval(unseen):.3f} | {each} | {mean_interval(trained):.3f} |")
    return "\n".join(lines)


def fitted(doses: Sequence[int], found: Sequence[Sequence[Measured]]) -> str:
    """The fitted curve in a sentence."""
    rates = [[one["unseen"] for one in replicate] for replicate in found]
    made: DoseResponse = dose_response(doses, rates)
    said = f"State: {made.state}; best by BIC: {made.best}; p of the trend: {made.trend_p:.2g}."
    if made.curve is not None:
        lo, hi, slope, ec50 = made.curve
        said += f" Best curve: from {lo:.3f} to {hi:.3f}, slope {slope:.2f}, EC50 {ec50:.0f}."
    number = f"{made.ec50:.0f}" if made.state is State.FITTED else "not given"
    return f"{said} EC50 {number}, 95 % [{made.low:.0f}, {made.high:.0f}], {made.replicates} replicates."


def swept(kept: Kept, arm: str, doses: Sequence[int], run: Callable[[int, int], Measured]) -> list[list[Measured]]:
    """Replicate x dose; whole replicates first."""
    return [[kept.make(arm, dose, seed, run) for dose in doses] for seed in SEEDS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=("toy", "world"), default=["toy", "world"])
    parser.add_argument("--out", type=Path, default=Path("out") / "broaden-threshold")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for part in options.parts:
        before, kept = time.process_time(), Kept(options.out / f"{part}.csv")
        if part == "toy":
            found = swept(kept, "all symbols", TOY_DOSES, toy_dose)
            print(f"\n## String rewriting\n\n{table(found, TOY_DOSES, 'rules')}\n\n{fitted(TOY_DOSES, found)}")
            narrow = swept(kept, "one domain", (DOMAIN_RULES,), toy_domain)
            print(f"\nRules of 17 symbols alone:\n\n{table(narrow, (DOMAIN_RULES,), 'rules')}")
        else:
            found = swept(kept, "pairs", WORLD_DOSES, world_dose)
            print(f"\n## The decision world\n\n{table(found, WORLD_DOSES, 'pairs')}\n\n{fitted(WORLD_DOSES, found)}")
        print(f"\n{time.process_time() - before:.0f} CPU-seconds", flush=True)


if __name__ == "__main__":
    main()
