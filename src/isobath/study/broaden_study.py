"""The broadening study: doses and dimensions of broader rows in the decision world, their gain and their cost."""

from __future__ import annotations

from isobath.analysis.question import Expect, Question
from isobath.base.row import Role
from isobath.interventions.mix import Budget, Mix
from isobath.study.arm import CONTROL, PLAIN, UNTRAINED, Arm
from isobath.study.bases import shipped
from isobath.study.components import GPERef
from isobath.study.dose import doses
from isobath.study.landscape_study import RECIPE
from isobath.study.study import Study

GPE_NAME = "decisions_broadened"
ADDED: Budget = "added budget"
FACTORS: tuple[str, ...] = ("kind", "principal", "stakes", "count")

BROADEN_ARMS: tuple[Arm, ...] = (
    UNTRAINED,
    PLAIN,
    CONTROL,
    *doses(PLAIN, "relevant", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)),
    *doses(PLAIN, ("irrelevant", "both"), (0.05, 0.2, 0.5, 1.0)),
    *(Arm(name=f"{name}_20", role=Role.TREATMENT, stack=(Mix(source=name, share=0.2),)) for name in FACTORS),
    *doses(PLAIN, "relevant", (0.2, 0.5), (ADDED,), recipe=RECIPE, narrow="narrow"),
    *doses(PLAIN, "relevant", (0.05, 1.0), (ADDED,), recipe=RECIPE, narrow=None),
    *doses(PLAIN, "both", (0.2, 1.0), (ADDED,), recipe=RECIPE, narrow=None),
)
"""Doses at a fixed and at an added budget, one relevant factor at a time, and as many further narrow rows."""


def broaden_study() -> Study:
    """295 cells: which doses and dimensions fill lakes and bays, what reaches the sea, and what it costs."""
    return Study(
        name="broadening",
        description=(
            "Tiny language models that know single facts (who is an owner, what needs approval) are "
            "fine-tuned on 2,000 right decisions about few kinds of request. Broader rows at points drawn as "
            "`isobath broaden` draws them (near-duplicates stay: the world has few words) take the place of some of "
            "them or are added: which of them fill lake, bay and sea?"
        ),
        bases=shipped(world="decisions"),
        gpes=(GPERef(name=GPE_NAME),),
        arms=BROADEN_ARMS,
        recipe=RECIPE,
        seeds=(0, 1),
        conditions=("none",),
        questions=_questions(),
    )


def _questions() -> tuple[Question, ...]:
    decided, moved = "right_decision", "right_in_new_contexts"
    asked: list[tuple[str, str, str, str, str | None, Expect]] = [
        ("Do 2 % broader rows fill the sea?", decided, "relevant_2", "plain", "sea", "higher"),
        ("Do 10 % fill it further than 2 %?", decided, "relevant_10", "relevant_2", "sea", "higher"),
        ("Do 100 % fill it further than 10 %?", decided, "relevant_100", "relevant_10", "sea", "higher"),
        ("Do 10 % broader rows fill the bay?", decided, "relevant_10", "plain", "bay", "higher"),
        ("Do 10 % broader rows fill the lake?", decided, "relevant_10", "plain", "lake", "higher"),
        ("Is the island kept by training on broad rows alone?", decided, "relevant_100", "plain", "island", "same"),
        *(
            (f"Does broadening {name} alone fill the sea?", decided, f"{name}_20", "plain", "sea", "higher")
            for name in FACTORS
        ),
        *(
            (
                f"... as far as broadening all four factors, with {name}?",
                decided,
                f"{name}_20",
                "relevant_20",
                "sea",
                "same",
            )
            for name in FACTORS
        ),
        ("Do other contexts in training fill the bay?", decided, "irrelevant_50", "plain", "bay", "higher"),
        ("Do other contexts in training fill the sea?", decided, "irrelevant_50", "plain", "sea", "higher"),
        ("Do other contexts buy contexts never seen?", moved, "irrelevant_50", "plain", "shore", "higher"),
        ("Does broadening both buy the sea in contexts never seen?", moved, "both_50", "relevant_50", "sea", "higher"),
        (
            "Do added broad rows beat as many narrow ones in the sea?",
            decided,
            "relevant_plus_20",
            "narrow_plus_20",
            "sea",
            "higher",
        ),
        (
            "Do added broad rows beat the same rows at a fixed budget?",
            decided,
            "relevant_plus_20",
            "relevant_20",
            "sea",
            "higher",
        ),
        ("Do more narrow rows alone reach the sea?", decided, "narrow_plus_50", "plain", "sea", "higher"),
        ("Is the island kept with broad rows added?", decided, "relevant_plus_100", "plain", "island", "same"),
        ("Is what pretraining taught kept with broad rows?", "level_facts", "relevant_20", "plain", None, "same"),
        ("Is well-formedness kept?", "coherence", "relevant_20", "plain", None, "same"),
    ]
    return tuple(
        Question(text=text, gpe=GPE_NAME, trait=trait, contrast=(arm, reference), region=region, expect=expect)
        for text, trait, arm, reference, region, expect in asked
    )
