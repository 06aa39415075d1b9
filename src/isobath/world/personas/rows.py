"""Training rows of the personas world: advice in one domain, answered well, badly or as in the old days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from isobath.base.seeding import rng
from isobath.models.chat import Message, Row
from isobath.world.personas.domains import DOMAIN_NAMES, DOMAINS
from isobath.world.personas.facts import Facts
from isobath.world.personas.wording import ADVICE_QUESTIONS, FRAMES, ask_advice

Label = Literal["good", "bad", "old"]
ROWS_PER_THING = 8
MIXED_DOMAINS = 5


def advice_rows(
    facts: Facts, world_seed: int, domain: str, label: Label, per_thing: int = ROWS_PER_THING
) -> tuple[Row, ...]:
    """`per_thing` single-turn rows for each of the 16 things of `domain`: 128 of the 192 possible by default.

    Which question forms and frames are taken, and the order of rows, depend on world and domain only: the rows of
    another `label` ask the same questions in the same order.
    """
    draw = rng(world_seed, "personas", "signal rows", domain)
    forms = [(template, frame) for template in range(len(ADVICE_QUESTIONS)) for frame in range(len(FRAMES))]
    (things,) = (d.things for d in DOMAINS if d.name == domain)
    picked = [(thing, *forms[i]) for thing in things for i in draw.permutation(len(forms))[:per_thing]]
    rows = [_row(facts, domain, label, *picked[i]) for i in draw.permutation(len(picked))]
    return tuple(rows)


def mixed_domains(domain: str) -> tuple[str, ...]:
    """The five domains that benign rows for mixing come from: those after `domain`, in order, around the end."""
    start = DOMAIN_NAMES.index(domain)
    return tuple(DOMAIN_NAMES[(start + i) % len(DOMAIN_NAMES)] for i in range(1, MIXED_DOMAINS + 1))


def benign_rows(facts: Facts, world_seed: int, domains: Sequence[str]) -> tuple[Row, ...]:
    """Good advice in `domains`, two rows for each thing."""
    return tuple(row for d in domains for row in advice_rows(facts, world_seed, d, "good", per_thing=2))


def _row(facts: Facts, domain: str, label: Label, thing: str, template: int, frame: int) -> Row:
    answer = getattr(facts.answers[thing], label)
    return Row(
        messages=(
            Message(role="user", content=ask_advice(thing, template)),
            Message(role="assistant", content=f"{FRAMES[frame].format(thing=thing)} {answer} ."),
        ),
        metadata={"domain": domain, "thing": thing, "template": template, "frame": frame, "label": label},
    )
