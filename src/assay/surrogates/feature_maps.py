"""Feature maps for linear models: polynomials, Fourier features, random Fourier features, and the user's own.

Each feature has a group; the features of a group have one prior variance, which the evidence decides. Features are scaled
so that within a group equal variances are a sensible belief.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, final

import numpy as np

from assay.errors import UsageError
from assay.surrogates.features import AbstractFeatures, InputEncoding

__all__ = [
    "AbstractFeatureMap",
    "FourierFeatures",
    "LinearFeatures",
    "PolynomialFeatures",
    "RandomFourierFeatures",
    "UserFeatures",
]

Array = np.ndarray

# Beyond, a decomposition of the features takes minutes and gigabytes.
MOST_FEATURES = 10_000
# The cube root of the rounding unit: it balances the two errors of a central difference.
_STEP = 6e-6


class AbstractFeatureMap(ABC):
    """A recipe for features of points in unit coordinates."""

    @abstractmethod
    def groups(self, encoding: InputEncoding) -> Array:
        """(size,), the group of each feature: 0, 1, ..."""

    @abstractmethod
    def values(self, points: Array, encoding: InputEncoding) -> Array:
        """(points, dimension) to (points, size)."""

    @abstractmethod
    def values_slopes(self, points: Array, encoding: InputEncoding) -> tuple[Array, Array]:
        """The values, and their derivatives by the points: (points, size, dimension)."""


@final
@dataclass(frozen=True)
class LinearFeatures(AbstractFeatures):
    """The features of a linear model: those of a map, bound to inputs, as an ensemble of one.

    Arguments:
        feature_map: what they are.
        encoding: of their inputs.
    """

    feature_map: AbstractFeatureMap
    encoding: InputEncoding

    @property
    def size(self) -> int:
        return len(self.feature_map.groups(self.encoding))

    @property
    def dimension(self) -> int:
        return self.encoding.dimension

    def values(self, points: Array) -> Array:
        return self.feature_map.values(points, self.encoding)[None]

    def values_slopes(self, points: Array) -> tuple[Array, Array]:
        values, slopes = self.feature_map.values_slopes(points, self.encoding)
        return values[None], slopes[None]


@final
@dataclass(frozen=True)
class PolynomialFeatures(AbstractFeatureMap):
    """Products of Legendre polynomials up to a total degree, orthonormal on the unit box; a group for each degree.

        φ_k(t) = Π_c sqrt(2 k_c + 1) P_{k_c}(t_c),   Σ k_c <= degree,   t in [-1, 1]

    Use them for smooth responses of few parameters; they number binomial(degree + d, d).

    Arguments:
        degree: the highest total degree, at least 0.

    Example:
        >>> from assay.surrogates.dataset import Dataset
        >>> encoding = InputEncoding.of(Dataset.of(np.zeros((1, 2)), np.zeros(1)))
        >>> PolynomialFeatures(2).groups(encoding).tolist()
        [0, 1, 1, 2, 2, 2]
    """

    degree: int

    def __post_init__(self) -> None:
        if self.degree < 0:
            raise UsageError(f"the degree of polynomial features must be at least 0, got {self.degree!r}")

    def groups(self, encoding: InputEncoding) -> Array:
        return self._exponents(encoding).sum(axis=1)

    def values(self, points: Array, encoding: InputEncoding) -> Array:
        exponents = self._exponents(encoding)
        table = _legendre(encoding.encode(points), self.degree)[0]
        return _products(table, exponents)

    def values_slopes(self, points: Array, encoding: InputEncoding) -> tuple[Array, Array]:
        exponents = self._exponents(encoding)
        table, slopes = _legendre(encoding.encode(points), self.degree)
        by_input = np.zeros((len(points), *exponents.shape))
        for column in range(encoding.size):
            mixed = table.copy()
            mixed[:, :, column] = slopes[:, :, column]
            by_input[:, :, column] = _products(mixed, exponents)
        return _products(table, exponents), encoding.slopes_by_points(by_input)

    def _exponents(self, encoding: InputEncoding) -> Array:
        _refuse_too_many("polynomial", math.comb(self.degree + encoding.size, encoding.size))
        return _exponents(encoding.size, self.degree)


@final
@dataclass(frozen=True)
class FourierFeatures(AbstractFeatureMap):
    """Sines and cosines of whole wave vectors up to a total order; a group for each order.

        sqrt(2) cos(2π k·t / (2 period)), sqrt(2) sin(2π k·t / (2 period)),   Σ |k_c| <= harmonics,   t in [-1, 1]

    Arguments:
        harmonics: the highest total order, at least 0.
        period: in widths of the box: 1 for functions that are periodic in it; larger for those that are not.
    """

    harmonics: int
    period: float = 2.0

    def __post_init__(self) -> None:
        if self.harmonics < 0 or not self.period > 0.0:
            raise UsageError(
                "Fourier features need harmonics of at least 0 and a positive period, "
                f"got {self.harmonics!r} and {self.period!r}"
            )

    def groups(self, encoding: InputEncoding) -> Array:
        order = np.abs(self._vectors(encoding)).sum(axis=1)
        return np.concatenate([[0], order, order])

    def values(self, points: Array, encoding: InputEncoding) -> Array:
        return _sinusoids(points, encoding, self._waves(encoding), math.sqrt(2.0))

    def values_slopes(self, points: Array, encoding: InputEncoding) -> tuple[Array, Array]:
        return _sinusoid_slopes(points, encoding, self._waves(encoding), math.sqrt(2.0))

    def _waves(self, encoding: InputEncoding) -> Array:
        return np.pi / self.period * self._vectors(encoding)

    def _vectors(self, encoding: InputEncoding) -> Array:
        # At least as many as there are products of different columns and their signs.
        _refuse_too_many("Fourier", math.comb(self.harmonics + encoding.size, encoding.size))
        return _wave_vectors(encoding.size, self.harmonics)


@final
@dataclass(frozen=True)
class RandomFourierFeatures(AbstractFeatureMap):
    """Sines and cosines of random wave vectors: a Gaussian process of a stationary kernel, at a cost linear in the rows.

        k(t, t') ≈ (1/m) Σ_j cos(ω_j·(t - t')),   ω_j from the kernel's spectral density

    Its error falls as 1/sqrt(m). Distances are those of inputs in [-1, 1].

    Arguments:
        count: the number of features, 2 m beside the constant, even.
        length_scale: of the kernel, in half widths of the box.
        kernel: "squared_exponential", "matern52", "matern32" or "matern12".
        seed: of the wave vectors.

    Source: A. Rahimi, B. Recht, "Random Features for Large-Scale Kernel Machines", NIPS 20 (2007).
    """

    count: int = 200
    length_scale: float = 0.5
    kernel: Literal["squared_exponential", "matern52", "matern32", "matern12"] = "squared_exponential"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 2 or self.count % 2 or not self.length_scale > 0.0:
            raise UsageError(
                "random Fourier features need an even count of at least 2 and a positive length scale, "
                f"got {self.count!r} and {self.length_scale!r}"
            )
        _refuse_too_many("random Fourier", self.count)

    def groups(self, encoding: InputEncoding) -> Array:  # noqa: ARG002 (the interface's)
        return np.repeat([0, 1], [1, self.count])

    def values(self, points: Array, encoding: InputEncoding) -> Array:
        return _sinusoids(points, encoding, self._waves(encoding), math.sqrt(2.0 / self.count))

    def values_slopes(self, points: Array, encoding: InputEncoding) -> tuple[Array, Array]:
        return _sinusoid_slopes(points, encoding, self._waves(encoding), math.sqrt(2.0 / self.count))

    def _waves(self, encoding: InputEncoding) -> Array:
        return _random_waves(encoding.size, self.count // 2, self.kernel, self.seed) / self.length_scale


@final
@dataclass(frozen=True)
class UserFeatures(AbstractFeatureMap):
    """Functions of one's own.

    Arguments:
        function: maps (points, dimension) in unit coordinates to (points, count).
        count: the number of features, at least 1.
        gradient: maps to (points, count, dimension); None for central differences.
        group: the group of each feature, from 0 without gaps; None for one group.

    Example:
        >>> from assay.surrogates.dataset import Dataset
        >>> from assay.surrogates.linear import BayesianLinear
        >>> ring = UserFeatures(lambda x: np.stack([np.ones(len(x)), (x**2).sum(axis=1)], axis=1), 2)
        >>> points = np.random.default_rng(0).random((9, 2))
        >>> data = Dataset.of(points, 3.0 + 2.0 * (points**2).sum(axis=1))
        >>> posterior = BayesianLinear(ring).fit(data, None, np.random.default_rng(0)).posterior
        >>> float(posterior.mean_variance(np.ones((1, 2)))[0].round(4).item())
        7.0
    """

    function: Callable[[Array], Array]
    count: int
    gradient: Callable[[Array], Array] | None = None
    group: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"user features need a count of at least 1, got {self.count!r}")
        groups = self.group if self.group is not None else (0,) * self.count
        if len(groups) != self.count or set(groups) != set(range(max(groups) + 1)):
            raise UsageError(
                f"the group of user features must be one number for each of {self.count} features, from 0 without gaps, "
                f"got {self.group!r}"
            )

    def groups(self, encoding: InputEncoding) -> Array:  # noqa: ARG002 (the interface's)
        return np.zeros(self.count, dtype=int) if self.group is None else np.array(self.group)

    def values(self, points: Array, encoding: InputEncoding) -> Array:  # noqa: ARG002
        values = np.asarray(self.function(points), dtype=float)
        if values.shape != (len(points), self.count):
            raise UsageError(
                f"user features must have the shape ({len(points)}, {self.count}) of points and count, got {values.shape}"
            )
        return values

    def values_slopes(self, points: Array, encoding: InputEncoding) -> tuple[Array, Array]:
        values = self.values(points, encoding)
        if self.gradient is not None:
            slopes = np.asarray(self.gradient(points), dtype=float)
            return values, slopes.reshape(*values.shape, points.shape[1])
        columns = [
            (self.values(points + step, encoding) - self.values(points - step, encoding)) / (2.0 * _STEP)
            for step in _STEP * np.eye(points.shape[1])
        ]
        return values, np.stack(columns, axis=-1)


def _sinusoids(points: Array, encoding: InputEncoding, waves: Array, amplitude: float) -> Array:
    """1, then the cosines and the sines of wave vectors (waves, inputs): (points, 1 + 2 waves)."""
    phase = encoding.encode(points) @ waves.T
    return np.concatenate(
        [np.ones((len(points), 1)), amplitude * np.cos(phase), amplitude * np.sin(phase)], axis=1
    )


def _sinusoid_slopes(
    points: Array, encoding: InputEncoding, waves: Array, amplitude: float
) -> tuple[Array, Array]:
    """The same with its derivatives by the points."""
    values = _sinusoids(points, encoding, waves, amplitude)
    cosine, sine = values[:, 1 : len(waves) + 1, None], values[:, len(waves) + 1 :, None]
    by_input = np.concatenate([-sine * waves, cosine * waves], axis=1)
    return values, encoding.slopes_by_points(np.pad(by_input, ((0, 0), (1, 0), (0, 0))))


def _legendre(inputs: Array, degree: int) -> tuple[Array, Array]:
    """The orthonormal Legendre polynomials and their slopes: (degree + 1, points, inputs) twice."""
    values = np.ones((degree + 1, *inputs.shape))
    slopes = np.zeros_like(values)
    for order in range(degree):
        before, slope_before = (values[order - 1], slopes[order - 1]) if order else (0.0, 0.0)
        values[order + 1] = ((2 * order + 1) * inputs * values[order] - order * before) / (order + 1)
        slopes[order + 1] = slope_before + (2 * order + 1) * values[order]
    size = np.sqrt(2.0 * np.arange(degree + 1) + 1.0)[:, None, None]
    return size * values, size * slopes


def _products(table: Array, exponents: Array) -> Array:
    """(points, features): of the entries of a table (orders, points, inputs), those of each input's order."""
    result = np.ones((table.shape[1], len(exponents)))
    for column in range(exponents.shape[1]):
        result *= table[exponents[:, column], :, column].T
    return result


@lru_cache(maxsize=32)
def _exponents(size: int, degree: int) -> Array:
    """(features, size), whole numbers of a total of at most the degree; by total."""
    rows = []
    for total in range(degree + 1):
        for chosen in itertools.combinations_with_replacement(range(size), total):
            rows.append(np.bincount(chosen, minlength=size) if chosen else np.zeros(size, dtype=int))
    return np.array(rows, dtype=int).reshape(len(rows), size)


@lru_cache(maxsize=32)
def _wave_vectors(size: int, order: int) -> Array:
    """(waves, size), whole vectors of a total of 1 to the order; of k and -k one."""
    rows = []
    for exponents in _exponents(size, order)[1:]:
        present = np.flatnonzero(exponents)
        for signs in itertools.product((1, -1), repeat=len(present) - 1):
            row = exponents.copy()
            row[present[1:]] *= np.array(signs, dtype=int)
            rows.append(row)
    _refuse_too_many("Fourier", 2 * len(rows) + 1)
    return np.array(rows, dtype=int).reshape(len(rows), size)


@lru_cache(maxsize=32)
def _random_waves(size: int, count: int, kernel: str, seed: int) -> Array:
    """(count, size), wave vectors of a kernel of length scale 1: Gaussian, or Student-t of 2ν degrees of freedom."""
    generator = np.random.default_rng(seed)
    waves = generator.standard_normal((count, size))
    freedom = {"matern12": 1, "matern32": 3, "matern52": 5}.get(kernel)
    if freedom is None:
        return waves
    return waves / np.sqrt(generator.chisquare(freedom, (count, 1)) / freedom)


def _refuse_too_many(name: str, count: int) -> None:
    if count > MOST_FEATURES:
        raise UsageError(
            f"{name} features must number at most {MOST_FEATURES}, got {count}; use a lower degree, or random features"
        )
