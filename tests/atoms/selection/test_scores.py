"""Scores against their definitions, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.atoms.selection.scores import (
    BiasForceRatio,
    Novelty,
    RelativeForceUncertainty,
    Score,
    atomic_uncertainties,
    descriptor_novelty,
    softmax_bias_force,
)
from assay.errors import UsageError

RNG = np.random.default_rng(1)
RESULTS = {
    "forces": RNG.normal(size=(5, 3)),
    "mean_forces": RNG.normal(size=(5, 3)),
    "bias_forces": RNG.normal(size=(5, 3)),
    "force_uncertainties": RNG.random(5),
}


class Known(Calculator):
    """Results that were written down."""

    def __init__(self, results: dict[str, np.ndarray]) -> None:
        Calculator.__init__(self)
        self.implemented_properties = list(results)
        self.results = results

    def get_property(
        self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True
    ) -> np.ndarray:
        assert atoms is not None
        assert allow_calculation
        return self.results[name]


def score_of(score: Score, results: dict[str, np.ndarray]) -> float:
    return score(Atoms("H5"), Known(results))


def test_the_score_of_the_calculator_is_the_definition_on_unbiased_forces() -> None:
    norms = np.linalg.norm(RESULTS["mean_forces"], axis=1)
    expected = max(s / (f + 0.1) for s, f in zip(RESULTS["force_uncertainties"], norms, strict=True))
    assert score_of(RelativeForceUncertainty(0.1), RESULTS) == pytest.approx(expected, rel=1e-14)
    plain = {name: values for name, values in RESULTS.items() if name != "mean_forces"}
    assert score_of(RelativeForceUncertainty(0.1), plain) != pytest.approx(expected)


def test_softmax_and_ratio_are_the_definitions() -> None:
    ratios = np.linalg.norm(RESULTS["bias_forces"], axis=1) / (
        np.linalg.norm(RESULTS["mean_forces"], axis=1) + 0.2
    )
    assert score_of(BiasForceRatio(0.2), RESULTS) == pytest.approx(ratios.max(), rel=1e-14)
    expected = (np.exp(ratios) / np.exp(ratios).sum()).max()
    assert score_of(BiasForceRatio(0.2, is_softmax=True), RESULTS) == pytest.approx(expected, rel=1e-14)


def test_the_softmax_does_not_overflow() -> None:
    assert softmax_bias_force(np.diag([1e4, 1.0, 1.0]), np.zeros((3, 3)), 1.0) == 1.0


@pytest.mark.parametrize(
    "score", [RelativeForceUncertainty(), BiasForceRatio(), BiasForceRatio(is_softmax=True)]
)
def test_the_order_of_atoms_does_not_matter_and_rotations_do_not(score: Score) -> None:
    rotation, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    order = RNG.permutation(5)
    moved = {
        name: (values[order] @ rotation if values.ndim == 2 else values[order])
        for name, values in RESULTS.items()
    }
    assert score_of(score, moved) == pytest.approx(score_of(score, RESULTS), rel=1e-12)


@pytest.mark.parametrize("score", [RelativeForceUncertainty, BiasForceRatio])
def test_a_crystal_without_forces_needs_a_regulariser(score: type) -> None:
    with pytest.raises(UsageError, match="regulariser"):
        score(0.0)
    still = {name: 0.0 * values for name, values in RESULTS.items()}
    assert np.isfinite(score_of(score(), still))


def test_novelty_is_the_distance_to_the_nearest_known_atom() -> None:
    known, here = RNG.normal(size=(7, 4)), RNG.normal(size=(3, 4))
    expected = max(min(np.linalg.norm(d - k) for k in known) for d in here)
    assert descriptor_novelty(here, known) == pytest.approx(expected, rel=1e-14)
    assert score_of(Novelty(lambda _: here, known), {}) == pytest.approx(expected, rel=1e-14)
    assert descriptor_novelty(known[2:4], known) == 0.0
    with pytest.raises(UsageError, match="at least one"):
        descriptor_novelty(here, known[:0])


def test_atomic_uncertainties_are_the_diagonal_of_their_covariance() -> None:
    values, root = RNG.normal(size=(3, 4)), np.triu(RNG.normal(size=(4, 4))) + 4.0 * np.eye(4)
    inverse = np.linalg.inv(root)
    covariance = values @ np.linalg.inv(root.T @ root) @ values.T
    np.testing.assert_allclose(atomic_uncertainties(values, inverse) ** 2, np.diag(covariance), rtol=1e-12)
