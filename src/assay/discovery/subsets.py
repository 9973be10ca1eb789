"""Which few columns of many explain a target: all pairs, all triples of few columns, and steps from the best of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import final

import numpy as np

__all__ = ["Subset", "best_subsets"]

Array = np.ndarray

KEPT = 10  # of each size, to be gone on from
MOST_FOR_TRIPLES = 90
SAME_DIRECTION = 1e-9  # 1 - correlation², below which a pair is one column
SAME_DIRECTION_ROUGHLY = 1e-5  # the same, in single precision
MOST_PAIRS = (
    1_500_000  # where there are more, one of each pair is one of those that explain most on their own
)
EXCHANGED = 3  # of each size, those whose members are exchanged
BLOCK = 256
EXACT = 1e-13  # relative residual at which nothing is left to explain


@final
@dataclass(frozen=True)
class Subset:
    """Columns with their coefficients, and the part of the target's square that is left over."""

    members: tuple[int, ...]
    coefficients: tuple[float, ...]
    left_over: float


def best_subsets(columns: Array, target: Array, most: int, returned: int = 3) -> list[Subset]:
    """The best subsets of each size from 1 to `most` by least squares, the best of a size first.

    Pairs of up to 1200 columns are searched exhaustively, so are triples of up to 90; of more columns, pairs hold one of those
    that explain most on their own. Larger ones grow from the best smaller ones, and members of the best are exchanged as long
    as that helps.

    Arguments:
        columns: (n, m).
        target: (n,).
        most: the largest size.
        returned: so many of each size.

    Example:
        >>> x = np.linspace(1.0, 2.0, 20)
        >>> library = np.column_stack([x**power for power in (-2, -1, 0, 1, 2)])
        >>> best_subsets(library, 3.0 / x - x**2, 2)[3].members
        (1, 4)

    Source: A. Miller, Subset Selection in Regression, 2nd edition, 2002, chapter 3.
    """
    norms = np.linalg.norm(columns, axis=0)
    usable = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    length = float(np.linalg.norm(target))
    if not usable.size or length == 0:
        return []
    search = _Search(columns[:, usable] / norms[usable], target / length)
    found: list[Subset] = []
    seeds = search.singles()
    for count in range(1, min(most, len(target) - 1, usable.size) + 1):
        if count > 1:
            seeds = search.pairs() if count == 2 else search.larger(count, seeds)
        for left_over, members in seeds[:returned]:
            coefficients = search.solve(members)[0] * length / norms[usable[list(members)]]
            found.append(
                Subset(tuple(usable[list(members)].tolist()), tuple(coefficients.tolist()), left_over)
            )
        if seeds and seeds[0][0] < EXACT**2:
            break
    return found


_Ranked = list[tuple[float, tuple[int, ...]]]


@final
class _Search:
    """Over columns and a target of length one."""

    def __init__(self, columns: Array, target: Array) -> None:
        self.columns, self.target = columns, target
        self.products = columns.T @ target
        # What is only for an order is done in single precision, which is twice as fast.
        self.rough = columns.astype(np.float32)

    def solve(self, members: tuple[int, ...]) -> tuple[Array, float]:
        """Coefficients, and what is left over."""
        chosen = self.columns[:, list(members)]
        coefficients = np.linalg.lstsq(chosen, self.target, rcond=None)[0]
        rest = self.target - chosen @ coefficients
        return coefficients, float(rest @ rest)

    def singles(self) -> _Ranked:
        order = np.argsort(-(self.products**2), kind="stable")[:KEPT]
        return self._ranked([(int(index),) for index in order])

    def pairs(self) -> _Ranked:
        """All pairs of columns, or of many columns those with one of the best."""
        count = len(self.products)
        firsts = np.arange(count)
        if count**2 > MOST_PAIRS:
            firsts = np.sort(np.argsort(-(self.products**2), kind="stable")[: MOST_PAIRS // count])
        place = np.arange(count)
        found: list[tuple[float, tuple[int, int]]] = []
        for first in range(0, len(firsts), BLOCK):
            rows = firsts[first : first + BLOCK]
            g = self.rough[:, rows].T @ self.rough
            b, c = (self.products[chosen].astype(np.float32) for chosen in (rows, place))
            room = 1.0 - g * g
            later = (
                place[None, :] > rows[:, None] if len(firsts) == count else place[None, :] != rows[:, None]
            )
            good = later & (room > SAME_DIRECTION_ROUGHLY)
            explained = np.where(
                good, (b[:, None] ** 2 + c**2 - 2 * g * b[:, None] * c) / np.where(good, room, 1.0), -1.0
            )
            flat = np.argpartition(-explained, min(2 * KEPT, explained.size - 1), axis=None)[: 2 * KEPT]
            for one in flat.tolist():
                row, column = divmod(one, count)
                if explained[row, column] >= 0:
                    members = sorted((int(rows[row]), column))
                    found.append((float(explained[row, column]), (members[0], members[1])))
        found.sort(key=lambda entry: (-entry[0], entry[1]))
        return self._ranked(list(dict.fromkeys(members for _, members in found))[: 3 * KEPT])

    def larger(self, size: int, seeds: _Ranked) -> _Ranked:
        if size == 3 and len(self.products) <= MOST_FOR_TRIPLES:
            return self._triples()
        grown: dict[tuple[int, ...], None] = {}
        for _, members in seeds[:KEPT]:
            for index in self._additions(members, 3):
                grown[tuple(sorted((*members, index)))] = None
        ranked = self._ranked(list(grown))
        exchanged = dict.fromkeys(self._exchanged(members) for _, members in ranked[:EXCHANGED])
        return self._ranked(list(exchanged | dict.fromkeys(members for _, members in ranked)))

    def _triples(self) -> _Ranked:
        members = np.array(list(itertools.combinations(range(len(self.products)), 3)))
        if not len(members):
            return []
        gram = self.columns.T @ self.columns
        blocks = gram[members[:, :, None], members[:, None, :]]
        right = self.products[members]
        good = np.linalg.det(blocks) > SAME_DIRECTION
        explained = np.full(len(members), -1.0)
        solved = np.linalg.solve(blocks[good], right[good][:, :, None])[:, :, 0]
        explained[good] = (solved * right[good]).sum(axis=1)
        order = np.argsort(-explained, kind="stable")[: 3 * KEPT]
        return self._ranked([tuple(members[index].tolist()) for index in order if explained[index] >= 0])

    def _additions(self, members: tuple[int, ...], count: int) -> list[int]:
        """The columns that explain most of what these leave over."""
        chosen = list(members)
        basis = np.linalg.qr(self.columns[:, chosen])[0]
        rest = self.target - basis @ (basis.T @ self.target)
        length = float(np.linalg.norm(rest))
        if length == 0:
            return []
        room = 1.0 - ((basis.T.astype(np.float32) @ self.rough) ** 2).sum(axis=0)
        products = (rest / length).astype(np.float32) @ self.rough
        gains = np.where(
            room > SAME_DIRECTION_ROUGHLY, products**2 / np.maximum(room, SAME_DIRECTION_ROUGHLY), -1.0
        )
        gains[chosen] = -1.0
        best = np.argpartition(-gains, min(count, len(gains) - 1))[:count]
        return best[np.argsort(-gains[best], kind="stable")].tolist()

    def _exchanged(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Members exchanged one at a time as long as that leaves less over."""
        left = self.solve(members)[1]
        for _ in range(2 * len(members)):
            trials = []
            for leaving in members:
                others = tuple(member for member in members if member != leaving)
                trials += [tuple(sorted((*others, index))) for index in self._additions(others, 1)]
            if not trials:
                break
            best = min((self.solve(trial)[1], trial) for trial in trials)
            if not best[0] < left * (1 - 1e-9):
                break
            left, members = best
        return members

    def _ranked(self, sets: list[tuple[int, ...]]) -> _Ranked:
        return sorted((self.solve(members)[1], members) for members in sets)
