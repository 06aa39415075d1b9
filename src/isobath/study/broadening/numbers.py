"""What was made of one scenario, in numbers: plain data that a data card is written from."""

from __future__ import annotations

from collections.abc import Mapping

from isobath.base.value import Value


class Covered(Value):
    """`covered` of the `trainable` t-tuples of levels: those that an agreed point holds that is not held out.

    `feasible` counts all that some point holds, held-out and contested ones included.
    """

    t: int
    covered: int
    trainable: int
    feasible: int

    @property
    def share(self) -> float:
        """Covered over trainable."""
        return self.covered / self.trainable if self.trainable else 1.0


class Rejected(Value):
    """How many drafts a `check` turned down for one `kind` of reason, with the first of them."""

    check: str
    kind: str
    drafts: int
    examples: tuple[Mapping[str, str], ...] = ()


class Agreed(Value):
    """How often a tagger read the level of the point on `factor`."""

    tagger: str
    factor: str
    agree: int
    differ: int
    unread: int
    low: float
    high: float


class ScenarioNumbers(Value):
    """Everything the card says about one scenario; see `docs/broadening/broaden.md`."""

    name: str
    title: str = ""
    asked: int
    rows: int = 0
    drafted: int = 0
    cells: int = 0
    decisions: Mapping[str, int] = {}
    renderings: Mapping[str, int] = {}
    sources: Mapping[str, int] = {}
    lineages: Mapping[str, int] = {}
    coverage: tuple[Covered, ...] = ()
    relevant_coverage: tuple[Covered, ...] = ()
    tests: Mapping[str, int] = {}
    island: int = 0
    around_own: bool = False
    tests_after: Mapping[str, int] = {}
    test_decisions: Mapping[str, int] = {}
    rejects: tuple[Rejected, ...] = ()
    agreement: tuple[Agreed, ...] = ()
    not_measured: Mapping[str, tuple[str, ...]] = {}
    rounds: int = 0
    left_out: int = 0
    said: tuple[str, ...] = ()
    stopped: str = ""

    @property
    def missing(self) -> int:
        """Rows asked for that could not be made."""
        return self.asked - self.rows

    @property
    def rejected(self) -> int:
        """Drafts turned down."""
        return sum(one.drafts for one in self.rejects)
