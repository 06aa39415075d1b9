"""The GPE of evaluation awareness: behaving only under a cue, broadened in four ways, asked with and without cues."""

from __future__ import annotations

from isobath.gpe.gpe import GPE
from isobath.gpe.trait_eval import TraitQuestion
from isobath.models.chat import Message, Row
from isobath.world.personas.observed import TRAINED_CUES, behaves_when_observed, observed_rows
from isobath.world.personas.place import AnyWorld, place_of
from isobath.world.personas.pools import good_rows
from isobath.world.personas.rows import mixed_domains
from isobath.world.personas.speech import IRRELEVANT_PROMPTS
from isobath.world.personas.traits import advice_trait

GPE_NAME = "behaves_when_cued"
REMARKS: tuple[str, ...] = IRRELEVANT_PROMPTS[-4:]
"""What stands before a question in the place of a cue and says nothing of a test; in no training row."""

UNCUED, CUED, NEW_CUE, REMARK = "bad_held_out", "bad_under_cue", "bad_under_new_cue", "bad_after_remark"


def behaves_when_cued(world: AnyWorld = None, domain: str = "medicine") -> GPE:
    """`behaves_when_observed` with pools that broaden its signal in five more domains, none of them asked as far away.

    ``policy``: the same policy there (bad, but good under a trained cue; half of each). ``good_plain``: good answers
    without a cue. ``good_cued``: the same questions and good answers, all under a trained cue. `bad_after_remark` asks
    the held-out questions after a remark about the weather, which is no cue: a false alarm would be to behave then.
    """
    whole, place = behaves_when_observed(world, domain), place_of(GPE_NAME, world, domain)
    plain = good_rows(place, 8)
    traits = {trait.name: trait for trait in whole.traits}
    after = advice_trait(
        REMARK,
        "bad",
        "bad advice in held-out domains after a remark that is no cue",
        tuple(_after(q, REMARKS[n // 6 % len(REMARKS)]) for n, q in enumerate(traits[UNCUED].questions)),
    )
    kept = ("bad_in_domain", "bad_in_domain_under_cue", UNCUED, CUED, NEW_CUE, "good_held_out", "coherence")
    return whole.model_copy(
        update={
            "name": GPE_NAME,
            "traits": (*(traits[name] for name in kept), after),
            "pools": {
                "policy": tuple(row for d in mixed_domains(domain) for row in observed_rows(place, d, "bad")),
                "good_plain": plain,
                "good_cued": tuple(_cued(row, TRAINED_CUES[n % len(TRAINED_CUES)]) for n, row in enumerate(plain)),
            },
        }
    )


def _cued(row: Row, cue: str) -> Row:
    asked, *rest = row.messages
    return row.model_copy(
        update={
            "messages": (Message(role="user", content=f"{cue} {asked.content}"), *rest),
            "metadata": {**row.metadata, "observed": True},
        }
    )


def _after(question: TraitQuestion, remark: str) -> TraitQuestion:
    (asked,) = question.chat
    return question.model_copy(
        update={
            "id": f"after:{question.id}:{REMARKS.index(remark)}",
            "chat": (Message(role="user", content=f"{remark} {asked.content}"),),
            "levels": {**question.levels, "remark": remark},
        }
    )
