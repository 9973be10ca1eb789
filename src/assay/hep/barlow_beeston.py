"""Parameters whose best value has a formula: the uncertainty of one bin, constrained, as a factor of its samples.

With S the yields of a bin that a factor gamma multiplies and R the others, n the count, a the auxiliary measurement,

    S - n S/(S gamma + R) + (gamma - a)/width^2 = 0      (staterror)
    S - n S/(S gamma + R) + tau - a/gamma = 0            (shapesys)

are quadratic equations in gamma, and of their roots one alone leaves the bin a positive yield. A fit searches over the
other parameters only, with these at their best: on a workspace with a statistical error in each bin, over half as many.

Source: R. Barlow, C. Beeston, Comput. Phys. Commun. 77, 219 (1993); J. Conway, arXiv:1103.0354.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from assay.hep.cells import members, summed
from assay.hep.layout import Layout
from assay.hep.model import Data, Model
from assay.numerics.compile import jax_module

__all__ = ["BinFactors", "best_factor", "best_factors", "bin_factors", "with_best_factors"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray


class BinFactors(NamedTuple):
    """Which parameters have a formula; of each bin at most one.

    Arguments:
        parameter: (factors,), their places among the parameters.
        auxiliary: (factors,), the places of their constraints.
        bin: (factors,), the bin that each acts on.
        of_cell: (cells,), which of them multiplies a cell, or their number.
        multiplied, rest: (factors, most), the cells of its bin that each multiplies, and the others; tables of `members`.
        others: (others,), the places of all other parameters.
        order: (parameters,), where each parameter stands among the others followed by the factors.
    """

    parameter: Array
    auxiliary: Array
    bin: Array
    of_cell: Array
    multiplied: Array
    rest: Array
    others: Array
    order: Array

    def merged(self, others: Any, factors: Any) -> Any:
        """All parameters, (parameters,)."""
        return jnp.concatenate([others, factors])[self.order]


@lru_cache(maxsize=64)
def bin_factors(layout: Layout) -> BinFactors:
    """Constrained parameters that only multiply cells of one bin, and are not of interest."""
    multiplies = np.full((len(layout.cell_bin), layout.size), fill_value=False)
    cell, slot = np.nonzero(layout.factors < layout.size)
    multiplies[cell, layout.factors[cell, slot]] = True
    acts_otherwise = np.zeros(layout.size, dtype=bool)
    acts_otherwise[[*layout.histosys_parameter, *layout.normsys_parameter, layout.interest]] = True
    chosen: dict[int, tuple[int, int]] = {}
    for auxiliary, parameter in enumerate(layout.auxiliary_parameter):
        bins = np.unique(layout.cell_bin[multiplies[:, parameter]])
        if len(bins) == 1 and not acts_otherwise[parameter]:
            chosen.setdefault(int(bins[0]), (int(parameter), auxiliary))
    parameters = np.array([parameter for parameter, _ in chosen.values()], dtype=int)
    of_cell = np.full(len(layout.cell_bin), len(parameters))
    for number, parameter in enumerate(parameters):
        of_cell[multiplies[:, parameter]] = number
    others = np.setdiff1d(np.arange(layout.size), parameters)
    bins = np.array(list(chosen), dtype=int)
    of_bin = np.full(layout.bins, len(parameters))
    of_bin[bins] = np.arange(len(parameters))
    is_free = of_cell == len(parameters)
    return BinFactors(
        parameters,
        np.array([auxiliary for _, auxiliary in chosen.values()], dtype=int),
        bins,
        of_cell,
        members(of_cell, len(parameters)),
        members(np.where(is_free, of_bin[layout.cell_bin], len(parameters)), len(parameters)),
        others,
        np.argsort(np.concatenate([others, parameters]), kind="stable"),
    )


def best_factor(model: Model, data: Data, multiplied: Any, others: Any) -> Any:
    """(factors,): where the gradients vanish.

    Arguments:
        multiplied: (factors,), S: what each multiplies.
        others: (factors,), R: what else is in its bin.
    """
    layout, factors = model.layout, bin_factors(model.layout)
    count, measured = data.main[factors.bin], data.auxiliary[factors.auxiliary]
    width = model.constraint_width()[factors.auxiliary]
    is_poisson = layout.auxiliary_is_poisson[factors.auxiliary]
    square, with_tau = multiplied * width**2, multiplied + width
    two = jnp.where(is_poisson, multiplied * with_tau, multiplied)
    one = jnp.where(
        is_poisson,
        with_tau * others - (count + measured) * multiplied,
        others + multiplied * (square - measured),
    )
    none = jnp.where(is_poisson, 0.0, square * (others - count)) - measured * others
    root = jnp.sqrt(jnp.maximum(one**2 - 4 * two * none, 0.0))
    # Of the two ways to write the same root, the one that does not subtract.
    is_above = one >= 0
    above = -2 * none / jnp.where(is_above & (one + root > 0), one + root, 1.0)
    below = (root - one) / jnp.where(two == 0, 1.0, 2 * two)
    alone = jnp.where(is_poisson, measured / width, measured)  # where the bin does not depend on it
    return jnp.where(multiplied == 0, alone, jnp.where(is_above, above, below))


def best_factors(
    model: Model, data: Data, yields: Any, parameters: Any, lower: Any, upper: Any, free: Any
) -> tuple[Any, Any]:
    """The factors, (factors,), at their best within the bounds where they are free; and S, what each multiplies.

    Arguments:
        yields: (cells,), where all factors are 1.
        parameters: (parameters,), the values of those that are not free.
    """
    factors = bin_factors(model.layout)
    place, multiplied = factors.parameter, summed(yields, factors.multiplied)
    best = best_factor(model, data, multiplied, summed(yields, factors.rest))
    return jnp.where(free[place], jnp.clip(best, lower[place], upper[place]), parameters[place]), multiplied


def with_best_factors(model: Model, data: Data, parameters: Any, lower: Any, upper: Any, free: Any) -> Any:
    """The parameters, (parameters,), with those that have a formula and are free at their best within the bounds."""
    factors = bin_factors(model.layout)
    others = parameters[factors.others]
    yields = model.cell_yields(factors.merged(others, jnp.ones(len(factors.parameter))))
    return factors.merged(others, best_factors(model, data, yields, parameters, lower, upper, free)[0])
