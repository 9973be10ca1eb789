"""Walls that hold a cluster or a molecule together: energies with their forces, added to the calculator's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError

__all__ = ["AbstractWall", "HarmonicTrap", "PlanarWall", "SphericalWall"]

Array = np.ndarray


class AbstractWall(ABC):
    """An energy of positions alone, with its forces."""

    @abstractmethod
    def energy_and_forces(self, positions: Array) -> tuple[float, Array]:
        """The energy in eV and the forces (atoms, 3) in eV/A at positions (atoms, 3) in A."""


@final
@dataclass(frozen=True)
class SphericalWall(AbstractWall):
    """A sphere outside which every atom is pulled back, E = k/2 sum_i max(0, |r_i - c| - R)^2.

    When to use it: a cluster or a molecule without a cell, whose atoms would otherwise fly away under a bias.

    Arguments:
        radius_A: R, above 0.
        stiffness_eV_per_A2: k, above 0.
        centre_A: c; without it the mean position, so that the wall exerts no force on the whole.

    Example:
        >>> SphericalWall(1.0, 2.0, (0.0, 0.0, 0.0)).energy_and_forces(np.array([[3.0, 0.0, 0.0]]))[0]
        4.0
    """

    radius_A: float
    stiffness_eV_per_A2: float = 1.0
    centre_A: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        _positive("radius_A of a spherical wall", self.radius_A)
        _positive("stiffness_eV_per_A2 of a spherical wall", self.stiffness_eV_per_A2)

    def energy_and_forces(self, positions: Array) -> tuple[float, Array]:
        centre = positions.mean(axis=0) if self.centre_A is None else np.array(self.centre_A)
        away = positions - centre
        distances = np.linalg.norm(away, axis=1)
        excess = np.maximum(distances - self.radius_A, 0.0)
        pull = self.stiffness_eV_per_A2 * excess / np.maximum(distances, self.radius_A)
        forces = -pull[:, None] * away
        if self.centre_A is None:  # the centre moves with every atom
            forces = forces - forces.mean(axis=0)
        return float(0.5 * self.stiffness_eV_per_A2 * excess @ excess), forces


@final
@dataclass(frozen=True)
class PlanarWall(AbstractWall):
    """Two planes across an axis outside which every atom is pushed back, E = k/2 sum_i d_i^2.

    Arguments:
        axis: 0, 1 or 2.
        lower_A, upper_A: where the walls stand; an infinite one is not there.
        stiffness_eV_per_A2: k, above 0.

    Example:
        >>> PlanarWall(2, -np.inf, 5.0, 2.0).energy_and_forces(np.array([[0.0, 0.0, 6.0]]))[1].tolist()
        [[0.0, 0.0, -2.0]]
    """

    axis: int
    lower_A: float
    upper_A: float
    stiffness_eV_per_A2: float = 1.0

    def __post_init__(self) -> None:
        _positive("stiffness_eV_per_A2 of a planar wall", self.stiffness_eV_per_A2)
        if self.axis not in (0, 1, 2) or not self.lower_A < self.upper_A:
            raise UsageError(
                "a planar wall needs an axis 0, 1 or 2 and its lower plane below its upper one, got "
                f"{self.axis}, {self.lower_A} and {self.upper_A}"
            )

    def energy_and_forces(self, positions: Array) -> tuple[float, Array]:
        place = positions[:, self.axis]
        beyond = place - np.clip(place, self.lower_A, self.upper_A)
        forces = np.zeros_like(positions)
        forces[:, self.axis] = -self.stiffness_eV_per_A2 * beyond
        return float(0.5 * self.stiffness_eV_per_A2 * beyond @ beyond), forces


@final
@dataclass(frozen=True)
class HarmonicTrap(AbstractWall):
    """A harmonic well about a point for every atom, E = k/2 sum_i |r_i - c|^2.

    When to use it: to keep a system without bonds in place; it has the closed form <E> = 3 N k_B T / 2.

    Arguments:
        stiffness_eV_per_A2: k, above 0.
        centre_A: c.

    Example:
        >>> HarmonicTrap(2.0).energy_and_forces(np.array([[1.0, 0.0, 0.0]]))[0]
        1.0
    """

    stiffness_eV_per_A2: float
    centre_A: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _positive("stiffness_eV_per_A2 of a harmonic trap", self.stiffness_eV_per_A2)

    def energy_and_forces(self, positions: Array) -> tuple[float, Array]:
        away = positions - np.array(self.centre_A)
        return float(0.5 * self.stiffness_eV_per_A2 * np.sum(away**2)), -self.stiffness_eV_per_A2 * away


def _positive(whose: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0.0):
        raise UsageError(f"{whose} must be a number above 0, got {value}")
