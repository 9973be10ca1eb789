"""The generalised chi-squared distribution: the sum of squares of independent normal numbers.

    Q = Σ_i g_i²,   g_i ~ N(m_i, v_i),   K(s) = log E e^{sQ} = Σ_i -½ log(1 - 2 v_i s) + s m_i²/(1 - 2 v_i s)

Probabilities come from the inversion of e^{K(s)} along a hyperbola that leaves its saddle point in the direction of
steepest descent. There the integrand is as small as the answer, in the tails as in the middle, and a trapezoidal rule of
few nodes converges geometrically. The hyperbola's ends stay within 45 degrees of the vertical: beyond, terms of small
variance, which are nearly Gaussian, would grow. A term with v_i = 0 is a constant.

Source: S. O. Rice, "Distribution of quadratic forms in normal random variables - evaluation by numerical integration",
SIAM J. Sci. Stat. Comput. 1, 438 (1980); J. P. Imhof, Biometrika 48, 419 (1961), for the distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

__all__ = ["GeneralisedChiSquared"]

Array = np.ndarray

# Nodes of the trapezoidal rule in t; u = sinh t is the height in standard deviations of the tilted distribution.
_STEP, _NODES = 0.1, 56
_T = _STEP * np.arange(_NODES)
_U = np.sinh(_T)
_WEIGHTS = np.where(_T == 0.0, 0.5, 1.0) * np.cosh(_T) * _STEP / np.pi
# The slope of the hyperbola's ends, real by imaginary part.
_SLOPE = 0.4
# The pole at s = 0 keeps this distance from the contour, in the same unit.
_POLE_DISTANCE = 1.0
_SADDLE_ROUNDS, _QUANTILE_ROUNDS = 12, 40
# Complex numbers held at a time: more would leave the cache.
_CHUNK = 200_000


@final
@dataclass(frozen=True)
class GeneralisedChiSquared:
    """Q = Σ g_i² at many points.

    Arguments:
        mean, variance: (p, k), m_i and v_i >= 0.

    Example:
        >>> law = GeneralisedChiSquared(np.zeros((1, 2)), np.ones((1, 2)))  # exponential with mean 2
        >>> np.round(law.quantiles(np.array([0.5, 0.95])) / -np.log([[0.5], [0.05]]), 9).ravel().tolist()
        [2.0, 2.0]
    """

    mean: Array
    variance: Array

    def mean_variance(self) -> tuple[Array, Array]:
        """Σ (m² + v) and Σ (2 v² + 4 v m²): (p,) each."""
        squares = self.mean**2
        first = (squares + self.variance).sum(axis=1)
        return first, (2.0 * self.variance**2 + 4.0 * self.variance * squares).sum(axis=1)

    def probability_below(self, values: Array) -> Array:
        """P(Q < values) for (..., p); exact to about 1e-9."""
        return self._everywhere(values)[0]

    def density(self, values: Array) -> Array:
        """The density at (..., p); zero where Q is a number."""
        return self._everywhere(values)[2]

    def quantiles(self, probabilities: Array) -> Array:
        """(probabilities, p), by a safeguarded Newton iteration."""
        probabilities = np.asarray(probabilities, dtype=float)
        shape = (len(probabilities), len(self.mean))
        wanted = np.broadcast_to(probabilities[:, None], shape).ravel()
        owners = np.broadcast_to(np.arange(len(self.mean)), shape).ravel()
        values = self._first_guess(probabilities[:, None]).ravel()
        values = np.where(self._is_random[owners], values, self._floor[owners])
        floor = self._floor[owners]
        low, high = floor.copy(), np.full_like(floor, np.inf)
        longest = 4.0 * np.sqrt(self.mean_variance()[1])[owners]
        active = np.flatnonzero(self._is_random[owners] & (wanted > 0.0) & (wanted < 1.0))
        for _ in range(_QUANTILE_ROUNDS):
            if not active.size:
                break
            here, aim = values[active], wanted[active]
            below, above, density = self._chunked(here, owners[active])
            is_low = below < aim
            low[active] = np.where(is_low, here, low[active])
            high[active] = np.where(is_low, high[active], here)
            room = np.where(is_low, np.minimum(high[active] - here, longest[active]), low[active] - here)
            step = _newton_step(here - floor[active], aim, below, above, density)
            with np.errstate(divide="ignore", invalid="ignore"):
                inside = (step / room >= 0.0) & (step / room < 1.0)
            error = np.where(aim < 0.5, below - aim, above - (1.0 - aim))
            # The next error is of the order of the square of this one.
            is_far = np.abs(error) > 1e-6 * np.minimum(aim, 1.0 - aim)
            values[active] = here + np.where(inside, step, np.where(is_far, 0.5 * room, 0.0))
            active = active[is_far]
        return values.reshape(shape)

    # -- the distribution function ------------------------------------------------------------------------

    def _everywhere(self, values: Array) -> tuple[Array, Array, Array]:
        """P(Q < value), P(Q > value) and the density for (..., p)."""
        values = np.asarray(values, dtype=float)
        shape = np.broadcast_shapes(values.shape, (len(self.mean),))
        owners = np.broadcast_to(np.arange(len(self.mean)), shape).ravel()
        below, above, density = self._chunked(np.broadcast_to(values, shape).ravel(), owners)
        return below.reshape(shape), above.reshape(shape), density.reshape(shape)

    def _chunked(self, values: Array, owners: Array) -> tuple[Array, Array, Array]:
        """The same for values (n,) at the points `owners` (n,)."""
        is_above_floor = values > self._floor[owners]
        below = is_above_floor.astype(float)
        above, density = 1.0 - below, np.zeros_like(below)
        chosen = np.flatnonzero(self._is_random[owners] & is_above_floor)
        rows = max(1, _CHUNK // (_NODES * self.mean.shape[1]))
        for start in range(0, len(chosen), rows):
            part = chosen[start : start + rows]
            below[part], above[part], density[part] = self._inverted(values[part], owners[part])
        return below, above, density

    def _inverted(self, values: Array, owners: Array) -> tuple[Array, Array, Array]:
        squares, variance = self._squares[owners], self._variances[owners]
        scale = self._scale[owners]
        values = (values - self._floor[owners]) / scale
        centre, second, third = self._contour(values, squares, variance)
        deviation = np.sqrt(second)
        bend = third / (6.0 * second * deviation)
        root = np.sqrt(1.0 + (bend[:, None] * _U / _SLOPE) ** 2)
        s = centre[:, None] + (1j * _U + bend[:, None] * _U**2 / root) / deviation[:, None]
        slope = (1j + bend[:, None] * _U * (1.0 + 1.0 / root**2) / root) / deviation[:, None]
        exponent = -s * values[:, None]
        quotient = 1.0 / (1.0 - 2.0 * variance[:, None, :] * s[:, :, None])
        # log of the quotient, and not of the product: each stays on its branch.
        exponent += 0.5 * np.log(quotient).sum(axis=2) + s * (quotient @ squares[:, :, None])[:, :, 0]
        integrand = np.exp(exponent) * slope
        density = (integrand.imag @ _WEIGHTS) / scale
        tail = np.clip((integrand / s).imag @ _WEIGHTS, -1.0, 1.0)
        is_upper = centre > 0.0
        below, above = np.where(is_upper, 1.0 - tail, -tail), np.where(is_upper, tail, 1.0 + tail)
        return np.clip(below, 0.0, 1.0), np.clip(above, 0.0, 1.0), np.maximum(density, 0.0)

    @staticmethod
    def _contour(values: Array, squares: Array, variance: Array) -> tuple[Array, Array, Array]:
        """Where the contour crosses the real axis, with K'' and K''' there: near the solution of K'(s) = value."""
        end = 0.5 / variance.max(axis=1)

        def derivatives(s: Array) -> tuple[Array, Array, Array]:
            quotient = 1.0 / (1.0 - 2.0 * variance * s[:, None])
            by_spread, by_centre = variance * quotient, squares * quotient**2
            first = (by_spread + by_centre).sum(axis=1)
            second = (2.0 * by_spread**2 + 4.0 * by_spread * by_centre).sum(axis=1)
            third = (8.0 * by_spread**3 + 24.0 * by_spread**2 * by_centre).sum(axis=1)
            return first, second, third

        s = np.zeros_like(values)
        first, second, third = derivatives(s)
        spread = np.sqrt(second)
        for _ in range(_SADDLE_ROUNDS):
            # Newton's iteration on 1/K', which is a straight line for a plain chi-squared.
            trial = s + (first - first**2 / values) / second
            s = np.where(trial < end, trial, 0.5 * (s + end))
            first, second, third = derivatives(s)
        near = np.abs(s) * np.maximum(np.sqrt(second), spread) < _POLE_DISTANCE
        if near.any():
            s = np.where(near, -_POLE_DISTANCE / spread, s)
            first, second, third = derivatives(s)
        return s, second, third

    # -- what does not depend on the value: terms in units of the standard deviation, constants set apart --

    @cached_property
    def _scale(self) -> Array:
        scale = np.sqrt(self.mean_variance()[1])
        return np.where(scale > 0.0, scale, 1.0)

    @cached_property
    def _is_random(self) -> Array:
        """(p,), whether Q is more than a constant to rounding."""
        first, second = self.mean_variance()
        return np.sqrt(second) > 1e-13 * first

    @cached_property
    def _is_constant(self) -> Array:
        return self.variance <= 0.0

    @cached_property
    def _floor(self) -> Array:
        """(p,), the least value of Q."""
        fixed = self._is_constant | ~self._is_random[:, None]
        return np.where(fixed, self.mean**2, 0.0).sum(axis=1)

    @cached_property
    def _squares(self) -> Array:
        return np.where(self._is_constant, 0.0, self.mean**2) / self._scale[:, None]

    @cached_property
    def _variances(self) -> Array:
        return np.maximum(self.variance, 0.0) / self._scale[:, None]

    def _first_guess(self, wanted: Array) -> Array:
        """By a shifted chi-squared with the same first three moments."""
        from scipy.special import gammaincinv

        first, second = self.mean_variance()
        third = (8.0 * self.variance**3 + 24.0 * self.variance**2 * self.mean**2).sum(axis=1)
        deviation = np.where(second > 0.0, np.sqrt(second), 1.0)
        skewness = np.maximum(third / deviation**3, 1e-3)
        degrees = 8.0 / skewness**2
        standard = (2.0 * gammaincinv(0.5 * degrees, wanted) - degrees) / np.sqrt(2.0 * degrees)
        smallest = self._floor + 1e-3 * wanted * (first - self._floor)
        return np.maximum(first + deviation * standard, smallest)


def _newton_step(height: Array, aim: Array, below: Array, above: Array, density: Array) -> Array:
    """A step towards P = aim on the scale on which P is nearly a straight line: that of a power law at the lower end,
    of an exponential at the upper one."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        lower = height * np.expm1(np.log(aim / below) * below / (density * height))
        upper = np.log(above / (1.0 - aim)) * above / density
    return np.where(aim < 0.5, lower, upper)
