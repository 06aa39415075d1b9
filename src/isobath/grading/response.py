"""Response records: what a checkpoint said, stored as Parquet, a part at a time."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from isobath.base.row import State
from isobath.models.chat import Chat
from isobath.models.protocol import ChoiceScores, Text

FILE = "responses.parquet"


@dataclass(frozen=True)
class Response:
    """One response. `options`, `logprobs` and `tokens` are empty for a text; `text` is empty for a forced choice."""

    response_id: str
    prompt: str
    options: tuple[str, ...]
    logprobs: tuple[float, ...]
    tokens: tuple[int, ...]
    text: str
    state: State
    replayable: bool = True


def of_choice(response_id: str, chat: Chat, prefix: str, options: Sequence[str], scores: ChoiceScores) -> Response:
    """The record of a forced choice."""
    return Response(response_id, spoken(chat, prefix), tuple(options), scores.logprobs, scores.tokens, "", scores.state)


def of_text(response_id: str, chat: Chat, prefix: str, text: Text) -> Response:
    """The record of a generated text."""
    return Response(response_id, spoken(chat, prefix), (), (), (), text.text, text.state)


def spoken(chat: Chat, prefix: str) -> str:
    """The chat as a person reads it, one turn a line; the last line is the assistant's opening words, if any."""
    lines = [f"{m.role}: {m.content}" for m in chat]
    return "\n".join([*lines, f"assistant: {prefix}" if prefix else "assistant:"])


def write_part(folder: Path, responses: Iterable[Response]) -> None:
    """Write `responses` as one Parquet file in `folder`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = list(responses)
    table = pa.table(
        {
            "response_id": [r.response_id for r in made],
            "prompt": [r.prompt for r in made],
            "options": [json.dumps(r.options, ensure_ascii=False) for r in made],
            "logprobs": pa.array([list(r.logprobs) for r in made], type=pa.list_(pa.float64())),
            "tokens": pa.array([list(r.tokens) for r in made], type=pa.list_(pa.int64())),
            "text": [r.text for r in made],
            "state": [str(r.state) for r in made],
            "replayable": [r.replayable for r in made],
        }
    )
    pq.write_table(table, folder / FILE)


def read_part(folder: Path, only: Collection[str] | None = None) -> list[Response]:
    """Read back what `write_part` wrote; with `only`, just the responses with these ids."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(folder / FILE)
    if only is not None:
        table = table.filter(pc.is_in(table["response_id"], value_set=pa.array(list(only), pa.string())))

    return [
        Response(
            response_id=row["response_id"],
            prompt=row["prompt"],
            options=tuple(json.loads(row["options"])),
            logprobs=tuple(row["logprobs"]),
            tokens=tuple(row["tokens"]),
            text=row["text"],
            state=State(row["state"]),
            replayable=row["replayable"],
        )
        for row in table.to_pylist()
    ]
