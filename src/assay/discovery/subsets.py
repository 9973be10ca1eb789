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

    Pairs are searched exhaustively, so are triples of up to 90 columns; larger ones grow from the best smaller ones, each
    followed by exchanges as long as they help.

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
        self.gram, self.products = columns.T @ columns, columns.T @ target

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
        found: list[tuple[float, tuple[int, int]]] = []
        count = len(self.products)
        for first in range(0, count, BLOCK):
            rows = slice(first, min(first + BLOCK, count))
            g, b, c = self.gram[rows], self.products[rows, None], self.products[None, :]
            room = 1.0 - g * g
            later = np.arange(count)[None, :] > np.arange(rows.start, rows.stop)[:, None]
            good = later & (room > SAME_DIRECTION)
            explained = np.where(good, (b * b + c * c - 2 * g * b * c) / np.where(good, room, 1.0), -1.0)
            flat = np.argpartition(-explained, min(2 * KEPT, explained.size - 1), axis=None)[: 2 * KEPT]
            for place in flat.tolist():
                row, column = divmod(place, count)
                if explained[row, column] >= 0:
                    found.append((float(explained[row, column]), (rows.start + row, column)))
        found.sort(key=lambda entry: (-entry[0], entry[1]))
        return self._ranked([members for _, members in found[: 3 * KEPT]])

    def larger(self, size: int, seeds: _Ranked) -> _Ranked:
        if size == 3 and len(self.products) <= MOST_FOR_TRIPLES:
            return self._triples()
        grown: dict[tuple[int, ...], None] = {}
        for _, members in seeds[:KEPT]:
            for index in self._additions(members, 3):
                grown[self._exchanged(tuple(sorted((*members, index))))] = None
        return self._ranked(list(grown))

    def _triples(self) -> _Ranked:
        members = np.array(list(itertools.combinations(range(len(self.products)), 3)))
        if not len(members):
            return []
        blocks = self.gram[members[:, :, None], members[:, None, :]]
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
        coefficients, _ = self.solve(members)
        rest = self.target - self.columns[:, chosen] @ coefficients
        # Of each column, the part of its square that these do not explain; from products, since that is only for an order.
        explained = np.linalg.pinv(self.gram[np.ix_(chosen, chosen)], hermitian=True) @ self.gram[chosen]
        room = 1.0 - (self.gram[chosen] * explained).sum(axis=0)
        gains = np.where(
            room > SAME_DIRECTION, (self.columns.T @ rest) ** 2 / np.maximum(room, SAME_DIRECTION), -1.0
        )
        gains[chosen] = -1.0
        return np.argsort(-gains, kind="stable")[:count].tolist()

    def _exchanged(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Members exchanged one at a time as long as that leaves less over."""
        left = self.solve(members)[1]
        for _ in range(2 * len(members)):
            trials = []
            for leaving in members:
                others = tuple(member for member in members if member != leaving)
                trials += [tuple(sorted((*others, index))) for index in self._additions(others, 1)]
            best = min((self.solve(trial)[1], trial) for trial in trials)
            if not best[0] < left * (1 - 1e-9):
                break
            left, members = best
        return members

    def _ranked(self, sets: list[tuple[int, ...]]) -> _Ranked:
        return sorted((self.solve(members)[1], members) for members in sets)
