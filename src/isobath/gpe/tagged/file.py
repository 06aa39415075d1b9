"""`TaggedFile`: a tagged JSONL file as it was read, and its lines placed in a factor space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isobath.base.errors import InputError
from isobath.design.space import Space
from isobath.gpe.rows.json_lines import json_lines
from isobath.gpe.tagged.line import TaggedLine, tagged_line


@dataclass(frozen=True)
class TaggedFile:
    """The lines of a file: training examples (the support), and test lines."""

    path: Path
    train: tuple[TaggedLine, ...]
    test: tuple[TaggedLine, ...]
    notes: tuple[str, ...]
    sha256: str

    @property
    def trainable(self) -> bool:
        """Whether its training lines hold chats that a model can learn from."""
        return all(line.chat and line.chat[-1].role == "assistant" for line in self.train)

    def points(self, space: Space, lines: Sequence[TaggedLine]) -> list[dict[str, str]]:
        """The lines' points. Raises `InputError` with ``file:line`` for levels that the space does not have."""
        found = []
        for line in lines:
            try:
                point = space.point(line.levels)
            except InputError as error:
                raise InputError(error.what, error.rule, error.remedy, line.at) from None
            if not space.allows(point):
                raise InputError(
                    f"{dict(line.levels)} is a combination that the space forbids",
                    "points that cannot be have no region",
                    "correct the levels, or the space",
                    line.at,
                )
            found.append(point)
        return found


def read_tagged(path: str | Path, *, placed: bool = True) -> TaggedFile:
    """The lines of a tagged JSONL file (docs/my-scenarios.md); unless `placed`, lines may lack their levels.

    Raises `InputError` with ``file:line`` for a line that cannot be read, for one id with two points, and for a file
    without training or without test lines.
    """
    table = json_lines(Path(path))
    lines = [tagged_line(r.values, r.line, r.place, placed=placed) for r in table.records]
    train = tuple(line for line in lines if line.split == "train")
    test = tuple(line for line in lines if line.split == "test")
    for name, found in (("train", train), ("test", test)):
        if not found:
            raise InputError(
                f"{path} has no {name} lines",
                "regions are where test points lie with respect to what was trained on: both are needed.",
                f'add lines with "split": "{name}"; a training line needs its levels and nothing else',
            )
    _one_point_an_id(test)
    return TaggedFile(Path(path), train, test, table.notes, table.sha256)


def _one_point_an_id(test: Sequence[TaggedLine]) -> None:
    first: dict[str, TaggedLine] = {}
    seen: dict[tuple[object, ...], TaggedLine] = {}
    for line in test:
        other = first.setdefault(line.id, line)
        if other.levels != line.levels:
            raise InputError(
                f"the id {line.id!r} has other levels here than at {other.at}",
                "an id names one question, which has one point",
                "give it another id",
                line.at,
            )
        key = (line.id, line.trait, line.arm, line.base, line.model, line.seed, line.condition)
        if line.state is None and (twin := seen.setdefault(key, line)) is not line:
            raise InputError(f"the question {line.id!r} stands at {twin.at} too", "ids are unique", "drop one", line.at)
