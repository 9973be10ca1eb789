"""Kernels that can be combined: what each must say, sums, products, and kernels of mapped inputs.

Every kernel here is a correlation, k(x, x) = 1: how large the function is, is the signal variance of the model.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, section 4.2.4.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.surrogates.kernels.inputs import AbstractInputs
from assay.surrogates.kernels.sites import Jet, Sites

__all__ = ["AbstractKernel", "MappedKernel", "ProductKernel", "SumKernel", "covariance", "own_variance"]

Array = np.ndarray

# The most pairs of a tile: with its temporaries some ten megabytes.
_TILE = 2**18


class AbstractKernel(ABC):
    """A positive definite function of two points with k(x, x) = 1, and its hyperparameters, all positive."""

    @property
    @abstractmethod
    def hyperparameters(self) -> tuple[float, ...]:
        """The values, in an order that `tangents` follows."""

    @abstractmethod
    def with_hyperparameters(self, values: Sequence[float]) -> AbstractKernel:
        """The same kernel with other values."""

    @property
    @abstractmethod
    def is_differentiable(self) -> bool:
        """Whether functions of this kernel have derivatives that can be data."""

    @abstractmethod
    def jet(self, left: Sites, right: Sites) -> Jet:
        """The kernel at pairs of sites, with what their directions ask for."""

    @abstractmethod
    def tangents(self, left: Sites, right: Sites) -> Iterator[Jet]:
        """The derivative of the jet by the logarithm of each hyperparameter."""

    def __add__(self, other: AbstractKernel) -> SumKernel:
        """The mean of the two; `SumKernel` takes shares."""
        return SumKernel((self, other), (1.0, 1.0))

    def __mul__(self, other: AbstractKernel) -> ProductKernel:
        """The product of the two."""
        return ProductKernel((self, other))


@final
@dataclass(frozen=True)
class SumKernel(AbstractKernel):
    """Σ a_i k_i / Σ a_i: the function is a sum of independent parts.

    Arguments:
        parts: two kernels or more.
        shares: a_i, positive; their ratios to the first are hyperparameters.

    Raises:
        UsageError: when there are not as many positive shares as kernels.

    Example:
        >>> from assay.surrogates.kernels.stationary import gaussian, laplacian
        >>> kernel = SumKernel((gaussian(0.5), laplacian(0.1)), (3.0, 1.0))
        >>> float(covariance(kernel, Sites(np.zeros((1, 1))), Sites(np.full((1, 1), 0.1)))[0, 0].round(6))
        0.827119
    """

    parts: tuple[AbstractKernel, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.parts) != len(self.shares) or len(self.parts) < 2 or not min(self.shares) > 0.0:
            raise UsageError(
                f"a sum of kernels needs two parts or more and a positive share for each, got {len(self.parts)} parts and "
                f"the shares {self.shares!r}"
            )

    @property
    def hyperparameters(self) -> tuple[float, ...]:
        ratios = tuple(share / self.shares[0] for share in self.shares[1:])
        return _values_of(self.parts) + ratios

    def with_hyperparameters(self, values: Sequence[float]) -> SumKernel:
        split = len(values) - len(self.parts) + 1
        shares = (self.shares[0], *(self.shares[0] * ratio for ratio in values[split:]))
        return SumKernel(_with_values(self.parts, values[:split]), shares)

    @property
    def is_differentiable(self) -> bool:
        return all(part.is_differentiable for part in self.parts)

    def jet(self, left: Sites, right: Sites) -> Jet:
        scaled = [
            part.jet(left, right).scaled(weight)
            for part, weight in zip(self.parts, self._weights, strict=True)
        ]
        return reduce(Jet.plus, scaled)

    def tangents(self, left: Sites, right: Sites) -> Iterator[Jet]:
        for part, weight in zip(self.parts, self._weights, strict=True):
            for tangent in part.tangents(left, right):
                yield tangent.scaled(weight)
        whole = self.jet(left, right).scaled(-1.0)
        for part, weight in zip(self.parts[1:], self._weights[1:], strict=True):
            yield part.jet(left, right).plus(whole).scaled(weight)

    @property
    def _weights(self) -> tuple[float, ...]:
        total = sum(self.shares)
        return tuple(share / total for share in self.shares)


@final
@dataclass(frozen=True)
class ProductKernel(AbstractKernel):
    """Π k_i: points are alike where every part says so.

    Arguments:
        parts: two kernels or more.
    """

    parts: tuple[AbstractKernel, ...]

    @property
    def hyperparameters(self) -> tuple[float, ...]:
        return _values_of(self.parts)

    def with_hyperparameters(self, values: Sequence[float]) -> ProductKernel:
        return ProductKernel(_with_values(self.parts, values))

    @property
    def is_differentiable(self) -> bool:
        return all(part.is_differentiable for part in self.parts)

    def jet(self, left: Sites, right: Sites) -> Jet:
        return reduce(Jet.times, [part.jet(left, right) for part in self.parts])

    def tangents(self, left: Sites, right: Sites) -> Iterator[Jet]:
        jets = [part.jet(left, right) for part in self.parts]
        for place, part in enumerate(self.parts):
            others = jets[:place] + jets[place + 1 :]
            for tangent in part.tangents(left, right):
                yield reduce(Jet.times, others, tangent)


@final
@dataclass(frozen=True)
class MappedKernel(AbstractKernel):
    """A kernel of mapped inputs, k(φ(x), φ(x')): of some columns, of 1/r, of features of one's own.

    Arguments:
        kernel: of the mapped inputs.
        inputs: φ.
    """

    kernel: AbstractKernel
    inputs: AbstractInputs

    @property
    def hyperparameters(self) -> tuple[float, ...]:
        return self.kernel.hyperparameters

    def with_hyperparameters(self, values: Sequence[float]) -> MappedKernel:
        return replace(self, kernel=self.kernel.with_hyperparameters(values))

    @property
    def is_differentiable(self) -> bool:
        return self.kernel.is_differentiable

    def jet(self, left: Sites, right: Sites) -> Jet:
        return self.kernel.jet(self.inputs(left), self.inputs(right))

    def tangents(self, left: Sites, right: Sites) -> Iterator[Jet]:
        return self.kernel.tangents(self.inputs(left), self.inputs(right))


def covariance(kernel: AbstractKernel, left: Sites, right: Sites) -> Array:
    """The kernel between all sites of one list and all of another: (left, right).

    Arguments:
        left, right: points (sites, dimension).
    """
    result = np.empty((len(left.points), len(right.points)))
    row = right.expanded(-2)
    step = max(_TILE // max(len(right.points), 1), 1)
    for start in range(0, len(result), step):
        tile = slice(start, start + step)
        column = left.rows(tile).expanded(-1)
        result[tile] = kernel.jet(column, row).chosen(column, row)
    return result


def own_variance(kernel: AbstractKernel, sites: Sites) -> Array:
    """The variance of each site with itself: one for values, (sites,)."""
    if sites.is_value is None:
        return np.ones(len(sites.points))
    return kernel.jet(sites, sites).chosen(sites, sites)


def _values_of(parts: Sequence[AbstractKernel]) -> tuple[float, ...]:
    return tuple(value for part in parts for value in part.hyperparameters)


def _with_values(parts: Sequence[AbstractKernel], values: Sequence[float]) -> tuple[AbstractKernel, ...]:
    changed, at = [], 0
    for part in parts:
        count = len(part.hyperparameters)
        changed.append(part.with_hyperparameters(values[at : at + count]))
        at += count
    return tuple(changed)
