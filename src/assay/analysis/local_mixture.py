"""A move of an ensemble sampler that proposes from a mixture of normal densities along the other walkers.

Where a posterior is a bent, narrow ridge, moves along straight lines cross it with small steps only, and chains need
thousands of steps between independent draws. Normal densities that lie along the ridge, each as wide as the walkers next
to its place, propose from all of it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

__all__ = ["LocalMixture", "local_mixture"]

Array = np.ndarray

COMPONENTS = 128
SHARE = 0.04  # of the walkers, next to a component's place, that say how wide it is
LEAST_PER_DIMENSION = 3  # and so many of them for each parameter at least
INFLATION = (
    2.0  # of the width: a proposal must not be narrower than the posterior, at the ends of a ridge above all
)
FLOOR = 1e-6  # of the variance of all walkers, where neighbours lie in a plane


@final
@dataclass(frozen=True)
class LocalMixture:
    """Normal densities with equal weights.

    Arguments:
        means: (components, d).
        factors: (components, d, d), lower triangles.
    """

    means: Array
    factors: Array

    def draw(self, count: int, random: Any) -> Array:
        """(count, d)."""
        chosen = random.randint(len(self.means), size=count)
        normal = random.standard_normal((count, self.means.shape[1]))
        return self.means[chosen] + np.einsum("pij,pj->pi", self.factors[chosen], normal)

    def log_density(self, points: Array) -> Array:
        """Up to a constant, (p,)."""
        inverse = np.linalg.inv(self.factors)
        white = np.einsum("kij,pkj->pki", inverse, points[:, None] - self.means)
        logarithm = np.log(np.diagonal(inverse, axis1=1, axis2=2)).sum(axis=1)
        terms = logarithm - 0.5 * (white**2).sum(axis=2)
        highest = terms.max(axis=1)
        return highest + np.log(np.exp(terms - highest[:, None]).sum(axis=1))


def local_mixture(walkers: Array, random: Any) -> LocalMixture:
    """The mixture along walkers (p, d): at places of some, as wide as their neighbours lie apart.

    Example:
        >>> random = np.random.RandomState(0)
        >>> mixture = local_mixture(random.standard_normal((200, 2)), random)
        >>> mixture.draw(3, random).shape
        (3, 2)
    """
    count, dimension = walkers.shape
    centre, covariance = walkers.mean(axis=0), np.cov(walkers.T).reshape(dimension, dimension)
    scale = np.linalg.cholesky(covariance + np.diag(1e-12 * np.diag(covariance)))
    white = np.linalg.solve(scale, (walkers - centre).T).T
    places = white[random.choice(count, min(COMPONENTS, count), replace=False)]
    near = min(count, max(LEAST_PER_DIMENSION * dimension, int(SHARE * count)))
    distances = ((places[:, None] - white) ** 2).sum(axis=2)
    neighbours = white[np.argpartition(distances, near - 1, axis=1)[:, :near]]
    means = neighbours.mean(axis=1)
    rest = neighbours - means[:, None]
    local = np.einsum("kni,knj->kij", rest, rest) / (near - 1)
    factors = np.linalg.cholesky(INFLATION**2 * local + FLOOR * np.eye(dimension))
    return LocalMixture(centre + means @ scale.T, scale @ factors)
