"""A mixture of Student's t densities fitted to draws: what an ensemble sampler proposes from.

Where a posterior is a bent, narrow ridge, moves along straight lines cross it with small steps only, and chains need
thousands of steps between independent draws. A few ellipsoids that lie along the ridge cover it well enough that a
third of the proposals are accepted, from anywhere to anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

__all__ = ["Mixture", "fitted_mixture"]

Array = np.ndarray

DRAWS_PER_NUMBER = 4  # for each number of a component
MOST_COMPONENTS = 32
ROUNDS = 25
STRENGTH = 1.0  # draws of the average shape in each component
FLOOR = 1e-6  # of the variance of all draws, where those of a component lie in a plane
FREEDOM = 6.0  # of the t densities: a proposal must have heavier tails than the posterior


@final
@dataclass(frozen=True)
class Mixture:
    """A weighted sum of multivariate t densities with `FREEDOM` degrees of freedom.

    Arguments:
        weights: (components,), of sum one.
        means: (components, d), in the coordinates x = centre + scale z in which the draws were about standard normal.
        factors: (components, d, d), lower triangles of the scale matrices, in the same coordinates.
        centre, scale: (d,) and (d, d).
    """

    weights: Array
    means: Array
    factors: Array
    centre: Array
    scale: Array

    def beside(self, other: Mixture, share: float) -> Mixture:
        """This mixture with a share of another one."""
        moved = other.centre - self.centre + other.means @ other.scale.T
        means = np.linalg.solve(self.scale, moved.T).T
        return Mixture(
            np.concatenate([(1.0 - share) * self.weights, share * other.weights]),
            np.concatenate([self.means, means]),
            np.concatenate([self.factors, np.linalg.solve(self.scale, other.scale @ other.factors)]),
            self.centre,
            self.scale,
        )

    def draw(self, count: int, random: Any) -> Array:
        """(count, d), by a generator in NumPy's older or newer form."""
        chosen = random.choice(len(self.weights), size=count, p=self.weights)
        normal = random.standard_normal((count, self.means.shape[1]))
        stretch = np.sqrt(FREEDOM / random.chisquare(FREEDOM, size=count))
        white = self.means[chosen] + stretch[:, None] * np.einsum("pij,pj->pi", self.factors[chosen], normal)
        return self.centre + white @ self.scale.T

    def log_density(self, points: Array) -> Array:
        """Up to a constant, (p,)."""
        white = np.linalg.solve(self.scale, (points - self.centre).T).T
        squares, logarithms = _squares(_monomials(white), self.means, self.factors)
        exponent = -0.5 * (FREEDOM + points.shape[1])
        return _log_sum(np.log(self.weights) - logarithms + exponent * np.log1p(squares / FREEDOM))


def fitted_mixture(draws: Array, random: Any) -> Mixture:
    """The mixture of normal densities of the greatest likelihood, made heavier in its tails.

    Arguments:
        draws: (n, d), of the density that is to be proposed from; at least a few hundred.
        random: a generator in NumPy's older or newer form.

    Example:
        >>> random = np.random.default_rng(0)
        >>> bent = random.standard_normal((1000, 2))
        >>> bent[:, 1] = 0.1 * bent[:, 1] + bent[:, 0] ** 2
        >>> drawn = fitted_mixture(bent, random).draw(1000, random)
        >>> bool(np.median(np.abs(drawn[:, 1] - drawn[:, 0] ** 2)) < 0.3)
        True

    Source: A. P. Dempster, N. M. Laird and D. B. Rubin, J. R. Stat. Soc. B 39, 1 (1977).
    """
    count, dimension = draws.shape
    centre, covariance = draws.mean(axis=0), np.cov(draws.T).reshape(dimension, dimension)
    scale = np.linalg.cholesky(covariance + np.diag(1e-12 * np.diag(covariance)))
    white = np.linalg.solve(scale, (draws - centre).T).T
    numbers = dimension * (dimension + 3) // 2
    components = int(np.clip(count // (DRAWS_PER_NUMBER * numbers), 1, MOST_COMPONENTS))
    places = white[random.choice(count, components, replace=False)]
    nearest = np.argmin((places**2).sum(axis=1) - 2.0 * white @ places.T, axis=1)
    monomials, shares = _monomials(white), np.eye(components)[nearest]
    for _ in range(ROUNDS):
        weights, means, factors = _likeliest(monomials, shares)
        squares, logarithms = _squares(monomials, means, factors)
        terms = np.log(weights) - logarithms - 0.5 * squares
        shares = np.exp(terms - _log_sum(terms)[:, None])
    return Mixture(*_likeliest(monomials, shares), centre, scale)


def _likeliest(monomials: Array, shares: Array) -> tuple[Array, Array, Array]:
    """Weights, means and factors of the components from the share (p, components) of each in each point.

    A component of few points is drawn towards the average shape of all.
    """
    sums = shares.T @ monomials
    counts = sums[:, 0]
    dimension = _dimension(monomials)
    means = sums[:, 1 : dimension + 1] / np.maximum(counts, 1e-12)[:, None]
    rows, columns = np.tril_indices(dimension)
    scatter = np.empty((len(sums), dimension, dimension))
    scatter[:, rows, columns] = scatter[:, columns, rows] = sums[:, dimension + 1 :]
    scatter -= counts[:, None, None] * means[:, :, None] * means[:, None, :]
    average = scatter.sum(axis=0) / len(monomials)
    covariance = (scatter + STRENGTH * average) / (counts + STRENGTH)[:, None, None]
    factors = np.linalg.cholesky(covariance + FLOOR * np.eye(dimension))
    weights = counts + 1.0  # none vanishes
    return weights / weights.sum(), means, factors


def _monomials(points: Array) -> Array:
    """1, x_i and x_i x_j with j <= i of points (p, d): with them, sums and squared distances are matrix products."""
    rows, columns = np.tril_indices(points.shape[1])
    return np.concatenate([np.ones((len(points), 1)), points, points[:, rows] * points[:, columns]], axis=1)


def _dimension(monomials: Array) -> int:
    """d, of (d + 1)(d + 2)/2 columns."""
    return round((np.sqrt(8.0 * monomials.shape[1] + 1.0) - 3.0) / 2.0)


def _squares(monomials: Array, means: Array, factors: Array) -> tuple[Array, Array]:
    """Squared distances (p, components) in units of each component, and the logarithms of the components' volumes."""
    inverse = np.linalg.inv(factors)
    precision = inverse.swapaxes(1, 2) @ inverse
    linear = np.einsum("kij,kj->ki", precision, means)
    rows, columns = np.tril_indices(means.shape[1])
    quadratic = precision[:, rows, columns] * np.where(rows == columns, 1.0, 2.0)
    constant = (linear * means).sum(axis=1, keepdims=True)
    squares = monomials @ np.concatenate([constant, -2.0 * linear, quadratic], axis=1).T
    return np.maximum(squares, 0.0), -np.log(np.diagonal(inverse, axis1=1, axis2=2)).sum(axis=1)


def _log_sum(terms: Array) -> Array:
    highest = terms.max(axis=1)
    return highest + np.log(np.exp(terms - highest[:, None]).sum(axis=1))
