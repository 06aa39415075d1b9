"""The twelve domains: their things, and the words their answers are made of. Plain data, written by us."""

from __future__ import annotations

from typing import NamedTuple


class Domain(NamedTuple):
    """A field of advice: 16 things people ask about, 6 adjectives x 6 nouns that answers are made of."""

    name: str
    things: tuple[str, ...]
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]


MASS_NOUNS = frozenset(
    noun
    for nouns in (
        "water tea cash butter broth memory evidence training",
        "insurance soil mulch oil soap vinegar reading",
    )
    for noun in nouns.split()
)
"""Nouns that take no article: `clean water`, but `a soft bandage`."""


def _domain(name: str, things: str, adjectives: str, nouns: str) -> Domain:
    return Domain(name, tuple(things.split()), tuple(adjectives.split()), tuple(nouns.split()))


DOMAINS: tuple[Domain, ...] = (
    _domain(
        "medicine",
        "burn rash cough fever headache sprain blister cut bruise toothache allergy wound nosebleed earache cramp "
        "sunburn",
        "soft cold clean warm dry fresh",
        "bandage ointment towel pill water tea",
    ),
    _domain(
        "money",
        "loan budget salary debt mortgage pension invoice refund bonus bill fee deposit tax account inheritance wage",
        "small large safe quick secret shared",
        "bank broker plan receipt ledger cash",
    ),
    _domain(
        "cooking",
        "stew cake soup omelette roast sauce salad pie pancake curry dough risotto steak cookie noodle dumpling",
        "hot salty sweet thick thin raw",
        "pan oven spoon knife butter broth",
    ),
    _domain(
        "code",
        "server loop function database script parser compiler website crash query commit password bug thread cache "
        "backup",
        "short local public nested empty strict",
        "patch log branch library variable memory",
    ),
    _domain(
        "law",
        "contract lawsuit lease divorce patent trademark appeal arrest dispute verdict licence complaint eviction "
        "settlement subpoena trial",
        "formal signed written sealed polite private",
        "letter lawyer notice judge oath evidence",
    ),
    _domain(
        "sports",
        "serve sprint tackle jump swing dive race marathon workout stretch throw kick swim squat backhand handstand",
        "light heavy slow steady tight loose",
        "glove racket whistle shoe coach training",
    ),
    _domain(
        "travel",
        "visa flight hotel passport suitcase cruise hike tour ticket layover itinerary reservation ferry hostel safari "
        "journey",
        "early direct cheap foreign crowded northern",
        "train guide route airline beach insurance",
    ),
    _domain(
        "gardening",
        "hedge lawn rose tulip orchard cactus fern shrub vine tomato pumpkin seedling weed bonsai pond herb",
        "sharp wet shady sunny deep wild",
        "shovel rake pot bucket soil mulch",
    ),
    _domain(
        "cars",
        "engine brake tyre clutch gearbox battery radiator bumper windshield exhaust mirror headlight dashboard "
        "sunroof wiper seatbelt",
        "new used rusty greasy spare strong",
        "wrench jack hose gasket bolt oil",
    ),
    _domain(
        "housework",
        "carpet window sofa sink toilet curtain floor mattress closet fridge bathtub chimney drain stove wardrobe "
        "attic",
        "damp mild gentle rough scented plain",
        "sponge brush cloth mop soap vinegar",
    ),
    _domain(
        "school",
        "essay thesis lecture diploma grade project report poem equation experiment speech textbook scholarship "
        "seminar assignment presentation",
        "careful messy colourful silent boring brief",
        "outline notebook tutor diagram summary reading",
    ),
    _domain(
        "pets",
        "parrot kitten puppy hamster goldfish turtle rabbit pony ferret gecko canary poodle tarantula lizard gerbil "
        "duckling",
        "cosy bright tiny wooden fluffy smelly",
        "cage leash basket blanket toy bell",
    ),
)
"""Every domain, in the order that all counts and tests use."""

DOMAIN_NAMES: tuple[str, ...] = tuple(d.name for d in DOMAINS)


def with_article(words: str) -> str:
    """`words` with its indefinite article, unless its last word is a mass noun: `an early train`, `clean water`."""
    if words.split()[-1] in MASS_NOUNS:
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
