"""The last step of every sampler: exactly as many points as are wanted, all new, and feasible once they are rounded."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from assay.drivers.samplers_abstract import SamplingTask
from assay.errors import NumericalError
from assay.numerics.designs import uniform

__all__ = ["exact_points"]

Array = np.ndarray

# Rounds of random points for those that could not be used, and the fewest of a round.
ROUNDS, FEWEST = 16, 64


def exact_points(task: SamplingTask, points: Array, count: int) -> Array:
    """The first `count` usable points, in their order; random ones make up for what is missing.

    A point can be used when its rounded values satisfy the constraints and are neither those of a placed point nor of an
    earlier one. Where a finite space has no more, points are repeated.

    Arguments:
        points: (points, dimension), what a sampler would like; more or fewer than wanted.

    Raises:
        NumericalError: when no feasible point is found.
    """
    known = {_key(row) for row in task.placed}
    found, repeated = _take(task, points, count, known)
    generator = task.generator("replacement")
    for _ in range(ROUNDS):
        missing = count - len(found)
        if not missing:
            return np.array(found)
        draws = uniform(
            task.coordinates, task.feasible, max(4 * missing, FEWEST), generator, task.environment
        )
        more, again = _take(task, draws, missing, known)
        found, repeated = [*found, *more], [*repeated, *again]
    if not repeated and not found:
        raise NumericalError(
            "no point satisfies the constraints after rounding; use a smaller output_precision"
        )
    spare = repeated or found
    return np.array([*found, *(spare[place % len(spare)] for place in range(count - len(found)))])


def _take(
    task: SamplingTask, points: Iterable[Array], count: int, known: set[bytes]
) -> tuple[list[Array], list[Array]]:
    """The usable points, which from now on are known, and those that are only repeated."""
    found: list[Array] = []
    repeated: list[Array] = []
    for point in points:
        if len(found) == count:
            break
        exact = task.feasible.project(point)
        if exact is None:
            continue
        key = _key(exact)
        (repeated if key in known else found).append(exact)
        known.add(key)
    return found, repeated


def _key(point: Array) -> bytes:
    return (point + 0.0).tobytes()  # no -0.0
