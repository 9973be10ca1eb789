"""Elementary kernels: radial ones on the Euclidean distance, perhaps of a circle, and the Laplacian on the city-block one.

    radial:     k = g(s),           s = Σ_c h(x_c - x'_c)/l_c²,   h(δ) = δ²
    periodic:   k = g(s),           h(δ) = (p/π)² sin²(π δ/p), the squared chord of a circle of circumference p
    Laplacian:  k = exp(-Σ_c |x_c - x'_c|/l_c)

with g a profile of `profiles`. The Laplacian is the one kernel here that may be a function of the city-block distance: a
function of it is positive definite in every dimension only where it is completely monotone, and neither a smoother Matern
profile nor a Gaussian is. Take products of kernels of single columns instead (`ProductKernel` with `Columns`).

Source: S. Cambanis, R. Keener, G. Simons, "On alpha-symmetric multivariate distributions", Journal of Multivariate
Analysis 13, 213 (1983); D. J. C. MacKay, "Introduction to Gaussian processes", 1998 (periodic).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np

from assay.errors import UsageError
from assay.surrogates.kernels.abstract import AbstractKernel
from assay.surrogates.kernels.profiles import (
    AbstractRadialProfile,
    Matern12,
    Matern32,
    Matern52,
    SquaredExponential,
)
from assay.surrogates.kernels.sites import Jet, Sites

__all__ = [
    "LaplacianKernel",
    "RadialKernel",
    "gaussian",
    "kernel_of_name",
    "laplacian",
    "matern",
    "periodic",
]

Array = np.ndarray
LengthScale = float | tuple[float, ...]


@final
@dataclass(frozen=True)
class RadialKernel(AbstractKernel):
    """A function of the scaled Euclidean distance; with a period, of the distance along chords of circles.

    Arguments:
        profile: g.
        length_scale: l, one for all columns or one for each, positive.
        period: p, of every column; None: the line.

    Raises:
        UsageError: when a length scale or the period is not positive.
    """

    profile: AbstractRadialProfile
    length_scale: LengthScale
    period: float | None = None

    def __post_init__(self) -> None:
        _check_positive("length scale", _as_tuple(self.length_scale))
        if self.period is not None:
            _check_positive("period", (self.period,))

    @property
    def hyperparameters(self) -> tuple[float, ...]:
        return _as_tuple(self.length_scale) + (() if self.period is None else (self.period,))

    def with_hyperparameters(self, values: Sequence[float]) -> RadialKernel:
        if self.period is None:
            return replace(self, length_scale=_like(self.length_scale, values))
        return replace(self, length_scale=_like(self.length_scale, values[:-1]), period=float(values[-1]))

    @property
    def is_differentiable(self) -> bool:
        return self.profile.highest_order >= 3

    def jet(self, left: Sites, right: Sites) -> Jet:
        distance = self._distance(left, right)
        order = int(distance.left is not None) + int(distance.right is not None)
        return _composed(self.profile.derivatives(np, distance.value, order), distance)

    def tangents(self, left: Sites, right: Sites) -> Iterator[Jet]:
        distance = self._distance(left, right)
        order = 1 + int(distance.left is not None) + int(distance.right is not None)
        slopes = self.profile.derivatives(np, distance.value, order)
        if isinstance(self.length_scale, tuple):
            for column, scale in enumerate(_scales(self.length_scale, left)):
                own = _column(left, right, column, self.period).scaled(-2.0 / scale**2)
                yield _varied(slopes, distance, own)
        else:
            yield _varied(slopes, distance, distance.scaled(-2.0))
        if self.period is not None:
            terms = [
                _column_by_period(left, right, column, self.period).scaled(1.0 / scale**2)
                for column, scale in enumerate(_scales(self.length_scale, left))
            ]
            yield _varied(slopes, distance, _total(terms))

    def _distance(self, left: Sites, right: Sites) -> Jet:
        """s, with its derivatives along the directions."""
        scales = _scales(self.length_scale, left)
        plain = self.period is None and left.directions is None and right.directions is None
        if plain and _is_table(left, right):
            from scipy.spatial.distance import cdist

            return Jet(cdist(left.points[:, 0] / scales, right.points[0] / scales, "sqeuclidean"))
        return _total(
            [
                _column(left, right, column, self.period).scaled(1.0 / scale**2)
                for column, scale in enumerate(scales)
            ]
        )


@final
@dataclass(frozen=True)
class LaplacianKernel(AbstractKernel):
    """exp(-Σ |δ_c|/l_c): continuous, nowhere differentiable; a product over the columns.

    Use it for functions with kinks, and for many features of which most matter little, such as Coulomb matrices.

    Arguments:
        length_scale: l, one for all columns or one for each, positive.

    Raises:
        UsageError: when a length scale is not positive.
    """

    length_scale: LengthScale

    def __post_init__(self) -> None:
        _check_positive("length scale", _as_tuple(self.length_scale))

    @property
    def hyperparameters(self) -> tuple[float, ...]:
        return _as_tuple(self.length_scale)

    def with_hyperparameters(self, values: Sequence[float]) -> LaplacianKernel:
        return LaplacianKernel(_like(self.length_scale, values))

    @property
    def is_differentiable(self) -> bool:
        return False

    def jet(self, left: Sites, right: Sites) -> Jet:
        scales = _scales(self.length_scale, left)
        if left.directions is None and right.directions is None and _is_table(left, right):
            from scipy.spatial.distance import cdist

            return Jet(np.exp(-cdist(left.points[:, 0] / scales, right.points[0] / scales, "cityblock")))
        distance, by_left, by_right = 0.0, 0.0, 0.0
        for column, scale in enumerate(scales):
            difference = left.points[..., column] - right.points[..., column]
            distance = distance + np.abs(difference) / scale
            sign = np.sign(difference) / scale
            if left.directions is not None:
                by_left = by_left + sign * left.directions[..., column]
            if right.directions is not None:
                by_right = by_right - sign * right.directions[..., column]
        value = np.exp(-np.asarray(distance))
        # The second derivative is that beside the kink, which rows of data may not use and predictions do not need.
        return Jet(
            value,
            None if left.directions is None else -by_left * value,
            None if right.directions is None else -by_right * value,
            None if left.directions is None or right.directions is None else by_left * by_right * value,
        )

    def tangents(self, left: Sites, right: Sites) -> Iterator[Jet]:
        value = self.jet(Sites(left.points), Sites(right.points)).value
        if not isinstance(self.length_scale, tuple):
            # x exp(-x), with x = -log of the kernel, and zero where it has vanished
            yield Jet(-value * np.log(np.maximum(value, 1e-300)))
            return
        for column, scale in enumerate(_scales(self.length_scale, left)):
            yield Jet(value * np.abs(left.points[..., column] - right.points[..., column]) / scale)


def laplacian(length_scale: LengthScale) -> LaplacianKernel:
    """exp(-Σ |δ_c|/l_c), on the city-block distance.

    Example:
        >>> laplacian(0.1).hyperparameters
        (0.1,)
    """
    return LaplacianKernel(length_scale)


def matern(length_scale: LengthScale, order: Literal[1, 3, 5] = 5) -> RadialKernel:
    """The Matern kernel of smoothness order/2 on the Euclidean distance; of order 1 it is exp(-r/l).

    Raises:
        UsageError: when the order is none of 1, 3 and 5.
    """
    profiles = {1: Matern12(), 3: Matern32(), 5: Matern52()}
    if order not in profiles:
        raise UsageError(f"the order of a Matern kernel must be 1, 3 or 5, got {order!r}")
    return RadialKernel(profiles[order], length_scale)


def gaussian(length_scale: LengthScale) -> RadialKernel:
    """exp(-r²/(2 l²)), on the Euclidean distance."""
    return RadialKernel(SquaredExponential(), length_scale)


def periodic(
    length_scale: LengthScale, period: float, profile: AbstractRadialProfile | None = None
) -> RadialKernel:
    """A kernel of functions of that period in every column: exp(-2 (p/2π)² sin²(π δ/p)/l²), or another profile of the
    same chord; for a long period it is the kernel of the line.

    Example:
        >>> kernel = periodic(0.5, 2.0)
        >>> left, right = Sites(np.zeros((1, 1))), Sites(np.full((1, 1), 2.0))
        >>> float(kernel.jet(left, right).value[0].round(12))
        1.0
    """
    return RadialKernel(profile or SquaredExponential(), length_scale, period)


def kernel_of_name(name: str, length_scale: LengthScale) -> AbstractKernel:
    """The elementary kernel of that name: "laplacian", "matern12", "matern32", "matern52" or "gaussian".

    Raises:
        UsageError: when there is none.
    """
    if name == "laplacian":
        return laplacian(length_scale)
    profiles: dict[str, AbstractRadialProfile] = {
        "matern12": Matern12(),
        "matern32": Matern32(),
        "matern52": Matern52(),
        "gaussian": SquaredExponential(),
    }
    if name not in profiles:
        raise UsageError(f"the name of a kernel must be one of {['laplacian', *profiles]}, got {name!r}")
    return RadialKernel(profiles[name], length_scale)


def _column(left: Sites, right: Sites, column: int, period: float | None) -> Jet:
    """h(δ) of one column."""
    difference = left.points[..., column] - right.points[..., column]
    if period is None:
        return _along(left, right, column, (difference**2, 2.0 * difference, 2.0))
    angle = math.pi * difference / period
    half = period / math.pi
    parts = (half * np.sin(angle)) ** 2, half * np.sin(2.0 * angle), 2.0 * np.cos(2.0 * angle)
    return _along(left, right, column, parts)


def _column_by_period(left: Sites, right: Sites, column: int, period: float) -> Jet:
    """The derivative of h(δ) by log p: with h = p² H(δ/p) it is 2 h - δ h', and so on for its derivatives."""
    difference = left.points[..., column] - right.points[..., column]
    angle = math.pi * difference / period
    half = period / math.pi
    value, first, second = (half * np.sin(angle)) ** 2, half * np.sin(2.0 * angle), 2.0 * np.cos(2.0 * angle)
    third = -4.0 / half * np.sin(2.0 * angle)
    parts = 2.0 * value - difference * first, first - difference * second, -difference * third
    return _along(left, right, column, parts)


def _along(left: Sites, right: Sites, column: int, parts: tuple[Array, Array, Array | float]) -> Jet:
    """A function of δ_c and its derivatives along the directions, from (h, h', h'')."""
    value, first, second = parts
    v = None if left.directions is None else left.directions[..., column]
    u = None if right.directions is None else right.directions[..., column]
    return Jet(
        value,
        None if v is None else first * v,
        None if u is None else -first * u,
        None if v is None or u is None else -second * (v * u),
    )


def _total(terms: Sequence[Jet]) -> Jet:
    total = terms[0]
    for term in terms[1:]:
        total = total.plus(term)
    return total


def _composed(slopes: tuple[Array, ...], s: Jet) -> Jet:
    """g(s), from the derivatives of g."""
    both = None
    if s.left is not None and s.right is not None and s.both is not None:
        both = slopes[2] * s.left * s.right + slopes[1] * s.both
    return Jet(
        slopes[0],
        None if s.left is None else slopes[1] * s.left,
        None if s.right is None else slopes[1] * s.right,
        both,
    )


def _varied(slopes: tuple[Array, ...], s: Jet, ds: Jet) -> Jet:
    """The change of g(s) with a change ds of s."""
    both = None
    if s.left is not None and s.right is not None and s.both is not None:
        assert ds.both is not None
        mixed = ds.left * s.right + s.left * ds.right + ds.value * s.both
        both = slopes[3] * ds.value * s.left * s.right + slopes[2] * mixed + slopes[1] * ds.both
    return Jet(
        slopes[1] * ds.value,
        None if s.left is None else slopes[2] * ds.value * s.left + slopes[1] * ds.left,
        None if s.right is None else slopes[2] * ds.value * s.right + slopes[1] * ds.right,
        both,
    )


def _is_table(left: Sites, right: Sites) -> bool:
    """Whether the pairs are all of one list with all of another."""
    return left.points.ndim == right.points.ndim == 3 and left.points.shape[1] == len(right.points) == 1


def _as_tuple(length_scale: LengthScale) -> tuple[float, ...]:
    return length_scale if isinstance(length_scale, tuple) else (length_scale,)


def _like(length_scale: LengthScale, values: Sequence[float]) -> LengthScale:
    if isinstance(length_scale, tuple):
        return tuple(float(value) for value in values)
    return float(values[0])


def _scales(length_scale: LengthScale, sites: Sites) -> Array:
    """One for each column."""
    dimension = sites.points.shape[-1]
    if isinstance(length_scale, tuple) and len(length_scale) != dimension:
        raise UsageError(
            f"a kernel with a length scale for each column needs {dimension} of them, got {len(length_scale)}"
        )
    return np.broadcast_to(np.asarray(length_scale, dtype=float), (dimension,))


def _check_positive(what: str, values: tuple[float, ...]) -> None:
    if not (values and all(0.0 < value < math.inf for value in values)):
        raise UsageError(f"the {what} of a kernel must be positive, got {values!r}")
