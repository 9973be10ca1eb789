"""Radial functions and spherical harmonics against integrals, SciPy and rates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import eval_legendre, sph_harm_y

from assay.atoms.descriptors.harmonics import real_harmonics
from assay.atoms.descriptors.radial import radial_functions


def directions(count: int) -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((count, 3))
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


def test_harmonics_are_those_of_scipy() -> None:
    points = directions(50)
    polar, azimuth = np.arccos(points[:, 2]), np.arctan2(points[:, 1], points[:, 0])
    expected = []
    for degree in range(5):
        for order in range(-degree, degree + 1):
            value = (-1.0) ** order * sph_harm_y(degree, abs(order), polar, azimuth)
            part = value.imag if order < 0 else value.real
            expected.append(part if order == 0 else np.sqrt(2.0) * part)
    assert real_harmonics(np, points, 5) == pytest.approx(np.array(expected).T, abs=1e-13)


def test_harmonics_are_orthonormal_on_the_sphere() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(8)
    azimuth = np.arange(16) * np.pi / 8.0
    z, angle = (grid.ravel() for grid in np.meshgrid(nodes, azimuth, indexing="ij"))
    radius = np.sqrt(1.0 - z**2)
    values = real_harmonics(np, np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1), 6)
    gram = values.T @ (np.repeat(weights, 16)[:, None] * values) * np.pi / 8.0
    assert gram == pytest.approx(np.eye(36), abs=1e-13)


def test_harmonics_of_one_degree_know_only_the_angle_between() -> None:
    first, second = directions(20)[:10], directions(20)[10:]
    products = real_harmonics(np, first, 5) * real_harmonics(np, second, 5)
    cosine = (first * second).sum(axis=1)
    for degree in range(5):
        total = products[:, degree**2 : (degree + 1) ** 2].sum(axis=1)
        assert total == pytest.approx(
            (2 * degree + 1) / (4 * np.pi) * eval_legendre(degree, cosine), abs=1e-13
        )


def test_radial_functions_without_their_cutoff_are_orthonormal() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(60)
    distance = 2.25 * (nodes + 1.0)
    x = distance / 4.5
    values = radial_functions(np, distance, 4.5, 6) / ((1.0 - x) ** 2 * (1.0 + 2.0 * x))[:, None]
    gram = values.T @ ((2.25 * weights * distance**2)[:, None] * values)
    assert gram == pytest.approx(np.eye(6), abs=1e-12)


def test_radial_functions_vanish_with_the_third_power_at_the_cutoff() -> None:
    gaps = np.array([1e-2, 5e-3])
    near = np.abs(radial_functions(np, 5.0 - gaps, 5.0, 4))
    assert np.log2(near[0] / near[1]) == pytest.approx(np.full(4, 3.0), abs=0.02)
    assert (radial_functions(np, np.array([5.0, 5.1, 50.0]), 5.0, 4) == 0.0).all()
