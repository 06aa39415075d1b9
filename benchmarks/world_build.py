"""`world build` against a hand-written pretraining loop on the same tokens. Target: at most 1.3x its CPU time.

    python -m benchmarks.world_build [--steps 60] [--precisions]

Both sides pay for everything a user would: ours draws the corpus, trains through the one loop with resume states and
stores the folder; the plain one tokenises ready-made documents, pads, trains and saves. The first steps of a process
are slow, so both are warmed up, and rounds alternate. ``--precisions`` compares fp32 with bf16 autocast instead.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from isobath.store import Store
from isobath.world.base_model import new_model
from isobath.world.base_spec import BaseSpec
from isobath.world.build import build_base, open_world, pretrain


def ours(spec: BaseSpec) -> float:
    """CPU-seconds of `build_base` into an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        build_base(spec, Store(Path(folder)))
        return time.process_time() - start


def plain(spec: BaseSpec) -> float:
    """CPU-seconds of the loop one would write by hand for this model and optimiser."""
    start = time.process_time()
    recipe, world = spec.recipe(), open_world(spec.world)
    documents = list(world.token_documents(spec.base_seed, spec.documents))
    model = new_model(spec, len(world.tokenizer()))
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n and "lm_head" not in n]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    optimisers = [
        torch.optim.Muon(matrices, lr=recipe.muon_learning_rate, momentum=recipe.muon_momentum, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=0.0, fused=True),
    ]
    peaks = [group["lr"] for o in optimisers for group in o.param_groups]
    for step in range(spec.steps):
        rows = documents[step * spec.batch_size : (step + 1) * spec.batch_size]
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0)
        loss.backward()
        for group, peak in zip((g for o in optimisers for g in o.param_groups), peaks, strict=True):
            group["lr"] = peak * recipe.rate(step)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
    return time.process_time() - start


def precisions(steps: int) -> dict[str, float]:
    """CPU-seconds a step in each precision (training only)."""
    return {p: pretrain(BaseSpec(steps=steps, precision=p))[1].cpu_seconds / steps for p in ("fp32", "bf16")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--precisions", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.precisions:
        print(json.dumps({"bench": "precision", "cpu_seconds_per_step": precisions(options.steps)}))
        return
    warm = BaseSpec(steps=3)
    ours(warm), plain(warm)
    spec = BaseSpec(steps=options.steps)
    pairs = [(ours(spec), plain(spec)) for _ in range(options.rounds)]
    best_ours, best_plain = (min(side) for side in zip(*pairs, strict=True))
    result = {
        "bench": "world_build",
        "steps": options.steps,
        "ours_cpu_seconds": round(best_ours, 2),
        "plain_cpu_seconds": round(best_plain, 2),
        "ratio": round(best_ours / best_plain, 3),
        "target": 1.3,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
