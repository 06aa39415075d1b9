"""The files a person is after, put together from the parts of all scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from isobath.study.broadening.card import Card, Look, card_of
from isobath.study.broadening.card_markdown import card_markdown
from isobath.study.broadening.card_page import card_page
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.numbers import ScenarioNumbers
from isobath.study.broadening.paths import Paths
from isobath.study.broadening.scenario_run import Part
from isobath.study.broadening.whole_file import write_text, write_whole


def write_all(
    paths: Paths,
    parts: Sequence[Part],
    numbers: Sequence[ScenarioNumbers],
    journal: Journal,
    command: str,
    look: Look,
) -> Card:
    """Write rows, questions and the card; returns the card.

    Rows of the scenarios take turns, so that any first rows are of all of them.
    """
    write_whole(paths.train, _in_turns(parts, parts[0].spec.wordings))
    write_whole(paths.test, _after_each_other([part.test for part in parts]))
    write_whole(paths.island, _after_each_other([part.island for part in parts]))
    card = card_of(paths, parts, numbers, journal, command, look)
    write_text(paths.card, card_markdown(card))
    write_text(paths.page, card_page(card))
    return card


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(1 << 20):
        yield piece


def _in_turns(parts: Sequence[Part], together: int) -> Iterator[bytes]:
    """Lines of all parts in turn, `together` of each at a time (wordings of one point stay together)."""
    with ExitStack() as stack:
        streams = [stack.enter_context(part.train.open("rb")) for part in parts]
        while streams:
            for stream in list(streams):
                lines = [line for _ in range(together) if (line := stream.readline())]
                if not lines:
                    streams.remove(stream)
                yield from lines


def _after_each_other(files: Sequence[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as stream:
            yield from _pieces(stream)
