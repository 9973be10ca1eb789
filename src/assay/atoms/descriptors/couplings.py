"""Couplings of three angular momenta: how components of three densities make a number that no rotation changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any, final

import numpy as np

from assay.atoms.descriptors.harmonics import real_harmonics

__all__ = ["Coupling", "couplings", "gaunt"]

Array = np.ndarray


@final
@dataclass(frozen=True, eq=False)
class Coupling:
    """One triple of degrees, and which radial channels enter it.

    Arguments:
        degrees: l1 <= l2 <= l3.
        tensor: (2 l1 + 1, 2 l2 + 1, 2 l3 + 1), of `gaunt`.
        channels: (3, features), the radial channels a, b, c of each feature; those that differ by an exchange of equal degrees
            stand once.
    """

    degrees: tuple[int, int, int]
    tensor: Array
    channels: Array

    def features(self, xp: Any, density: Any) -> Any:
        """sum over m of G A_a,l1 A_b,l2 A_c,l3: (features,), of a density (channels, components lm)."""
        parts = [density[:, degree**2 : (degree + 1) ** 2] for degree in self.degrees]
        a, b, c = self.channels
        return xp.einsum("xyz,ax,by,cz->abc", self.tensor, *parts)[a, b, c]


@lru_cache
def gaunt(first: int, second: int, third: int) -> Array:
    """The integrals over the sphere of products of three real harmonics, scaled to a sum of squares of 1; zero where l1 + l2 + l3
    is odd or one degree exceeds the sum of the others.

    Contracted with the components of three densities they give what rotations and reflections leave alone.

    Example:
        >>> gaunt(0, 1, 1)[0].round(4).tolist() == (np.eye(3) / np.sqrt(3.0)).round(4).tolist()
        True
    """
    total = first + second + third
    sizes = tuple(2 * degree + 1 for degree in (first, second, third))
    if total % 2 or third > first + second or second > first + third or first > second + third:
        return np.zeros(sizes)
    nodes, weights = np.polynomial.legendre.leggauss(total // 2 + 1)
    azimuth = 2.0 * np.pi * np.arange(total + 1) / (total + 1)
    z, angle = (grid.ravel() for grid in np.meshgrid(nodes, azimuth, indexing="ij"))
    radius = np.sqrt(1.0 - z**2)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
    harmonics = real_harmonics(np, points, max(first, second, third) + 1)
    parts = [harmonics[:, degree**2 : (degree + 1) ** 2] for degree in (first, second, third)]
    tensor = np.einsum("p,px,py,pz->xyz", np.repeat(weights, len(azimuth)), *parts)
    return tensor / np.linalg.norm(tensor)


@lru_cache
def couplings(channel_count: int, angular_count: int) -> tuple[Coupling, ...]:
    """All couplings of degrees from 1 to angular_count - 1 that do not vanish, of so many radial channels."""
    found = []
    for degrees in combinations_with_replacement(range(1, angular_count), 3):
        tensor = gaunt(*degrees)
        if not tensor.any():
            continue
        every = np.indices((channel_count,) * 3).reshape(3, -1)
        kept = np.ones(every.shape[1], dtype=bool)
        for place in (0, 1):
            if degrees[place] == degrees[place + 1]:
                kept &= every[place] <= every[place + 1]
        found.append(Coupling(degrees, tensor, every[:, kept]))
    return tuple(found)
