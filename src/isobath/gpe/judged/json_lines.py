"""JSONL of judged answers: flat records, nested ones flattened, and Tan's one-line-per-question results expanded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from isobath.gpe.file_kind import BOM
from isobath.gpe.judged.source import ROWS, RULE, Chunk, decoded, refuse

SAMPLE = 200
Record = dict[str, object]


class JsonLines:
    """A file with one JSON object per line. Raises `InputError` with the line where one is not."""

    kind = "JSONL"
    decimal_comma = False

    def __init__(self, path: Path) -> None:
        self.path, self.blanks = path, 0
        self.sample: list[Record] = []
        for record, *_ in self._records():
            self.sample.append(record)
            if len(self.sample) >= SAMPLE:
                break
        if not self.sample:
            refuse("the file has no rows", "check the path and the export that wrote it", str(path))
        self.names = tuple(dict.fromkeys(name for record in self.sample for name in record))
        self.blanks = 0

    def place(self, line: int) -> str:
        """``file:line``."""
        return f"{self.path}:{line}"

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """The rows; a key that a record lacks is None there."""
        records = self._records()
        while True:
            # fields are taken out row by row: a list of whole records would keep every answer's text in memory
            found: dict[str, list[object]] = {name: [] for name in columns}
            takers = [(cells.append, name) for name, cells in found.items()]
            lines: list[int] = []
            offsets: list[int] = []
            parts: list[int] = []
            for record, line, offset, part in islice(records, ROWS):
                for take, name in takers:
                    take(record.get(name))
                lines.append(line)
                offsets.append(offset)
                parts.append(part)
            if not lines:
                return
            yield Chunk(found, lines, offsets, parts)

    def texts(self, column: str, places: Sequence[tuple[int, int]]) -> list[str]:
        """The column's texts of single rows."""
        found = []
        with self.path.open("rb") as stream:
            for offset, part in places:
                stream.seek(offset)
                record = rows_of(json.loads(stream.readline().removeprefix(BOM)))[part]
                found.append(text_of(record.get(column)))
        return found

    def _records(self) -> Iterator[tuple[Record, int, int, int]]:
        offset = number = 0
        with self.path.open("rb") as stream:
            for raw in stream:
                number += 1
                start, offset = offset, offset + len(raw)
                try:
                    text = (raw.removeprefix(BOM) if number == 1 else raw).decode("utf-8")
                except UnicodeDecodeError:
                    text = decoded(raw, self.place(number))
                if text.isspace():
                    self.blanks += 1
                    continue
                made = self._object(text, number)
                if text.find("{", 1) < 0 and "parse_error" not in made:  # nothing inside it to flatten or expand
                    yield made, number, start, 0
                    continue
                for part, record in enumerate(rows_of(made)):
                    yield record, number, start, part

    def _object(self, text: str, number: int) -> dict[str, Any]:
        try:
            made = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = str(error)
            if isinstance(error, json.JSONDecodeError):
                reason = f"{error.msg.removesuffix(' at')} at column {error.colno}"
            refuse(
                f"not JSON: {reason}",
                "check quotes and commas; every row stands on a line of its own (`jq -c . FILE > NEW`)",
                self.place(number),
            )
        if not isinstance(made, dict):
            refuse(f"the line is {_kind(made)}, not a JSON object", f"{RULE} as an object", self.place(number))
        return made


def rows_of(record: Mapping[str, Any]) -> list[Record]:
    """The rows of one line: itself, flattened, or one per response of a line of Tan's results."""
    responses = record.get("responses")
    if not isinstance(responses, list) or not all(isinstance(r, dict) and "response" in r for r in responses):
        made = flat(record)
        return [_told(made) if "refused" in made and "parse_error" in made else made]
    context = record.get("context")
    around = context if isinstance(context, dict) else record
    scores = record.get("score_infos")
    told = scores if isinstance(scores, list) and len(scores) == len(responses) else [{}] * len(responses)
    return [_tan_row(around, response, said) for response, said in zip(responses, told, strict=True)]


def _told(record: Record) -> Record:
    """A judgment stream says in fields of their own why there is no score."""
    if record["refused"] is True:
        return {**record, "score": "refused"}
    if trouble := record["parse_error"]:
        # its own words for an endpoint that gave no reply, as against a reply that was no score
        failed = str(trouble).startswith("Judge request failed")
        return {**record, "score": "judge_failed" if failed else "parse_error"}
    return record


def _tan_row(around: Mapping[str, Any], response: Mapping[str, Any], said: Any) -> Record:
    spoken = response["response"] if isinstance(response["response"], dict) else {"completion": response["response"]}
    row: Record = {
        "question": around.get("question"),
        "system_prompt": around.get("system_prompt"),
        "response": spoken.get("completion"),
        "model_id": spoken.get("model_id"),
    }
    scores = said if isinstance(said, dict) else {}
    judged = response.get("judgment_response_map")
    for name, reply in (judged if isinstance(judged, dict) else {}).items():
        word = reply.get("completion") if isinstance(reply, dict) else reply
        number = scores.get(name)
        # without a number, the judge's own word says why there is none: CODE, REFUSAL
        row[name] = number if number is not None else word if not _is_number(word) or name not in scores else None
    for name, number in scores.items():
        row.setdefault("authors_score" if name == "score" else name, number)
    return row


def _is_number(word: object) -> bool:
    try:
        float(str(word))
    except ValueError:
        return False
    return True


def flat(record: Mapping[str, Any]) -> Record:
    """Objects inside an object as ``outer.inner``; lists stay as they are."""
    if not any(isinstance(value, dict) for value in record.values()):
        return dict(record)
    out: Record = {}
    for name, value in record.items():
        if isinstance(value, dict):
            out.update({f"{name}.{inner}": v for inner, v in flat(value).items()})
        else:
            out[name] = value
    return out


def text_of(value: object) -> str:
    """A field as text: empty for null, JSON for what is no text."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _kind(value: object) -> str:
    return {list: "a list", str: "a string", int: "a number", float: "a number", bool: "true or false"}.get(
        type(value), "null"
    )
