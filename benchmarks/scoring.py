"""Forced choices: packed candidates against one row per option, and against a packed loop written by hand.

    python -m benchmarks.scoring [--rounds 7]

Targets: equal to 1e-5; at most a third of the naive cost; at most 10 % over the hand-written loop.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from benchmarks.timing import alternate
from benchmarks.usual import BATCH, Question, load, naive_scores
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.world.build import open_world
from isobath.world.shipped import shipped_bases


@torch.no_grad()
def packed_by_hand(model: Any, tokenizer: Any, questions: list[Question]) -> list[list[float]]:
    """The best loop one would write for these questions: prompt once, options side by side, sorted, batches of 64."""
    items = []
    for number, question in enumerate(questions):
        text = tokenizer.apply_chat_template(question["messages"], tokenize=False, add_generation_prompt=True)
        text += question["prefix"]
        ids = tokenizer([text, *(text + option for option in question["options"])], add_special_tokens=False)[
            "input_ids"
        ]
        items.append((ids[0], [full[len(ids[0]) :] for full in ids[1:]], number))
    items.sort(key=lambda item: len(item[0]) + sum(map(len, item[1])))
    found: list[list[float]] = [[] for _ in questions]
    for first in range(0, len(items), BATCH):
        batch = items[first : first + BATCH]
        width = max(len(p) + sum(len(o) - 1 for o in options) for p, options, _ in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        positions = torch.zeros_like(ids)
        part = torch.full_like(ids, -1)
        wanted: list[tuple[int, int, int, int, int]] = []  # row, column, target, question, option
        for row, (prompt, options, number) in enumerate(batch):
            end = len(prompt)
            ids[row, :end], part[row, :end] = torch.tensor(prompt), 0
            positions[row, :end] = torch.arange(end)
            for k, option in enumerate(options):
                stop = end + len(option) - 1
                ids[row, end:stop], part[row, end:stop] = torch.tensor(option[:-1], dtype=torch.long), k + 1
                positions[row, end:stop] = torch.arange(len(prompt), len(prompt) + len(option) - 1)
                columns = [len(prompt) - 1, *range(end, stop)]
                wanted += [(row, c, t, number, k) for c, t in zip(columns, option, strict=True)]
                end = stop
        seen = (part[:, None] == 0) | (part[:, None] == part[:, :, None])
        seen &= torch.ones(width, width, dtype=torch.bool).tril()
        mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)[:, None]
        states = model.model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False)[0]
        rows, columns, targets, numbers, ks = (list(x) for x in zip(*wanted, strict=True))
        logprobs = model.lm_head(states[rows, columns]).log_softmax(-1)
        tokens = logprobs[torch.arange(len(targets)), targets].tolist()
        for number, k, value in zip(numbers, ks, tokens, strict=True):
            while len(found[number]) <= k:
                found[number].append(0.0)
            found[number][k] += value
    return found


def questions(limit: int = 176) -> tuple[list[Question], list[ChoiceRequest]]:
    """The demo's held-out advice questions, in plain data and as requests."""
    gpe = next(g for g in open_world(shipped_bases()[0].spec.world).gpes() if g.name == "bad_advice")
    trait = next(t for t in gpe.traits if t.name == gpe.headline)
    plain = [
        Question(messages=[m.model_dump() for m in q.chat], prefix=q.prefix, options=[o.text for o in q.options])
        for q in trait.questions[:limit]
    ]
    asked = [
        ChoiceRequest(chat=q.chat, prefix=q.prefix, options=tuple(o.text for o in q.options))
        for q in trait.questions[:limit]
    ]
    return plain, asked


def table(rounds: int = 7) -> str:
    """Costs and the largest difference, as Markdown."""
    plain, asked = questions()
    folder = str(shipped_bases()[0].folder)
    lm, tokenizer = load(folder)
    model = HFModel.load(folder)

    def cold() -> object:
        model._tokens.forget()
        return model.choose(asked)

    naive, hand = naive_scores(lm, tokenizer, plain), packed_by_hand(lm, tokenizer, plain)
    ours = [list(scores.logprobs) for scores in model.choose(asked)]
    difference = max(abs(a - b) for x, y in zip(ours, naive, strict=True) for a, b in zip(x, y, strict=True))
    by_hand = max(abs(a - b) for x, y in zip(ours, hand, strict=True) for a, b in zip(x, y, strict=True))
    costs = alternate(
        {
            "one row per option (usual)": lambda: naive_scores(lm, tokenizer, plain),
            "packed, written by hand": lambda: packed_by_hand(lm, tokenizer, plain),
            "Isobath, first time asked": cold,
            "Isobath, asked of another checkpoint": lambda: model.choose(asked),
        },
        rounds,
    )
    usual, written = costs["one row per option (usual)"], costs["packed, written by hand"]
    lines = [
        f"{len(asked)} questions of {len(asked[0].options)} options; CPU-seconds each, {rounds} rounds in turn.",
        f"Largest difference in log-probability: {difference:.1e} to the usual way, {by_hand:.1e} to the loop by hand.",
        "",
        "| way | best | median | of usual (median) | of hand-written (median) |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {c.best:.3f} | {c.median:.3f} | {c.median / usual.median:.2f} | {c.median / written.median:.2f} |"
        for name, c in costs.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    torch.set_num_threads(1)
    print(table(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
