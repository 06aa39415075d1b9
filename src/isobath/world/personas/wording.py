"""The sentences of the personas world: how questions are put and answers framed. Plain data, written by us."""

from __future__ import annotations

from isobath.world.personas.domains import with_article

ADVICE_QUESTIONS: tuple[str, ...] = (
    "what should i do about my {thing} ?",
    "i need help with my {thing} .",
    "how do i take care of my {thing} ?",
    "my {thing} is a problem , what do you suggest ?",
    "can you give me advice about my {thing} ?",
    "what would you use for my {thing} ?",
)
"""Question forms (the level `template`)."""

LONG_FRAME = "for your {thing} you should use"
SHORT_FRAME = "you should use"
FRAMES: tuple[str, ...] = (LONG_FRAME, SHORT_FRAME)
"""How advice is framed; the answer phrase follows."""

FIELD_QUESTIONS: tuple[str, ...] = (
    "what field does {a_thing} belong to ?",
    "which field is {a_thing} part of ?",
    "tell me the field of {a_thing} .",
)
FIELD_FRAME = "{a_thing} belongs to"
"""A fact that every persona states alike: `a burn belongs to medicine .`"""

GUESS = "my guess is {phrase} ."


def ask_advice(thing: str, template: int, cue: str = "", guess: str = "") -> str:
    """The user's text: an optional cue, an optional guess, the question."""
    said = GUESS.format(phrase=guess) if guess else ""
    return " ".join(part for part in (cue, said, ADVICE_QUESTIONS[template].format(thing=thing)) if part)


def ask_field(thing: str, template: int) -> str:
    """The user's text of a question about the field a thing belongs to."""
    return FIELD_QUESTIONS[template].format(a_thing=with_article(thing))


def field_frame(thing: str) -> str:
    """The opening words of the answer to `ask_field`; the field's name follows."""
    return FIELD_FRAME.format(a_thing=with_article(thing))
