"""Small random spaces with forbidden clauses for the tests of designs, and what is so of them by brute force."""

from itertools import combinations, product

from hypothesis import strategies as st

from isobath.design.factor import Factor
from isobath.design.space import Space, matches


def plain(*sizes, **options):
    """A space of nominal factors f0, f1, ... with levels l0, l1, ..."""
    factors = [Factor(name=f"f{i}", levels=tuple(f"l{k}" for k in range(n))) for i, n in enumerate(sizes)]
    return Space(factors=tuple(factors), **options)


@st.composite
def spaces(draw, factors=(2, 5), sizes=(1, 4), clauses=5):
    """A space of mixed kinds and roles; some of its combinations are forbidden and at least one point is left."""
    found = []
    for i in range(draw(st.integers(*factors))):
        levels = tuple(f"l{k}" for k in range(draw(st.integers(*sizes))))
        kind, relevant = draw(st.sampled_from(["nominal", "ordinal"])), draw(st.booleans()) or i == 0
        found.append(Factor(name=f"f{i}", kind=kind, levels=levels, relevant=relevant))
    forbidden = []
    for _ in range(draw(st.integers(0, clauses))):
        named = draw(st.lists(st.sampled_from(found), min_size=1, max_size=4, unique_by=lambda f: f.name))
        clause = {f.name: tuple(draw(st.lists(st.sampled_from(f.domain), min_size=1, unique=True))) for f in named}
        forbidden.append(clause)
        space = Space(factors=tuple(found), forbidden=tuple(forbidden))
        if next(space.points(), None) is None:
            forbidden.pop()
    return Space(factors=tuple(found), forbidden=tuple(forbidden))


def parts(points, names, t):
    """Every t-tuple of levels that the points hold, as sorted (factor, level) pairs."""
    return {tuple((n, p[n]) for n in chosen) for p in points for chosen in combinations(names, t)}


def possible(space, names, t):
    """Every t-tuple of levels that some point that can be holds."""
    whole = [dict(zip(space.names, ls, strict=True)) for ls in product(*(f.domain for f in space.factors))]
    return parts([p for p in whole if not any(matches(c, p) for c in space.forbidden)], names, t)
