"""Histograms that have derivatives: each event is a Gaussian of some bandwidth, of which each bin holds a share.

    h_k = sum_i w_i prod_d [Phi((e_{k+1} - x_i)/bandwidth) - Phi((e_k - x_i)/bandwidth)]

At bandwidth zero this is exactly the histogram. Events are taken in chunks, so that a million events in a hundred bins
need no array of a hundred million numbers, also in the derivative.

Source: N. Simpson, L. Heinrich, J. Phys. Conf. Ser. 2438, 012105 (2023) for the binned kernel density; P. de Castro,
T. Dorigo, Comput. Phys. Commun. 244, 170 (2019) for softmax bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from assay.errors import UsageError
from assay.numerics.compile import jax_module

__all__ = ["Histogram", "histogram", "softmax_histogram"]

jax = jax_module()
jnp = jax.numpy

CHUNK_NUMBERS = 1 << 20  # of an array (events of a chunk, bins of one axis)


class Histogram(NamedTuple):
    """Yields, and what they are uncertain by.

    Arguments:
        yields: (bins of each axis), sums of weights, or a density.
        square_sums: the same shape, sums of squared weights: the variances of the yields.
    """

    yields: Any
    square_sums: Any


def histogram(
    values: Any,
    edges: Any | Sequence[Any],
    bandwidth: Any = 0.0,
    *,
    weights: Any = None,
    density: bool = False,
    flow: bool = False,
    chunk: int | None = None,
) -> Histogram:
    """A histogram, exact at bandwidth zero and smooth else.

    Arguments:
        values: (events,), or (events, axes).
        edges: (bins + 1,) rising, or one such array per axis.
        bandwidth: a number, or (bins,) for each bin by itself, or one of these per axis.
        weights: (events,), any sign; 1 each where they are left out.
        density: the integral over the finite bins is 1.
        flow: with an underflow and an overflow bin at the ends of each axis.
        chunk: events at a time; chosen by memory where it is left out.

    Raises:
        UsageError: for shapes that do not fit, edges that do not rise, or an event that is NaN.

    Example:
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     exact = histogram(np.array([0.1, 0.4, 1.7]), np.array([0.0, 1.0, 2.0])).yields
        ...     smooth = histogram(np.array([0.1, 0.4, 1.7]), np.array([0.0, 1.0, 2.0]), 0.3).yields
        >>> exact.tolist(), np.asarray(smooth).round(3).tolist()
        ([2.0, 1.0], [1.525, 0.856])
    """
    points = jnp.asarray(values)
    points = points[:, None] if points.ndim == 1 else points
    axes = _per_axis(edges, points.shape[1], "edges")
    widths = _per_axis(bandwidth, points.shape[1], "bandwidths")
    for axis in axes:
        _check_rising(axis)
    axes = [jnp.asarray(axis) for axis in axes]
    counts = jnp.ones(len(points), points.dtype) if weights is None else jnp.asarray(weights)
    if counts.shape != (len(points),):
        raise UsageError(f"a histogram needs one weight per event, {len(points)}, got shape {counts.shape}")
    _check_numbers(values, "value")
    _check_numbers(weights, "weight")
    walls = [_with_flow(axis) if flow else axis for axis in axes]
    widths = [_per_bin(width, len(axis) - 1, flow) for width, axis in zip(widths, axes, strict=True)]
    size = chunk or max(1, CHUNK_NUMBERS // max(len(wall) for wall in walls))
    found = _summed(points, counts, walls, widths, min(size, max(len(points), 1)))
    return _as_density(found, axes, flow) if density else found


def softmax_histogram(logits: Any, temperature: Any, weights: Any = None) -> Histogram:
    """Bins that a network chooses: each event's shares are the softmax of its outputs over the temperature.

    Arguments:
        logits: (events, bins).
        temperature: positive; at zero an event is wholly in the bin of its largest output.
        weights: (events,).
    """
    logits = jnp.asarray(logits)
    hard = jax.nn.one_hot(jnp.argmax(logits, axis=1), logits.shape[1], dtype=logits.dtype)
    is_soft = jnp.asarray(temperature) > 0
    soft = jax.nn.softmax(logits / jnp.where(is_soft, temperature, 1.0), axis=1)
    shares = jnp.where(is_soft, soft, hard)
    counts = jnp.ones(len(logits), logits.dtype) if weights is None else jnp.asarray(weights)
    return Histogram(counts @ shares, (counts**2) @ shares)


def _per_axis(given: Any, axes: int, what: str) -> list[Any]:
    """One entry per axis; a single one is used for the only axis, or by all axes if it is a number."""
    if isinstance(given, list | tuple) and len(given) and np.ndim(given[0]) >= (1 if what == "edges" else 0):
        if len(given) == axes:
            return list(given)
        if np.ndim(given[0]) > 0 or axes > 1:
            raise UsageError(f"a histogram of {axes} axes needs {axes} {what}, got {len(given)}")
    if axes > 1 and np.ndim(given) > 0:
        raise UsageError(f"a histogram of {axes} axes needs a list of {axes} {what}, got one array")
    return [given] * axes


def _check_rising(edges: Any) -> None:
    if np.ndim(edges) != 1 or len(edges) < 2:
        raise UsageError(
            f"the edges of a histogram must be a list of at least two, got shape {np.shape(edges)}"
        )
    if not isinstance(edges, jax.core.Tracer) and not np.diff(np.asarray(edges, dtype=float)).min() > 0:
        raise UsageError(f"the edges of a histogram must rise, got {np.asarray(edges).tolist()}")


def _check_numbers(given: Any, what: str) -> None:
    """Refuse NaN, which would fall into no bin, or make all of them NaN."""
    if given is None or isinstance(given, jax.core.Tracer):
        return
    broken = np.isnan(np.asarray(given, dtype=float)).reshape(len(given), -1).any(axis=1)
    if broken.any():
        raise UsageError(f"a histogram needs numbers, got the {what} NaN for event {int(broken.argmax())}")


def _with_flow(edges: Any) -> Any:
    infinite = jnp.full(1, jnp.inf, edges.dtype)
    return jnp.concatenate([-infinite, edges, infinite])


def _per_bin(bandwidth: Any, bins: int, flow: bool) -> Any:
    """(bins,) with those of the flow bins like their neighbours."""
    width = jnp.broadcast_to(jnp.asarray(bandwidth, float), (bins,))
    return jnp.concatenate([width[:1], width, width[-1:]]) if flow else width


def _shares(values: Any, edges: Any, bandwidth: Any) -> Any:
    """(events, bins): the share of each event in each bin of one axis."""
    low, high = edges[:-1], edges[1:]
    x = values[:, None]
    is_soft = bandwidth > 0
    width = jnp.where(is_soft, bandwidth, 1.0)
    upper, lower = jax.scipy.special.ndtr((high - x) / width), jax.scipy.special.ndtr((low - x) / width)
    last = jnp.arange(len(low)) == len(low) - 1  # the last bin holds its upper edge, as in NumPy
    hard = ((x >= low) & ((x < high) | last & (x == high))).astype(values.dtype)
    return jnp.where(is_soft, upper - lower, hard)


def _summed(points: Any, weights: Any, edges: Sequence[Any], widths: Sequence[Any], chunk: int) -> Histogram:
    """Sums over events, chunk by chunk; padding has weight zero."""
    missing = -len(points) % chunk
    points = jnp.pad(points, ((0, missing), (0, 0)))
    weights = jnp.pad(weights, (0, missing))
    letters = "abcdefgh"[: len(edges)]
    formula = "n," + ",".join(f"n{letter}" for letter in letters) + f"->{letters}"

    @jax.checkpoint
    def one(some: tuple[Any, Any]) -> tuple[Any, Any]:
        rows, counts = some
        shares = [_shares(rows[:, axis], *pair) for axis, pair in enumerate(zip(edges, widths, strict=True))]
        # An event that lies in a bin by a share has there the weight of that share.
        squares = [share**2 for share in shares]
        return jnp.einsum(formula, counts, *shares), jnp.einsum(formula, counts**2, *squares)

    def added(total: tuple[Any, Any], some: tuple[Any, Any]) -> tuple[tuple[Any, Any], None]:
        yields, squares = one(some)
        return (total[0] + yields, total[1] + squares), None

    shape = tuple(len(edge) - 1 for edge in edges)
    zero = jnp.zeros(shape, weights.dtype)
    pieces = (points.reshape(-1, chunk, points.shape[1]), weights.reshape(-1, chunk))
    (yields, squares), _ = jax.lax.scan(added, (zero, zero), pieces)
    return Histogram(yields, squares)


def _as_density(found: Histogram, edges: Sequence[Any], flow: bool) -> Histogram:
    """Yields over the volume of their bin and the sum of the finite bins; flow bins have no volume and are 0."""
    volume = jnp.ones(())
    inside = found.yields
    for axis, edge in enumerate(edges):
        width = jnp.diff(edge)
        if flow:
            inside = jax.lax.slice_in_dim(inside, 1, inside.shape[axis] - 1, axis=axis)
            width = jnp.concatenate([jnp.full(1, jnp.inf), width, jnp.full(1, jnp.inf)])
        volume = volume[..., None] * width
    scale = 1.0 / (volume * inside.sum())
    return Histogram(found.yields * scale, found.square_sums * scale**2)
