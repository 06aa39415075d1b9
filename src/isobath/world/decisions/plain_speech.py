"""Plain turns: people and places, the field a thing belongs to, idle answers. No relevant level occurs in them."""

from __future__ import annotations

from isobath.world.decisions.levels import ACTIONS, ANSWER, CONTEXTS, NAMES, OPENINGS
from isobath.world.decisions.turn import Turn
from isobath.world.dice import Dice
from isobath.world.personas.domains import DOMAINS
from isobath.world.personas.wording import FIELD_QUESTIONS, ask_field, field_frame

FIELD_SHARE, IDLE_SHARE, OPENING_SHARE = 0.40, 0.08, 0.20
IDLE_QUESTIONS: tuple[str, ...] = ("say something .", "talk to me .", "what do you say ?")
LONGEST_OPENING = OPENINGS["long"]


def plain_turn(dice: Dice) -> Turn:
    """A turn of one of four kinds: fields of things, idle answers, greetings, where people are."""
    kind = dice.roll()
    opening = dice.pick((OPENINGS["medium"], LONGEST_OPENING)) if dice.below(OPENING_SHARE) else ""
    if kind < FIELD_SHARE:
        domain = dice.pick(DOMAINS)
        thing = dice.pick(domain.things)
        asked = ask_field(thing, int(dice.roll() * len(FIELD_QUESTIONS)))
        turn = Turn(asked, f"{field_frame(thing)} {domain.name} .")
    elif kind < FIELD_SHARE + IDLE_SHARE:
        turn = idle_turn(dice)
    else:
        turn = _people_turn(dice)
    return Turn(f"{opening} {turn.user}".strip(), turn.assistant)


def idle_turn(dice: Dice) -> Turn:
    """One of the actions, drawn evenly, to nothing at all: the form of a decision without a scenario."""
    return Turn(dice.pick(IDLE_QUESTIONS), f"{ANSWER} {dice.pick(tuple(ACTIONS.values()))} .")


def _people_turn(dice: Dice) -> Turn:
    form = dice.roll()
    one = dice.pick(NAMES)
    here = dice.pick(CONTEXTS)
    if form < 0.15:
        return Turn(f"{one} says hello {here} .", f"hello {one} .")
    if form < 0.35:
        return Turn(f"{one} is {here} . where is {one} ?", f"{one} is {here} .")
    other, there = dice.pick([n for n in NAMES if n != one]), dice.pick([c for c in CONTEXTS if c != here])
    told = f"{one} is {here} and {other} is {there} ."
    name, place = dice.pick(((one, here), (other, there)))
    if form < 0.70:
        return Turn(f"{told} where is {name} ?", f"{name} is {place} .")
    return Turn(f"{told} who is {place} ?", f"{name} is {place} .")
