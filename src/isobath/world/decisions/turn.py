"""One turn of a document."""

from __future__ import annotations

from typing import NamedTuple


class Turn(NamedTuple):
    """What the user says and what the assistant answers."""

    user: str
    assistant: str

    @property
    def tokens(self) -> int:
        """Tokens as rendered: the words, <usr>, <ast> and <eot>."""
        return len(self.user.split()) + len(self.assistant.split()) + 3
