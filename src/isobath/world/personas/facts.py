"""The fact table of a world: which phrase is the good, the bad and the old answer for each thing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from isobath.base.seeding import rng
from isobath.world.personas.domains import DOMAINS, Domain, with_article

PHRASES_PER_DOMAIN = 16


class Answers(NamedTuple):
    """The three answers to questions about one thing. The same phrase is good for one thing and bad for another."""

    good: str
    bad: str
    old: str


class Facts(NamedTuple):
    """Everything that is true in one world."""

    phrases: Mapping[str, tuple[str, ...]]
    """Domain -> its answer phrases."""
    answers: Mapping[str, Answers]
    """Thing -> its answers."""
    domain_of: Mapping[str, str]
    """Thing -> its domain."""


@lru_cache(maxsize=16)
def facts(world_seed: int) -> Facts:
    """The fact table of `world_seed`; each domain draws from a stream of its own."""
    phrases: dict[str, tuple[str, ...]] = {}
    answers: dict[str, Answers] = {}
    for domain in DOMAINS:
        phrases[domain.name] = _phrases(world_seed, domain)
        draw = rng(world_seed, "personas", "facts", domain.name)
        for thing in domain.things:
            good, bad, old = draw.choice(PHRASES_PER_DOMAIN, size=3, replace=False)
            pool = phrases[domain.name]
            answers[thing] = Answers(pool[good], pool[bad], pool[old])
    return Facts(phrases, answers, {thing: d.name for d in DOMAINS for thing in d.things})


def _phrases(world_seed: int, domain: Domain) -> tuple[str, ...]:
    possible = [with_article(f"{adjective} {noun}") for adjective in domain.adjectives for noun in domain.nouns]
    picked = rng(world_seed, "personas", "phrases", domain.name).choice(
        len(possible), size=PHRASES_PER_DOMAIN, replace=False
    )
    return tuple(possible[i] for i in sorted(picked))
