"""Word n-grams of texts as 64-bit numbers, many texts at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError

Bits = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

WORD = re.compile(r"\w+")
TEXTS_AT_ONCE = 2_000

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation."""
    return WORD.findall(text.lower())


def shingles(text: str, width: int = 3) -> frozenset[str]:
    """The runs of `width` words of `text`, in lower case; one shorter run where there are fewer words."""
    found = words(text)
    if not found:
        return frozenset()
    return frozenset(" ".join(found[i : i + width]) for i in range(max(1, len(found) - width + 1)))


@dataclass(frozen=True, eq=False)
class Shingled:
    """The distinct n-grams of many texts: those of text i are ``codes[starts[i]:starts[i + 1]]``, ascending."""

    codes: Bits
    starts: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, i: int) -> Bits:
        """The n-grams of text `i`."""
        return self.codes[self.starts[i] : self.starts[i + 1]]

    @property
    def sizes(self) -> Ints:
        """Distinct n-grams of each text."""
        return np.diff(self.starts)


class Shingler:
    """Turns texts into `Shingled`; keeps a number for every word it has met.

    A word's number is a hash of its letters, an n-gram's a hash of the numbers of its words, so that the same n-gram
    has the same number everywhere. Two among ten million different ones share theirs with probability below 1e-5.
    """

    def __init__(self, width: int = 3) -> None:
        if width < 1:
            raise InputError(f"width = {width}", "an n-gram has at least one word", "use 1 or more")
        self.width = width
        self._words = _Numbers()

    def __call__(self, texts: Sequence[str]) -> Shingled:
        """The n-grams of `texts`."""
        parts = [self._some(texts[i : i + TEXTS_AT_ONCE]) for i in range(0, len(texts), TEXTS_AT_ONCE)]
        if not parts:
            return Shingled(np.empty(0, dtype=np.uint64), np.zeros(1, dtype=np.int64))
        sizes = np.concatenate([part.sizes for part in parts])
        return Shingled(np.concatenate([part.codes for part in parts]), np.concatenate([[0], np.cumsum(sizes)]))

    def numbers(self, texts: Sequence[str]) -> tuple[Bits, Ints]:
        """The number of every word of `texts` in order, and how many words each text has."""
        split = [words(text) for text in texts]
        lengths = np.array([len(found) for found in split], dtype=np.int64)
        flat = np.fromiter(map(self._words.__getitem__, chain.from_iterable(split)), np.uint64, int(lengths.sum()))
        return flat, lengths

    def _some(self, texts: Sequence[str]) -> Shingled:
        flat, lengths = self.numbers(texts)
        codes, owner = ngrams(flat, lengths, self.width)
        order = np.lexsort((codes, owner))
        codes, owner = codes[order], owner[order]
        new = np.ones(len(codes), dtype=bool)
        new[1:] = (codes[1:] != codes[:-1]) | (owner[1:] != owner[:-1])
        sizes = np.bincount(owner[new], minlength=len(texts))
        return Shingled(codes[new], np.concatenate([[0], np.cumsum(sizes)]))


def ngrams(flat: Bits, lengths: Ints, width: int) -> tuple[Bits, Ints]:
    """Every run of `width` words as a number, and the text it is of; one shorter run for a text of fewer words."""
    ends = np.cumsum(lengths)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(flat)) - np.repeat(ends - lengths, lengths)
    left = lengths[owner] - place
    # a text shorter than the width has one run, of all its words
    whole = np.flatnonzero((left >= width) | ((place == 0) & (left < width)))
    out = np.zeros(len(whole), dtype=np.uint64)
    padded = np.concatenate([flat, np.zeros(width, dtype=np.uint64)])
    for step in range(width):
        word = np.where(left[whole] > step, padded[whole + step], np.uint64(0))
        out = (out ^ word) * _ODD
        out ^= out >> np.uint64(29)
    return mixed(out), owner[whole]


def mixed(codes: Bits) -> Bits:
    """Numbers whose bits all depend on all bits of `codes` (the finaliser of SplitMix64, Steele et al. 2014)."""
    codes = (codes ^ (codes >> np.uint64(30))) * _MIX[0]
    codes = (codes ^ (codes >> np.uint64(27))) * _MIX[1]
    return codes ^ (codes >> np.uint64(31))


class _Numbers(dict[str, int]):
    """Word -> its number, made when first asked for."""

    def __missing__(self, word: str) -> int:
        number = int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        self[word] = number
        return number
