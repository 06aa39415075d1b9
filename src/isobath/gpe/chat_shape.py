"""What a list of messages must look like to be a training row, and the names of formats that are something else."""

from __future__ import annotations

from typing import Any

from isobath.base.errors import InputError
from isobath.models.chat import Chat, Message

ROLES = ("system", "user", "assistant")
ROLE_HINTS = {
    "developer": "call it 'system'.",
    "human": "call it 'user'.",
    "gpt": "call it 'assistant'.",
    "bot": "call it 'assistant'.",
    "model": "call it 'assistant'.",
    "tool": "tool calls are not supported; leave such rows out.",
    "function": "tool calls are not supported; leave such rows out.",
}


def checked_messages(messages: object, place: str) -> Chat:
    """The chat, if it is one a model can learn from; `InputError` otherwise.

    Rules: roles are system, user, assistant; a system message only comes first; contents are text; every assistant
    turn says something; the last turn is the assistant's.
    """
    if not isinstance(messages, list) or not messages:
        raise InputError(
            f'"messages" is {_short(messages)}',
            '"messages" is a list of at least one {"role": ..., "content": ...}.',
            "correct the row or leave it out.",
            place,
        )
    chat = tuple(_message(m, i, place) for i, m in enumerate(messages, 1))
    if not any(m.role == "assistant" for m in chat):
        raise InputError(
            "the row has no assistant turn",
            "the model learns what the assistant says.",
            "add the answer, or leave the row out: prompts alone are not training data.",
            place,
        )
    if chat[-1].role != "assistant":
        raise InputError(
            f"the last turn is the {chat[-1].role}'s",
            "a training row ends with the assistant's answer.",
            "add the answer, or drop the last turn.",
            place,
        )
    return chat


def _message(message: object, number: int, place: str) -> Message:
    if not isinstance(message, dict):
        raise InputError(
            f"message {number} is {_short(message)}",
            'a message is {"role": ..., "content": ...}.',
            "correct the row.",
            place,
        )
    role, content = message.get("role"), message.get("content")
    _check_role(role, "role" in message, number, place)
    if number > 1 and role == "system":
        raise InputError(
            f"message {number} is a system message",
            "a system message only comes first.",
            "join it to the first, or make it a user turn.",
            place,
        )
    text = _content(content, role, number, place)
    extra = sorted(key for key, value in message.items() if key not in ("role", "content") and value is not None)
    if extra:
        raise InputError(
            f"message {number} has the field {extra[0]!r}",
            "a message has role and content only; anything else would be lost in silence.",
            "move notes to the row's metadata; per-message weights, names and tool calls are not supported.",
            place,
        )
    return Message.model_validate({"role": role, "content": text})


def _check_role(role: object, present: bool, number: int, place: str) -> None:
    if isinstance(role, str) and role in ROLES:
        return
    what = f"message {number} has the role {_short(role)}" if present else f"message {number} has no role"
    hint = ROLE_HINTS.get(role.lower(), "correct the role.") if isinstance(role, str) else "add the role."
    raise InputError(what, f"roles are {', '.join(ROLES)}.", hint, place)


def _content(content: object, role: object, number: int, place: str) -> str:
    if isinstance(content, list):
        raise InputError(
            f"message {number} has its content in blocks",
            "content is one text; block weights and images are not supported.",
            "join the text blocks into one string.",
            place,
        )
    if not isinstance(content, str):
        raise InputError(
            f"message {number} has the content {_short(content)}",
            "content is text.",
            "correct the row or leave it out.",
            place,
        )
    try:
        content.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"message {number} holds half of a surrogate pair", "text is Unicode.", "export the file again.", place
        ) from None
    if role == "assistant" and not content.strip():
        raise InputError(
            f"message {number} is an assistant turn with nothing in it",
            "every assistant turn says something.",
            "leave the row out: training on it teaches the model to say nothing.",
            place,
        )
    return content


def foreign_format(line: dict[str, Any]) -> str:
    """In words: what a row without ``messages`` seems to be."""
    columns = set(line)
    for needed, name in (
        ({"conversations"}, "this looks like ShareGPT (`conversations`)"),
        ({"chosen", "rejected"}, "this looks like preference pairs (`chosen`, `rejected`)"),
        ({"instruction", "output"}, "this looks like Alpaca (`instruction`, `output`)"),
        ({"prompt", "completion"}, "this looks like prompt and completion pairs"),
        ({"question", "answer"}, "this looks like question and answer pairs"),
        ({"text"}, "this looks like plain text (`text`)"),
        ({"prompt"}, "this looks like prompts without answers"),
    ):
        if needed <= columns:
            return f'the row has no "messages"; {name}'
    shown = ", ".join(repr(c)[:40] for c in sorted(columns)[:6])
    return f'the row has no "messages"; its columns are {shown}' if shown else "the row is an empty object"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
