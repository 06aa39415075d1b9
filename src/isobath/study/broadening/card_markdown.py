"""The card as Markdown. Words of the data stand in code blocks, where nothing in them is markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from isobath.study.broadening.card import Card
from isobath.study.broadening.card_sections import Grid, Section, lede, sections, warnings_of


def card_markdown(card: Card) -> str:
    """The whole card."""
    return "\n".join(_lines(card)).rstrip() + "\n"


def _lines(card: Card) -> Iterator[str]:
    yield f"# Data card of {_plain(card.name)}"
    yield ""
    yield _plain(lede(card))
    yield ""
    for text in warnings_of(card):
        yield f"> **{_plain(text)}**"
        yield ""
    for section in sections(card):
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield ""
    for text in section.said:
        yield f"- {_plain(text)}" if len(section.said) > 1 else _plain(text)
    if section.said:
        yield ""
    for grid in section.grids:
        yield from _grid(grid)
    for one in section.shown:
        yield f"**{_plain(one.heading)}**"
        yield ""
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", one.text)), default=0))
        yield f"{fence}text"
        yield one.text
        yield fence
        yield ""


def _grid(grid: Grid) -> Iterator[str]:
    yield "| " + " | ".join(map(_plain, grid.head)) + " |"
    yield "|" + "---|" * len(grid.head)
    for row in grid.rows:
        yield "| " + " | ".join(map(_plain, row)) + " |"
    yield ""


def _plain(text: str) -> str:
    """`text` on one line, with nothing in it that Markdown or HTML would take for markup."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]|<>&#])", r"\\\1", line)
