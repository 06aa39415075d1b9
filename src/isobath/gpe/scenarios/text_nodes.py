"""Texts of a scenario file, read with their lines: lists without blanks or repeats, whose slots are known."""

from __future__ import annotations

from collections.abc import Sequence

from isobath.base.errors import InputError
from isobath.design.yaml_node import YamlNode
from isobath.gpe.scenarios.slots import check_slots


def text_of(node: YamlNode, *, slots: bool = True) -> str:
    """A text that says something. Raises `InputError` with ``file:line``; braces are slots unless `slots` is False."""
    text = " ".join(node.text().split())
    if not text:
        node.wrong("an empty text", "a text says something", "write it")
    if slots:
        check_text(node, text)
    elif "{" in text or "}" in text:
        node.wrong(f"a brace in {text!r}", "there are no slots here", "say it without")
    return text


def texts_of(node: YamlNode, *, empty: bool = False, slots: bool = True) -> tuple[str, ...]:
    """A list of different texts; with `empty`, ``""`` may be among them (more than once: that often)."""
    found: list[str] = []
    for item in node.items():
        text = "" if empty and not item.text().strip() else text_of(item, slots=slots)
        if text and text in found:
            item.wrong(f"{text!r} stands twice", "every wording is another one", "drop or reword one")
        found.append(text)
    if not found:
        node.wrong("an empty list", "at least one text", "write some")
    return tuple(found)


def check_text(node: YamlNode, text: str) -> None:
    """Raise `InputError` with the line of `node` for a slot of `text` that is none."""
    try:
        check_slots(text)
    except InputError as error:
        raise InputError(error.what, error.rule, error.remedy, node.place) from None


def whole_number(node: YamlNode) -> int:
    """A number that is 0 or more."""
    value = node.value()
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        node.wrong(f"{value!r}", "a whole number, 0 or more", "correct it")
    return value


def sequence_of(node: YamlNode, known: Sequence[str], noun: str) -> tuple[str, ...]:
    """A list of different names out of `known`."""
    found = [item.one_of(item.text(), known, noun) for item in node.items()]
    if len(set(found)) != len(found):
        node.wrong(f"{noun}s {', '.join(found)}", f"each {noun} stands once", "drop one")
    return tuple(found)
