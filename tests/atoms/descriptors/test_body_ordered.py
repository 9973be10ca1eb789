"""The body-ordered descriptor against sums written out, at its cutoff, in its counts and in its compilations."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from scipy.special import eval_legendre

from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.descriptors.couplings import gaunt
from assay.atoms.descriptors.environments import PROGRAMS
from assay.atoms.descriptors.harmonics import real_harmonics
from assay.atoms.descriptors.terms import DensityTerm
from assay.errors import UsageError

SMALL: dict[str, Any] = {
    "radial_count": 2,
    "angular_count": 3,
    "pair_count": 3,
    "cubic_count": 2,
    "cubic_angular_count": 2,
}


def radial(distance: float, cutoff: float, number: int) -> float:
    """R_n, written out, in the unit that the channels are counted in."""
    if distance >= cutoff:
        return 0.0
    x = distance / cutoff
    wave = np.sin(number * np.pi * x) / distance
    return float(np.sqrt(20.0 * 2.0 / cutoff) * wave * (1.0 - x) ** 2 * (1.0 + 2.0 * x))


def written_out(vectors: np.ndarray, pair_cutoff: float, cutoff: float) -> np.ndarray:
    """The features `SMALL` of an environment of one species: Legendre polynomials in place of harmonics."""
    lengths = np.linalg.norm(vectors, axis=1)
    pairs = [sum(radial(r, pair_cutoff, n) for r in lengths) for n in (1, 2, 3)]
    cosines = vectors @ vectors.T / np.outer(lengths, lengths)
    own = np.array([[radial(r, cutoff, n) for r in lengths] for n in (1, 2)])
    power = {
        (n, k, degree): own[n] @ eval_legendre(degree, cosines) @ own[k] / (4.0 * np.pi)
        for n, k in ((0, 0), (0, 1), (1, 1))
        for degree in range(3)
    }
    scalars = own.sum(axis=1) / np.sqrt(4.0 * np.pi)
    cubes = [
        scalars[a] * scalars[b] * scalars[c] for a, b, c in itertools.combinations_with_replacement((0, 1), 3)
    ]
    mixed = [power[n, k, 1] * scalar for n, k in ((0, 0), (0, 1), (1, 1)) for scalar in scalars]
    return np.array([*pairs, *power.values(), *cubes, *mixed])


def test_the_features_are_the_sums_of_the_manual() -> None:
    atoms = Atoms("Ar4", np.random.default_rng(3).uniform(0.0, 3.5, (4, 3)))
    found = BodyOrderedDescriptor(("Ar",), 3.5, 4.5, **SMALL).evaluate(atoms)
    expected = [
        written_out(np.delete(atoms.positions, number, axis=0) - atoms.positions[number], 4.5, 3.5)
        for number in range(4)
    ]
    assert found.atomic_values == pytest.approx(np.array(expected), rel=1e-12, abs=1e-13)
    assert found.values == pytest.approx(found.atomic_values.sum(axis=0), rel=1e-13)


def test_species_have_features_and_cutoffs_of_their_own() -> None:
    cutoffs = {("H", "H"): 2.0, ("H", "O"): 3.0, ("O", "O"): 4.0}
    descriptor = BodyOrderedDescriptor(
        ("H", "O"), cutoffs, cutoffs, pair_count=2, radial_count=1, cubic_count=0
    )
    water = Atoms("OHH", [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.9, 0.0]])
    values = descriptor.evaluate(water).atomic_values.reshape(3, 2, -1)[:, :, :4]
    near, far = ([radial(distance, 3.0, n) for n in (1, 2)] for distance in (1.0, 1.9))
    nothing = [0.0, 0.0]
    assert values[0, 1] == pytest.approx([*np.add(near, far), *nothing])  # oxygen: two hydrogens, no oxygens
    assert (values[0, 0] == 0.0).all()
    assert values[1, 0] == pytest.approx([*nothing, *near])  # a hydrogen: the other is beyond 2 Å
    assert values[2, 0] == pytest.approx([*nothing, *far])


def test_a_lone_atom_has_no_features_and_two_far_ones_no_forces() -> None:
    descriptor = BodyOrderedDescriptor(("Ar",), **SMALL)
    assert (descriptor.evaluate(Atoms("Ar")).values == 0.0).all()
    rows = descriptor.rows(Atoms("Ar2", [[0.0, 0.0, 0.0], [0.0, 0.0, 7.0]]))
    assert (rows.forces == 0.0).all()
    assert (rows.virial == 0.0).all()


def test_forces_vanish_with_the_second_power_at_the_cutoff() -> None:
    descriptor = BodyOrderedDescriptor(("Ar",), 5.0, 5.0, **SMALL)
    weights = np.random.default_rng(0).standard_normal(descriptor.size)
    forces = [
        np.abs(
            descriptor.evaluate(Atoms("Ar2", [[0, 0, 0], [0, 0, 5.0 - gap]])).contracted(weights).forces
        ).max()
        for gap in (1e-2, 5e-3)
    ]
    assert np.log2(forces[0] / forces[1]) == pytest.approx(2.0, abs=0.02)


def test_the_counts_of_features() -> None:
    assert BodyOrderedDescriptor(("Si",)).size == 168
    assert BodyOrderedDescriptor(("Si",), radial_count=8, angular_count=5, pair_count=18).size == 280
    assert BodyOrderedDescriptor(("Si",), **SMALL).size == 3 + 3 * 3 + 4 + 3 * 1 * 2
    smoothness = BodyOrderedDescriptor(("Si",), **SMALL).smoothness
    assert list(smoothness[:3]) == [1.0, 2.0, 5.0]
    assert list(smoothness[3:12]) == [1, 3, 9, 2, 4, 10, 3, 5, 11]
    assert list(smoothness[12:]) == [1, 2, 3, 4, 3, 4, 4, 5, 5, 6]


def test_structures_of_one_shape_compile_once() -> None:
    descriptor = BodyOrderedDescriptor(("Ar",), radial_count=1, angular_count=1, pair_count=7, cubic_count=0)
    generator = np.random.default_rng(0)
    weights = np.ones(descriptor.size)
    before = {name: program.compilations for name, program in PROGRAMS.items()}
    for count in (1, 2, 3, 4):
        atoms = Atoms(f"Ar{count}", generator.uniform(0.0, 4.0, (count, 3)))
        descriptor.rows(atoms)
        descriptor.evaluate(atoms).contracted(weights)
    compilations = {name: program.compilations - before[name] for name, program in PROGRAMS.items()}
    assert compilations == {"values": 2, "gradients": 2, "derivatives": 2}  # one for each term


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"elements": ()}, "each once"),
        ({"elements": ("H", "H")}, "each once"),
        ({"radial_count": 0}, "the radial_count of a descriptor must be at least 1, got 0"),
        ({"cubic_count": 7}, "the cubic_count of a descriptor must be at least 0 and at most 6, got 7"),
        ({"cutoff_A": -1.0}, "the cutoff_A of a descriptor must be above 0"),
        ({"elements": ("H", "O"), "cutoff_A": {("H", "O"): 3.0}}, "for each pair of species"),
        ({"pair_cutoff_A": {("H", "O"): 3.0}}, r"names pairs of \('Si',\), got \('H', 'O'\)"),
    ],
)
def test_what_breaks_a_rule_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BodyOrderedDescriptor(**{"elements": ("Si",), **arguments})


def test_couplings_tell_apart_what_has_the_same_squares() -> None:
    term = DensityTerm(1, 2, 4, 2, 4, coupled_count=2)
    plain = DensityTerm(1, 2, 4, 2, 4)
    density = np.random.default_rng(0).standard_normal((2, 16))
    turned = density.copy()
    turned[:, 4:9] *= -1.0  # all components of l = 2: no rotation does that, and no square sees it
    assert term.size == plain.size + 24
    assert plain.invariants(np, turned) == pytest.approx(plain.invariants(np, density), rel=1e-13)
    before, after = (term.invariants(np, one)[plain.size :] for one in (density, turned))
    assert np.abs(after - before).max() > 0.1 * np.abs(before).max()


def test_a_coupling_is_the_integral_of_three_densities_over_the_sphere() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(10)
    z, angle = (grid.ravel() for grid in np.meshgrid(nodes, np.arange(20) * np.pi / 10.0, indexing="ij"))
    radius = np.sqrt(1.0 - z**2)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
    harmonics, generator = real_harmonics(np, points, 4), np.random.default_rng(1)
    for degrees, wigner in WIGNER_000.items():
        parts = [generator.standard_normal(2 * degree + 1) for degree in degrees]
        functions = [harmonics[:, d**2 : (d + 1) ** 2] @ part for d, part in zip(degrees, parts, strict=True)]
        integral = np.repeat(weights, 20) @ np.prod(functions, axis=0) * np.pi / 10.0
        # The sum of the squares of all such integrals, which G is scaled by, in closed form.
        scale = np.sqrt(np.prod([2 * degree + 1 for degree in degrees]) / (4.0 * np.pi)) * wigner
        found = np.einsum("xyz,x,y,z->", gaunt(*degrees), *parts)
        assert found == pytest.approx(integral / scale, rel=1e-12)
    assert not gaunt(1, 1, 1).any()
    assert not gaunt(1, 1, 3).any()


# Wigner's 3j symbols of orders zero, from tables.
WIGNER_000 = {
    (1, 1, 2): np.sqrt(2.0 / 15.0),
    (1, 2, 3): np.sqrt(3.0 / 35.0),
    (2, 2, 2): np.sqrt(2.0 / 35.0),
    (2, 3, 3): np.sqrt(4.0 / 105.0),
}
