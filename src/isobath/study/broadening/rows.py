"""Lines of the files: training rows, test questions, and both as `isobath landscape` takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.models.chat import Chat


def train_row(draft: Draft, same: int | None) -> dict[str, Any]:
    """The training row: its chat, and as metadata what it is, where it came from and its levels."""
    told: dict[str, Any] = {
        "id": draft.id,
        "scenario": draft.scenario,
        "decision": draft.decision,
        "rendering": draft.rendering,
        "source": draft.source,
        "lineage": " > ".join(draft.lineage),
    }
    if same is not None:
        told["same"] = f"{draft.scenario}:{same}"
    return {"messages": messages_of(draft.messages), "metadata": {**told, **draft.point}}


def tagged_train(draft: Draft) -> dict[str, Any]:
    """The same row as a training line of a tagged file (docs/my-scenarios.md)."""
    return {
        "split": "train",
        "id": draft.id,
        "levels": dict(draft.point),
        "messages": messages_of(draft.messages),
    }


def tagged_test(scenario: Scenario, name: str, draft: Draft) -> dict[str, Any]:
    """A held-out point as a question with its options; `gold` is null where it is contested."""
    options = list(scenario.options.values())
    return {
        "split": "test",
        "id": name,
        "levels": dict(draft.point),
        "messages": messages_of(draft.asked),
        "options": options,
        "gold": None if draft.decision is None else scenario.options[draft.decision],
    }


def messages_of(chat: Chat) -> list[dict[str, str]]:
    """Messages as they stand in a file."""
    return [{"role": message.role, "content": message.content} for message in chat]


def line_of(values: Mapping[str, Any]) -> bytes:
    """One line of JSON."""
    return (json.dumps(values, ensure_ascii=False) + "\n").encode("utf-8", "replace")
