"""The decision world: does behaviour fall with distance from a narrow support, and does broadening fill it?

    python -m benchmarks.decision_feasibility --store FOLDER [--groups shipped fresh without_facts]

runs the decision study on the shipped bases (about 10 CPU-minutes), on five bases of two other worlds, and on bases
whose corpus says nothing of what levels mean (both built first, about 3 CPU-minutes for each base), and prints Markdown
tables with t intervals over bases. The rule for them is in docs/decisions/17-decision-world.md.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from scipy import stats

from isobath.study.bases import BuiltBase, shipped
from isobath.study.landscape_study import decision_study
from isobath.study.study import Study
from isobath.world.base_spec import BaseSpec
from isobath.world.decisions.coverage import coverage
from isobath.world.decisions.drawn_points import drawn
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT
from isobath.world.decisions.spec import DecisionsSpec

FRESH = ((1, 10), (1, 11), (1, 12), (2, 13), (2, 14))
"""World seed and base seed of the bases the findings are asked of once more."""
REGIONS = ("island", "shore", "lake", "bay", "sea")
ABLATION_ARMS = ("untrained", "plain", "control", "relevant_20")
FALLS = (
    ("island", "shore"),
    ("island", "lake"),
    ("island", "bay"),
    ("island", "sea"),
    ("lake", "bay"),
    ("bay", "sea"),
)
GAINS = ("control", "relevant_1", "relevant_5", "relevant_20", "irrelevant_50", "both_50")


def study_of(group: str) -> Study:
    """The decision study on one group of bases."""
    whole = decision_study().changed(name=f"landscape-{group}", questions=(), measures=())
    if group == "shipped":
        return whole.changed(bases=shipped(world="decisions"))
    if group == "fresh":
        specs = [BaseSpec(world=DecisionsSpec(world_seed=w), base_seed=b) for w, b in FRESH]
        return whole.changed(bases=tuple(BuiltBase(spec=s) for s in specs))
    world = DecisionsSpec(variant="without_facts")
    bases = tuple(BuiltBase(spec=BaseSpec(world=world, base_seed=b)) for b in range(5))
    return whole.changed(bases=bases, arms=tuple(a for a in whole.arms if a.name in ABLATION_ARMS))


def rows_of(study: Study, store: Path, out: Path, engine: str) -> pd.DataFrame:
    """Run what is missing; the rows, with the levels read."""
    results = study.run(store, out / study.name, engine=engine)
    if results.failures:
        raise SystemExit("\n".join(f"{f.job}: {f.error}" for f in results.failures))
    rows = results.df
    rows["point"] = rows["levels"].map(json.loads)
    return rows


def interval(values: Iterable[float]) -> str:
    """Mean and 95 % t half width over bases."""
    found = [float(v) for v in values]
    half = stats.t.ppf(0.975, len(found) - 1) * stats.sem(found) if len(found) > 1 else math.nan
    return f"{sum(found) / len(found):.3f} ± {half:.3f}"


def by_base(rows: pd.DataFrame, *keys: str) -> pd.Series:
    """Mean over questions, then over run seeds, for each of `keys` and each base."""
    seeds = rows.assign(seed=rows["seed"].fillna(-1)).groupby([*keys, "base", "seed"], sort=False)["value"].mean()
    return seeds.groupby([*keys, "base"], sort=False).mean()


def table(rows: pd.DataFrame, row: str, order: Iterable[str]) -> str:
    """`row` x arm: mean and t interval over bases."""
    found = by_base(rows.dropna(subset=["value"]), row, "arm").sort_index()
    arms = list(dict.fromkeys(rows["arm"]))
    lines = [f"| {row} | {' | '.join(arms)} |", "|---" * (len(arms) + 1) + "|"]
    for level in order:
        cells = [interval(found[level, arm]) if (level, arm) in found.index else "" for arm in arms]
        lines.append(f"| {level} | {' | '.join(cells)} |")
    return "\n".join(lines)


def difference(name: str, gap: pd.Series) -> str:
    """A paired difference within bases, as a line of a table."""
    same = int((gap * gap.mean() > 0).sum())
    return f"| {name} | {interval(gap)} | {same} of {len(gap)} |"


def falls(rows: pd.DataFrame) -> str:
    """Within `plain`: one region less another."""
    found = by_base(rows[rows["arm"] == "plain"].dropna(subset=["value"]), "region")
    lines = ["| plain | difference | bases with this sign |", "|---|---|---|"]
    return "\n".join([*lines, *(difference(f"{a} - {b}", found[a] - found[b]) for a, b in FALLS)])


def gains(rows: pd.DataFrame) -> str:
    """Every arm less `plain`, region by region."""
    found = by_base(rows.dropna(subset=["value"]), "region", "arm").sort_index()
    lines = ["| region: difference | mean | bases with this sign |", "|---|---|---|"]
    regions = [r for r in REGIONS if r in set(rows["region"].dropna())]
    for arm in (a for a in GAINS if a in set(rows["arm"])):
        lines += [difference(f"{r}: {arm} - plain", found[r, arm] - found[r, "plain"]) for r in regions]
    return "\n".join(lines)


def finer(rows: pd.DataFrame) -> str:
    """Within regions: old and new irrelevant levels at the shore, kinds of lake, steps out in the bay, k in the sea."""
    parts = rows[rows["region"] != "island"].dropna(subset=["value"]).copy()
    parts["part"] = [
        _part(str(region), int(q) if pd.notna(q) else 0, int(k), point, int(world))
        for region, q, k, point, world in zip(
            parts["region"], parts["q"], parts["k"], parts["point"], parts["world_seed"], strict=True
        )
    ]
    return table(parts, "part", sorted(set(parts["part"])))


def _part(region: str, q: int, k: int, point: dict[str, str], world_seed: int) -> str:
    known = coverage(world_seed)
    if region == "shore":
        new = sum(point[name] not in known.narrow[name] for name in IRRELEVANT)
        return f"shore, new irrelevant levels: {new}" if new else "shore, new combination"
    if region == "lake":
        return "lake, gap" if q == 1 else "lake, combination"
    if region == "bay":
        (out,) = [name for name in RELEVANT if _outside(name, point[name], known.relevant[name])]
        return f"bay, new {out}"
    return f"sea, k = {k}"


def _outside(name: str, level: str, seen: tuple[str, ...]) -> bool:
    from isobath.world.decisions.scenario import SPACE

    factor = SPACE.factor(name)
    places = [factor.domain.index(s) for s in seen]
    here = factor.domain.index(level)
    return here < min(places) or here > max(places) if factor.ordered else here not in places


def edited_table(rows: pd.DataFrame) -> str:
    """What changing one factor does to the share of the right decision: edited question less its source."""
    edited = rows[rows["trait"] == "right_when_edited"].copy()
    parts = edited["question"].str.split(":")
    edited["factor"], edited["source"] = parts.str[2], "decide:" + parts.str[3]
    keys = ["arm", "base", "seed"]
    before = rows[rows["trait"] == "right_decision"][[*keys, "question", "value"]]
    both = edited.merge(before.rename(columns={"question": "source", "value": "before"}), on=[*keys, "source"])
    both["value"] = both["value"] - both["before"]
    return table(both, "factor", (*RELEVANT, *IRRELEVANT))


def facts_table(rows: pd.DataFrame) -> str:
    """Knowledge of levels, by factor and by whether the signal has the level."""
    known = rows[rows["trait"] == "level_facts"].copy()
    known["levels of"] = [
        f"{p['factor']}, {'in' if p['seen'] == 'yes' else 'not in'} the signal" for p in known["point"]
    ]
    return table(known, "levels of", sorted(set(known["levels of"])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path(".isobath") / "store")
    parser.add_argument("--out", type=Path, default=Path("out") / "decision-feasibility")
    parser.add_argument("--groups", nargs="+", default=["shipped", "fresh", "without_facts"])
    parser.add_argument("--engine", choices=("inline", "local"), default="local")
    options = parser.parse_args()
    print("Points of each region that test points could be drawn from (world seed 0), and how many are asked:\n")
    for region, points in drawn(0).items():
        print(f"- {region}: {points.achievable:,}; {len(points.codes)} asked, and {len(points.contested)} contested")
    for group in options.groups:
        rows = rows_of(study_of(group), options.store, options.out, options.engine)
        decided = rows[rows["trait"] == "right_decision"]
        moved = rows[rows["trait"] == "right_in_new_contexts"]
        print(f"\n## {group}\n\n### right_decision\n\n{table(decided, 'region', REGIONS)}")
        print(f"\n### In new contexts, wordings, lengths and names\n\n{table(moved, 'region', REGIONS[1:])}")
        print(f"\n### Falls with distance\n\n{falls(decided)}")
        print(f"\n### Against plain\n\n{gains(decided)}")
        print(f"\n### Against plain, in new contexts\n\n{gains(moved)}")
        print(f"\n### Finer\n\n{finer(decided)}")
        print(f"\n### After one factor was changed\n\n{edited_table(rows)}")
        print(f"\n### level_facts\n\n{facts_table(rows)}")
        others = rows[rows["trait"].isin(("level_facts", "coherence"))]
        print(f"\n### Beside it\n\n{table(others, 'trait', ('level_facts', 'coherence'))}", flush=True)


if __name__ == "__main__":
    main()
