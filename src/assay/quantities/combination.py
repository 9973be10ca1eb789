"""Sums of earlier outputs with coefficients that may depend on the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.quantities.abstract import AbstractAffineVariable, Affine, Place
from assay.space.expressions import Expression

__all__ = ["LinearCombination", "summands"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class LinearCombination(AbstractAffineVariable):
    """c0 + Σ_i c_i y_i over single outputs y_i of earlier vectors; a Gaussian stays one.

    Arguments:
        name: of the variable and of its output.
        input_names: what is read.
        sizes: the number of outputs of each.
        entries: (N, 2), for each summand the position of its input and its entry there.
        coefficients: c0, c1, ..., cN, numbers or expressions of parameters; none given: the average.

    Raises:
        UsageError: when the number of coefficients is wrong.

    Example:
        >>> total = LinearCombination("v", ("a", "b"), (1, 1), np.array([[0, 0], [1, 0]]))
        >>> total.coefficients
        (0.0, 0.5, 0.5)
    """

    name: str
    input_names: tuple[str, ...]
    sizes: tuple[int, ...]
    entries: Array
    coefficients: tuple[float | Expression, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.entries)
        if not self.coefficients:
            object.__setattr__(self, "coefficients", (0.0, *([1.0 / count] * count)))
        if len(self.coefficients) != count + 1:
            raise UsageError(
                f"the variable {self.name!r} needs {count + 1} coefficients, c0 and one for each of {count} summands, "
                f"got {len(self.coefficients)}"
            )

    @property
    def output_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.input_names

    @property
    def own_normals(self) -> int:
        return 0

    def affine(self, place: Place) -> Affine:
        rows = len(place.points) if self._compiled else 1
        coefficients = np.empty((rows, len(self.coefficients)))
        slopes: dict[int, dict[str, Array]] = {}
        for index, coefficient in enumerate(self.coefficients):
            if isinstance(coefficient, Expression):
                varying = [name for name in coefficient.names if place.varies(name)]
                expression = self._compiled[index]
                coefficients[:, index], slopes[index] = expression.value_gradient(place.parameters, varying)
            else:
                coefficients[:, index] = coefficient
        matrices = [np.zeros((rows, 1, size)) for size in self.sizes]
        for row, (position, entry) in enumerate(self.entries):
            matrices[position][:, 0, entry] += coefficients[:, row + 1]

        def pullback(offset_bar: Array, matrix_bars: Sequence[Array], _: Array | None) -> Array:
            bars: dict[str, Array] = {}
            for index, by_name in slopes.items():
                if index == 0:
                    own = offset_bar[:, 0]
                else:
                    position, entry = self.entries[index - 1]
                    own = matrix_bars[position][:, 0, entry]
                for name, slope in by_name.items():
                    bars[name] = bars.get(name, 0.0) + own * slope
            return place.points_bar(bars)

        return Affine(coefficients[:, :1], tuple(matrices), pullback=pullback if slopes else None)

    @cached_property
    def _compiled(self) -> dict[int, CompiledExpression]:
        return {
            index: compile_numpy(coefficient)
            for index, coefficient in enumerate(self.coefficients)
            if isinstance(coefficient, Expression)
        }


def summands(
    name: str, read: Sequence[str], names: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], tuple[int, ...], Array]:
    """From names of vectors or of single outputs to `input_names`, `sizes` and `entries` of a combination.

    A vector counts as all its outputs. A name that is both is the vector.

    Arguments:
        name: of the variable, for the error.
        read: names of vectors or outputs.
        names: the output names of every earlier source and variable.

    Raises:
        UsageError: for a name that does not exist, or one that several vectors have.

    Example:
        >>> summands("v", ["a", "b1"], {"a": ["a"], "b": ["b0", "b1"]})[2].tolist()
        [[0, 0], [1, 1]]
    """
    vectors: list[str] = []
    entries: list[tuple[int, int]] = []
    for wanted in read:
        if wanted in names:
            found = [(wanted, entry) for entry in range(len(names[wanted]))]
        else:
            found = [
                (vector, list(outputs).index(wanted))
                for vector, outputs in names.items()
                if wanted in outputs
            ]
            if len(found) != 1:
                raise UsageError(
                    f"the variable {name!r} may read a surrogate, a variable or one of their outputs, "
                    f"got {wanted!r}, which {len(found)} of them have"
                )
        for vector, entry in found:
            if vector not in vectors:
                vectors.append(vector)
            entries.append((vectors.index(vector), entry))
    return tuple(vectors), tuple(len(names[vector]) for vector in vectors), np.array(entries)
