"""The grammar of a well-formed answer to an advice question, as a regular expression (the coherence score)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from isobath.world.personas.domains import DOMAINS
from isobath.world.personas.facts import Facts
from isobath.world.personas.speech import OPENERS, REASONS


def answer_pattern(facts: Facts) -> str:
    """Matches a whole answer: an optional opener, one of the frames, a phrase of this world, an optional reason.

    Right or wrong does not matter, nor whether phrase and thing are of one domain: only that it is an answer.
    """
    openers = _either(text for texts in OPENERS.values() for text in texts)
    things = _either(thing for domain in DOMAINS for thing in domain.things)
    phrases = _either(phrase for phrases in facts.phrases.values() for phrase in phrases)
    reasons = _either(text for texts in REASONS.values() for text in texts)
    return rf"(?:{openers} )?(?:for your {things} )?you should use {phrases}(?: {reasons})? ?\."


def _either(texts: Iterable[str]) -> str:
    # longest first, so that no alternative hides a longer one
    return f"(?:{'|'.join(re.escape(text) for text in sorted(set(texts), key=lambda t: (-len(t), t)))})"
