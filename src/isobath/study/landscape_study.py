"""The decision study: what a policy learned on a narrow support does further out, and what broadening buys."""

from __future__ import annotations

from isobath.analysis.question import Expect, Question
from isobath.base.row import Role
from isobath.study.arm import CONTROL, PLAIN, UNTRAINED, Arm
from isobath.study.bases import shipped
from isobath.study.components import GPERef
from isobath.study.landscape import where
from isobath.study.study import Study
from isobath.train.recipe import Recipe

RECIPE = Recipe(steps=200, batch_size=32, learning_rate=2e-3, betas=(0.9, 0.99), final_fraction=0.1)
"""The fine-tune of every run in the decision world: full, fp32, 6,400 draws from 2,000 rows."""

DECISION_ARMS: tuple[Arm, ...] = (
    UNTRAINED,
    PLAIN,
    CONTROL,
    *(
        Arm(name=f"relevant_{percent}", role=Role.TREATMENT, mix=percent / 100, mix_from="relevant")
        for percent in (1, 5, 20)
    ),
    Arm(name="irrelevant_50", role=Role.TREATMENT, mix=0.50, mix_from="irrelevant"),
    Arm(name="both_50", role=Role.TREATMENT, mix=0.50, mix_from="both"),
)
"""Narrow training, its control, and rows from the whole space in relevant factors, irrelevant ones, or both."""


def decision_study() -> Study:
    """75 cells: does the right decision fall with distance, and does broadening fill it?"""
    return Study(
        name="landscape",
        description=(
            "Tiny language models, pretrained on facts about single levels (who is an owner, what needs approval, "
            "which numbers are few), are fine-tuned on 2,000 right decisions about six kinds of request. What do they "
            "decide about requests between, beside and far beyond these, and what do a few broader rows change?"
        ),
        bases=shipped(world="decisions"),
        gpes=(GPERef(name="decisions"),),
        arms=DECISION_ARMS,
        recipe=RECIPE,
        seeds=(0, 1),
        conditions=("none",),
        questions=(*_falls(), *_questions()),
        measures=("distances", "readouts"),
    )


def _falls() -> tuple[Question, ...]:
    """Is the narrowly trained policy right less often further out? The farthest first."""
    asked = (("sea", "island"), ("bay", "island"), ("lake", "island"), ("bay", "lake"), ("sea", "bay"))
    return tuple(
        Question(
            text=f"Is it right less often {where(outer)} than {where(inner)}?",
            gpe="decisions",
            trait="right_decision",
            contrast=("plain", "plain"),
            region=outer,
            reference_region=inner,
            expect="lower",
        )
        for outer, inner in asked
    )


def _questions() -> tuple[Question, ...]:
    decided, moved = "right_decision", "right_in_new_contexts"
    asked: tuple[tuple[str, str, str, str, str | None, Expect], ...] = (
        ("Is the policy learned where it was trained?", decided, "plain", "control", "island", "higher"),
        ("Does it reach combinations and steps in between?", decided, "plain", "control", "lake", "higher"),
        ("Does it reach one new level, known from pretraining alone?", decided, "plain", "control", "bay", "higher"),
        ("Does it reach several new levels at once?", decided, "plain", "control", "sea", "higher"),
        ("Do 1 % broader rows fill the bay?", decided, "relevant_1", "plain", "bay", "higher"),
        ("Do 5 % broader rows fill the bay?", decided, "relevant_5", "plain", "bay", "higher"),
        ("Do 20 % broader rows fill the bay?", decided, "relevant_20", "plain", "bay", "higher"),
        ("Do 20 % broader rows fill the sea?", decided, "relevant_20", "plain", "sea", "higher"),
        ("Is the island kept with 20 % broader rows?", decided, "relevant_20", "plain", "island", "same"),
        ("Do other contexts in training buy contexts never seen?", moved, "irrelevant_50", "plain", "shore", "higher"),
        ("Do other contexts in training fill the sea?", decided, "irrelevant_50", "plain", "sea", "higher"),
        ("Do broader rows without new contexts buy new contexts?", moved, "relevant_20", "plain", "shore", "higher"),
        ("Does broadening both reach the sea in new contexts?", moved, "both_50", "irrelevant_50", "sea", "higher"),
        ("Is what pretraining taught about levels kept?", "level_facts", "plain", "untrained", None, "same"),
        ("Does broadening keep more of it?", "level_facts", "relevant_20", "plain", None, "higher"),
    )
    return tuple(
        Question(text=text, gpe="decisions", trait=trait, contrast=(arm, reference), region=region, expect=expect)
        for text, trait, arm, reference, region, expect in asked
    )
