"""Ask a checkpoint what it has not been asked before, and keep every answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from isobath.base.identity import fingerprint
from isobath.grading.response import Response, of_choice, of_text, read_part, write_part
from isobath.models.protocol import ChatModel, ChoiceRequest, TextRequest
from isobath.store import Store
from isobath.study.sheet import Ask

KIND = "responses"
PART = 2048
"""Requests per stored part: what a kill costs at most."""


def stored_responses(checkpoint: str, store: Store, only: Collection[str] | None = None) -> dict[str, Response]:
    """Everything `checkpoint` has answered so far (or the part of it in `only`), by response id."""
    found: dict[str, Response] = {}
    for part in store.children(checkpoint, KIND):
        found.update((r.response_id, r) for r in read_part(part.path, only))
    return found


def respond(checkpoint: str, lines: Sequence[Ask], store: Store, load: Callable[[], ChatModel]) -> dict[str, Response]:
    """Responses to all `lines`, by response id. The model is loaded only if something is missing."""
    have = stored_responses(checkpoint, store)
    missing = {line.response_id(checkpoint): line for line in lines}
    missing = {key: line for key, line in missing.items() if key not in have}
    if not missing:
        return have
    model = load()
    todo = list(missing.items())
    for start in range(0, len(todo), PART):
        part = todo[start : start + PART]
        made: list[Response] = []

        def write(folder: Path, part: list[tuple[str, Ask]] = part, made: list[Response] = made) -> None:
            made += ask(model, checkpoint, part)
            write_part(folder, made)

        spec = {"checkpoint": checkpoint, "responses": fingerprint(sorted(key for key, _ in part))}
        artifact = store.produce(KIND, spec, write, parents=[checkpoint])
        have.update((r.response_id, r) for r in made or read_part(artifact.path))
    return have


def ask(model: ChatModel, checkpoint: str, lines: Iterable[tuple[str, Ask]]) -> list[Response]:
    """Put `lines` to the model: all forced choices in one call, all texts in another."""
    choices: list[tuple[str, Ask, ChoiceRequest]] = []
    texts: list[tuple[str, Ask, TextRequest]] = []
    for key, line in lines:
        request = line.request(checkpoint)
        if isinstance(request, ChoiceRequest):
            choices.append((key, line, request))
        else:
            texts.append((key, line, request))
    scores = model.choose([r for _, _, r in choices]) if choices else []
    written = model.write([r for _, _, r in texts]) if texts else []
    return [
        *(of_choice(k, a.chat, r.prefix, r.options, s) for (k, a, r), s in zip(choices, scores, strict=True)),
        *(of_text(k, a.chat, r.prefix, t) for (k, a, r), t in zip(texts, written, strict=True)),
    ]
