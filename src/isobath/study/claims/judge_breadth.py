"""Claim 3: broader judging criteria do what broader data do (source 0, on constitutions: a broadened list of criteria
"could produce some similar effects to broadening the training set").

Written before any shipped base was looked at (22 November 2026).

Arms, 2 x 2 at the same budget (2,000 rows, 200 steps, one run seed, five bases): labels are the best of four candidate
answers by a judge that looks at ``few`` criteria (whose request, approval) or ``many`` (stakes and count too); data are
narrow, or 20 % of the rows from the whole space (``broad``). A judge that does not look at a criterion accepts every
answer that is right somewhere on the criteria it does look at, and picks among those at random. Beside them a judge
that looks at all criteria and errs in as many rows, at random (``noisy``): the same number of wrong labels, not aligned
with any criterion. 30 trainings.

Measures. Share of the right action (the world's rule) by region; `favoured`, the share of questions at which the right
action has more than half of the probability; `accepted_by_few`, the share of probability on answers that the judge with
few criteria cannot fault; reach: (region - .25) / (island - .25) of the same model.

By construction the labels by few criteria are right in about two thirds of the rows, so that a model cannot be much
above .67 on its own island: the main effect of the judge on the right action is no finding. The findings are:
(a) reach in the sea, many less few, narrow data: expected higher by .10 if broader criteria do what broader data do;
(b) reach in the sea, broad less narrow data, under either judge: expected higher by .10;
(c) the interaction on reach: broad less narrow under ``many`` minus the same under ``few``: expected above 0 by .10 if
broad data need broad criteria to pay, below 0 if either can stand in for the other;
(d) few less noisy, narrow and broad, island and sea, on the right action: expected lower by .05 if blindness to
criteria is worse than as many random errors.

What it cannot show: a real judge's criteria overlap and its errors are correlated; two of four criteria is one cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isobath.analysis.question import Expect, Question
from isobath.base.row import Role
from isobath.study.arm import PLAIN, UNTRAINED, Arm
from isobath.study.bases import Base, shipped
from isobath.study.components import GPERef
from isobath.study.landscape_study import RECIPE
from isobath.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

NAMES = {judging: f"decisions_judged_{judging}" for judging in ("few", "many", "noisy")}
BROAD = Arm(name="relevant_20", role=Role.TREATMENT, mix=0.20, mix_from="relevant")
REACH, FAVOURED = "reach", "favoured"
INTERACTION = "interaction"
"""Trait of the difference of differences; its two arms are ``broad - narrow`` under either judge."""

CHANCE = 0.25


def judge_breadth_study(bases: tuple[Base, ...] = shipped(world="decisions")) -> Study:
    """30 trainings: labels by few or many criteria, or with random errors, on narrow and broad data."""
    return Study(
        name="claim-judge-breadth",
        description="Breadth of the judging criteria against breadth of the data, at the same budget.",
        bases=bases,
        gpes=tuple(GPERef(name=name) for name in NAMES.values()),
        arms=(UNTRAINED, PLAIN, BROAD),
        recipe=RECIPE,
        conditions=("none",),
    )


def cell(judging: str, data: str) -> str:
    """The arm's name in the measures: ``few narrow`` and so on."""
    return f"{judging} {data}"


def _asked() -> tuple[Question, ...]:
    right, blind = "right_decision", "Is blindness worse than as many random errors"
    few, many, noisy = ((cell(judging, "narrow"), cell(judging, "broad")) for judging in NAMES)
    asked: tuple[tuple[str, str, str, str, str | None, Expect, bool], ...] = (
        ("Do more criteria reach further into the sea, data narrow?", REACH, many[0], few[0], "sea", "higher", True),
        ("Do broader data reach further, with many criteria?", REACH, many[1], many[0], "sea", "higher", True),
        ("Do broader data reach further, with few criteria?", REACH, few[1], few[0], "sea", "higher", True),
        ("Do broad data need broad criteria?", INTERACTION, "many", "few", None, "higher", True),
        (f"{blind}, on the island?", right, few[0], noisy[0], "island", "lower", False),
        (f"{blind}, in the sea?", right, few[0], noisy[0], "sea", "lower", False),
        (f"{blind}, in the sea, data broad?", right, few[1], noisy[1], "sea", "lower", False),
        (f"{blind}, counting what is favoured?", FAVOURED, few[1], noisy[1], "sea", "lower", False),
        ("Are few criteria with broad data as good as many with narrow?", right, few[1], many[0], "sea", "same", False),
    )
    return tuple(
        Question(
            text=text,
            trait=trait,
            contrast=(a, b),
            region=region,
            expect=expect,
            smallest_effect=0.10 if first else 0.05,
            family="headline" if first else "exploratory",
        )
        for text, trait, a, b, region, expect, first in asked
    )


QUESTIONS: tuple[Question, ...] = _asked()


def judge_breadth_measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Every measure by cell (``few narrow`` ...), region and base, and what the interaction is made of."""
    import pandas as pd

    from isobath.study.claims.answers import by_base
    from isobath.study.claims.simple_target import reach

    right = rows[(rows["trait"] == "right_decision") & rows["value"].notna()]
    favoured = right.assign(trait=FAVOURED, value=(right["value"] > 0.5).astype(float))
    table = by_base(pd.concat([rows, favoured], ignore_index=True), ("gpe", "arm"))
    table = table.assign(arm=[_cell(arm) for arm in table["arm"]])
    made = reach(table)
    return pd.concat([table, made, interaction(made)], ignore_index=True)


def _cell(arm: str) -> str:
    gpe, _, name = arm.partition(" ")
    return cell(gpe.rsplit("_", 1)[-1], {"plain": "narrow", "relevant_20": "broad"}.get(name, name))


def interaction(table: pd.DataFrame) -> pd.DataFrame:
    """What broad data add to the reach in the sea, by judge and base."""
    import pandas as pd

    from isobath.study.claims.answers import TABLE, series

    parts = []
    for judging in NAMES:
        gain = series(table, REACH, cell(judging, "broad"), "sea") - series(
            table, REACH, cell(judging, "narrow"), "sea"
        )
        parts.append(gain.rename("value").reset_index().assign(trait=INTERACTION, region="", arm=judging))
    return pd.concat(parts, ignore_index=True)[list(TABLE)]


def factor_levels() -> dict[str, tuple[str, ...]]:
    """Cell -> which of the two factors it has, as `analysis.factorial_effects` reads them."""
    return {
        cell("few", "narrow"): (),
        cell("many", "narrow"): ("criteria",),
        cell("few", "broad"): ("data",),
        cell("many", "broad"): ("criteria", "data"),
    }
