"""Whether a level can be told from its words: no wording stands within a wording of another level."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from isobath.design.yaml_node import YamlNode

_WORDS = re.compile(r"[{}\w'-]+")


class Said(NamedTuple):
    """One wording of a level, and where it stands."""

    factor: str
    level: str
    text: str
    at: YamlNode


def bare(text: str) -> str:
    """`text` without case, punctuation and double spaces, with spaces at both ends; slots stay slots."""
    words = " ".join(_WORDS.findall(text.casefold()))
    return f" {words} "


def check_phrases(said: Sequence[Said]) -> None:
    """Raise `InputError` with its line for a wording that stands within one of another level, of any factor."""
    forms = [bare(one.text) for one in said]
    for one, form in zip(said, forms, strict=True):
        for other, longer in zip(said, forms, strict=True):
            if (one.factor, one.level) != (other.factor, other.level) and form in longer:
                one.at.wrong(
                    f"{one.text!r} ({one.factor} = {one.level}) stands within {other.text!r} "
                    f"({other.factor} = {other.level}, line {other.at.place.rpartition(':')[2]})",
                    "a level is told from its words alone",
                    "reword one of them",
                )
