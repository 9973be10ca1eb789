"""Value, gradient and Hessian of what a fit minimises, by formula: what its steps cost.

With the yield of cell c, y_c = B_c F_c (B the sum of templates, F the product of factors), lambda = sum of cells and
the slope and bend of the Poisson term t = 1 - n/lambda, h = n/lambda^2,

    H = sum_b h_b J_b J_b^T + sum_c t_c (F B'' + B' F'^T + F' B'^T + B F'') + constraints (diagonal).

The first sum and the constraints are positive: the matrix of Gauss and Newton.

In one cell a parameter moves at most one template variation and one factor, so that B' and F' are tables of cells by
parameters, gathered from the entries. Differentiating the likelihood automatically gives the same numbers for a
multiple of the time; `discrepancy` stays the definition, and derivatives of results go through it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from assay.hep.interpolation import additive, multiplicative
from assay.hep.layout import Layout
from assay.hep.model import Data, Model
from assay.numerics.compile import jax_module
from assay.numerics.implicit_minimum import Expansion

__all__ = ["discrepancy_derivatives"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray

# In place of a factor of zero, which one may not divide by: it and its products vanish beside any yield.
TINY = 1e-60


class _Tables(NamedTuple):
    """Where the entries stand in tables of cells by parameters.

    Arguments:
        variation: (cells, parameters), the histosys entry, or their number where there is none.
        factor: (cells, parameters), the factor as in `Layout.factors`, or the last one, which is 1.
        auxiliary: (parameters,), the constraint, or their number.
        cells: (bins, most samples), the cells of a bin, or their number.
    """

    variation: Array
    factor: Array
    auxiliary: Array
    cells: Array


@lru_cache(maxsize=64)
def _tables(layout: Layout) -> _Tables:
    cells, normsys = len(layout.cell_bin), len(layout.normsys_parameter)
    variation = np.full((cells, layout.size), len(layout.histosys_cell))
    variation[layout.histosys_cell, layout.histosys_parameter] = np.arange(len(layout.histosys_cell))
    one = layout.size + normsys
    owner = np.concatenate([np.arange(layout.size), layout.normsys_parameter]).astype(int)
    factor = np.full((cells, layout.size), one)
    cell, slot = np.nonzero(layout.factors < one)
    used = layout.factors[cell, slot]
    factor[cell, owner[used]] = used
    auxiliary = np.full(layout.size, len(layout.auxiliary_parameter))
    auxiliary[layout.auxiliary_parameter] = np.arange(len(layout.auxiliary_parameter))
    counts = np.bincount(layout.cell_bin, minlength=layout.bins)
    bins = np.full((layout.bins, counts.max()), cells)
    order = np.argsort(layout.cell_bin, kind="stable")
    rank = np.arange(cells) - np.repeat(np.cumsum(counts) - counts, counts)
    bins[layout.cell_bin[order], rank] = order
    return _Tables(variation, factor, auxiliary, bins)


def discrepancy_derivatives(parameters: Any, given: tuple[Model, Data]) -> Expansion:
    """`discrepancy` with its gradient, its Hessian and the positive part of that.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> from assay.numerics.compile import float64
        >>> model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))
        >>> with float64():
        ...     near = discrepancy_derivatives(jnp.zeros(3).at[1:].set(1.0), (model, model.observed_data()))
        >>> [round(float(number), 6) for number in near.gradient]
        [0.606154, -1.0, 4.0]
    """
    model, data = given
    tables = _tables(model.layout)
    base, slope, bend = _variations(model, parameters)
    product, divisor, first, second = _factors(model, parameters)

    variation, bent = _gathered(slope, tables.variation), _gathered(bend, tables.variation)
    share, curled = _gathered(first, tables.factor), _gathered(second, tables.factor)
    rise = divisor[:, None] * share  # F', and F'' = F' F'^T / F but on its diagonal
    moved = product[:, None] * variation + base[:, None] * rise
    rows = _summed(moved, tables)  # d lambda/d parameters
    expected = _summed(base * product, tables)

    ratio = jnp.where(data.main > 0, data.main, 0.0) / jnp.where(data.main > 0, expected, 1.0)
    tilt, stiffness = 1 - ratio, ratio / jnp.where(data.main > 0, expected, 1.0)
    weight = tilt[model.layout.cell_bin]
    mixed = (weight * 0.5 * base / divisor)[:, None] * rise + weight[:, None] * variation
    positive, cross = rows.T @ (stiffness[:, None] * rows), rise.T @ mixed
    # On the diagonal the second derivatives of one factor and of one variation stand in place of the products.
    own = 2 * weight @ (rise * variation) + (weight * product) @ bent + (weight * base * divisor) @ curled
    pull, grip = _constraints(model, data, parameters, tables)
    convex = positive + jnp.diag(grip)
    rest = jnp.where(jnp.eye(model.layout.size, dtype=bool), own, cross + cross.T)
    return Expansion(
        model.discrepancy_of(expected, parameters, data), tilt @ rows + pull, convex + rest, convex
    )


def _variations(model: Model, parameters: Any) -> tuple[Any, Any, Any]:
    """The sum of templates of each cell, and the slope and bend of each entry."""
    layout = model.layout
    if not layout.histosys_cell.size:
        none = jnp.zeros(0)
        return jnp.asarray(model.nominal), none, none
    nominal = jnp.asarray(model.nominal)[layout.histosys_cell]
    rise, fall = model.histosys_high - nominal, nominal - model.histosys_low
    value, slope, bend = _elementwise(
        lambda alpha: additive(layout.histosys_code, alpha, rise, fall),
        parameters[layout.histosys_parameter],
    )
    added = _gathered(value, _tables(layout).variation).sum(axis=1)
    return model.nominal + added, slope, bend


def _factors(model: Model, parameters: Any) -> tuple[Any, Any, Any, Any]:
    """Of each cell the product of its factors, and the same to divide by; of each factor its first two derivatives
    over itself.
    """
    layout = model.layout
    values, slopes, bends = [parameters], [jnp.ones_like(parameters)], [jnp.zeros_like(parameters)]
    if layout.normsys_parameter.size:
        parts = _elementwise(
            lambda alpha: multiplicative(layout.normsys_code, alpha, model.normsys_high, model.normsys_low),
            parameters[layout.normsys_parameter],
        )
        for target, part in zip((values, slopes, bends), parts, strict=True):
            target.append(part)
    value, slope, bend = (jnp.concatenate(parts) for parts in (values, slopes, bends))
    divisor = jnp.where(value == 0, TINY, value)
    products = [jnp.prod(_with_one(factors)[layout.factors], axis=1) for factors in (value, divisor)]
    return *products, slope / divisor, bend / divisor


def _constraints(model: Model, data: Data, parameters: Any, tables: _Tables) -> tuple[Any, Any]:
    """Slope and bend of the constraint of each parameter, (parameters,)."""
    layout = model.layout
    if not layout.auxiliary_parameter.size:
        return jnp.zeros(layout.size), jnp.zeros(layout.size)
    centre, width = parameters[layout.auxiliary_parameter], model.constraint_width()
    poisson = layout.auxiliary_is_poisson
    positive = jnp.where(poisson, centre, 1.0)
    slope = jnp.where(poisson, width - data.auxiliary / positive, (centre - data.auxiliary) / width**2)
    bend = jnp.where(poisson, data.auxiliary / positive**2, 1 / width**2)
    return _gathered(slope, tables.auxiliary), _gathered(bend, tables.auxiliary)


def _elementwise(function: Any, points: Any) -> tuple[Any, Any, Any]:
    """A function of each number with its first two derivatives."""
    ones = jnp.ones_like(points)

    def with_slope(where: Any) -> tuple[Any, Any]:
        return jax.jvp(function, (where,), (ones,))

    (value, slope), (_, bend) = jax.jvp(with_slope, (points,), (ones,))
    return value, slope, bend


def _with_one(factors: Any) -> Any:
    return jnp.concatenate([factors, jnp.ones(1)])


def _gathered(entries: Any, table: Array) -> Any:
    """The entries where the table has them, else zero."""
    return jnp.concatenate([entries, jnp.zeros(1)]).at[table].get(mode="promise_in_bounds")


def _summed(cells: Any, tables: _Tables) -> Any:
    """Numbers of cells, in rows, summed over the samples of each bin."""
    padded = jnp.concatenate([cells, jnp.zeros_like(cells[:1])])
    return padded.at[tables.cells].get(mode="promise_in_bounds").sum(axis=1)
