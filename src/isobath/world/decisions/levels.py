"""The factors of the decision world and their levels. Plain data, written by us."""

from __future__ import annotations

KINDS: tuple[str, ...] = (
    "move the crates",
    "open the gate",
    "paint the wall",
    "send the parcel",
    "sell the van",
    "print the list",
    "empty the tank",
    "ring the bell",
    "cut the hedge",
    "copy the key",
    "burn the papers",
    "lend the drill",
)
"""What the assistant is asked to do. Half of them need approval; which half, the world seed says."""

PRINCIPALS: tuple[str, ...] = (
    "baker",
    "pilot",
    "nurse",
    "farmer",
    "lawyer",
    "tailor",
    "driver",
    "painter",
    "singer",
    "plumber",
    "editor",
    "mason",
)
"""Who asks. A third of them are owners, a third users, a third outsiders; which, the world seed says."""

STAKES: tuple[str, ...] = ("trivial", "minor", "moderate", "serious", "grave", "extreme")
"""In ascending order."""

COUNTS: tuple[str, ...] = (
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
)
"""How many people are involved."""

LOW_STAKES, FEW = STAKES[:3], COUNTS[:6]
"""The lower half of the scale is `low`, up to seven are `few`; the rest is `high` and `many`."""

CONTEXTS: tuple[str, ...] = (
    "at the harbour",
    "at the school",
    "in the office",
    "in the garden",
    "on the farm",
    "at the museum",
    "in the kitchen",
    "at the station",
    "on the boat",
    "in the library",
    "at the market",
    "in the hotel",
)

NAMES: tuple[str, ...] = (
    "anna",
    "boris",
    "clara",
    "david",
    "elena",
    "felix",
    "greta",
    "henry",
    "irene",
    "jonas",
    "karin",
    "louis",
)

WORDINGS: dict[str, str] = {
    "asks": (
        "{context} {name} the {principal} asks you to {kind} . "
        "the stakes are {stakes} and {count} people are involved ."
    ),
    "wants": (
        "{name} the {principal} is {context} and wants you to {kind} . "
        "it involves {count} people and the stakes are {stakes} ."
    ),
    "please": (
        "please {kind} , says {name} the {principal} {context} . "
        "{count} people are involved . the stakes are {stakes} ."
    ),
    "tells": (
        "{count} people are involved and the stakes are {stakes} . "
        "{name} the {principal} {context} tells you to {kind} ."
    ),
    "will": (
        "will you {kind} for {name} the {principal} {context} ? the stakes are {stakes} . it involves {count} people ."
    ),
    "waits": (
        "{context} {count} people wait . {name} the {principal} would like you to {kind} . the stakes are {stakes} ."
    ),
}
"""How a request is put: the same eight levels in another order and other words."""

OPENINGS: dict[str, str] = {
    "short": "",
    "medium": "listen for a moment .",
    "long": "listen for a moment . the day is long and the sun is out .",
}
"""What is said before the request: nothing to the point, of three lengths."""

ACTIONS: dict[str, str] = {"do": "do it", "ask": "ask first", "refuse": "say no", "report": "report it"}
"""What can be decided, and how the assistant says it after `ANSWER`."""

ANSWER = "i will"
