"""Value, gradient and Hessian of what a fit minimises, by formula: what its steps cost.

With the yield of cell c, y_c = B_c F_c (B the sum of templates, F the product of factors), lambda = sum of cells and
the slope and bend of the Poisson term t = 1 - n/lambda, h = n/lambda^2,

    H = sum_b h_b J_b J_b^T + sum_c t_c (F B'' + B' F'^T + F' B'^T + B F'') + constraints (diagonal).

The first sum and the constraints are positive: the matrix of Gauss and Newton.

In one cell a parameter moves at most one template variation and one factor, so that B' and F' are tables of cells by
parameters, gathered from the entries. Differentiating the likelihood automatically gives the same numbers for a
multiple of the time; `discrepancy` stays the definition, and derivatives of results go through it.

With the factors gamma of `barlow_beeston` at their best, the same is a function of the other parameters. With S what
gamma multiplies, its derivative K and g the bend of gamma's constraint, its Hessian is the Schur complement

    H - sum_b v_b v_b^T/(h S^2 + g),   v = h S J + t K,   and of Gauss and Newton sum_b h g/(h S^2 + g) J J^T.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from assay.hep.barlow_beeston import best_factors, bin_factors
from assay.hep.cells import members, summed
from assay.hep.interpolation import additive, multiplicative
from assay.hep.layout import Layout
from assay.hep.model import Data, Model
from assay.numerics.compile import jax_module
from assay.numerics.implicit_minimum import Expansion

__all__ = ["discrepancy_derivatives", "profiled_derivatives"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray

# In place of a factor of zero, which one may not divide by: it and its products vanish beside any yield.
TINY = 1e-60


class _Tables(NamedTuple):
    """Where the entries stand in tables of cells by some of the parameters.

    Arguments:
        columns: (columns,), these parameters.
        variation: (cells, columns), the histosys entry, or their number where there is none.
        factor: (cells, columns), the factor as in `Layout.factors`, or the last one, which is 1.
        auxiliary: (columns,), the constraint, or their number.
        cells: (bins, most samples), the cells of a bin, or their number.
    """

    columns: Array
    variation: Array
    factor: Array
    auxiliary: Array
    cells: Array


@lru_cache(maxsize=64)
def _tables(layout: Layout, profiled: bool = False) -> _Tables:
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
    inner = bin_factors(layout)
    columns = inner.others if profiled else np.arange(layout.size)
    return _Tables(
        columns,
        variation[:, columns],
        factor[:, columns],
        auxiliary[columns],
        members(layout.cell_bin, layout.bins),
    )


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
    cells = _Cells(base, slope, bend, *_factors(model, parameters))
    return _expansion(model, data, parameters, tables, cells, jnp.ones_like(base)).expansion


def profiled_derivatives(others: Any, given: tuple[Model, Data, Any, Any, Any, Any]) -> Expansion:
    """The same with the factors that have a formula at their best, as a function of the other parameters.

    Arguments:
        others: (others,), as in `bin_factors`.
        given: model, data, and (parameters,) each: values of the factors that are not free, bounds, and what is free.
    """
    model, data, whole, lower, upper, free = given
    inner, tables = bin_factors(model.layout), _tables(model.layout, profiled=True)
    place = inner.parameter
    parameters = inner.merged(others, jnp.ones(len(place)))
    base, slope, bend = _variations(model, parameters)
    cells = _Cells(base, slope, bend, *_factors(model, parameters))
    best, multiplied = best_factors(model, data, cells.base * cells.product, whole, lower, upper, free)
    parameters = inner.merged(others, best)
    near = _expansion(model, data, parameters, tables, cells, _with_one(best)[inner.of_cell])
    # A factor that stands still, held or at its bound, is a number as others are.
    moves = free[place] & (best > lower[place]) & (best < upper[place])
    grip = _constraint_bends(model, data, parameters)[inner.auxiliary]
    stiffness, rows = near.stiffness[inner.bin], near.rows[inner.bin]
    bends = stiffness * multiplied**2 + grip
    along = (stiffness * multiplied)[:, None] * rows + near.tilt[inner.bin][:, None] * summed(
        near.moved, inner.multiplied
    )
    less = jnp.where(moves, 1 / jnp.where(bends > 0, bends, 1.0), 0.0)
    gauss_newton = less * (stiffness * multiplied) ** 2
    found = near.expansion
    return found._replace(
        hessian=found.hessian - along.T @ (less[:, None] * along),
        convex=found.convex - rows.T @ (gauss_newton[:, None] * rows),
    )


class _Cells(NamedTuple):
    """What the entries give each cell.

    Arguments:
        base, slope, bend: as of `_variations`.
        product, divisor, first, second: as of `_factors`.
    """

    base: Any
    slope: Any
    bend: Any
    product: Any
    divisor: Any
    first: Any
    second: Any


class _Whole(NamedTuple):
    """The expansion with what it was made of.

    Arguments:
        moved: (cells, columns), the derivative of the yields but for `lift`.
        rows: (bins, columns), that of the expected counts.
        tilt, stiffness: (bins,), slope and bend of the Poisson term.
    """

    expansion: Expansion
    moved: Any
    rows: Any
    tilt: Any
    stiffness: Any


def _expansion(
    model: Model, data: Data, parameters: Any, tables: _Tables, cells: _Cells, lift: Any
) -> _Whole:
    """In the columns of the tables; `lift` is a factor of each cell that no column moves."""
    base, product, divisor = cells.base, cells.product, cells.divisor
    variation, bent = _gathered(cells.slope, tables.variation), _gathered(cells.bend, tables.variation)
    share, curled = _gathered(cells.first, tables.factor), _gathered(cells.second, tables.factor)
    rise = divisor[:, None] * share  # F', and F'' = F' F'^T / F but on its diagonal
    moved = product[:, None] * variation + base[:, None] * rise
    rows = summed(lift[:, None] * moved, tables.cells)  # d lambda/d parameters
    expected = summed(lift * base * product, tables.cells)

    ratio = jnp.where(data.main > 0, data.main, 0.0) / jnp.where(data.main > 0, expected, 1.0)
    tilt, stiffness = 1 - ratio, ratio / jnp.where(data.main > 0, expected, 1.0)
    weight = lift * tilt[model.layout.cell_bin]
    mixed = (weight * 0.5 * base / divisor)[:, None] * rise + weight[:, None] * variation
    positive, cross = rows.T @ (stiffness[:, None] * rows), rise.T @ mixed
    # On the diagonal the second derivatives of one factor and of one variation stand in place of the products.
    own = 2 * weight @ (rise * variation) + (weight * product) @ bent + (weight * base * divisor) @ curled
    pull = _gathered(_constraint_slopes(model, data, parameters), tables.auxiliary)
    grip = _gathered(_constraint_bends(model, data, parameters), tables.auxiliary)
    convex = positive + jnp.diag(grip)
    rest = jnp.where(jnp.eye(len(tables.columns), dtype=bool), own, cross + cross.T)
    value = model.discrepancy_of(expected, parameters, data)
    return _Whole(Expansion(value, tilt @ rows + pull, convex + rest, convex), moved, rows, tilt, stiffness)


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


def _constraint_slopes(model: Model, data: Data, parameters: Any) -> Any:
    """(auxiliary,): what each constraint gives the gradient."""
    centre, width = parameters[model.layout.auxiliary_parameter], model.constraint_width()
    poisson = model.layout.auxiliary_is_poisson
    counted = width - data.auxiliary / jnp.where(poisson, centre, 1.0)
    return jnp.where(poisson, counted, (centre - data.auxiliary) / width**2)


def _constraint_bends(model: Model, data: Data, parameters: Any) -> Any:
    """(auxiliary,): what each constraint gives the diagonal of the Hessian."""
    centre, width = parameters[model.layout.auxiliary_parameter], model.constraint_width()
    poisson = model.layout.auxiliary_is_poisson
    return jnp.where(poisson, data.auxiliary / jnp.where(poisson, centre, 1.0) ** 2, 1 / width**2)


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
