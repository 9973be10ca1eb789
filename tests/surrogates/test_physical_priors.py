"""Physical priors: their formulas, slopes, fitted parameters, and a calculator beneath a kernel."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones
from examples.lennard_jones_kernel.lennard_jones import DISTANCES, ENERGIES, energy, energy_slope, wall

from assay.errors import ExpressionError, UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.abstract import MappedKernel
from assay.surrogates.kernels.inputs import Columns
from assay.surrogates.kernels.stationary import gaussian, laplacian
from assay.surrogates.physical_priors import (
    CalculatorPriorMean,
    FormulaPriorMean,
    SumPriorMean,
    inverse_power,
    linear_wall,
    softplus_wall,
    universal_repulsion,
)
from assay.surrogates.prior_mean import AbstractPriorMean, CallablePriorMean

POINTS = np.random.default_rng(0).uniform(0.8, 2.0, (6, 2))
TWO = ("r12", "r13")


def dimer(point: np.ndarray) -> Atoms:
    return Atoms("Ar2", [[0.0, 0.0, 0.0], [0.0, 0.6 * point[0], 0.8 * point[0]]])


PRIORS: dict[str, AbstractPriorMean] = {
    "linear wall": linear_wall(150.0, 1.2, columns=TWO),
    "softplus wall": softplus_wall(150.0, 1.2, 0.05, columns=TWO),
    "inverse power": inverse_power(4.0, columns=TWO),
    "ZBL": universal_repulsion(14, 8, columns=TWO),
    "formula": FormulaPriorMean("a*exp(-r12*r13)", TWO, {"a": 2.0}),
    "calculator": CalculatorPriorMean(LennardJones(), dimer),
    "sum": SumPriorMean((inverse_power(4.0, columns=TWO), CallablePriorMean(lambda x: x[:, 0] * x[:, 1]))),
}


@pytest.mark.parametrize("prior", [pytest.param(prior, id=name) for name, prior in PRIORS.items()])
def test_slopes_are_finite_differences(prior: AbstractPriorMean) -> None:
    value, slope = prior.value_gradient(POINTS)
    assert np.allclose(value, prior.value(POINTS), rtol=1e-14)
    for column, step in enumerate(1e-6 * np.eye(2)):
        difference = (prior.value(POINTS + step) - prior.value(POINTS - step)) / 2e-6
        assert np.allclose(slope[..., column], difference, rtol=1e-6, atol=1e-7)


def test_the_linear_wall_is_that_of_the_study() -> None:
    assert np.allclose(linear_wall(150.0, 0.95).value(DISTANCES)[:, 0], wall(DISTANCES[:, 0]), rtol=1e-14)


def test_a_softplus_wall_keeps_its_digits_far_from_its_kink() -> None:
    prior = softplus_wall(150.0, 0.95, 1e-3)
    far = prior.value(np.array([[0.1], [50.0]]))[:, 0]
    assert far[0] == pytest.approx(150.0 * 0.85, rel=1e-12)
    assert far[1] == 0.0
    kink = prior.value(np.array([[0.95]])).item()
    assert kink == pytest.approx(150.0 * 1e-3 * np.log(2.0), rel=1e-12)


def test_zbl_is_the_bare_repulsion_at_contact_and_screened_as_tabulated() -> None:
    prior = universal_repulsion(14, 14)
    contact = 1e-7
    assert prior.value(np.array([[contact]])).item() == pytest.approx(14.399645 * 196 / contact, rel=1e-5)
    # Si-Si at 1 Å: a = 0.46850/(2·14^0.23) Å, by hand
    x = 1.0 / (0.4685 / (2.0 * 14.0**0.23))
    screening = (
        0.18175 * np.exp(-3.1998 * x)
        + 0.50986 * np.exp(-0.94229 * x)
        + 0.28022 * np.exp(-0.4029 * x)
        + 0.02817 * np.exp(-0.20162 * x)
    )
    assert prior.value(np.array([[1.0]])).item() == pytest.approx(14.399645 * 196 * screening, rel=1e-4)


def test_a_repulsion_of_several_distances_is_the_sum() -> None:
    both = inverse_power(2.0, 9, columns=TWO).value(POINTS)
    assert np.allclose(both, 2.0 * (POINTS**-9).sum(axis=1, keepdims=True), rtol=1e-13)


@pytest.mark.parametrize("criterion", ["evidence", "cross_validation"])
def test_parameters_of_a_prior_are_found_with_those_of_the_kernel(criterion) -> None:
    prior = inverse_power(1.0, bounds={"strength": (0.1, 20.0)})
    recipe = KernelRidge(gaussian(0.3), 1e-8, criterion, prior_mean=prior)
    rest = 0.2 * np.cos(4.0 * DISTANCES[:, 0])
    values = 4.0 * DISTANCES[:, 0] ** -12 + rest
    data = Dataset.of(DISTANCES[::5], values[::5])
    fit = recipe.fit(data, None, np.random.default_rng(0))
    assert fit.state["prior_parameters"][0] == pytest.approx(4.0, rel=0.03)
    mean = fit.posterior.mean_variance(DISTANCES)[0][:, 0]
    plain = KernelRidge(gaussian(0.3), 1e-8, criterion).fit(data, None, np.random.default_rng(0)).posterior
    errors = [np.abs(found - values).mean() for found in (mean, plain.mean_variance(DISTANCES)[0][:, 0])]
    assert errors[0] < 0.1 * errors[1]
    again = recipe.posterior(data, fit.state)
    assert np.array_equal(again.mean_variance(DISTANCES)[0][:, 0], mean)


def test_the_gradient_by_a_parameter_is_a_finite_difference() -> None:
    prior = softplus_wall(
        100.0, 0.95, 0.03, bounds={"slope": (1.0, 500.0), "position": (0.9, 1.1), "width": (0.005, 0.2)}
    )
    slopes = Dataset.of(DISTANCES[::5], energy_slope(DISTANCES[::5, 0]), derivative=np.zeros(10, dtype=int))
    data = Dataset.of(DISTANCES[::5], ENERGIES[::5]).extended(slopes)
    for criterion in ("evidence", "cross_validation"):
        objective = KernelRidge(gaussian(0.2), 1e-4, criterion, prior_mean=prior).objective(data)
        vector = objective.start
        gradient = objective(vector)[1]
        for place in (2, 3, 4):
            step = 1e-5 * (np.arange(5) == place)
            slope = (objective(vector + step)[0] - objective(vector - step)[0]) / 2e-5
            assert gradient[place] == pytest.approx(slope, rel=1e-5)


def test_a_kink_hurts_a_smooth_kernel_and_a_softplus_does_not() -> None:
    """The wall of the study under a Gaussian kernel, and the wall smoothed."""
    rows = np.arange(1, 50, 2)
    test = np.setdiff1d(np.arange(50), rows)
    errors = {}
    walls = {"none": None, "kink": linear_wall(150.0, 0.95), "smooth": softplus_wall(150.0, 0.95, 0.06)}
    for name, prior in walls.items():
        recipe = KernelRidge(gaussian(0.2), 1e-9, "none", prior_mean=prior)
        posterior = recipe.fit(
            Dataset.of(DISTANCES[rows], ENERGIES[rows]), None, np.random.default_rng(0)
        ).posterior
        errors[name] = np.abs(posterior.mean_variance(DISTANCES[test])[0][:, 0] - ENERGIES[test]).mean()
    assert errors["kink"] > 2.0 * errors["none"]
    assert errors["smooth"] < 2.0 * errors["none"]


def test_a_column_that_the_kernel_does_not_see_is_the_cheaper_result() -> None:
    """Learning a difference: the formula is the cheap column, times a factor that is fitted."""
    cheap = 0.8 * (ENERGIES - 0.1 * np.sin(3.0 * DISTANCES[:, 0]))
    points = np.column_stack([DISTANCES, cheap])
    prior = FormulaPriorMean("scale*cheap", ("r", "cheap"), {"scale": 1.0}, {"scale": (0.5, 2.0)})
    kernel = MappedKernel(laplacian(1.0), Columns((0,)))
    fit = KernelRidge(kernel, prior_mean=prior).fit(
        Dataset.of(points[::6], ENERGIES[::6]), None, np.random.default_rng(0)
    )
    assert fit.state["prior_parameters"][0] == pytest.approx(1.25, rel=0.02)
    assert np.abs(fit.posterior.mean_variance(points)[0][:, 0] - ENERGIES).mean() < 0.01


def test_a_calculator_of_ase_is_a_prior() -> None:
    prior = CalculatorPriorMean(LennardJones(rc=1e3), dimer)
    assert np.allclose(prior.value(DISTANCES)[:, 0], energy(DISTANCES[:, 0]), rtol=0, atol=1e-10)
    value, slope = prior.value_gradient(DISTANCES)
    assert np.allclose(slope[:, 0, 0], energy_slope(DISTANCES[:, 0]), rtol=1e-7, atol=1e-7)
    better = Dataset.of(DISTANCES[::16], ENERGIES[::16] + 0.1 * DISTANCES[::16, 0] ** 2)
    fit = KernelRidge(gaussian(1.0), prior_mean=prior).fit(better, None, np.random.default_rng(0))
    expected = value[:, 0] + 0.1 * DISTANCES[:, 0] ** 2
    assert np.abs(fit.posterior.mean_variance(DISTANCES)[0][:, 0] - expected).max() < 2e-3


def test_parameters_of_a_sum_are_those_of_its_parts() -> None:
    parts = (
        inverse_power(4.0, bounds={"strength": (1.0, 9.0)}),
        CallablePriorMean(lambda x: x[:, 0]),
        FormulaPriorMean("b", ("r",), {"b": 0.5}, {"b": (-1.0, 1.0)}),
    )
    whole = SumPriorMean(parts)
    assert whole.parameters == (4.0, 0.5)
    assert whole.parameter_bounds == ((1.0, 9.0), (-1.0, 1.0))
    changed = whole.with_parameters([5.0, -0.5])
    assert isinstance(changed, SumPriorMean)
    assert changed.parameters == (5.0, -0.5)
    assert changed.value(np.array([[1.0]])).item() == pytest.approx(5.5)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ExpressionError):
        FormulaPriorMean("a*r", ("r",))
    with pytest.raises(UsageError, match="must be finite, ascend and enclose its value"):
        FormulaPriorMean("a*r", ("r",), {"a": 3.0}, {"a": (0.0, 1.0)})
    with pytest.raises(UsageError, match="names 1 columns, got points with 2"):
        inverse_power(1.0).value(POINTS)
    with pytest.raises(UsageError, match=r"must be finite, got inf at \[0.0\]"):
        inverse_power(1.0).value(np.zeros((1, 1)))
