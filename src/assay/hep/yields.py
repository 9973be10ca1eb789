"""Expected events with their uncertainties, before and after a fit: per bin, per channel and per sample.

    V = J C J^T,   J = d lambda/d theta

with C the covariance of the fit, or before it the variances that the constraints give.

Source: G. Cowan, Statistical Data Analysis (1998), section 1.6; what cabinetry calls a model prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.hep.fit import Fit
from assay.hep.likelihood import prefit_std
from assay.hep.model import Model
from assay.numerics.compile import CompiledFunction, jax_module

__all__ = ["Yields", "expected_yields"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray


@final
@dataclass(frozen=True)
class Yields:
    """Expected events at one point of the parameters.

    Arguments:
        channels: (name, number of bins), in the order of the bins.
        bins: (bins,), events, of all channels.
        std: (bins,), their standard deviations.
        totals: (channels,), sums over the bins of each channel.
        totals_std: (channels,), with what the bins of a channel have in common.
        samples: (bins,) of a channel, by channel and sample.
    """

    channels: tuple[tuple[str, int], ...]
    bins: Array
    std: Array
    totals: Array
    totals_std: Array
    samples: dict[str, dict[str, Array]]

    def of(self, channel: str) -> slice:
        """Where the bins of a channel lie in `bins` and `std`.

        Raises:
            UsageError: when there is no channel of that name.
        """
        first = 0
        for name, bins in self.channels:
            if name == channel:
                return slice(first, first + bins)
            first += bins
        raise UsageError(
            f"there is no channel {channel!r}; there are {', '.join(name for name, _ in self.channels)}"
        )


def expected_yields(model: Model, found: Fit | None = None) -> Yields:
    """What a model expects after a fit, or before any.

    Use it for tables and pictures of pre- and post-fit yields. Before a fit each parameter is where the model starts,
    and as uncertain as its constraint says; one without a constraint counts as known.

    Arguments:
        model: from `build_model`.
        found: a fit of the model; left out: before the fit.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.fit import fit
        >>> from assay.hep.simple import uncorrelated_background
        >>> model = build_model(uncorrelated_background([12.0], [50.0], [3.0], [60.0]))
        >>> before, after = expected_yields(model), expected_yields(model, fit(model))
        >>> print(f"{before.bins[0]:.2f} ± {before.std[0]:.2f}, {after.bins[0]:.2f} ± {after.std[0]:.2f}")
        62.00 ± 3.00, 60.00 ± 7.75
    """
    layout = model.layout
    point = layout.start if found is None else found.values
    cells, rows, std = (np.asarray(part) for part in _program(model, point))
    if found is None:
        known = np.where(layout.fixed | ~np.isfinite(std), 0.0, std)
        covariance = np.diag(known**2)
    else:
        covariance = found.covariance
    names = [name for name, _ in layout.channels]
    inside = np.repeat(np.eye(len(names)), [bins for _, bins in layout.channels], axis=1)
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for (channel, sample, _), events in zip(layout.cell_names, cells, strict=True):
        samples[channel].setdefault(sample, []).append(float(events))
    bins = np.bincount(layout.cell_bin, weights=cells, minlength=layout.bins)
    return Yields(
        layout.channels,
        bins,
        _spread(rows, covariance),
        inside @ bins,
        _spread(rows @ inside.T, covariance),
        {name: {key: np.array(part) for key, part in parts.items()} for name, parts in samples.items()},
    )


def _at(model: Model, point: Any) -> tuple[Any, Any, Any]:
    """The yields of cells, the derivatives of bins, (parameters, bins), and what the constraints know."""
    _, linear = jax.linearize(model.expected_main, point)
    return model.cell_yields(point), jax.vmap(linear)(jnp.eye(model.layout.size)), prefit_std(model)


_program = CompiledFunction(_at)


def _spread(rows: Array, covariance: Array) -> Array:
    """(columns,): standard deviations of what has these derivatives, (parameters, columns)."""
    return np.sqrt(np.maximum(np.einsum("pb,pq,qb->b", rows, covariance, rows, optimize=True), 0.0))
