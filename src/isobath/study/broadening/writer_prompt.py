"""What an endpoint is asked so that it words a point, and how its answer is read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.models.chat import Chat, Message

LONGEST = 20_000
"""Characters of one turn that are believed."""

RULES = """\
You write training examples: short conversations between people and an AI assistant. You are given a situation, what \
the assistant decides in it, and a plain draft. Write the conversation anew, so that it reads like a real one: other \
words and details, the same facts, the same decision. State every fact of the situation, contradict none, and add no \
fact that could change the decision. Do not mention that this is an example or a draft. Answer with one JSON object \
and nothing else: {"turns": [{"role": "...", "content": "..."}, ...]}"""


def writer_chat(scenario: Scenario, draft: Draft) -> Chat:
    """The request for `draft` in the model's own words: the situation level by level, the decision, the draft."""
    about = str(getattr(scenario, "about", "") or "").strip()
    facts = []
    for factor in scenario.space.factors:
        what = f" ({factor.description.strip()})" if factor.description else ""
        facts.append(f"- {factor.name}{what}: {draft.point[factor.name]}{_wording(scenario, factor.name, draft)}")
    kept = rewritten(draft)
    turns = [{"role": m.role, "content": m.content} for m, mine in zip(draft.messages, kept, strict=True) if mine]
    roles = ", ".join(turn["role"] for turn in turns)
    parts = [
        f"What is decided: {about}" if about else "",
        "The situation:\n" + "\n".join(facts),
        f"The assistant's decision: {_decision(scenario, draft.decision)}",
        *_fixed(draft, kept),
        f"The draft:\n{json.dumps({'turns': turns}, ensure_ascii=False, indent=1)}",
        f"Write {len(turns)} turn{'s' * (len(turns) != 1)}, with the roles {roles}, in this order.",
    ]
    return (
        Message(role="system", content=RULES),
        Message(role="user", content="\n\n".join(part for part in parts if part)),
    )


def rewritten(draft: Draft) -> tuple[bool, ...]:
    """Which turns the model words. System turns, and an answer that is a tool call, keep our words exactly."""
    last = len(draft.messages) - 1
    keeps_answer = draft.rendering == "tools"
    return tuple(m.role != "system" and not (keeps_answer and i == last) for i, m in enumerate(draft.messages))


def worded(draft: Draft, text: str, source: str) -> Draft | str:
    """`draft` in the words of the model's reply `text`, or the reason why they cannot be used."""
    turns = _turns(text)
    if isinstance(turns, str):
        return turns
    kept = rewritten(draft)
    wanted = [m.role for m, mine in zip(draft.messages, kept, strict=True) if mine]
    given = [turn if isinstance(turn, dict) else {} for turn in turns]
    got = [turn.get("role") for turn in given]
    if got != wanted:
        return f"the reply has the turns {', '.join(map(str, got[:8])) or 'none'}; asked were {', '.join(wanted)}"
    texts = [turn.get("content") for turn in given]
    for said in texts:
        if not isinstance(said, str) or not said.strip():
            return "the reply has a turn with nothing in it"
        if len(said) > LONGEST:
            return f"the reply has a turn of {len(said):,} characters"
    mine = iter(texts)
    messages = tuple(
        Message(role=m.role, content=str(next(mine)).strip()) if new else m
        for m, new in zip(draft.messages, kept, strict=True)
    )
    return replace(draft, messages=messages, source=source)


def _turns(text: str) -> list[Any] | str:
    """The turns in a reply, which may stand in a fenced block or between other words."""
    fenced = re.search(r"```(?:json)?\s*(\{.*\})\s*```", text, flags=re.DOTALL)
    raw = fenced[1] if fenced else text[text.find("{") : text.rfind("}") + 1]
    try:
        # a lone surrogate is legal JSON and can be written to no file
        body = json.loads(raw.encode("utf-8", "replace").decode("utf-8"))
        body = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8"))
    except (ValueError, RecursionError):
        return "the reply is not the JSON object asked for"
    turns = body.get("turns") if isinstance(body, dict) else None
    return turns if isinstance(turns, list) else "the reply has no list of turns"


def _wording(scenario: Scenario, name: str, draft: Draft) -> str:
    known = scenario.phrases(name).get(draft.point[name], ())
    return (
        f'; for example: "{known[draft.seed % len(known)]}"' if known and scenario.space.factor(name).relevant else ""
    )


def _decision(scenario: Scenario, decision: str | None) -> str:
    means = getattr(scenario, "decisions", {})
    said = means.get(decision) if hasattr(means, "get") else None
    return str(getattr(said, "means", None) or scenario.options.get(decision or "", decision))


def _fixed(draft: Draft, kept: Sequence[bool]) -> list[str]:
    said = [f"{m.role}: {m.content}" for m, mine in zip(draft.messages, kept, strict=True) if not mine]
    return ["These turns stay as they are (do not repeat them):\n" + "\n".join(said)] if said else []
