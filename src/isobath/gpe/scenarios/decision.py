"""`Decision`: one of the things that can be decided in a scenario, in words and as a tool call."""

from __future__ import annotations

from collections.abc import Mapping

from isobath.base.value import Value


class Call(Value):
    """A tool call: the tool's name and its arguments."""

    tool: str
    arguments: Mapping[str, str | int | float | bool | None] = {}


class Decision(Value):
    """What a decision means, the words it is offered in, how an assistant says it and why, and the call that is it."""

    means: str
    option: str
    says: tuple[str, ...]
    because: tuple[str, ...]
    call: Call | None = None
