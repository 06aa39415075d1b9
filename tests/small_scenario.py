"""A scenario of few points with the protocol and nothing more: what a user's own class may look like."""

from __future__ import annotations

from dataclasses import dataclass, field

from isobath.base.seeding import rng
from isobath.design.factor import Factor
from isobath.design.space import Space
from isobath.gpe.scenarios.draft import Draft
from isobath.models.chat import Message

SPACE = Space(
    name="doors",
    factors=(
        Factor(name="door", levels=("red", "green", "blue")),
        Factor(name="hour", kind="ordinal", levels=("dawn", "noon", "dusk", "night")),
        Factor(name="guest", levels=("known", "strange")),
        Factor(name="season", levels=("spring", "autumn"), relevant=False),
    ),
)
FILL = tuple(f"{a} {b}" for a in ("cold", "plain", "long", "old", "thin") for b in ("rain", "bread", "road", "coat"))


@dataclass(frozen=True)
class Doors:
    """Open or keep shut; at night nobody agrees about a known guest at the blue door."""

    name: str = "doors"
    version: int = 1
    says: str = ""
    space: Space = SPACE
    options: dict = field(default_factory=lambda: {"open": "open it", "shut": "keep it shut"})
    renderings: tuple = ("single", "multi")

    def decide(self, point):
        if point["hour"] == "night" and point["door"] == "blue" and point["guest"] == "known":
            return None
        return "shut" if point["guest"] == "strange" or point["hour"] == "night" else "open"

    def draft(self, point, seed, rendering="single"):
        def pick(slot, words):
            return words[int(rng(seed, self.name, slot).integers(len(words)))]

        fill = " ".join(pick(f"fill{i}", FILL) for i in range(12))
        text = (
            f"There is a {point['door']} door at {point['hour']}. "
            f"A {point['guest']} guest knocks in {point['season']}. {self.says}{fill}."
        )
        turns = [Message(role="user", content=text)]
        if rendering == "multi":
            turns += [Message(role="assistant", content="I am listening."), Message(role="user", content="Well?")]
        decision = self.decide(point)
        if decision is not None:
            turns.append(Message(role="assistant", content=f"I {decision} the door, as one should here."))
        return Draft(self.name, dict(point), decision, tuple(turns), seed, rendering)

    def phrases(self, factor):
        shown = {"door": "a {} door", "hour": "at {}", "guest": "a {} guest", "season": "knocks in {}"}
        return {level: (shown[factor].format(level),) for level in self.space.factor(factor).domain}
