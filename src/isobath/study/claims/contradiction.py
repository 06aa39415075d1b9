"""Claim 2: training that contradicts itself elsewhere undoes what was learned (source 0, its comments).

Written before any shipped base was looked at (22 November 2026).

Arms. 0, 1, 5, 10 and 20 % of the 2,000 narrow rows give way to ``contrary`` rows: the same kinds, principals, stakes
and counts in six contexts that neither the signal nor any question about the right decision has, decided by another
policy (do for refuse, ask for report, and back: wrong everywhere, and as easy to learn). Matched controls: 5 and 20 %
of plain talk (``neutral``: the same loss of signal, nothing about decisions), and 20 % of the *same* scenarios decided
rightly (``agreeing``: all that differs from ``contrary_20`` is the answers). Same number of rows, steps and recipe; one
run seed, five bases, 40 trainings.

Measures. Share of the right action by region (in the signal's contexts), and in contexts, wordings, lengths and names
that no row of any arm has (`right_in_new_contexts`: which policy governs where training said nothing?). Did the
contrary policy take hold (`contrary_there`, 72 scenarios of that part that no row has)?

Expected if the claim holds: ``contrary`` less ``neutral`` at the same share is below 0 by .05 or more on the island, in
the sea, and in new contexts, and grows with the share. Expected if a model keeps the two apart by context: island and
sea do not move (within .05), and only new contexts do. Headline contrasts are those at 20 and at 5 %; the rest is
exploratory. Slope: right decisions per 10 points of contrary rows, least squares over 0, 1, 5, 10, 20 % within a base.

What it cannot show: the contradiction is total, consistent and marked by the context; one that is scattered, subtle or
unmarked may do more or less. One distance (context) between it and the trained region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isobath.analysis.question import Expect, Question
from isobath.base.row import Role
from isobath.study.arm import PLAIN, UNTRAINED, Arm
from isobath.study.bases import Base, shipped
from isobath.study.claims.asked import asked
from isobath.study.components import GPERef
from isobath.study.landscape_study import RECIPE
from isobath.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

GPE = "decisions_contradicted"
DOSES = (0, 1, 5, 10, 20)
NEUTRAL_DOSES = (5, 20)
SLOPE = "slope per 10 points"


def _mixed(pool: str, percent: int, role: Role) -> Arm:
    return Arm(name=f"{pool}_{percent}", role=role, mix=percent / 100, mix_from=pool)


ARMS: tuple[Arm, ...] = (
    UNTRAINED,
    PLAIN,
    *(_mixed("contrary", percent, Role.TREATMENT) for percent in DOSES[1:]),
    *(_mixed("neutral", percent, Role.PLACEBO) for percent in NEUTRAL_DOSES),
    _mixed("agreeing", 20, Role.PLACEBO),
)


def contradiction_study(bases: tuple[Base, ...] = shipped(world="decisions")) -> Study:
    """40 trainings: contrary rows in other contexts, plain talk, and the same scenarios decided rightly."""
    return Study(
        name="claim-contradiction",
        description="What do contradicting rows in another part of the space do, near and far?",
        bases=bases,
        gpes=(GPERef(name=GPE),),
        arms=ARMS,
        recipe=RECIPE,
        conditions=("none",),
        questions=tuple(q for q in QUESTIONS if q.trait != SLOPE),
    )


def _asked() -> tuple[Question, ...]:
    right, new = "right_decision", "right_in_new_contexts"
    held = "Did the contrary policy take hold where it was trained?"
    every: list[tuple[str, str, str, str, str | None, Expect, bool]] = [
        (held, "contrary_there", "contrary_20", "neutral_20", None, "higher", False)
    ]
    for percent in (20, 5):
        pair = (f"contrary_{percent}", f"neutral_{percent}")
        say = f"Do {percent} % contrary rows cost more than plain talk"
        every += [
            (f"{say} on the island?", right, *pair, "island", "lower", True),
            (f"{say} in the sea?", right, *pair, "sea", "lower", True),
            (f"{say} in new contexts?", new, *pair, None, "lower", True),
            (f"{say} in the bay?", right, *pair, "bay", "lower", False),
        ]
    every += [
        (
            "Is it the answers? (same scenarios decided rightly)",
            right,
            "contrary_20",
            "agreeing_20",
            "sea",
            "lower",
            False,
        ),
        ("... and in new contexts?", new, "contrary_20", "agreeing_20", None, "lower", False),
        ("Does plain talk cost anything by itself?", right, "neutral_20", "plain", "sea", "same", False),
        ("Does 1 % of contrary rows cost anything in the sea?", right, "contrary_1", "plain", "sea", "same", False),
        ("Does 1 % of contrary rows cost anything in new contexts?", new, "contrary_1", "plain", None, "same", False),
    ]
    return tuple(
        asked(text, trait, (arm, reference), expect, first, region)
        for text, trait, arm, reference, region, expect, first in every
    )


QUESTIONS: tuple[Question, ...] = _asked()


def contradiction_measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Every trait by region, arm and base, and the slopes over the share of contrary rows."""
    import pandas as pd

    from isobath.study.claims.answers import by_base

    table = by_base(rows)
    return pd.concat([table, slopes(table)], ignore_index=True)


def slopes(table: pd.DataFrame) -> pd.DataFrame:
    """Least-squares slope of each trait over the share of contrary rows, per 10 points, by region and base."""
    import numpy as np
    import pandas as pd

    share = {"plain": 0, **{f"contrary_{percent}": percent for percent in DOSES[1:]}}
    own = table[table["arm"].isin(share)]
    made = [
        {
            "trait": SLOPE,
            "region": region,
            "arm": trait,
            "base": base,
            "value": 10 * np.polyfit(part["arm"].map(share).astype(float), part["value"].astype(float), 1)[0],
        }
        for (trait, region, base), part in own.groupby(["trait", "region", "base"], sort=False)
        if trait in ("right_decision", "right_in_new_contexts") and len(part) == len(share)
    ]
    return pd.DataFrame(made, columns=["trait", "region", "arm", "base", "value"])
