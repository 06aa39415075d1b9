"""`Broadening`: what a broadened training set is to be, as one frozen value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from isobath.base.value import Value
from isobath.design.region import Region
from isobath.gpe.scenarios.scenario import Rendering, Scenario
from isobath.models.endpoint.endpoint import Endpoint
from isobath.models.protocol import Sampling

if TYPE_CHECKING:
    from isobath.study.broadening.runner import Broadened

CheckName = Literal["round_trip", "metamorphic", "answer", "duplicates", "leakage", "realism"]
CHECKS: tuple[CheckName, ...] = ("leakage", "answer", "round_trip", "metamorphic", "realism", "duplicates")
WRITER_CHECKS: tuple[CheckName, ...] = ("leakage", "answer", "round_trip", "realism", "duplicates")
"""What a model's words go through unless told: edits of them would be worded by templates, and tell less."""

_FIXED = re.compile(r"(\d+) fixed paraphrases")
_GROUPED = re.compile(r"(\d+) wordings of each point")
MOST_ROWS = 1_000_000


def _single() -> Mapping[Rendering, float]:
    return {"single": 1.0}


class HoldOut(Value):
    """What is kept for testing, and is never trained on.

    `regions` are those around one's own data (or, without any, around everything that may be trained on); with `extent`
    ``points`` the test points drawn there are barred, whatever their irrelevant levels; with ``region`` all of it is.
    `per_region` is how many test points are drawn in each, per scenario.
    """

    regions: tuple[Region, ...] = (Region.BAY, Region.SEA)
    extent: Literal["points", "region"] = "points"
    per_region: int = Field(default=20, ge=1, le=10_000)

    @field_validator("regions", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"regions are a list: write [{value}]")
        return value


class Evolving(Value):
    """How points evolve before they are worded (docs/broadening/points.md): only those not needed for coverage do.

    `fitness` is what is worth having: ``tuples``, combinations of one level more than the strength that no other row
    holds; ``novelty``, distance from one's own data and the covering rows.
    """

    generations: int = Field(default=4, ge=1, le=1000)
    fitness: Literal["tuples", "novelty"] = "tuples"


class Selecting(Value):
    """Which rows are kept of more than the budget: `oversample` times as many are worded and verified first."""

    method: Literal["k_center", "dpp"] = "k_center"
    oversample: float = Field(default=1.5, gt=1, le=20)


class Broadening(Value):
    """A broadened training set, before it is made: see docs/broadening/broaden.md.

    `scenarios` are names of the catalogue, paths of scenario files, or objects with the protocol `Scenario`. `budget`
    counts rows in all. `own` is the narrow data there is already, by scenario: a tagged JSONL file
    (docs/my-scenarios.md), or factor -> levels; a bare path or map serves where there is one scenario. Every feasible
    `strength`-tuple of levels that is not held out is covered. `renderings` are shares. `irrelevant` is ``per row``,
    ``N fixed paraphrases`` or ``N wordings of each point``. `writer` None words by templates; an endpoint is asked with
    `sampling`. `tagger` reads points back from the words: ``auto`` looks the templates' phrases up, and asks the writer
    where there is one (another endpoint is a more independent reader). `checks` None are all that fit. `references` are
    rows of what people really send, for the realism check: of the ``same`` kind as the scenarios, or of an ``other``.
    `rounds` bounds how often rejected rows are made again.
    """

    scenarios: tuple[Any, ...] = Field(min_length=1)
    budget: int = Field(ge=1, le=MOST_ROWS)
    holdout: HoldOut | None = HoldOut()
    own: Mapping[str, Any] | str | None = None
    strength: int = Field(default=2, ge=1, le=3)
    renderings: Mapping[Rendering, float] = Field(default_factory=_single)
    irrelevant: str = "per row"
    writer: Endpoint | None = None
    sampling: Sampling = Sampling(temperature=0.8, max_tokens=900)
    tagger: Literal["auto", "phrases", "learnt"] | Endpoint = "auto"
    checks: tuple[CheckName, ...] | None = None
    references: str | None = None
    references_kind: Literal["same", "other"] = "other"
    evolution: Evolving | None = None
    selection: Selecting | None = None
    rounds: int = Field(default=3, ge=0, le=20)
    seed: int = Field(default=0, ge=0, lt=2**31)

    @field_validator("scenarios", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Scenario) else value

    @field_validator("holdout", mode="before")
    @classmethod
    def _regions(cls, value: object) -> object:
        """Regions alone, such as ``bay,sea`` or [bay, sea]; ``none`` holds nothing out."""
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, list | tuple):
            if [str(part) for part in value] == ["none"]:
                return None
            if not value:
                raise ValueError("no region; write none to hold nothing out")
            return {"regions": value}
        return value

    @field_validator("evolution", "selection", mode="before")
    @classmethod
    def _short(cls, value: object, info: Any) -> object:
        """``selection: dpp`` for its method alone, ``none`` for nothing; ``evolution: 5`` for its generations."""
        if value == "none":
            return None
        if info.field_name == "selection" and isinstance(value, str):
            return {"method": value}
        if info.field_name == "evolution" and isinstance(value, int) and not isinstance(value, bool):
            return {"generations": value}
        return value

    @model_validator(mode="after")
    def _fits(self) -> Broadening:
        for one in self.scenarios:
            if not isinstance(one, str | Scenario):
                raise ValueError(f"scenarios has a {type(one).__name__}: a name, a path or a Scenario")
        names = [one if isinstance(one, str) else one.name for one in self.scenarios]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the scenario {twice!r} stands twice")
        if not self.renderings or min(self.renderings.values()) < 0 or sum(self.renderings.values()) <= 0:
            raise ValueError("renderings are shares, 0 or more, of which one at least is above 0")
        if self.irrelevant != "per row" and not (self.fixed or self.wordings > 1):
            raise ValueError(
                f"irrelevant is {self.irrelevant!r}: `per row`, `4 fixed paraphrases` or `4 wordings of each point`"
            )
        if self.fixed and self.evolution is not None:
            raise ValueError("evolution changes irrelevant levels too, so it does not go with fixed paraphrases")
        if self.budget < len(self.scenarios):
            raise ValueError(f"a budget of {self.budget} rows for {len(self.scenarios)} scenarios")
        if self.writer is not None and self.reader == "phrases" and "round_trip" in self.checked:
            raise ValueError(
                "tagger: phrases looks the templates' words up; a model's words take learnt or an endpoint"
            )
        if self.checks is not None and not self.checks:
            raise ValueError("no checks: name one at least (leakage and duplicates cost next to nothing)")
        if isinstance(self.own, str) and len(self.scenarios) > 1:
            raise ValueError("own data of several scenarios stands by scenario: own: {honesty: my_data.jsonl}")
        return self

    @property
    def reader(self) -> Literal["phrases", "learnt"] | Endpoint:
        """Who reads points back: `tagger`, what ``auto`` stands for being said."""
        if self.tagger == "auto":
            return "phrases" if self.writer is None else self.writer
        return self.tagger

    @property
    def checked(self) -> tuple[CheckName, ...]:
        """The checks that every draft goes through."""
        if self.checks is not None:
            return self.checks
        return CHECKS if self.writer is None else WRITER_CHECKS

    @property
    def spends(self) -> bool:
        """Whether an endpoint has a part in it."""
        return self.writer is not None or isinstance(self.reader, Endpoint)

    @property
    def fixed(self) -> int | None:
        """How many combinations of irrelevant levels there are in all; None where they are drawn row by row."""
        found = _FIXED.fullmatch(self.irrelevant)
        return int(found[1]) or None if found else None

    @property
    def wordings(self) -> int:
        """Rows of each point, to be trained on together; 1 where rows stand alone."""
        found = _GROUPED.fullmatch(self.irrelevant)
        return int(found[1]) if found else 1

    def run(self, out: str | Path, *, workers: int | None = None, max_cost: float | None = None) -> Broadened:
        """Make it: rows to `out`, test points, tagged files and the data card beside it; goes on where it stopped.

        Spends on an endpoint without asking. `max_cost` bounds the dollars. Raises `InputError` for a specification
        that cannot be met, or where `out` holds another one's rows.
        """
        from isobath.study.broadening.runner import broaden

        return broaden(self, out, workers=workers, max_cost=max_cost)
