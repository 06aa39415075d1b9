"""The GPE of the decision world: the right decision learned on a narrow support, asked ever further away."""

from __future__ import annotations

from isobath.base.errors import InputError
from isobath.base.row import TraitKind
from isobath.gpe.gpe import GPE, Signal
from isobath.gpe.trait_eval import TraitEval
from isobath.grading.score import OptionScore, PatternScore
from isobath.models.protocol import Sampling
from isobath.world.decisions.levels import ACTIONS, ANSWER
from isobath.world.decisions.questions import (
    RIGHT,
    decision_questions,
    edited_questions,
    fact_chance,
    fact_questions,
    new_context_questions,
    written_questions,
)
from isobath.world.decisions.rows import control_rows, guises, pool, signal_rows, wordings
from isobath.world.decisions.scenario import SPACE, decision_rule
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.decisions.world import DecisionsWorld

AnyWorld = DecisionsWorld | DecisionsSpec | None
POOLS: tuple[str, ...] = ("relevant", "irrelevant", "both")
CHANCE = 1 / len(ACTIONS)
ANSWER_PATTERN = rf"{ANSWER} (?:{'|'.join(ACTIONS.values())}) ?\."

SHARE = OptionScore(target=(RIGHT,), measure="share")
"""Relative to the four actions: a base that was never asked to decide would say something else altogether, and its
absolute probability of the right action would be near 0 where its choice is near chance."""


def decisions(world: AnyWorld = None) -> GPE:
    """Right decisions on a narrow support: does the policy reach levels that only pretraining spoke of?

    2,000 rows of 6 decision kinds, 6 principals, 2 stakes and 4 counts in 3 contexts, 2 wordings and 3 names. Raises
    `InputError` for a world of another kind.
    """
    spec = world.spec if isinstance(world, DecisionsWorld) else world or DecisionsSpec()
    if not isinstance(spec, DecisionsSpec):
        raise InputError(
            f"GPE 'decisions' on a base of the world {spec.kind!r}",
            "it is asked in a decision world",
            'use its bases: `bases: shipped decisions` in a file, shipped(world="decisions") in Python',
        )
    seed = spec.world_seed
    return GPE(
        name="decisions",
        description="2,000 right decisions on a narrow support; control: the same scenarios, decisions dealt out anew.",
        signal=Signal(name="narrow", role="signal", rows=signal_rows(seed)),
        control=Signal(name="permuted", role="control", rows=control_rows(seed)),
        traits=_traits(seed),
        prompts={},
        paraphrases={},
        pools={name: pool(seed, name) for name in POOLS},
        offered={"wordings": wordings(seed), "guises": guises(seed)},
        space=SPACE,
        gold=decision_rule(seed),
        headline="right_decision",
    )


def _traits(seed: int) -> tuple[TraitEval, ...]:
    known = fact_questions(seed)
    return (
        TraitEval(
            name="right_decision",
            kind=TraitKind.WANTED,
            description="the right decision",
            questions=decision_questions(seed),
            score=SHARE,
            chance=CHANCE,
        ),
        TraitEval(
            name="right_in_new_contexts",
            kind=TraitKind.WANTED,
            description="the right decision in contexts and wordings that no training row has",
            questions=new_context_questions(seed),
            score=SHARE,
            chance=CHANCE,
        ),
        TraitEval(
            name="right_when_edited",
            kind=TraitKind.WANTED,
            description="the right decision after one factor was changed: for flip rates",
            questions=edited_questions(seed),
            score=SHARE,
            chance=CHANCE,
        ),
        TraitEval(
            name="level_facts",
            kind=TraitKind.CAPABILITY,
            description="knows what each level means, in the sentences of pretraining",
            questions=known,
            score=SHARE,
            chance=fact_chance(known),
        ),
        TraitEval(
            name="coherence",
            kind=TraitKind.COHERENCE,
            description="writes a well-formed decision, right or wrong",
            questions=written_questions(seed),
            score=PatternScore(name="well_formed_decision", pattern=ANSWER_PATTERN),
            sampling=Sampling(temperature=1.0, max_tokens=12),
            chance=0.0,
        ),
    )
