"""The Feynman table of equations: data drawn from an equation, and the judge of what an engine makes of them.

`feynman_equations.csv` holds the hundred rows in the order of the table, with the ranges that it gives and that SRBench uses.
The first forty are judged; the others are for tuning.

Source: S.-M. Udrescu, M. Tegmark, Science Advances 6, eaay2631 (2020); W. La Cava et al., NeurIPS datasets 2021 (SRBench).
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from assay.discovery.forms import Form, fitted
from assay.errors import ExpressionError
from assay.numerics.expressions import compile_numpy
from assay.space.expressions import parse

__all__ = ["JUDGED", "Draw", "Equation", "drawn", "equations", "is_equivalent", "is_exact"]

Array = np.ndarray
Columns = Mapping[str, Array]

JUDGED = 40
ROWS = 200
CHECKED_ROWS = 1000
REFITTED_ROWS = 300
WIDER = 0.2
INSIDE, BEYOND = 1e-6, 1e-4  # root mean square errors over the standard deviation of the truth


@dataclass(frozen=True)
class Equation:
    """A row of the table."""

    number: int
    name: str
    formula: str
    ranges: Mapping[str, tuple[float, float]]

    def truth(self, columns: Columns) -> Array:
        """Its value; not a number where it has none."""
        with np.errstate(all="ignore"):
            return compile_numpy(parse(self.formula, list(self.ranges))).value(columns)

    def points(self, generator: np.random.Generator, rows: int, wider: float = 0.0) -> dict[str, Array]:
        """Uniform ones, in ranges that are longer at their upper ends by a part of their length."""
        return {
            name: generator.uniform(low, high + wider * (high - low), rows)
            for name, (low, high) in self.ranges.items()
        }


@dataclass(frozen=True)
class Draw:
    """What every engine is given: columns, and the response with noise."""

    columns: dict[str, Array]
    response: Array


def equations() -> list[Equation]:
    """All rows of the table, in its order."""
    with (Path(__file__).parent / "feynman_equations.csv").open(encoding="utf-8") as file:
        return [
            Equation(number, row["equation"], row["formula"], _ranges(row["ranges"]))
            for number, row in enumerate(csv.DictReader(file), start=1)
        ]


def drawn(equation: Equation, noise: float, seed: int) -> Draw:
    """Two hundred rows with normal noise of a part of the root mean square of the response."""
    generator = np.random.default_rng([seed, zlib.crc32(equation.name.encode())])
    columns = equation.points(generator, ROWS)
    truth = equation.truth(columns)
    errors = generator.standard_normal(ROWS)
    return Draw(columns, truth + noise * float(np.sqrt(np.mean(truth**2))) * errors)


def is_exact(equation: Equation, predict: Callable[[Columns], Array]) -> bool:
    """Whether predictions are the truth, to 1e-6 of its standard deviation in the ranges and to 1e-4 in wider ones."""
    generator = np.random.default_rng([zlib.crc32(equation.name.encode()), 1])
    for wider, most in ((0.0, INSIDE), (WIDER, BEYOND)):
        columns = equation.points(generator, CHECKED_ROWS, wider)
        truth = equation.truth(columns)
        known = np.isfinite(truth)
        with np.errstate(all="ignore"):
            error = (np.asarray(predict(columns), float) - truth)[known]
        if not np.sqrt(np.mean(error**2)) <= most * truth[known].std():
            return False
    return True


def is_equivalent(equation: Equation, text: str) -> bool:
    """Whether an equation is exact once its constants are fitted to the truth without noise, from the values that it has."""
    try:
        node = parse(text, list(equation.ranges)).tree
    except ExpressionError:
        return False
    columns = equation.points(np.random.default_rng([zlib.crc32(equation.name.encode()), 2]), REFITTED_ROWS)
    truth = equation.truth(columns)  # finite, since no range is longer here
    weights = np.ones(len(truth))
    for multiply_out in (False, True):
        form = Form.of(node, multiply_out=multiply_out)
        fit = fitted(form, columns, truth, weights, steps=200)
        if fit is not None and is_exact(equation, partial(_predicted, form, fit.values)):
            return True
    return False


def _predicted(form: Form, values: Array, columns: Columns) -> Array:
    return form.predict(columns, values)


def _ranges(text: str) -> dict[str, tuple[float, float]]:
    found = {}
    for entry in text.split():
        name, _, limits = entry.partition("=")
        low, high = limits.split("..")
        found[name] = (float(low), float(high))
    return found
