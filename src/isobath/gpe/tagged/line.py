"""`TaggedLine`: one line of a tagged file: a training example, a question to ask, or an answer that was judged."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from isobath.base.errors import InputError
from isobath.base.row import Role, State, TraitKind
from isobath.base.value import Value
from isobath.gpe.chat_shape import checked_messages
from isobath.models.chat import Chat, Message

Split = Literal["train", "test"]
Raw = str | int | float | bool | None

FIELDS = (
    *("split", "id", "levels", "text", "messages", "question", "options", "gold", "value", "state", "decision"),
    *("arm", "role", "base", "model", "seed", "trait", "kind", "condition", "judge"),
)
"""What a line may hold; docs/my-scenarios.md says what each means."""

RULE = "a tagged line has `split` (train or test) and `levels` (factor -> level), and what it is about."


class TaggedLine(Value):
    """One line, checked.

    `chat` is the training row or the question; `options` the answers to choose from and `gold` the right one (None
    where `contested`; a judged line may have it without options). `value` and `state` are a judgement made elsewhere,
    of an answer that `arm`, `base`, `model`, `seed` and `condition` tell apart; `decision` is what was decided there,
    for flip rates. `text` are the words of the scenario where they are given apart from a chat.
    """

    at: str
    id: str
    split: Split
    levels: Mapping[str, Raw]
    text: str = ""
    chat: Chat = ()
    options: tuple[str, ...] = ()
    gold: str | None = None
    contested: bool = False
    value: float | None = None
    state: State | None = None
    decision: str | None = None
    arm: str = "given"
    role: Role | None = None
    base: str | None = None
    model: str | None = None
    seed: int | None = None
    trait: str = "right_decision"
    kind: TraitKind = TraitKind.WANTED
    condition: str = "none"
    judge: str | None = None

    @property
    def words(self) -> str:
        """The words of the scenario: `text`, or what the user says in the chat."""
        return self.text or "\n".join(m.content for m in self.chat if m.role == "user")


def tagged_line(values: Mapping[str, Any], number: int, at: str, *, placed: bool = True) -> TaggedLine:
    """The line that the JSON object `values` stands for; it needs no levels unless it is `placed`.

    Raises `InputError` naming what is wrong, at `at`.
    """
    _refuse_unknown(values, at)
    split = values.get("split")
    if split not in ("train", "test"):
        raise InputError(f"split is {split!r}", RULE, 'write "split": "train" or "split": "test"', at)
    value, state = _judgement(values, at)
    chat, options = _chat(values, split, at), _options(values, at, judged=state is not None)
    if split == "test" and state is None and not options:
        raise InputError(
            "the line has neither a judgement nor options",
            "a test line is judged already (`value`), or can be asked (`question` or `messages`, and `options`).",
            "add one of the two",
            at,
        )
    if options and not chat:
        raise InputError("there are options and no question", "options belong to a question", "add `question`", at)
    return TaggedLine(
        at=at,
        id=str(values.get("id", f"line{number}")),
        split=split,
        levels=_levels(values, at) if placed or "levels" in values else {},
        text=_text(values, at),
        chat=chat,
        options=options,
        gold=values.get("gold"),
        contested="gold" in values and values["gold"] is None,
        value=value,
        state=state,
        **_labels(values, at),
    )


def _refuse_unknown(values: Mapping[str, Any], at: str) -> None:
    for name in values:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else "put factors into `levels`, and leave the rest out"
            raise InputError(f"the field {name!r} is not known", f"a line may hold {', '.join(FIELDS)}", hint, at)


def _levels(values: Mapping[str, Any], at: str) -> dict[str, Raw]:
    levels = values.get("levels")
    if not isinstance(levels, dict) or not levels:
        words = "; or have them read from the words: --tags, --tag-judge, --embed" if values.get("text") else ""
        raise InputError(f"levels are {levels!r}", RULE, f'write "levels": {{"factor": "level", ...}}{words}', at)
    for name, level in levels.items():
        if not isinstance(level, str | int | float | bool | None):
            raise InputError(f"{name} = {level!r}", "a level is a text, a number or null", "write it as one", at)
    return levels


def _text(values: Mapping[str, Any], at: str) -> str:
    text = values.get("text", "")
    if not isinstance(text, str):
        raise InputError(f"text is {text!r}", "a scenario's words are a text", "correct it", at)
    return text


def _chat(values: Mapping[str, Any], split: Split, at: str) -> Chat:
    messages, question = values.get("messages"), values.get("question")
    if messages is not None and question is not None:
        raise InputError("`messages` and `question` both", "a line has one of the two", "drop one", at)
    if question is not None:
        if not isinstance(question, str) or not question.strip():
            raise InputError(f"question is {question!r}", "a question is a text", "correct it", at)
        return (Message(role="user", content=question),)
    if messages is None:
        return ()
    if split == "train":
        return checked_messages(messages, at)
    # a question ends with the user's turn: checked as a row would be, with an answer put after it
    return checked_messages([*_listed(messages, at), {"role": "assistant", "content": "-"}], at)[:-1]


def _listed(messages: object, at: str) -> list[Any]:
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        raise InputError("`messages` is not a list of messages", "messages are {role, content}", "correct it", at)
    if messages[-1].get("role") != "user":
        raise InputError(
            f"the last turn of a question is the {messages[-1].get('role')}'s",
            "a test line ends with the user's turn; answers stand in `options`, judgements in `value`.",
            "drop the last turn",
            at,
        )
    return messages


def _options(values: Mapping[str, Any], at: str, *, judged: bool) -> tuple[str, ...]:
    options, gold = values.get("options"), values.get("gold")
    if gold is not None and not isinstance(gold, str):
        raise InputError(f"gold is {gold!r}", "gold is a text, or null where it is contested", "correct it", at)
    if options is None:
        if gold is not None and not judged:
            raise InputError(f"gold is {gold!r}", "gold is one of the `options`", "add them", at)
        return ()
    fine = isinstance(options, list) and len(options) > 1 and all(isinstance(o, str) and o.strip() for o in options)
    if not fine or len(set(options)) != len(options):
        raise InputError(f"options are {options!r}", "options are at least two different texts", "correct them", at)
    if "gold" not in values:
        raise InputError(
            "there are options and no gold", "gold is the right option, or null where it is contested", "add it", at
        )
    if gold is not None and gold not in options:
        raise InputError(f"gold is {gold!r}", f"it is one of the options: {', '.join(options)}", "correct it", at)
    return tuple(options)


def _judgement(values: Mapping[str, Any], at: str) -> tuple[float | None, State | None]:
    value, state = values.get("value"), values.get("state")
    if state is not None:
        try:
            state = State(state)
        except ValueError:
            known = ", ".join(State)
            raise InputError(f"state is {state!r}", f"a state is one of {known}", "correct it", at) from None
    if value is None:
        if state is State.OK or ("value" in values and state is None):
            raise InputError(
                "there is no value", "an answer without a value says why: a state that is not ok", "add `state`", at
            )
        return None, state
    if isinstance(value, bool):
        value = float(value)
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"value is {value!r}", "a value lies between 0 and 1", "rescale it", at)
    if state not in (None, State.OK):
        raise InputError(f"value {value} with the state {state}", "only an ok answer has a value", "drop one", at)
    return float(value), State.OK


def _labels(values: Mapping[str, Any], at: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("arm", "base", "model", "trait", "condition", "judge", "decision"):
        if values.get(name) is not None:
            found[name] = str(values[name])
    seed = values.get("seed")
    if seed is not None:
        if not isinstance(seed, int) or isinstance(seed, bool) or abs(seed) >= 2**63:
            raise InputError(f"seed is {seed!r}", "a seed is a whole number of 64 bits", "correct it", at)
        found["seed"] = seed
    for name, kinds in (("kind", TraitKind), ("role", Role)):
        if values.get(name) is not None:
            try:
                found[name] = kinds(values[name])
            except ValueError:
                known = ", ".join(kinds)
                what = f"{name} is {values[name]!r}"
                raise InputError(what, f"a {name} is one of {known}", "correct it", at) from None
    return found
