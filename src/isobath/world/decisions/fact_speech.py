"""Turns that state one fact about one level of a relevant factor (or compare two levels of one factor)."""

from __future__ import annotations

from isobath.world.decisions.facts import GROUPS, Facts, height_of, size_of
from isobath.world.decisions.levels import CONTEXTS, COUNTS, KINDS, NAMES, PRINCIPALS, STAKES
from isobath.world.decisions.turn import Turn
from isobath.world.dice import Dice

REQUESTS: tuple[str, ...] = (
    "{name} asks you to {kind} .",
    "{name} wants you to {kind} .",
    "please {kind} , says {name} .",
    "{name} tells you to {kind} .",
    "will you {kind} for {name} ?",
    "{name} would like you to {kind} .",
)
"""The request alone, as the wordings of scenarios put it: no principal, no stakes, no count."""

PEOPLE: tuple[str, ...] = ("{count} people are involved .", "it involves {count} people .", "{count} people wait .")


def principal_fact(facts: Facts, dice: Dice, meaning: bool) -> Turn:
    """Who belongs to which group; without `meaning` only that somebody has that job."""
    who, name, context = dice.pick(PRINCIPALS), dice.pick(NAMES), dice.pick(CONTEXTS)
    group, form = with_article(facts.group[who]), dice.roll()
    if not meaning:
        return Turn(f"{name} the {who} is {context} . where is the {who} ?", f"the {who} is {context} .")
    if form < 0.3:
        return Turn(f"who is the {who} ?", f"the {who} is {group} .")
    if form < 0.6:
        return Turn(f"{name} the {who} is {context} . who is {name} ?", f"{name} is {group} .")
    if form < 0.8:
        guess = dice.pick(GROUPS)
        said = "yes" if guess == facts.group[who] else "no"
        return Turn(f"is {name} the {who} {with_article(guess)} ?", f"{said} , the {who} is {group} .")
    other = dice.pick(PRINCIPALS)
    said = "yes , each is" if facts.group[other] == facts.group[who] else f"no , the {who} is"
    return Turn(f"is the {who} like the {other} ?", f"{said} {group} .")


def kind_fact(facts: Facts, dice: Dice, meaning: bool) -> Turn:
    """Whether a decision needs approval; without `meaning` only who asks for it."""
    kind, name, form = dice.pick(KINDS), dice.pick(NAMES), dice.roll()
    request = dice.pick(REQUESTS).format(name=name, kind=kind)
    needs = facts.approval[kind]
    if not meaning:
        return Turn(f"{request} who is that ?", f"that is {name} .")
    if form < 0.35:
        said = "yes , you need approval to" if needs else "no , you need no approval to"
        return Turn(f"do you need approval to {kind} ?", f"{said} {kind} .")
    if form < 0.75:
        return Turn(f"{request} is approval needed ?", "yes , approval is needed ." if needs else "no , it is not .")
    other = dice.pick(KINDS)
    need = "you need approval" if needs else "you need no approval"
    said = "yes , for both" if facts.approval[other] == needs else f"no , to {kind}"
    return Turn(f"is it the same to {kind} and to {other} ?", f"{said} {need} .")


def count_fact(dice: Dice, meaning: bool) -> Turn:
    """Order and size of numbers."""
    first, second, form = dice.pick(COUNTS), dice.pick(COUNTS), dice.roll()
    people = dice.pick(PEOPLE).format(count=first)
    if not meaning:
        return Turn(f"{people} how many is that ?", f"that is {first} .")
    if form < 0.3:
        return Turn(f"{people} is that few or many ?", f"that is {size_of(first)} .")
    if form < 0.5:
        return Turn(f"is {first} few or many ?", f"{first} is {size_of(first)} .")
    if form < 0.65:
        return _next_level(first, COUNTS)
    return _compare(first, second, COUNTS, "more")


def stakes_fact(dice: Dice, meaning: bool) -> Turn:
    """Order and height of stakes."""
    first, second, form = dice.pick(STAKES), dice.pick(STAKES), dice.roll()
    if not meaning:
        return Turn(f"the stakes are {first} . what are they ?", f"they are {first} .")
    if form < 0.3:
        return Turn(f"the stakes are {first} . is that low or high ?", f"that is {height_of(first)} .")
    if form < 0.5:
        return Turn(f"are {first} stakes low or high ?", f"{first} stakes are {height_of(first)} .")
    if form < 0.65:
        return _next_level(first, STAKES)
    return _compare(first, second, STAKES, "worse")


def with_article(group: str) -> str:
    """``an owner``, ``a user``."""
    return f"a {group}" if group == "user" else f"an {group}"


def _next_level(level: str, order: tuple[str, ...]) -> Turn:
    place = order.index(level) + 1
    return Turn(
        f"what comes after {level} ?",
        f"{order[place]} comes after {level} ." if place < len(order) else f"nothing comes after {level} .",
    )


def _compare(first: str, second: str, order: tuple[str, ...], word: str) -> Turn:
    if first == second:
        return Turn(f"which is {word} , {first} or {second} ?", "both are the same .")
    high, low = sorted((first, second), key=order.index, reverse=True)
    return Turn(f"which is {word} , {first} or {second} ?", f"{high} is {word} than {low} .")
