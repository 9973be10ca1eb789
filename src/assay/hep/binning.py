"""Bin edges as parameters of a training: they rise by construction, and do not shrink to slivers.

    e_k = lower + (upper - lower) (k/K smallest + (1 - smallest) cumulative softmax(free)_k)

Source: N. Simpson, thesis (2023), chapter 6; the softmax form is ours.
"""

from __future__ import annotations

from typing import Any

from assay.errors import UsageError
from assay.numerics.compile import jax_module

__all__ = ["edges_of", "few_events_penalty", "free_of", "quantile_edges", "statistical_penalty"]

jax = jax_module()
jnp = jax.numpy

SMALLEST = 1e-3  # of the mean width: no bin is narrower


def edges_of(free: Any, lower: Any, upper: Any, smallest: float = SMALLEST) -> Any:
    """(bins + 1,): edges from free numbers (bins,); the outer ones are fixed.

    Example:
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     print(edges_of(jnp.zeros(4), 0.0, 8.0).round(9).tolist())
        [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    free = jnp.asarray(free)
    shares = smallest / len(free) + (1 - smallest) * jax.nn.softmax(free)
    inner = lower + (upper - lower) * jnp.cumsum(shares)[:-1]
    ends = jnp.asarray([lower, upper], free.dtype)
    return jnp.concatenate([ends[:1], inner, ends[1:]])


def free_of(edges: Any, smallest: float = SMALLEST) -> Any:
    """(bins,): the free numbers, of mean zero, that give these edges.

    Raises:
        UsageError: when a bin is narrower than the smallest width allows.
    """
    edges = jnp.asarray(edges)
    shares = jnp.diff(edges) / (edges[-1] - edges[0])
    above = shares - smallest / len(shares)
    if not isinstance(edges, jax.core.Tracer) and not (above > 0).all():
        raise UsageError(
            f"edges must rise by at least {smallest} of the mean width, got {[round(float(edge), 6) for edge in edges]}"
        )
    free = jnp.log(above)
    return free - free.mean()


def quantile_edges(values: Any, bins: int, lower: float, upper: float) -> Any:
    """(bins + 1,): edges with equally many events in each bin, between fixed ends: a good start.

    Raises:
        UsageError: when fewer than `bins` different values lie between the ends.
    """
    values = jnp.asarray(values)
    inside = values[(values > lower) & (values < upper)]
    if len(jnp.unique(inside)) < bins:
        raise UsageError(
            f"quantiles for {bins} bins need at least as many values between {lower} and {upper}"
        )
    inner = jnp.quantile(inside, jnp.linspace(0.0, 1.0, bins + 1)[1:-1])
    return jnp.concatenate([jnp.array([lower]), inner, jnp.array([upper])])


def few_events_penalty(yields: Any, least: float, steepness: float = 10.0) -> Any:
    """About zero where every bin expects more than `least` events, rising quadratically below.

    Add it to a loss whose significance diverges as the background of a bin goes to zero.
    """
    lack = jax.nn.softplus(steepness * (1.0 - jnp.asarray(yields) / least)) / steepness
    return (lack**2).sum()


def statistical_penalty(yields: Any, square_sums: Any) -> Any:
    """The sum of the squared relative uncertainties that come from the finite number of simulated events."""
    yields = jnp.asarray(yields)
    return (jnp.asarray(square_sums) / jnp.maximum(yields, 1e-12) ** 2).sum()
