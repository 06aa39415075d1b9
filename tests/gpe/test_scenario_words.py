"""How a point is put into words: one factor changed changes its own words alone; rows do not repeat each other."""

import re
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design.relevance import random_codes
from isobath.gpe.scenarios.catalogue import CATALOGUE, scenario
from isobath.gpe.scenarios.common_file import shipped_common
from isobath.gpe.scenarios.stream import draft_key, number, order, pick, several, slot

RENDERINGS = ("single", "multi", "tools")


def either(texts):
    """Finds any of `texts` (slots filled or not), the longest first."""
    return one_of(tuple(texts))


@lru_cache(maxsize=2000)
def one_of(texts):
    listed = sorted(set(filter(None, texts)), key=len, reverse=True)
    return re.compile("|".join(exact(text) for text in listed), re.IGNORECASE)


def exact(text):
    """A pattern of `text` with nothing but the shared fills in its slots."""
    parts = re.split(r"\{(\w+)\}", text)
    return "".join(fills()[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))


@lru_cache(maxsize=1)
def fills():
    common = shipped_common()
    found = {
        name: [t for c in common.contexts.values() for t in getattr(c, name)] for name in ("place", "team", "thing")
    }
    found["asker"] = [t for texts in common.personas.values() for t in texts]
    return {name: f"(?:{'|'.join(map(re.escape, texts))})" for name, texts in found.items()}


@lru_cache(maxsize=1)
def pieces():
    """The words of every shared irrelevant factor: what may differ where its level does."""
    common = shipped_common()
    contexts = common.contexts.values()
    return {
        "context": (
            either(text for c in contexts for text in c.setting),
            either(text for c in contexts for texts in (c.place, c.team, c.thing) for text in texts),
        ),
        "persona": (either(text for texts in common.personas.values() for text in texts),),
        "length": (either(text for one in common.lengths.values() for text in one.filler),),
        "room": (either(text for one in common.rooms.values() for text in one.instructions),),
        "register": (
            either(t for r in common.registers.values() for t in (*r.opening, *r.aside, *r.closing) if len(t) > 12),
            # short ones only where they stand: at either end of a turn, or before the aside
            either(t for r in common.registers.values() for t in (*r.opening, *r.aside, *r.closing) if t),
        ),
    }


def blanked(found, factor, level, text):
    """`text` without the words of `factor`, white space evened out."""
    own = factor in found.wordings
    for pattern in (either(found.wordings[factor][level]),) if own else pieces()[factor]:
        text = pattern.sub("<>", text)
    return re.sub(r"[\s<>]+", " ", text).strip()


@st.composite
def pairs(draw):
    """A scenario, a rendering, a seed, a point that can be and the same with one factor changed."""
    name = draw(st.sampled_from(CATALOGUE))
    found = scenario(name)
    point = {f.name: draw(st.sampled_from(f.domain), label=f.name) for f in found.space.factors}
    factor = found.space.factor(draw(st.sampled_from(found.space.names)))
    other = {
        **point,
        factor.name: draw(st.sampled_from([level for level in factor.domain if level != point[factor.name]])),
    }
    assume(found.space.allows(point) and found.space.allows(other))
    return name, draw(st.sampled_from(RENDERINGS)), draw(st.integers(0, 2**40)), point, other, factor.name


@settings(max_examples=250, deadline=None)
@given(pairs())
def test_one_factor_changed_changes_its_own_words_alone(case):
    name, rendering, seed, point, other, factor = case
    found = scenario(name)
    before, after = found.draft(point, seed, rendering), found.draft(other, seed, rendering)
    assert len(before.asked) == len(after.asked)
    if rendering == "tools":
        assert before.asked[0] == after.asked[0]
    assert before.text != after.text or factor == "register"  # a plain opening may be none at all
    if factor == "wording":
        assert inventory(found, before) == inventory(found, after)
    else:
        for one, two in zip(before.asked, after.asked, strict=True):
            assert blanked(found, factor, point[factor], one.content) == blanked(
                found, factor, other[factor], two.content
            )
    if (
        before.decision == after.decision
        and before.decision is not None
        and factor not in ("room", "context", "persona")
    ):
        assert before.messages[-1] == after.messages[-1]
    if not found.space.factor(factor).relevant:
        assert before.decision == after.decision


def inventory(found, draft):
    """Every sentence of a draft that no frame adds, in no order."""
    text = " ".join(message.content for message in draft.asked if message.role == "user")
    known = [either(texts) for levels in found.wordings.values() for texts in levels.values()]
    known += [pattern for name in ("context", "persona", "length", "room") for pattern in pieces()[name]]
    known += [either(found.asks), either(found.common.asks)]
    return sorted(re.sub(r"\s+", " ", match.group()) for pattern in known for match in pattern.finditer(text))


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_the_words_follow_from_point_and_seed(case):
    name, rendering, seed, point, _, _ = case
    found = scenario(name)
    assert found.draft(point, seed, rendering) == found.draft(dict(reversed(point.items())), seed, rendering)


def test_the_answer_keeps_to_the_fills_of_its_question():
    found = scenario("evading_control")
    for i, point in enumerate(found.space.decode(random_codes(found.space, 200, 3))):
        draft = found.draft(point, i, "multi")
        assert "{" not in draft.messages[-1].content


def test_what_is_no_point_or_rendering_is_refused():
    found = scenario("honesty")
    point = found.space.decode(random_codes(found.space, 1, 0))[0]
    with pytest.raises(InputError, match="renderings are single, multi, tools"):
        found.draft(point, 0, "sung")
    with pytest.raises(InputError, match="no persona"):
        found.draft({k: v for k, v in point.items() if k != "persona"}, 0)
    with pytest.raises(InputError, match="levels of 'topic'"):
        found.decide({**point, "topic": "weather"})
    with pytest.raises(InputError, match="levels of 'length'"):
        found.draft({**point, "length": "endless"}, 0)
    with pytest.raises(InputError, match="factor 'weather'"):
        found.phrases("weather")


def test_a_word_changed_is_another_version():
    found = scenario("honesty")
    assert found.version == scenario("honesty").model_copy().version
    assert found.version != found.model_copy(update={"asks": (*found.asks, "Well?")}).version


def test_forbidden_points_are_refused():
    found = scenario("honesty")
    space = found.space.model_copy(update={"forbidden": ({"topic": ("secret",), "asked": ("asked",)},)})
    point = space.decode(random_codes(space, 1, 0))[0]
    with pytest.raises(InputError, match="cannot be"):
        found.model_copy(update={"space": space}).draft({**point, "topic": "secret", "asked": "asked"}, 0)


@pytest.mark.parametrize("name", CATALOGUE[::3])
def test_rows_hardly_repeat_each_other(name):
    """Exact Jaccard of word 3-grams, every one of 1,200 rows against the others: under 1 % have one at 0.8 or more."""
    from scipy.sparse import csr_matrix

    found, known, columns, ends = scenario(name), {}, [], [0]
    for i, point in enumerate(found.space.decode(random_codes(found.space, 1200, 1))):
        words = re.findall(r"\w+", found.draft(point, i, RENDERINGS[i % 3]).text.lower())
        columns += {known.setdefault(tuple(words[j : j + 3]), len(known)) for j in range(len(words) - 2)}
        ends.append(len(columns))
    grams = csr_matrix((np.ones(len(columns)), columns, ends))
    shared, size = (grams @ grams.T).toarray(), np.diff(ends)
    jaccard = shared / (size[:, None] + size[None, :] - shared)
    np.fill_diagonal(jaccard, 0)
    assert (jaccard.max(axis=1) >= 0.8).mean() < 0.01


def test_streams_are_even_and_do_not_follow_each_other():
    keys = [draft_key("a", seed) for seed in range(4000)]
    one = np.array([pick(key, slot("x"), range(5)) for key in keys])
    two = np.array([pick(key, slot("y"), range(5)) for key in keys])
    table = np.zeros((5, 5))
    np.add.at(table, (one, two), 1)
    assert ((table - 160) ** 2 / 160).sum() < 60  # chi-square with 24 degrees: 60 has p < 1e-4
    assert draft_key("a", 1) != draft_key("b", 1) != draft_key("b", 2)
    assert 0 <= number(keys[0], slot("x")) < 2**64


@given(st.integers(0, 2**63), st.integers(1, 20), st.integers(0, 25))
def test_orders_and_choices_are_what_they_say(seed, size, count):
    key = draft_key("orders", seed)
    assert sorted(order(key, slot("o"), size)) == list(range(size))
    chosen = several(key, slot("s"), range(size), min(count, 8))
    assert len(chosen) == len(set(chosen)) == min(count, 8, size) and set(chosen) <= set(range(size))


def test_every_order_and_choice_comes_up():
    keys = [draft_key("all", seed) for seed in range(2000)]
    assert len({tuple(order(key, slot("o"), 4)) for key in keys}) == 24
    assert len({tuple(several(key, slot("s"), range(5), 2)) for key in keys}) == 20
