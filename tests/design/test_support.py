"""The support: which cells training covers, and what is no support."""

import numpy as np
import pytest

from isobath.base.errors import InputError
from isobath.design.factor import Factor
from isobath.design.places import place_all
from isobath.design.space import Space
from isobath.design.support import support_of

SPACE = Space(factors=(Factor(name="a", levels=("x", "y")), Factor(name="b", levels=("1", "2", "3"))))


def points(*pairs):
    return [{"a": a, "b": b} for a, b in pairs]


def test_cells_are_distinct_and_counted_in_order():
    support = support_of(SPACE, points("y2", "x1", "y2", "y2", "x1", "x3"))
    assert support.points == points("x1", "x3", "y2")
    assert support.counts.tolist() == [2, 1, 3]
    assert (support.examples, len(support), support.left_out) == (6, 3, 0)
    assert support.levels("b") == ("1", "2", "3")


def test_cells_with_too_few_examples_are_no_support():
    support = support_of(SPACE, points("y2", "x1", "y2", "x3"), n_min=2)
    assert support.points == points("y2")
    assert (support.examples, support.left_out, support.n_min) == (2, 2, 2)
    assert place_all(support, points("x1")).region.tolist() == ["sea"]
    assert place_all(support, points("x1")).count.tolist() == [0]


def test_codes_and_points_give_the_same():
    cells = points("x2", "y1", "x2")
    one, two = support_of(SPACE, cells), support_of(SPACE, SPACE.encode(cells))
    assert (one.codes == two.codes).all() and (one.counts == two.counts).all()


@pytest.mark.parametrize(("cells", "n_min"), [([], 1), (points("x1", "x2"), 2)])
def test_no_support_is_an_error(cells, n_min):
    with pytest.raises(InputError, match="no support"):
        support_of(SPACE, cells, n_min)


def test_what_is_no_point_is_refused():
    with pytest.raises(InputError, match="a = 'z'"):
        support_of(SPACE, points("z1"))
    with pytest.raises(InputError, match="at least one example"):
        support_of(SPACE, points("x1"), 0)
    with pytest.raises(InputError, match="a code that is no level"):
        support_of(SPACE, np.array([[0, 3]], dtype=np.int16))
    with pytest.raises(InputError, match="shape"):
        support_of(SPACE, np.array([[0, 1, 2]], dtype=np.int16))
