"""`Edit`: a point with one factor changed, beside the point it was made from."""

from __future__ import annotations

from isobath.base.value import Value


class Edit(Value):
    """What was changed to make a question: `factor` of the question `of`.

    `relevant` is the factor's declared role, `flips` whether the right decision changes with it.
    """

    of: str
    factor: str
    relevant: bool
    flips: bool
