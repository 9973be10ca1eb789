"""A Gaussian process's posterior as a JAX function: of one point, to be differentiated, mapped and compiled outside.

The formulas are those of the NumPy engine, called with jax.numpy. Rows are padded to buckets and passed as data, so
that a new dataset of similar size compiles nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.compile import bucket, compiled, jax_module, pad_rows
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.kernels.cross import Rows, cross_covariance
from assay.surrogates.kernels.profiles import AbstractRadialProfile
from assay.surrogates.process import Process
from assay.surrogates.quadrature import hermite_rule
from assay.surrogates.trend import Trend
from assay.surrogates.warping import AbstractWarping

__all__ = ["as_jax", "compilations", "mean_variance_jax"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Structure:
    """What is part of a program: everything that is not an array."""

    profile: AbstractRadialProfile
    trend: Trend
    warping: AbstractWarping


def as_jax(posterior: GaussianProcessPosterior) -> Callable[[Any], tuple[Any, Any]]:
    """Mean and variance, without noise and in own units, of one point (dimension,): (outputs,) each.

    Trace it in float64 (`assay.numerics.compile`): in float32 a Gaussian process loses all digits.

    Raises:
        UsageError: when the posterior has a prior mean, which is a NumPy function.
        MissingExtraError: when JAX is not installed.

    Example:
        >>> from assay.numerics.compile import float64
        >>> from assay.surrogates.dataset import Dataset
        >>> from assay.surrogates.gaussian_process import GaussianProcess
        >>> data = Dataset.of(np.array([[0.1], [0.5], [0.9]]), np.array([1.0, 2.0, 0.5]))
        >>> fitted = GaussianProcess().fit(data, None, np.random.default_rng(0))
        >>> with float64():
        ...     mean, variance = as_jax(fitted.posterior)(np.array([0.5]))
        >>> bool(abs(float(mean[0]) - fitted.posterior.mean_variance(np.array([[0.5]]))[0][0, 0]) < 1e-12)
        True
    """
    structure, arrays = _parts(posterior)
    return lambda point: _moments(structure, arrays, point)


def mean_variance_jax(posterior: GaussianProcessPosterior, points: Array) -> tuple[Array, Array]:
    """Mean and variance of many points by the compiled program: (points, outputs) each."""
    structure, arrays = _parts(posterior)
    mean, variance = _mapped(structure, arrays, pad_rows(points, bucket(len(points))))
    return np.asarray(mean)[: len(points)], np.asarray(variance)[: len(points)]


def compilations() -> int:
    """How often the program of this file was compiled so far."""
    return _mapped.compilations


@compiled(static=(0,))
def _mapped(structure: Structure, arrays: dict[str, Any], points: Any) -> tuple[Any, Any]:
    return jax_module().vmap(lambda point: _moments(structure, arrays, point))(points)


def _moments(structure: Structure, arrays: dict[str, Any], point: Any) -> tuple[Any, Any]:
    xp = jax_module().numpy
    profile, trend = _Differentiable(structure.profile), structure.trend
    means, variances = [], []
    for member in arrays["blocks"]:
        rows = Rows(**member["rows"])
        basis = trend.basis(point[None], xp)
        cross = cross_covariance(xp, profile, rows, point[None]) + basis @ member["basis"].T
        whitened = member["inverse_lower"] @ cross[0]
        means.append(cross[0] @ member["alpha"])
        unit = 1.0 + xp.sum(basis * basis) - whitened @ whitened
        variances.append(xp.maximum(unit, 0.0) * member["signal_variance"])
    order = arrays["order"]
    mean, variance = xp.concatenate(means)[order], xp.concatenate(variances)[order]
    offset, scale = arrays["offset"], arrays["scale"]
    if not structure.warping.parameter_count:
        return offset + scale * mean, scale**2 * variance
    nodes, weights = hermite_rule()
    deviation = xp.sqrt(xp.maximum(variance, 1e-20))
    latent = mean + deviation * nodes[:, None]
    warped = arrays["latent_offset"] + arrays["latent_scale"] * latent
    columns = [
        structure.warping.inverse(warped[:, k], row, xp)[0] for k, row in enumerate(arrays["parameters"])
    ]
    values = offset + scale * xp.stack(columns, axis=1)
    average = weights @ values
    return average, weights @ (values - average) ** 2


def _parts(posterior: GaussianProcessPosterior) -> tuple[Structure, dict[str, Any]]:
    """The posterior as a program's structure and its arrays, rows padded to a bucket."""
    if posterior.prior_mean is not None:
        raise UsageError(
            "a posterior with a prior mean is not a JAX function, since its prior mean is a NumPy function; add the "
            "prior mean, written in JAX, to that of a posterior of the residuals"
        )
    prior, scaling = posterior.blocks[0][1].prior, posterior.scaling
    outputs = np.concatenate([group for group, _ in posterior.blocks])
    arrays = {
        "blocks": [
            {**_member_arrays(member), "signal_variance": posterior.signal_variance[group]}
            for group, member in posterior.blocks
        ],
        "order": np.argsort(outputs),
        "offset": scaling.offset,
        "scale": scaling.scale,
        "parameters": list(scaling.parameters),
        "latent_offset": scaling.latent_offset,
        "latent_scale": scaling.latent_scale,
    }
    return Structure(prior.profile, prior.trend, scaling.warping), arrays


def _member_arrays(member: Process) -> dict[str, Any]:
    size = bucket(len(member.points))
    rows = member.rows
    per_row = {"points", "is_value", "column", "row_weight", "one_hot"}
    padded = {
        name: pad_rows(value, size) if name in per_row and value is not None else value
        for name, value in vars(rows).items()
    }
    return {
        "rows": padded,
        "basis": pad_rows(member.basis, size),
        "inverse_lower": pad_rows(member.explicit_inverse(), size, axes=(0, 1)),
        "alpha": pad_rows(member.alpha, size),
    }


@final
@dataclass(frozen=True)
class _Differentiable(AbstractRadialProfile):
    """A profile whose derivatives JAX takes from the next order's formula: exact at distance zero, where those of a
    square root are not."""

    profile: AbstractRadialProfile

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def highest_order(self) -> int:
        return self.profile.highest_order

    def derivatives(self, xp: Any, squared_distance: Any, order: int) -> tuple[Any, ...]:  # noqa: ARG002
        return tuple(_derivative(self.profile, power)(squared_distance) for power in range(order + 1))


@lru_cache(maxsize=64)
def _derivative(profile: AbstractRadialProfile, order: int) -> Callable[[Any], Any]:
    jax = jax_module()

    def formula(squared_distance: Any) -> Any:
        return profile.derivatives(jax.numpy, squared_distance, order)[order]

    if order == profile.highest_order:
        return formula
    custom = jax.custom_jvp(formula)
    custom.defjvp(
        lambda primals, tangents: (custom(*primals), _derivative(profile, order + 1)(*primals) * tangents[0])
    )
    return custom
