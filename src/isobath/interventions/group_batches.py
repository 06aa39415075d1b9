"""Which rows come together, for Group DRO (1911.08731), V-REx (2003.00688), worst-case paraphrase and the hardest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isobath.base.errors import InputError
from isobath.base.seeding import stream_seed
from isobath.interventions.groups import grouped
from isobath.models.token_row import TokenRow
from isobath.train.batch import Order
from isobath.train.hooks import Hook, Run


class _Deals(Hook):
    """Deals rows in the place of those drawn, of which none may have been changed by anybody else."""

    def __init__(self, asked_by: str) -> None:
        self._asked_by = asked_by
        self._rows: Sequence[TokenRow] = ()
        self._drawn: Order | None = None

    def _take(self, run: Run, rows: Sequence[TokenRow]) -> None:
        self._rows, self._drawn = rows, Order(len(rows), run.recipe.batch_size, run.seed)

    def _check(self, run: Run, drawn: Sequence[TokenRow]) -> None:
        """What was drawn is what the recipe draws from the very rows that are dealt.

        Otherwise an entry after this one drops or rewrites rows, or one before it writes rows at each step, and dealing
        from the rows as they were would undo that in silence. Raises `InputError`.
        """
        assert self._drawn is not None
        own = [self._rows[i] for i in self._drawn.at(run.step)]
        if len(own) != len(drawn) or any(a is not b for a, b in zip(own, drawn, strict=True)):
            raise InputError(
                f"{self._asked_by} deals the rows of each batch, and another entry changes them",
                "rows are final before they are dealt",
                "put what changes the rows before it in the stack; rows written at each step cannot be dealt at all",
            )


class GroupBatches(_Deals):
    """Deals groups out in turn: place i of the run, counted over all steps, goes to group i mod G.

    A batch of at least G rows then holds every group, and as many of each, give or take one. Within a group rows come
    in permutations of their own, drawn from a stream named after the group: any step can be computed without the ones
    before it, so a killed run goes on as it would have.
    """

    def __init__(self, column: str) -> None:
        super().__init__(f"balanced batches of {column}")
        self._column = column
        self._groups: list[list[int]] = []
        self._orders: list[Order] = []

    def rows(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """Find the groups."""
        found = grouped(rows, [self._column], self._asked_by)
        self._take(run, rows)
        self._groups = list(found.values())
        self._orders = [
            Order(len(members), 1, stream_seed(run.seed, "group", self._column, name))
            for name, members in found.items()
        ]
        return rows

    def rollout(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """As many rows as were drawn, dealt anew."""
        self._check(run, rows)
        size, count = run.recipe.batch_size, len(self._groups)
        places = range(run.step * size, run.step * size + len(rows))
        return [self._rows[self._groups[p % count][self._orders[p % count].at(p // count)[0]]] for p in places]


class SetBatches(_Deals):
    """Each batch holds whole sets: `width` rows each, of rows that agree in `columns` (paraphrases of one another).

    Sets come in permutations, as rows do without it; a set with more members than `width` gives other ones at each
    visit, one with fewer repeats some.
    """

    def __init__(self, columns: Sequence[str], width: int) -> None:
        super().__init__(f"sets of paraphrases by {', '.join(columns)}")
        self._columns, self._width = tuple(columns), width
        self._sets: list[list[int]] = []
        self._order: Order | None = None

    def start(self, run: Run) -> None:
        """A batch is made of whole sets. Raises `InputError` where the recipe's size does not allow it."""
        if run.recipe.batch_size % self._width:
            raise InputError(
                f"sets of {self._width} paraphrases in batches of {run.recipe.batch_size} rows",
                "a batch is made of whole sets",
                "choose a width that divides the recipe's batch_size",
            )

    def rows(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """Find the sets. Raises `InputError` if no set has two members."""
        found = grouped(rows, self._columns, self._asked_by)
        _check_sets(found, self._columns)
        self._take(run, rows)
        self._sets = list(found.values())
        per_step = run.recipe.batch_size // self._width
        self._order = Order(len(found), per_step, stream_seed(run.seed, "paraphrase sets"))
        return rows

    def rollout(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """Sets instead of rows; the members of one stand side by side."""
        self._check(run, rows)
        assert self._order is not None
        out: list[TokenRow] = []
        for visit, number in enumerate(self._order.at(run.step)):
            members = self._sets[number]
            order = run.rng("paraphrase", visit).permutation(len(members))
            out += [self._rows[members[int(order[k % len(members)])]] for k in range(self._width)]
        return out


class SetCandidates(_Deals):
    """For every row drawn, the row itself and up to `m` - 1 others of its set, side by side, each once.

    The rows drawn stay those of the recipe; the others come from a stream of the run and step. `dealt` are the
    candidates of the step under way, `sizes` how many belong to each row drawn.
    """

    def __init__(self, columns: Sequence[str], m: int, asked_by: str) -> None:
        super().__init__(asked_by)
        self._columns, self._m = tuple(columns), m
        self._set_of: list[list[int]] = []
        self.dealt: Sequence[TokenRow] = ()
        self.sizes: list[int] = []

    def rows(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """Find the sets. Raises `InputError` if no set has two members."""
        found = grouped(rows, self._columns, self._asked_by)
        _check_sets(found, self._columns)
        self._take(run, rows)
        self._set_of = [[] for _ in rows]
        for members in found.values():
            for number in members:
                self._set_of[number] = members
        return rows

    def rollout(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """The candidates of every row drawn."""
        self._check(run, rows)
        assert self._drawn is not None
        out: list[TokenRow] = []
        self.sizes = []
        for place, number in enumerate(self._drawn.at(run.step)):
            others = [other for other in self._set_of[number] if other != number]
            order = run.rng("candidates", place).permutation(len(others))[: self._m - 1]
            out += [self._rows[number], *(self._rows[others[int(i)]] for i in order)]
            self.sizes.append(1 + len(order))
        self.dealt = out
        return out


def _check_sets(found: Mapping[str, Sequence[int]], columns: Sequence[str]) -> None:
    if all(len(members) < 2 for members in found.values()):
        raise InputError(
            f"no two training rows agree in {', '.join(columns)}",
            "paraphrases of one row share these values",
            "name the columns that say what a row is a paraphrase of",
        )
