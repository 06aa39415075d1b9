"""The card as one self-contained page in the style of the reports; it loads nothing and runs nothing."""

from __future__ import annotations

from pathlib import Path

from isobath.study.broadening.card import Card
from isobath.study.broadening.card_sections import lede, sections, warnings_of


def card_page(card: Card) -> str:
    """The page's text; whatever the data say is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from isobath.report.page import TEMPLATES

    folders = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folders, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    found = [(f"part{i}", section) for i, section in enumerate(sections(card))]
    return environment.get_template("card.html.jinja").render(
        title=f"Data card of {card.name}",
        lede=lede(card),
        warnings=warnings_of(card),
        facts=_facts(card),
        sections=found,
        version=card.version,
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),  # our own style sheet
    )


def _facts(card: Card) -> list[tuple[str, str]]:
    return [
        ("rows", f"{card.rows:,}"),
        ("scenarios", str(len(card.numbers))),
        ("test questions", f"{card.tests:,}"),
        ("leaked", str(card.leaked_rows + card.leaked_texts)),
        ("drafts turned down", f"{card.rejected:,} of {card.drafted:,}"),
        ("seed", str(card.spec.seed)),
    ]
