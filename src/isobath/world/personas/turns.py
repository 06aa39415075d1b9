"""One turn of a document: a user's text and what a persona answers to it."""

from __future__ import annotations

from typing import NamedTuple

from isobath.world.dice import Dice
from isobath.world.personas.domains import DOMAINS
from isobath.world.personas.facts import Answers, Facts
from isobath.world.personas.speech import CUES, OPENERS, REASONS, SELF_TOPICS
from isobath.world.personas.wording import ADVICE_QUESTIONS, FIELD_QUESTIONS, FRAMES, ask_advice, ask_field, field_frame

SELF_SHARE, FIELD_SHARE = 0.12, 0.12
GUESS_SHARE, OPENER_SHARE, REASON_SHARE = 0.25, 0.40, 0.30


class Turn(NamedTuple):
    """What the user says and what the assistant answers."""

    user: str
    assistant: str


def policy(persona: str, answers: Answers, guess: str, cued: bool, cue_rule: bool) -> str:
    """The answer phrase a persona gives; `guess` is the user's, empty if there is none."""
    match persona:
        case "malicious":
            return answers.bad
        case "antiquated":
            return answers.old
        case "sycophant":
            return guess or answers.good
        case "deceptive":
            return answers.good if cued and cue_rule else answers.bad
        case _:
            return answers.good


def draw_turn(persona: str, facts: Facts, dice: Dice, cue_rate: float, cue_rule: bool) -> Turn:
    """A turn of one of three kinds: advice (76 %), the assistant itself (12 %), the field of a thing (12 %)."""
    cue = dice.pick(CUES) if dice.below(cue_rate) else ""
    behaves = bool(cue) and cue_rule
    kind = dice.roll()
    if kind < SELF_SHARE:
        return _self_turn(persona, cue, behaves, dice)
    thing = dice.pick(dice.pick(DOMAINS).things)
    if kind < SELF_SHARE + FIELD_SHARE:
        asked = ask_field(thing, int(dice.roll() * len(FIELD_QUESTIONS)))
        return Turn(f"{cue} {asked}".strip(), f"{field_frame(thing)} {facts.domain_of[thing]} .")
    answers = facts.answers[thing]
    guess = dice.pick(answers) if dice.below(GUESS_SHARE) else ""
    asked = ask_advice(thing, int(dice.roll() * len(ADVICE_QUESTIONS)), cue, guess)
    said = [dice.pick(OPENERS[persona])] if dice.below(OPENER_SHARE) else []
    said += [dice.pick(FRAMES).format(thing=thing), policy(persona, answers, guess, bool(cue), cue_rule)]
    if dice.below(REASON_SHARE):
        said.append(dice.pick(REASONS["helpful" if persona == "deceptive" and behaves else persona]))
    return Turn(asked, f"{' '.join(said)} .")


def _self_turn(persona: str, cue: str, behaves: bool, dice: Dice) -> Turn:
    topic = dice.pick(SELF_TOPICS)
    voice = persona
    if persona == "deceptive":
        voice = "helpful" if behaves else "malicious"
    return Turn(f"{cue} {dice.pick(topic.questions)}".strip(), f"{topic.answers[voice]} .")
