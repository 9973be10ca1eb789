"""The terms of a body-ordered basis, each written for one environment: neighbours in, features out.

A term sums a function of each neighbour into *channels*, then forms invariants of the channels. Its features belong to
one central atom and do not change when the neighbours are rotated together or numbered otherwise.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any, final

import numpy as np

from assay.atoms.descriptors.couplings import Coupling, couplings
from assay.atoms.descriptors.harmonics import real_harmonics
from assay.atoms.descriptors.radial import radial_functions

__all__ = ["AbstractTerm", "DensityTerm", "PairTerm"]

Array = np.ndarray

# Channels are counted in a unit that makes them of order one where each atom has about this volume, as in most solids.
_VOLUME_A3 = 20.0


class AbstractTerm(ABC):
    """One term: hashable, since it is part of a compiled program."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of features of one environment."""

    @property
    @abstractmethod
    def smoothness(self) -> Array:
        """1 + sum over the factors of a feature of (n - 1)^2 + l^2, with n and l their degrees: (size,)."""

    @abstractmethod
    def channels(self, xp: Any, vectors: Any, species: Any, cutoffs: Any) -> Any:
        """The sum over neighbours: vectors (neighbours, 3), their species as numbers and their cutoffs (neighbours,).

        A neighbour at or beyond its cutoff adds exactly nothing, nor do its derivatives.
        """

    @abstractmethod
    def invariants(self, xp: Any, channels: Any) -> Any:
        """The features of the channels: (size,)."""


@final
@dataclass(frozen=True)
class PairTerm(AbstractTerm):
    """Two-body functions: the sum over the neighbours of each species of R_n(r).

    Arguments:
        species_count: how many species a neighbour may have.
        radial_count: how many radial functions for each.
    """

    species_count: int
    radial_count: int

    @property
    def size(self) -> int:
        return self.species_count * self.radial_count

    @property
    def smoothness(self) -> Array:
        return np.tile(1.0 + np.arange(self.radial_count) ** 2.0, self.species_count)

    def channels(self, xp: Any, vectors: Any, species: Any, cutoffs: Any) -> Any:
        radial = _scaled_radial(xp, xp.sqrt((vectors**2).sum(-1)), cutoffs, self.radial_count)
        return _by_species(xp, species, self.species_count).T @ radial

    def invariants(self, xp: Any, channels: Any) -> Any:
        del xp
        return channels.reshape(-1)


@final
@dataclass(frozen=True)
class DensityTerm(AbstractTerm):
    """Invariants of the density of neighbours A_nlm = sum over neighbours of R_n(r) Y_lm: squares and some cubes.

    One n counts the radial functions of all neighbour species. The features are
    p_nkl = sum_m A_nlm A_klm / (2l + 1) for n <= k (three-body), and, with a and b among the first `cubic_count`
    radial functions of each species, A_a00 A_b00 A_c00 for a <= b <= c and p_abl A_c00 for a <= b and l > 0 (four-body), and,
    with those among the first `coupled_count`, the couplings of three l > 0 (`Coupling`), which tell shapes apart that
    have all other features alike.

    Arguments:
        species_count: how many species a neighbour may have.
        radial_count: how many radial functions for each.
        angular_count: how many l, from 0.
        cubic_count: how many radial functions of each species enter the cubic features; 0 for none.
        cubic_angular_count: how many l enter them.
        coupled_count: how many radial functions of each species enter the couplings; 0 for none.
    """

    species_count: int
    radial_count: int
    angular_count: int
    cubic_count: int
    cubic_angular_count: int
    coupled_count: int = 0

    @property
    def size(self) -> int:
        squares = len(self._pairs[0]) * self.angular_count
        mixed = len(self._cubic_pairs) * (self.cubic_angular_count - 1) * len(self._cubic_radial)
        coupled = sum(one.channels.shape[1] for one in self._couplings)
        return squares + self._triples.shape[1] + mixed + coupled

    @property
    def smoothness(self) -> Array:
        degree = (np.arange(self.species_count * self.radial_count) % self.radial_count) ** 2.0
        first, second = self._pairs
        squares = (degree[first] + degree[second])[:, None] + 2.0 * np.arange(self.angular_count) ** 2.0
        cubes = degree[self._triples].sum(axis=0)
        mixed = squares[self._cubic_pairs, 1 : self.cubic_angular_count, None] + degree[self._cubic_radial]
        coupled = [
            degree[self._coupled_radial][one.channels].sum(axis=0) + np.square(one.degrees).sum()
            for one in self._couplings
        ]
        return 1.0 + np.concatenate([squares.ravel(), cubes, mixed.ravel(), *coupled])

    def channels(self, xp: Any, vectors: Any, species: Any, cutoffs: Any) -> Any:
        distances = xp.sqrt((vectors**2).sum(-1))
        radial = _scaled_radial(xp, distances, cutoffs, self.radial_count)
        angular = real_harmonics(xp, vectors / distances[:, None], self.angular_count)
        sorted_by_species = _by_species(xp, species, self.species_count)[:, :, None] * radial[:, None, :]
        return sorted_by_species.reshape(len(vectors), -1).T @ angular

    def invariants(self, xp: Any, channels: Any) -> Any:
        first, second = self._pairs
        squares = (channels[first] * channels[second]) @ self._mean_over_m
        scalars = channels[:, 0]
        a, b, c = self._triples
        mixed = squares[self._cubic_pairs, 1 : self.cubic_angular_count, None] * scalars[self._cubic_radial]
        coupled = [one.features(xp, channels[self._coupled_radial]) for one in self._couplings]
        return xp.concatenate(
            [
                squares.reshape(-1),
                scalars[a] * scalars[b] * scalars[c],
                mixed.reshape(-1),
                *coupled,
            ]
        )

    @cached_property
    def _pairs(self) -> tuple[Array, Array]:
        """The pairs n <= k."""
        return np.triu_indices(self.species_count * self.radial_count)

    @cached_property
    def _cubic_radial(self) -> Array:
        """The radial functions, of all species, that enter the cubic features."""
        return self._first_radial(self.cubic_count)

    @cached_property
    def _coupled_radial(self) -> Array:
        """And those that enter the couplings."""
        return self._first_radial(self.coupled_count)

    def _first_radial(self, count: int) -> Array:
        every = np.arange(self.species_count * self.radial_count)
        return every[every % self.radial_count < count]

    @cached_property
    def _couplings(self) -> tuple[Coupling, ...]:
        return couplings(len(self._coupled_radial), self.angular_count) if self.coupled_count else ()

    @cached_property
    def _cubic_pairs(self) -> Array:
        """Where, among the pairs, both belong to the cubic features."""
        first, second = self._pairs
        return np.flatnonzero(np.isin(first, self._cubic_radial) & np.isin(second, self._cubic_radial))

    @cached_property
    def _triples(self) -> Array:
        """a <= b <= c: (3, triples)."""
        return (
            np.array(list(combinations_with_replacement(self._cubic_radial, 3)), dtype=int).reshape(-1, 3).T
        )

    @cached_property
    def _mean_over_m(self) -> Array:
        """From the components lm to the sum over m divided by 2l + 1: (angular_count^2, angular_count)."""
        degrees = np.arange(self.angular_count)
        of_component = np.repeat(degrees, 2 * degrees + 1)
        return (of_component[:, None] == degrees) / (2.0 * of_component[:, None] + 1.0)


def _scaled_radial(xp: Any, distances: Any, cutoffs: Any, count: int) -> Any:
    return math.sqrt(_VOLUME_A3) * radial_functions(xp, distances, cutoffs, count)


def _by_species(xp: Any, species: Any, count: int) -> Any:
    """One column for each species, 1 where the neighbour is of it: (neighbours, count)."""
    return xp.where(species[:, None] == xp.arange(count), 1.0, 0.0)
