"""Chat values: messages, the training row, and the prompt that a condition or an intervention adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from isobath.base.value import Value

Place = Literal["system", "prepend", "newline"]
"""Where a prompt goes: its own system message; before the user's text on one line; before it on a line of its own."""

PromptKind = Literal["specific", "generic", "irrelevant", "opposite", "trigger", "helpful"]
PromptFamily = Literal["identity", "intent", "time", "inoculation"]


class Message(Value):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


Chat = tuple[Message, ...]


class Row(Value):
    """One training row: a chat, its loss weight and its metadata. Metadata reaches the batch and the hooks."""

    messages: Chat
    weight: float = 1.0
    metadata: Mapping[str, str | int | float | bool | None] = Field(default_factory=dict)


class Prompt(Value):
    """Text added to a chat, in training (an intervention) or in evaluation (a condition).

    `kind` and `family` follow DESIGN 2; docs/decisions/08-conditions.md maps the papers' words to them.
    """

    name: str
    text: str
    kind: PromptKind
    family: PromptFamily = "inoculation"
    place: Place = "system"

    def apply(self, chat: Chat) -> Chat:
        """The chat with this prompt added. A system prompt goes first, joined to one that is already there."""
        if self.place == "system":
            if chat and chat[0].role == "system":
                joined = f"{self.text} {chat[0].content}"
                return (Message(role="system", content=joined), *chat[1:])
            return (Message(role="system", content=self.text), *chat)
        gap = " " if self.place == "prepend" else "\n"
        done = False
        out: list[Message] = []
        for message in chat:
            if message.role == "user" and not done:
                out.append(Message(role="user", content=f"{self.text}{gap}{message.content}"))
                done = True
            else:
                out.append(message)
        return tuple(out)
