"""Near-duplicates among texts: by MinHash and bands, each candidate confirmed by exact Jaccard similarity.

Broder (1997), On the resemblance and containment of documents. Two texts are near-duplicates where their sets of word
3-grams have a Jaccard similarity at or above a threshold, .8 unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.minhash import MinHash, Signatures
from isobath.design.shingles import Bits, Shingled, Shingler, shingles

__all__ = ["NearDuplicates", "exact_rate", "jaccard", "shingles"]

Ints = npt.NDArray[np.int64]

MOST_PAIRS = 2_000_000
"""Candidate pairs looked at at once; texts that would give more are taken in two halves, one after the other."""

AT_ONCE = 10_000
"""Texts that are looked at together."""

BLOCK = 2_000
"""Texts that are compared with the whole sample at once in `exact_rate`."""

FEW = 64
MARGIN = 0.15
"""Candidates whose estimated similarity is so far below the threshold are not looked at: six standard errors at .8."""


def jaccard(one: frozenset[str] | set[str], other: frozenset[str] | set[str]) -> float:
    """Shared over all members; 1 for two empty sets."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def _jaccard(one: Bits, other: Bits) -> float:
    """As `jaccard`, of two ascending arrays of distinct numbers."""
    if not len(one) or not len(other):
        return float(len(one) == len(other))
    at = np.searchsorted(one, other)
    shared = int((one[np.minimum(at, len(one) - 1)] == other).sum())
    return shared / (len(one) + len(other) - shared)


class NearDuplicates:
    """Finds texts that nearly repeat an earlier one; texts are added in any number of calls.

    A text that repeats one is not remembered itself, so that those with None are no near-duplicates of each other, and
    no text is dropped for its likeness to one that was dropped. A pair at the very threshold is missed with
    probability below .01, a closer one more rarely (`design.minhash.recall`); what is found is exact.
    """

    def __init__(self, threshold: float = 0.8, width: int = 3) -> None:
        self.threshold = threshold
        self._shingler, self._minhash = Shingler(width), MinHash(threshold)
        self._count = 0
        self._names: list[Ints] = []
        self._codes: list[Shingled] = []
        self._low: list[npt.NDArray[np.uint8]] = []
        self._starts: list[int] = []
        self._runs: list[tuple[Bits, npt.NDArray[np.int32]]] = []
        self._kept = 0

    def __len__(self) -> int:
        """Texts added, those that repeat one included."""
        return self._count

    def add(self, texts: Sequence[str]) -> list[int | None]:
        """For each text the number of an earlier one that it nearly repeats, None for none.

        Texts are numbered from 0 in the order they are added, over all calls. A text without words repeats another
        one without words.
        """
        said: list[int | None] = []
        # in blocks, so that what is held of the texts at once stays small
        for start in range(0, len(texts), AT_ONCE):
            found = self._shingler(texts[start : start + AT_ONCE])
            out: list[int | None] = [None] * len(found)
            self._part(found, self._minhash(found), np.arange(len(found)), out)
            self._copies(out)
            self._count += len(found)
            said += out
        return said

    def _part(self, found: Shingled, signatures: Signatures, which: Ints, out: list[int | None]) -> None:
        """Decide about the texts `which`, and remember those that are new."""
        if not len(which):
            return
        which = self._without_copies(found, which, out)
        keys, owners = _sorted_bands(signatures.bands[which])
        _, sizes = np.unique(keys, return_counts=True)
        if len(which) > FEW and int((sizes * (sizes - 1) // 2).sum()) > MOST_PAIRS:
            half = len(which) // 2
            self._part(found, signatures, which[:half], out)
            self._part(found, signatures, which[half:], out)
            return
        partners: dict[int, set[int]] = {}
        for later, earlier in self._earlier(signatures, which, keys, owners):
            partners.setdefault(later, set()).add(earlier)
        self._settle(found, signatures, which, partners, out)

    def _without_copies(self, found: Shingled, which: Ints, out: list[int | None]) -> Ints:
        """`which` without texts that have the very n-grams of another of them: many copies would be many pairs."""
        prints: dict[bytes, int] = {}
        left = []
        for i in which.tolist():
            first = prints.setdefault(found.of(i).tobytes(), i)
            if first == i:
                left.append(i)
            else:
                # where the first repeats an earlier text, so does its copy
                out[i] = -1 - first
        return np.array(left, dtype=np.int64)

    def _earlier(
        self, signatures: Signatures, which: Ints, keys: Bits, owners: npt.NDArray[np.int32]
    ) -> Iterator[tuple[int, int]]:
        """Pairs (place in `which`, kept number; or ``self._kept`` + an earlier place) likely to reach the threshold."""
        low = signatures.low[which]
        least = (self.threshold - MARGIN) * self._minhash.hashes
        for run_keys, run_owners in self._runs:
            for later, earlier in _matches(keys, owners, run_keys, run_owners):
                likely = (low[later] == self._lows(earlier)).sum(axis=1) >= least
                yield from zip(later[likely].tolist(), earlier[likely].tolist(), strict=True)
        for later, earlier in _pairs_within(keys, owners):
            likely = (low[later] == low[earlier]).sum(axis=1) >= least
            yield from zip(later[likely].tolist(), (earlier[likely] + self._kept).tolist(), strict=True)

    def _settle(
        self,
        found: Shingled,
        signatures: Signatures,
        which: Ints,
        partners: dict[int, set[int]],
        out: list[int | None],
    ) -> None:
        """Confirm candidates in the order of the texts; remember the texts that repeat none."""
        kept, names = [], which.tolist()
        dropped: set[int] = set()
        for place, i in enumerate(names):
            for number in sorted(partners.get(place, ())):
                inside = number - self._kept
                if inside in dropped:
                    continue
                other = self._set(number) if inside < 0 else found.of(names[inside])
                if _jaccard(found.of(i), other) >= self.threshold:
                    out[i] = self._name(number) if inside < 0 else self._count + names[inside]
                    dropped.add(place)
                    break
            else:
                kept.append(i)
        self._remember(found, signatures, np.array(kept, dtype=np.int64))

    def _copies(self, out: list[int | None]) -> None:
        """Give every copy whose first is settled what the first repeats, or the first itself."""
        for i, said in enumerate(out):
            if said is not None and said < 0:
                first = out[-1 - said]
                out[i] = self._count + (-1 - said) if first is None else first

    def _remember(self, found: Shingled, signatures: Signatures, kept: Ints) -> None:
        if not len(kept):
            return
        parts = [found.of(i) for i in kept.tolist()]
        ends = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        self._starts.append(self._kept)
        self._codes.append(Shingled(np.concatenate(parts), ends))
        self._low.append(signatures.low[kept])
        self._names.append(kept + self._count)
        keys, owners = _sorted_bands(signatures.bands[kept])
        self._runs.append((keys, owners + np.int32(self._kept)))
        self._kept += len(kept)
        while len(self._runs) > 1 and 2 * len(self._runs[-1][0]) > len(self._runs[-2][0]):
            self._merge()

    def _merge(self) -> None:
        """Make one run of the last two."""
        (keys, owners), (more, others) = self._runs[-2], self._runs[-1]
        both = np.concatenate([keys, more])
        order = np.argsort(both, kind="stable")
        self._runs[-2:] = [(both[order], np.concatenate([owners, others])[order])]

    def _at(self, number: int) -> tuple[int, int]:
        part = int(np.searchsorted(self._starts, number, side="right")) - 1
        return part, number - self._starts[part]

    def _set(self, number: int) -> Bits:
        part, i = self._at(number)
        return self._codes[part].of(i)

    def _name(self, number: int) -> int:
        part, i = self._at(number)
        return int(self._names[part][i])

    def _lows(self, numbers: Ints) -> npt.NDArray[np.uint8]:
        part = np.searchsorted(self._starts, numbers, side="right") - 1
        out = np.empty((len(numbers), self._minhash.hashes), dtype=np.uint8)
        for p in np.unique(part).tolist():
            mine = part == p
            out[mine] = self._low[p][numbers[mine] - self._starts[p]]
        return out


def _sorted_bands(bands: Bits) -> tuple[Bits, npt.NDArray[np.int32]]:
    """All band keys ascending, and the row of each."""
    flat = bands.ravel()
    order = np.argsort(flat, kind="stable")
    return flat[order], (order // max(bands.shape[1], 1)).astype(np.int32)


def _matches(
    keys: Bits, owners: npt.NDArray[np.int32], others: Bits, their_owners: npt.NDArray[np.int32]
) -> Iterator[tuple[Ints, Ints]]:
    """Owners of equal keys in two ascending lists, each pair once per part; parts of bounded size."""
    low, high = np.searchsorted(others, keys, side="left"), np.searchsorted(others, keys, side="right")
    hit = np.flatnonzero(high > low)
    counts = (high - low)[hit]
    part = np.cumsum(counts) // MOST_PAIRS
    for p in np.unique(part).tolist():
        rows = hit[part == p]
        many = (high - low)[rows]
        places = np.repeat(low[rows] - np.concatenate([[0], np.cumsum(many)[:-1]]), many) + np.arange(many.sum())
        later, earlier = np.repeat(owners[rows], many).astype(np.int64), their_owners[places].astype(np.int64)
        both = np.unique(later << 32 | earlier)  # numbers of two lists: equal ones are different texts
        yield both >> 32, both & 0xFFFFFFFF


def _pairs_within(keys: Bits, owners: npt.NDArray[np.int32]) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (later, earlier) of owners that share a key of one ascending list."""
    at = np.arange(len(keys))
    step = 1
    while len(at):
        at = at[at + step < len(keys)]
        at = at[keys[at] == keys[at + step]]
        if len(at):
            one, two = owners[at].astype(np.int64), owners[at + step].astype(np.int64)
            yield _once(np.maximum(one, two), np.minimum(one, two))
        step += 1


def _once(later: Ints, earlier: Ints) -> tuple[Ints, Ints]:
    both = np.unique(later << 32 | earlier)
    both = both[both >> 32 != both & 0xFFFFFFFF] if len(both) else both
    return both >> 32, both & 0xFFFFFFFF


def exact_rate(texts: Sequence[str], sample: int, threshold: float = 0.8, seed: int = 0, width: int = 3) -> float:
    """Share of `sample` texts drawn at random that have another of `texts` at or above `threshold`.

    Jaccard similarity of every sampled text with every other one, from the counts of shared n-grams (a product of
    sparse matrices, a block of texts at a time): nothing is estimated but by the sample. All texts are looked at where
    `sample` is not below their number. Raises `InputError` for no texts or no sample.
    """
    if not texts or sample < 1:
        raise InputError(f"{len(texts)} texts, sample {sample}", "at least one of each", "pass texts")
    shingler = Shingler(width)
    drawn = np.sort(rng(seed, "design", "near-duplicates").permutation(len(texts))[:sample])
    asked = shingler([texts[i] for i in drawn.tolist()])
    known = np.unique(asked.codes)
    rows = _matrix(asked, known)
    hit = np.zeros(len(drawn), dtype=bool)
    for start in range(0, len(texts), BLOCK):
        block = shingler(texts[start : start + BLOCK])
        shared = (rows @ _matrix(block, known).T).toarray()
        union = asked.sizes[:, None] + block.sizes[None, :] - shared
        alike = np.where(union > 0, shared / np.maximum(union, 1), 1.0) >= threshold
        inside = np.flatnonzero((drawn >= start) & (drawn < start + len(block)))
        alike[inside, drawn[inside] - start] = False
        hit |= alike.any(axis=1)
    return float(hit.mean())


def _matrix(texts: Shingled, known: Bits) -> Any:
    """Which of the `known` n-grams each text has, as a sparse matrix of ones, shape (texts, known)."""
    from scipy.sparse import csr_matrix

    at = np.searchsorted(known, texts.codes)
    has = known[np.minimum(at, max(len(known) - 1, 0))] == texts.codes if len(known) else np.zeros(len(at), dtype=bool)
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), texts.sizes)[has]
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(texts)))])
    ones = np.ones(int(has.sum()), dtype=np.int32)
    return csr_matrix((ones, at[has].astype(np.int32), starts), shape=(len(texts), len(known)))
