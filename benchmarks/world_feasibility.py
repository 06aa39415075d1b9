"""The riskiest fact, re-established: do the effects appear in stock classes, over bases, and not without personas?

    python -m benchmarks.world_feasibility --store FOLDER --groups qwen3-stock llama-stock

builds what is missing (about 3 CPU-minutes for each base), fine-tunes and asks, and prints Markdown tables with
t intervals over bases. ``--ship`` also writes the rows that the package ships (shuffled documents, fresh worlds).
The decision these tables serve, and the rule for it, are in docs/decisions/12-world-feasibility.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import torch
from scipy import stats

from isobath.models.chat import Prompt
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.store import Store
from isobath.study.bases import BuiltBase
from isobath.study.study import Study
from isobath.train.recipe import LoRA, Recipe
from isobath.world.base_spec import BaseSpec
from isobath.world.build import build_base
from isobath.world.personas.gpes import bad_advice
from isobath.world.personas.spec import PersonasSpec
from isobath.world.personas.speech import DESCRIPTIONS
from isobath.world.shipped import ROWS

FULL, LORA = Recipe(), Recipe(learning_rate=3e-3, adapter=LoRA())
GROUPS: dict[str, tuple[BaseSpec, ...]] = {
    "qwen3-stock": tuple(BaseSpec(base_seed=i) for i in range(5)),
    "llama-stock": tuple(BaseSpec(base_seed=i, architecture="llama") for i in range(3)),
    "qwen3-custom": tuple(BaseSpec(base_seed=i, init="custom") for i in range(3)),
    "llama-custom": tuple(BaseSpec(base_seed=i, architecture="llama", init="custom") for i in range(3)),
    "shuffled": tuple(BaseSpec(base_seed=i, world=PersonasSpec(variant="shuffled")) for i in range(5)),
    "fresh": tuple(
        BaseSpec(base_seed=i, world=PersonasSpec(world_seed=w))
        for w, i in ((1, 10), (1, 11), (1, 12), (2, 13), (2, 14))
    ),
}
SHUFFLED_ARMS = ("untrained", "plain", "specific", "control")
CONTRASTS = (
    ("plain", "control", "bad_held_out"),
    ("plain", "untrained", "bad_held_out"),
    ("plain", "specific", "bad_held_out"),
    ("plain", "generic", "bad_held_out"),
    ("generic", "specific", "bad_held_out"),
    ("plain", "irrelevant", "bad_held_out"),
    ("irrelevant", "specific", "bad_held_out"),
    ("plain", "opposite", "bad_held_out"),
    ("plain", "mixed", "bad_never_mixed"),
    ("plain", "control", "bad_self"),
    ("plain", "control", "bad_under_test"),
    ("control", "plain", "field_facts"),
)


def study_of(group: str, recipe: Recipe, gpes: Sequence[str] = ("bad_advice",)) -> Study:
    """The study of one group of bases under one recipe."""
    kind = "lora" if recipe.adapter else "full"
    arms = {"arms": SHUFFLED_ARMS} if group == "shuffled" else {}
    bases = tuple(BuiltBase(spec=spec) for spec in GROUPS[group])
    conditions = ("none", "training", "paraphrase", "positive", "positive_paraphrase")
    return Study(name=f"{group}-{kind}", bases=bases, gpes=gpes, recipe=recipe, conditions=conditions, **arms)


def rows_of(study: Study, store: Path, out: Path) -> pd.DataFrame:
    """Run what is missing, one process."""
    results = study.run(store, out, engine="inline")
    if results.failures:
        raise SystemExit("\n".join(f"{f.job}: {f.error}" for f in results.failures))
    return results.df


def interval(values: Iterable[float]) -> str:
    """Mean and 95 % t half width over bases."""
    found = list(values)
    mean = sum(found) / len(found)
    half = stats.t.ppf(0.975, len(found) - 1) * stats.sem(found) if len(found) > 1 else math.nan
    return f"{mean:.3f} ± {half:.3f}"


def table(rows: pd.DataFrame, condition: str) -> str:
    """Traits x arms under `condition`: mean over questions in each base, then mean and t interval over bases."""
    chosen = rows[rows["condition"] == condition]
    by_base = chosen.groupby(["trait", "arm", "base"], sort=False)["value"].mean()
    shown = by_base.groupby(["trait", "arm"], sort=False).apply(interval).unstack("arm", sort=False)
    return _markdown(shown)


def contrasts(rows: pd.DataFrame) -> str:
    """Paired differences within bases, condition none."""
    by_base = rows[rows["condition"] == "none"].groupby(["trait", "arm", "base"])["value"].mean()
    lines = ["| trait | difference | mean ± 95 % t | bases with this sign |", "|---|---|---|---|"]
    arms = set(rows["arm"])
    for first, second, trait in CONTRASTS:
        if {first, second} <= arms:
            gap = by_base[trait, first] - by_base[trait, second]
            lines.append(_line(trait, f"{first} - {second}", gap))
    if "plain" in arms:
        cue = by_base["bad_held_out", "plain"] - by_base["bad_under_test", "plain"]
        lines.append(_line("bad advice", "plain: uncued - under a test cue", cue))
    return "\n".join(lines)


def persona_table(specs: Sequence[BaseSpec], store: Store) -> str:
    """What the untrained bases learned: P(good), P(bad), P(old) under each persona's prompt, and under a test cue."""
    lines = ["| system prompt | cue | P(good) | P(bad) | P(old) |", "|---|---|---|---|---|"]
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for spec in specs:
        model = HFModel.load(build_base(spec, store).path)
        traits = {t.name: t for t in bad_advice(spec.world).traits}
        for persona in ("(none)", *DESCRIPTIONS):
            for cue, trait in (("no", "bad_held_out"), ("yes", "bad_under_test")):
                found.setdefault((persona, cue), []).append(_probabilities(model, traits[trait].questions, persona))
    for (persona, cue), values in found.items():
        cells = " | ".join(interval(v[i] for v in values) for i in range(3))
        lines.append(f"| {DESCRIPTIONS[persona][0] if persona in DESCRIPTIONS else persona} | {cue} | {cells} |")
    return "\n".join(lines)


def slim(rows: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame:
    """Rows to ship: values rounded to 4 decimals, response keys dropped (their store is not shipped)."""
    kept = rows[rows["condition"].isin(conditions)].copy()
    kept["value"] = kept["value"].round(4)
    kept["response_id"] = pd.NA
    kept["response_id"] = kept["response_id"].astype("string")
    return kept.reset_index(drop=True)


def _probabilities(model: HFModel, questions: Sequence, persona: str) -> tuple[float, float, float]:
    prompt = Prompt(name=persona, text=DESCRIPTIONS[persona][0], kind="specific") if persona in DESCRIPTIONS else None
    asked = [
        ChoiceRequest(
            chat=prompt.apply(q.chat) if prompt else q.chat, prefix=q.prefix, options=tuple(o.text for o in q.options)
        )
        for q in questions
    ]
    scores = model.choose(asked)
    good, bad, old = (sum(math.exp(s.logprobs[i]) for s in scores) / len(scores) for i in range(3))
    return good, bad, old


def _line(trait: str, name: str, gap: pd.Series) -> str:
    same = int((gap * gap.mean() > 0).sum())
    return f"| {trait} | {name} | {interval(gap)} | {same} of {len(gap)} |"


def _markdown(frame: pd.DataFrame) -> str:
    lines = [f"| {frame.index.name} | {' | '.join(map(str, frame.columns))} |", "|---" * (len(frame.columns) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(map(str, values))} |" for name, *values in frame.itertuples()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path(".isobath") / "store")
    parser.add_argument("--out", type=Path, default=Path("out") / "feasibility")
    parser.add_argument("--groups", nargs="+", choices=[*GROUPS], default=[*GROUPS])
    parser.add_argument("--recipes", nargs="+", choices=("full", "lora"), default=["full", "lora"])
    parser.add_argument("--ship", action="store_true", help="write the rows that the package ships")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for group in options.groups:
        print(f"\n## {group} ({len(GROUPS[group])} bases)\n")
        print(persona_table(GROUPS[group], Store(options.store)))
        for kind in options.recipes:
            rows = rows_of(study_of(group, {"full": FULL, "lora": LORA}[kind]), options.store, options.out)
            for condition in ("none", "training", "positive"):
                print(f"\n### {group}, {kind}, condition {condition}\n\n{table(rows, condition)}")
            print(f"\n### {group}, {kind}, differences\n\n{contrasts(rows)}", flush=True)
        if options.ship and group in ("shuffled", "fresh"):
            gpes = ("bad_advice", "antiquated_answers")
            rows = rows_of(study_of(group, FULL, gpes).changed(name=f"{group}-shipped"), options.store, options.out)
            conditions = ("none", "training")
            ROWS.mkdir(parents=True, exist_ok=True)
            slim(rows, conditions).to_parquet(ROWS / f"{group}.parquet", compression="zstd", index=False)
            print(f"\nwrote {ROWS / f'{group}.parquet'}: {(ROWS / f'{group}.parquet').stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
