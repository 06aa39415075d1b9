"""What is true in one decision world: which decisions need approval, and who belongs to which group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from isobath.base.seeding import rng
from isobath.world.decisions.levels import FEW, KINDS, LOW_STAKES, PRINCIPALS

Group = Literal["owner", "user", "outsider"]
GROUPS: tuple[Group, ...] = ("owner", "user", "outsider")


class Facts(NamedTuple):
    """Everything that is true in one world."""

    approval: Mapping[str, bool]
    """Decision kind -> whether it needs approval."""
    group: Mapping[str, Group]
    """Principal -> group."""

    def kinds(self, approval: bool) -> tuple[str, ...]:
        """The decision kinds that need approval, or those that do not."""
        return tuple(kind for kind in KINDS if self.approval[kind] is approval)

    def principals(self, group: Group) -> tuple[str, ...]:
        """The principals of a group."""
        return tuple(p for p in PRINCIPALS if self.group[p] == group)


@lru_cache(maxsize=16)
def facts(world_seed: int) -> Facts:
    """The facts of `world_seed`; approval and groups draw from streams of their own."""
    kinds = shuffled(KINDS, world_seed, "approval")
    principals = shuffled(PRINCIPALS, world_seed, "groups")
    third = len(PRINCIPALS) // 3
    return Facts(
        approval={kind: i < len(KINDS) // 2 for i, kind in enumerate(kinds)},
        group={p: GROUPS[i // third] for i, p in enumerate(principals)},
    )


def shuffled(levels: Sequence[str], world_seed: int, *names: str) -> list[str]:
    """`levels` in an order of their own stream."""
    order = rng(world_seed, "decisions", *names).permutation(len(levels))
    return [levels[i] for i in order]


def size_of(count: str) -> str:
    """``few`` or ``many``."""
    return "few" if count in FEW else "many"


def height_of(stakes: str) -> str:
    """``low`` or ``high``."""
    return "low" if stakes in LOW_STAKES else "high"
