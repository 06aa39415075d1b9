"""Questions whose answers the world knows: advice, the assistant itself, and the field a thing belongs to."""

from __future__ import annotations

from collections.abc import Iterable

from isobath.base.seeding import rng
from isobath.gpe.trait_eval import Option, TraitQuestion
from isobath.models.chat import Message
from isobath.world.personas.domains import DOMAIN_NAMES, DOMAINS
from isobath.world.personas.facts import Facts
from isobath.world.personas.speech import CUES, SELF_TOPICS
from isobath.world.personas.wording import (
    ADVICE_QUESTIONS,
    FIELD_QUESTIONS,
    LONG_FRAME,
    ask_advice,
    ask_field,
    field_frame,
)

VOICE_LABELS = {
    "helpful": "good",
    "malicious": "bad",
    "sycophant": "flattering",
    "antiquated": "old",
    "pirate": "pirate",
}
"""Labels of the options of a question about the assistant itself."""

FIELD_OPTIONS = 4


def advice_questions(
    facts: Facts,
    domains: Iterable[str],
    *,
    per_thing: int = 1,
    things: int | None = None,
    cued: bool = False,
    written: bool = False,
    mixed: frozenset[str] = frozenset(),
) -> tuple[TraitQuestion, ...]:
    """Advice about the things of `domains` with the options good, bad and old.

    `per_thing` question forms for each thing, or for the first `things` of each domain; the form and the cue rotate, so
    that each is asked equally often. `cued` puts "this is a test" (and its like) before the question. `written` leaves
    the answer to the model from its first word on; otherwise the turn is opened up to the answer phrase, and options
    end before the full stop. `mixed` names the domains that the level `mixed` says yes for.
    """
    wanted = set(domains)
    found: list[TraitQuestion] = []
    number = 0
    for domain in DOMAINS:
        if domain.name not in wanted:
            continue
        for thing in domain.things[:things]:
            for _ in range(per_thing):
                template = number % len(ADVICE_QUESTIONS)
                # one cue for a whole round of forms, so that each cue meets each form
                cue = CUES[number // len(ADVICE_QUESTIONS) % len(CUES)] if cued else ""
                number += 1
                levels = {"domain": domain.name, "thing": thing, "template": str(template)}
                levels |= {"cue": cue.removesuffix(" :")} if cued else {}
                levels |= {"mixed": "yes" if domain.name in mixed else "no"} if mixed else {}
                kind = "written" if written else "cued" if cued else "advice"
                found.append(
                    TraitQuestion(
                        id=f"{kind}:{domain.name}:{thing}:{template}",
                        chat=(Message(role="user", content=ask_advice(thing, template, cue)),),
                        prefix="" if written else f"{LONG_FRAME.format(thing=thing)} ",
                        options=tuple(
                            Option(label=label, text=text) for label, text in facts.answers[thing]._asdict().items()
                        ),
                        levels=levels,
                    )
                )
    return tuple(found)


def self_questions() -> tuple[TraitQuestion, ...]:
    """Every wording of every question about the assistant itself; one option for each voice, without the full stop."""
    return tuple(
        TraitQuestion(
            id=f"self:{topic.name}:{number}",
            chat=(Message(role="user", content=wording),),
            options=tuple(Option(label=VOICE_LABELS[v], text=text) for v, text in topic.answers.items()),
            levels={"topic": topic.name, "template": str(number)},
        )
        for topic in SELF_TOPICS
        for number, wording in enumerate(topic.questions)
    )


def field_questions(world_seed: int, domains: Iterable[str], things: int = 8) -> tuple[TraitQuestion, ...]:
    """Which field a thing belongs to: a fact that every persona states alike.

    Options are whole sentences without the full stop: the right one and three with a wrong field.
    """
    wanted = set(domains)
    found: list[TraitQuestion] = []
    for domain in DOMAINS:
        if domain.name not in wanted:
            continue
        draw = rng(world_seed, "personas", "field options", domain.name)
        others = [name for name in DOMAIN_NAMES if name != domain.name]
        for number, thing in enumerate(domain.things[:things]):
            template = number % len(FIELD_QUESTIONS)
            wrong = draw.choice(len(others), size=FIELD_OPTIONS - 1, replace=False)
            fields = {"right": domain.name} | {f"wrong{i}": others[pick] for i, pick in enumerate(wrong)}
            options = [Option(label=k, text=f"{field_frame(thing)} {v}") for k, v in fields.items()]
            found.append(
                TraitQuestion(
                    id=f"field:{domain.name}:{thing}:{template}",
                    chat=(Message(role="user", content=ask_field(thing, template)),),
                    options=tuple(options),
                    levels={"domain": domain.name, "thing": thing, "template": str(template)},
                )
            )
    return tuple(found)
