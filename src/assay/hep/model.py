"""The likelihood of HistFactory as a pytree: its leaves are the yields, the variations and the observations.

    lambda_b(theta) = sum_cells (nominal + sum additive(alpha)) prod factors(theta)
    log L = sum_b log Poisson(n_b | lambda_b) + sum_normal log N(a | theta, sigma) + sum_poisson log Poisson(a | tau theta)

Everything here is a function of JAX, to be differentiated, mapped and compiled outside, in float64
(`assay.hep.float64`). Swapping leaves for others of the same shapes compiles nothing.

Source: K. Cranmer et al., "HistFactory", CERN-OPEN-2012-016 (2012); pyhf's documentation of the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, final

import numpy as np

from assay.errors import UsageError
from assay.hep.interpolation import additive, multiplicative
from assay.hep.layout import Layout
from assay.numerics.compile import jax_module

__all__ = ["Data", "Model", "check_data"]

jax = jax_module()
jnp = jax.numpy


class Data(NamedTuple):
    """What a model is compared with.

    Arguments:
        main: (bins,), counts of all channels, in the order of their names.
        auxiliary: (auxiliary,), the measurements behind the constraints.
    """

    main: Any
    auxiliary: Any


@final
@dataclass(frozen=True)
class Model:
    """A binned likelihood.

    Arguments:
        layout: what is not a number.
        nominal: (cells,), yields, in events.
        histosys_high, histosys_low: (entries,), the varied yields.
        normsys_high, normsys_low: (entries,), the varied factors.
        staterror: (entries,), absolute statistical uncertainties of cells.
        shapesys: (entries,), absolute uncertainties of cells.
        observed: (bins,), counts.
        auxiliary: (auxiliary,), measurements behind the constraints, used where the templates do not fix them.
        width: (auxiliary,), standard deviations (normal) or factors (Poisson), used likewise.
    """

    layout: Layout
    nominal: Any
    histosys_high: Any
    histosys_low: Any
    normsys_high: Any
    normsys_low: Any
    staterror: Any
    shapesys: Any
    observed: Any
    auxiliary: Any
    width: Any

    def unnamed(self) -> Model:
        """The model without what its samples are called: all of one structure share their programs."""
        return replace(self, layout=self.layout.unnamed)

    def cell_yields(self, parameters: Any) -> Any:
        """The expected yield of each cell, (cells,), at parameters (parameters,)."""
        layout = self.layout
        yields = self.nominal
        if layout.histosys_cell.size:
            before = self.nominal[layout.histosys_cell]
            added = additive(
                layout.histosys_code,
                parameters[layout.histosys_parameter],
                self.histosys_high - before,
                before - self.histosys_low,
            )
            yields = yields + jax.ops.segment_sum(added, layout.histosys_cell, len(layout.cell_bin))
        if not layout.factors.shape[1]:
            return yields
        scales = [parameters, jnp.ones(1)]
        if layout.normsys_parameter.size:
            alpha = parameters[layout.normsys_parameter]
            scales.insert(1, multiplicative(layout.normsys_code, alpha, self.normsys_high, self.normsys_low))
        return yields * jnp.prod(jnp.concatenate(scales)[layout.factors], axis=1)

    def expected_main(self, parameters: Any) -> Any:
        """The expected counts, (bins,)."""
        return jax.ops.segment_sum(self.cell_yields(parameters), self.layout.cell_bin, self.layout.bins)

    def expected_auxiliary(self, parameters: Any) -> Any:
        """The expected measurements behind the constraints, (auxiliary,)."""
        centre = parameters[self.layout.auxiliary_parameter]
        return jnp.where(self.layout.auxiliary_is_poisson, self.constraint_width() * centre, centre)

    def expected_data(self, parameters: Any) -> Data:
        """The Asimov data of these parameters."""
        return Data(self.expected_main(parameters), self.expected_auxiliary(parameters))

    def observed_data(self) -> Data:
        """The observed counts, and the measurements behind the constraints."""
        layout = self.layout
        followed = jnp.where(layout.auxiliary_is_poisson, self.constraint_width(), self.auxiliary)
        return Data(jnp.asarray(self.observed), jnp.where(layout.auxiliary_follows, followed, self.auxiliary))

    def constraint_width(self) -> Any:
        """(auxiliary,): the standard deviation of a normal constraint, the factor tau of a Poisson one.

        Of a staterror it is the relative uncertainty of the sum of the samples that carry it, of a shapesys
        (nominal/uncertainty)^2; bins where that means nothing have 1, and their parameters are fixed.
        """
        layout = self.layout
        widths = jnp.ones(layout.size)
        if layout.staterror_cell.size:
            place = layout.staterror_parameter
            total = jax.ops.segment_sum(self.nominal[layout.staterror_cell], place, layout.size)
            square = jax.ops.segment_sum(self.staterror**2, place, layout.size)
            some = (total > 0) & (square > 0)
            relative = jnp.sqrt(jnp.where(some, square, 1.0)) / jnp.where(some, total, 1.0)
            widths = jnp.where(some, relative, widths)
        if layout.shapesys_cell.size:
            nominal = self.nominal[layout.shapesys_cell]
            some = (nominal > 0) & (self.shapesys > 0)
            tau = jnp.where(some, nominal / jnp.where(some, self.shapesys, 1.0), 1.0) ** 2
            widths = widths.at[layout.shapesys_parameter].set(tau)
        return jnp.where(layout.width_follows, widths[layout.auxiliary_parameter], self.width)

    def log_density(self, parameters: Any, data: Data) -> Any:
        """The log-likelihood of data, normalised as a density in the data; counts need not be whole."""
        return self.saturated_log_density(data) - self.discrepancy(parameters, data)

    def discrepancy(self, parameters: Any, data: Data) -> Any:
        """How far the log-likelihood lies below that of a model that expects exactly the data; never negative.

        Fits minimise this rather than -log L: its terms are small, so that differences of it keep their digits.
        """
        return self.discrepancy_of(self.expected_main(parameters), parameters, data)

    def discrepancy_of(self, expected_main: Any, parameters: Any, data: Data) -> Any:
        """The same where the expected counts, (bins,), are known already."""
        main = _poisson_discrepancy(data.main, expected_main).sum()
        layout = self.layout
        if not layout.auxiliary_parameter.size:
            return main
        centre, width = parameters[layout.auxiliary_parameter], self.constraint_width()
        normal = 0.5 * ((data.auxiliary - centre) / width) ** 2
        # Where the other formula holds its arguments are replaced, so that no gradient comes through it.
        poisson = layout.auxiliary_is_poisson
        counted = _poisson_discrepancy(
            jnp.where(poisson, data.auxiliary, 1.0), jnp.where(poisson, width * centre, 1.0)
        )
        return main + jnp.where(poisson, counted, normal).sum()

    def saturated_log_density(self, data: Data) -> Any:
        """The log-likelihood of a model that expects exactly the data."""
        layout = self.layout
        main = _saturated_poisson(data.main).sum()
        poisson = layout.auxiliary_is_poisson
        normal = -jnp.log(self.constraint_width()) - 0.5 * jnp.log(2 * jnp.pi)
        counted = _saturated_poisson(jnp.where(poisson, data.auxiliary, 1.0))
        return main + jnp.where(poisson, counted, normal).sum()


def check_data(model: Model, data: Data | None) -> None:
    """Refuse data that no experiment gives, or of another model.

    Raises:
        UsageError: naming the bin or the measurement.
    """
    if data is None:
        return
    if not isinstance(data, Data):
        raise UsageError(f"data must be a Data(main, auxiliary), got {type(data).__name__}")
    layout = model.layout
    for what, given, size in (
        ("the counts of data, one for each bin,", data.main, layout.bins),
        ("the auxiliary measurements of data", data.auxiliary, len(layout.auxiliary_parameter)),
    ):
        values = np.asarray(given)
        if values.shape != (size,) or values.dtype.kind not in "fiu":
            raise UsageError(f"{what} must be {size} numbers, got {values.dtype} of shape {values.shape}")
        is_wrong = ~np.isfinite(values) | (values < 0 if given is data.main else False)
        if is_wrong.any():
            place = int(np.argmax(is_wrong))
            rule = "finite and not negative" if given is data.main else "finite"
            raise UsageError(f"{what} must be {rule}, got {values[place]} at place {place}")


def _poisson_discrepancy(count: Any, rate: Any) -> Any:
    """n log(n/r) - (n - r): what a rate loses against the best one; NaN for a negative rate."""
    some = count > 0
    surplus = (rate - count) / jnp.where(some, count, 1.0)
    impossible = jnp.where(rate < 0, jnp.nan, rate)
    return jnp.where(some, count * (surplus - jnp.log1p(jnp.where(some, surplus, 0.0))), impossible)


def _saturated_poisson(count: Any) -> Any:
    """n log n - n - log n!, with 0 log 0 = 0."""
    some = count > 0
    return count * jnp.log(jnp.where(some, count, 1.0)) - count - jax.scipy.special.gammaln(count + 1.0)


jax.tree_util.register_dataclass(
    Model,
    data_fields=[field.name for field in fields(Model) if field.name != "layout"],
    meta_fields=["layout"],
)
