"""Scenarios without levels: tagged from their words into a new file, which a person can read and correct."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from isobath.base.errors import InputError
from isobath.design.space import Space
from isobath.design.space_file import read_space
from isobath.design.yaml_node import read_yaml
from isobath.gpe.rows.json_lines import json_lines
from isobath.gpe.tagged.line import tagged_line
from isobath.grading.judge import Judge

if TYPE_CHECKING:
    from isobath.measures.tagging import FactorRules, TaggedText
    from isobath.models.endpoint.budget import Budget


def tag_file(
    path: str,
    space_file: str,
    folder: Path,
    rules: str | None = None,
    judge: Judge | None = None,
    budget: Budget | None = None,
) -> tuple[Path, list[str]]:
    """Write the lines of `path` with levels read from their words to a file in `folder`; returns it, and remarks.

    `rules` is a YAML file of rules, `judge` is asked one factor at a time; with both the rules decide and the remarks
    say how far the judge agrees. Lines that have levels keep them; a line left untagged is left out, and counted.
    Raises `InputError` for a line without words, and where nothing is left.
    """
    space = read_space(space_file).space
    table = json_lines(Path(path))
    lines = [tagged_line(r.values, r.line, r.place, placed=False) for r in table.records]
    wordless = next((line for line in lines if not line.levels and not line.words.strip()), None)
    if wordless is not None:
        raise InputError(
            "the line has neither levels nor words", "levels are read from words", "add `text`", wordless.at
        )
    todo = [i for i, line in enumerate(lines) if not line.levels]
    tagged, said = _tagged(space, [lines[i].words for i in todo], rules, judge, budget)
    points = dict(zip(todo, (one.point for one in tagged), strict=True))
    kept = [
        {**record.values, "levels": points[i]} if i in points else record.values
        for i, record in enumerate(table.records)
        if i not in points or points[i] is not None
    ]
    said += _left_out(tagged, len(lines))
    if not kept:
        raise InputError(f"no line of {path} could be tagged", "a point has a level of every factor", "mend the rules")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{Path(path).stem}.jsonl"  # a page of its own for each file of texts
    if target.resolve() == Path(path).resolve():
        raise InputError(
            f"{path} would be written over", "tagged lines go to a file of their own", "choose another --out"
        )
    target.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept), encoding="utf-8")
    return target, said


def read_rules(path: str) -> list[FactorRules]:
    """Tagging rules from a YAML list (docs/my-scenarios.md). Raises `InputError` with ``file:line``."""
    from isobath.measures.tagging import FactorRules

    found = []
    for node in read_yaml(path).items():
        try:
            found.append(FactorRules.model_validate(node.value()))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            message = first["msg"].removeprefix("Value error, ")
            node.wrong(
                f"{where}: {message}" if where else message, "rules are as in docs/my-scenarios.md", "correct it"
            )
    return found


def _tagged(
    space: Space, texts: Sequence[str], rules: str | None, judge: Judge | None, budget: Budget | None
) -> tuple[list[TaggedText], list[str]]:
    from isobath.measures.tagging import agreement_table, tag_by_judge, tag_by_rule

    by_rule = None if rules is None else tag_by_rule(space, read_rules(rules), texts)
    by_judge = None if judge is None else tag_by_judge(space, judge, texts, budget=budget)
    if by_rule is None or by_judge is None:
        found = by_rule if by_rule is not None else by_judge
        assert found is not None, "the command takes one of the two"
        return found, []
    return by_rule, [
        f"{r['factor']}: rules and judge both tag {r['both']} of {r['texts']} texts"
        + (f" and agree on {r['share']:.0%} of them ({r['low']:.0%} to {r['high']:.0%})" if r["both"] else "")
        for r in agreement_table(by_rule, by_judge).to_dict("records")
    ]


def _left_out(tagged: Sequence[TaggedText], lines: int) -> list[str]:
    gone = [one for one in tagged if one.point is None]
    if not gone:
        return []
    counts: dict[str, int] = {}
    for one in gone:
        for name in one.untagged or ("a combination that cannot be",):
            counts[name] = counts.get(name, 0) + 1
    why = ", ".join(f"{name} {n}" for name, n in counts.items())
    return [f"{len(gone)} of {lines} lines could not be tagged and are left out, for they have no region ({why})."]
