"""Whether an equation can be right in its dimensions, and which unit each of its constants then has.

Every constant may have a unit of its own. Sums and functions then give linear equations for the unknown exponents; where
they contradict one another no units of the constants make the equation right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np

from assay.discovery.forms import COEFFICIENT, Form
from assay.space.syntax import Binary, Call, Name, Node, Number, Unary

__all__ = ["units_of_constants"]

Array = np.ndarray

TOLERANCE = 1e-6


def units_of_constants(
    form: Form, values: Array, dimensions: Mapping[str, Array], response: Array, *, plain: bool = False
) -> Array | None:
    """The exponents (constants, bases) of each constant's unit; None for an equation that no units make right.

    Arguments:
        form: with constants `_0`, `_1`, ….
        values: of the constants; an exponent counts as its number.
        dimensions: of each column, (bases,).
        response: the dimension of the result, (bases,).
        plain: whether constants may have no units.
    """
    walk = _Walk(values, dimensions, len(response))
    walk.equal(walk.dimension(form.tree), (response, np.zeros(len(values))))
    left = np.array([row for row, _ in walk.equations]).reshape(-1, len(values))
    right = np.array([side for _, side in walk.equations]).reshape(-1, len(response))
    if plain or not len(values):
        solution = np.zeros((len(values), len(response)))
    else:
        solution = np.linalg.lstsq(left, right, rcond=None)[0]
    return solution if np.abs(left @ solution - right).max(initial=0.0) < TOLERANCE else None


_Dimension = tuple[Array, Array]  # what is known (bases,), and how often each constant's unit comes on top


@final
class _Walk:
    """Collects the equations of one tree."""

    def __init__(self, values: Array, dimensions: Mapping[str, Array], bases: int) -> None:
        self._values, self._dimensions, self._bases = values, dimensions, bases
        self.equations: list[tuple[Array, Array]] = []

    def equal(self, one: _Dimension, other: _Dimension) -> None:
        """Both must have the same dimension."""
        self.equations.append((one[1] - other[1], other[0] - one[0]))

    def dimension(self, node: Node) -> _Dimension:
        match node:
            case Name(name) if name.startswith(COEFFICIENT):
                own = np.zeros(len(self._values))
                own[int(name.removeprefix(COEFFICIENT))] = 1.0
                return np.zeros(self._bases), own
            case Name(name):
                return self._dimensions[name], np.zeros(len(self._values))
            case Unary(operand):
                return self.dimension(operand)
            case Binary("+" | "-", left, right):
                first = self.dimension(left)
                self.equal(first, self.dimension(right))
                return first
            case Binary("^", base, exponent):
                return self._power(base, exponent)
            case Binary(operator, left, right):
                (a, p), (b, q) = self.dimension(left), self.dimension(right)
                return (a + b, p + q) if operator == "*" else (a - b, p - q)
            case Call("sqrt", (operand,)):
                known, unknown = self.dimension(operand)
                return known / 2, unknown / 2
            case Call(function, (operand,)):
                inside = self.dimension(operand)
                if function == "abs":
                    return inside
                self.equal(inside, self._plain())
                return self._plain()
            case _:
                return self._plain()

    def _plain(self) -> _Dimension:
        return np.zeros(self._bases), np.zeros(len(self._values))

    def _power(self, base: Node, exponent: Node) -> _Dimension:
        known, unknown = self.dimension(base)
        match exponent:
            case Number(value):
                power = value
            case Name(name) if name.startswith(COEFFICIENT):
                power = float(self._values[int(name.removeprefix(COEFFICIENT))])
                self.equal(self.dimension(exponent), self._plain())
            case _:
                self.equal(self.dimension(exponent), self._plain())
                self.equal((known, unknown), self._plain())
                return self._plain()
        return known * power, unknown * power
