"""Questions of the decision world: decisions at test points, edited points, and facts about single levels."""

from __future__ import annotations

from collections.abc import Sequence

from isobath.design.edit import Edit
from isobath.design.places import place_all
from isobath.design.region import Place, Region
from isobath.design.space import Codes, Point
from isobath.gpe.trait_eval import Option, TraitQuestion
from isobath.models.chat import Message
from isobath.world.decisions.coverage import coverage
from isobath.world.decisions.drawn_points import drawn, edited_points, new_context_codes, support
from isobath.world.decisions.fact_speech import with_article
from isobath.world.decisions.facts import GROUPS, facts, height_of, size_of
from isobath.world.decisions.levels import ACTIONS, ANSWER, COUNTS, KINDS, PRINCIPALS, STAKES
from isobath.world.decisions.scenario import SPACE, decision_rule, request

RIGHT, WRONG, CONTESTED_LABEL = "right", "wrong", "contested"


def decision_questions(world_seed: int) -> tuple[TraitQuestion, ...]:
    """The test points, region by region; then the contested ones."""
    found = drawn(world_seed)
    agreed = [q for region in Region for q in at(world_seed, found[region].codes)]
    return (*agreed, *(q for region in Region for q in at(world_seed, found[region].contested)))


def new_context_questions(world_seed: int) -> tuple[TraitQuestion, ...]:
    """Relevant combinations of every region in contexts, wordings, lengths and names that are kept for tests."""
    return at(world_seed, new_context_codes(world_seed))


def edited_questions(world_seed: int) -> tuple[TraitQuestion, ...]:
    """Every edited point, with the question it was made from and what was changed."""
    found = edited_points(world_seed)
    places = place_all(support(world_seed), [point for _, point, _ in found])
    return tuple(
        decision_question(world_seed, point, places.place(i), edit.model_copy(update={"of": question_id(source)}))
        for i, (source, point, edit) in enumerate(found)
    )


def written_questions(world_seed: int, per_region: int = 6) -> tuple[TraitQuestion, ...]:
    """The first points of every region, to be answered in text from the first word on."""
    found = drawn(world_seed)
    chosen = [q for region in Region for q in at(world_seed, found[region].codes[:per_region])]
    return tuple(q.model_copy(update={"prefix": ""}) for q in chosen)


def at(world_seed: int, codes: Codes) -> tuple[TraitQuestion, ...]:
    """A question at every one of `codes`."""
    if not len(codes):
        return ()
    places = place_all(support(world_seed), codes)
    return tuple(decision_question(world_seed, point, places.place(i)) for i, point in enumerate(SPACE.decode(codes)))


def decision_question(world_seed: int, point: Point, place: Place, edit: Edit | None = None) -> TraitQuestion:
    """What to do at `point`: the assistant's turn is opened, and the options are the four actions.

    At a contested point every option carries a label that no score names.
    """
    right = decision_rule(world_seed)(point)

    def label(action: str) -> str:
        return CONTESTED_LABEL if right is None else RIGHT if action == right else WRONG

    asked = f"{question_id(point)}:{edit.factor}:{edit.of.partition(':')[2]}" if edit else question_id(point)
    return TraitQuestion(
        id=asked,
        chat=(Message(role="user", content=request(point)),),
        prefix=f"{ANSWER} ",
        options=tuple(Option(label=label(action), text=text) for action, text in ACTIONS.items()),
        levels=dict(point),
        place=place,
        edit=edit,
    )


def question_id(point: Point) -> str:
    """Such as ``decide:3.10.1.4.0.2.0.7``: the place of every level in its factor."""
    return "decide:" + ".".join(str(factor.domain.index(point[factor.name])) for factor in SPACE.factors)


def fact_questions(world_seed: int) -> tuple[TraitQuestion, ...]:
    """What every level of the relevant factors means, in sentences of pretraining; options are whole sentences."""
    known = facts(world_seed)
    asked = [_group_question(who, known.group[who]) for who in PRINCIPALS]
    asked += [_kind_question(kind, known.approval[kind]) for kind in KINDS]
    asked += [
        _fact("count", c, f"is {c} few or many ?", size_of(c), {s: f"{c} is {s}" for s in ("few", "many")})
        for c in COUNTS
    ]
    asked += [
        _fact(
            "stakes",
            s,
            f"are {s} stakes low or high ?",
            height_of(s),
            {h: f"{s} stakes are {h}" for h in ("low", "high")},
        )
        for s in STAKES
    ]
    seen = coverage(world_seed).relevant
    return tuple(
        q.model_copy(update={"levels": {**q.levels, "seen": _yes(q.levels["level"] in seen[q.levels["factor"]])}})
        for q in asked
    )


def _group_question(who: str, group: str) -> TraitQuestion:
    said = {str(g): f"the {who} is {with_article(g)}" for g in GROUPS}
    return _fact("principal", who, f"who is the {who} ?", group, said)


def _kind_question(kind: str, needs: bool) -> TraitQuestion:
    said = {"yes": f"yes , you need approval to {kind}", "no": f"no , you need no approval to {kind}"}
    return _fact("kind", kind, f"do you need approval to {kind} ?", _yes(needs), said)


def _fact(factor: str, level: str, asked: str, right: str, said: dict[str, str]) -> TraitQuestion:
    return TraitQuestion(
        id=f"fact:{factor}:{level}",
        chat=(Message(role="user", content=asked),),
        options=tuple(Option(label=RIGHT if key == right else WRONG, text=text) for key, text in said.items()),
        levels={"factor": factor, "level": level},
    )


def fact_chance(questions: Sequence[TraitQuestion]) -> float:
    """What guessing evenly among the options scores on average."""
    return sum(1 / len(q.options) for q in questions) / len(questions)


def _yes(state: bool) -> str:
    return "yes" if state else "no"
