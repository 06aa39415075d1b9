"""The account of who holds which tuple, and the passes over a finished design."""

import numpy as np
from drawn_spaces import plain

from isobath.design.feasible import bars_of
from isobath.design.tighten import Rows, eliminate, heaviest_first, prune
from isobath.design.tuples import tuples_of


def account(rows, had=(), sizes=(2, 2, 2), t=2, **options):
    space = plain(*sizes, **options)
    index = tuples_of(space.shape, tuple(range(len(sizes))), t)
    had = np.array(had, dtype=np.int64).reshape(-1, len(sizes))
    return Rows(index, np.ones(index.size, dtype=bool), index.ids(had), np.array(rows, dtype=np.int64), bars_of(space))


def test_a_tuple_that_the_support_held_is_nobodys_duty():
    found = account([(0, 0, 0), (0, 1, 1)], had=[(0, 0, 1)])
    # of (0, 0, 0) the support holds the pair of the first two factors
    assert found.index.combos[found.duties(0)].tolist() == [[0, 2], [1, 2]]
    assert account([(0, 0, 0), (0, 1, 1)]).duties(0).tolist() == [0, 1, 2]
    assert account([(0, 0, 0)], had=[(0, 0, 0)]).free(0).all()


def test_rows_that_hold_nothing_alone_are_dropped_one_of_two_equals_stays():
    found = account([(0, 0, 0), (1, 1, 1), (0, 0, 0)])
    prune(found)
    assert sorted(found.rows.tolist()) == [[0, 0, 0], [1, 1, 1]]


def test_a_row_is_emptied_into_the_free_places_of_another():
    # strength 1: the second factor of the first row is free, and so is the first of the second
    rows = [(0, 0, 0), (1, 0, 1), (1, 1, 1)]
    found = account(rows, t=1)
    eliminate(found, 3)
    assert len(found.rows) == 2
    assert all(set(column) == {0, 1} for column in found.rows.T.tolist())
    barred = account(
        rows, t=1, forbidden=({"f0": ("l1",), "f1": ("l0", "l1"), "f2": ("l0",)}, {"f1": ("l1",), "f2": ("l0",)})
    )
    eliminate(barred, 3)
    assert all(set(column) == {0, 1} for column in barred.rows.T.tolist())
    assert barred.bars.allowed(barred.rows).all()


def test_rows_are_ordered_by_what_each_adds():
    index = tuples_of((3, 2), (0, 1), 1)
    value = np.array([1.0, 1.0, 5.0, 1.0, 1.0])
    rows = np.array([(0, 0), (1, 0), (2, 0), (0, 1)])
    assert heaviest_first(index, rows, value).tolist() == [2, 3, 1, 0]
