"""Kernel ridge regression: the Lennard-Jones study's numbers, other codes, what is left out, few rows for many."""

from __future__ import annotations

import numpy as np
import pytest
from examples.lennard_jones_kernel.lennard_jones import DISTANCES, ENERGIES, energy, energy_slope, wall
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge as OtherKernelRidge

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernel_posterior import KernelPosterior
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.abstract import MappedKernel
from assay.surrogates.kernels.inputs import Reciprocal
from assay.surrogates.kernels.stationary import gaussian, laplacian, matern
from assay.surrogates.prior_mean import CallablePriorMean, PosteriorPriorMean

EVEN, ODD = np.arange(0, 50, 2), np.arange(1, 50, 2)
WALL = CallablePriorMean(lambda points: wall(points[:, 0]))


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def fitted(recipe: KernelRidge, data: Dataset) -> KernelPosterior:
    return recipe.fit(data, None, generator()).posterior


def even(**options) -> KernelPosterior:
    """The study's model of the even points."""
    recipe = KernelRidge(laplacian(options.pop("sigma", 0.1)), criterion="none", **options)
    return fitted(recipe, Dataset.of(DISTANCES[EVEN], ENERGIES[EVEN]))


def wavy(rows: int, noise: float = 0.0, seed: int = 0) -> Dataset:
    draws = np.random.default_rng(seed)
    points = draws.random((rows, 2))
    values = np.sin(5 * points[:, 0]) + points[:, 1] ** 2 + noise * draws.standard_normal(rows)
    return Dataset.of(points, values)


# -- the numbers of the study ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prior_mean", "error", "alpha"),
    [
        (None, 0.03439430, [8.74640818, -2.03203106, -1.16092596]),
        (WALL, 0.04013654, [-3.08539052, 4.22852059, -0.33662774]),
    ],
)
def test_even_points_predict_odd_ones(prior_mean, error: float, alpha: list[float]) -> None:
    posterior = even(prior_mean=prior_mean)
    predicted = posterior.mean_variance(DISTANCES[ODD])[0][:, 0]
    assert abs(np.abs(predicted - ENERGIES[ODD]).mean() - error) < 1e-8
    assert np.allclose(posterior.conditioned.alpha[:3, 0], alpha, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("sigma", "error", "evidence"),
    [
        (0.05, 0.36975, -41.3783),
        (0.1, 0.31166, -39.0915),
        (0.2, 0.28462, -37.6033),
        (0.4, 0.27434, -36.8762),
    ],
)
def test_what_is_left_out_and_the_profiled_evidence(sigma: float, error: float, evidence: float) -> None:
    posterior = even(sigma=sigma)
    assert abs(posterior.leave_out().mean_absolute_error - error) < 5e-6
    assert abs(posterior.log_marginal_likelihood() - evidence) < 5e-5


# -- other codes -------------------------------------------------------------------------------------------


def test_the_mean_is_scikit_learns_kernel_ridge() -> None:
    data, points = wavy(40, 0.1), np.random.default_rng(5).random((9, 2))
    own = fitted(KernelRidge(laplacian(0.5), ridge=1e-2, criterion="none"), data)
    other = (
        OtherKernelRidge(kernel="laplacian", gamma=2.0)
        .set_params(alpha=1e-2)
        .fit(data.points, data.values[:, 0])
    )
    assert np.allclose(own.mean_variance(points)[0][:, 0], other.predict(points), rtol=1e-10)


def test_deviations_are_those_of_scikit_learns_gaussian_process() -> None:
    data, points = wavy(30, 0.1), np.random.default_rng(5).random((9, 2))
    own = fitted(KernelRidge(gaussian((0.3, 0.6)), ridge=1e-3, criterion="none"), data)
    signal = own.signal_variance[0]
    kernel = signal * RBF().set_params(length_scale=[0.3, 0.6])
    other = GaussianProcessRegressor(kernel, alpha=1e-3 * signal).set_params(optimizer=None)
    mean, deviation = other.fit(data.points, data.values[:, 0]).predict(points, return_std=True)
    own_mean, own_variance = own.mean_variance(points)
    assert np.allclose(own_mean[:, 0], mean, rtol=1e-8)
    assert np.allclose(np.sqrt(own_variance[:, 0]), deviation, rtol=1e-6)
    assert own.log_marginal_likelihood() == pytest.approx(other.log_marginal_likelihood_value_, rel=1e-10)


@pytest.mark.parametrize("with_slopes", [False, True])
def test_our_gaussian_process_agrees(with_slopes: bool) -> None:
    points = np.random.default_rng(3).random((12, 2))
    derivative = np.tile([-1, 0, 1], 4) if with_slopes else np.full(12, -1)
    data = Dataset.of(points, np.random.default_rng(4).random(12), 1e-3, derivative)
    state = {
        "hyperparameters": [0.4, 0.7],
        "ridge": 1e-2,
        "signal_variance": [1.7],
        "prior_parameters": [],
        "inducing": None,
    }
    own = KernelRidge(matern((0.4, 0.7))).posterior(data, state)
    other = GaussianProcess(mean="zero").posterior(
        data, GaussianProcess.state(np.array([0.4, 0.7]), 1e-2, 1.7)
    )
    new = np.random.default_rng(5).random((6, 2))
    for one, another in zip(own.mean_variance_gradient(new), other.mean_variance_gradient(new), strict=True):
        assert np.allclose(one, another, rtol=1e-9, atol=1e-11)
    for one, another in zip(own.joint(new), other.joint(new), strict=True):
        assert np.allclose(one, another, rtol=1e-9, atol=1e-11)


# -- what is left out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("folds", [None, 4])
def test_rows_that_are_left_out_are_predicted_by_a_fit_without_them(folds: int | None) -> None:
    data = wavy(16, 0.1)
    recipe = KernelRidge(matern(0.5), ridge=1e-3, criterion="none")
    fit = recipe.fit(data, None, generator())
    left_out = fit.posterior.leave_out(folds, seed=3)
    seen = np.zeros(16, dtype=bool)
    for row in range(16):
        # Which rows share a fold shows in which errors change with the row's datum.
        moved = data.values.copy()
        moved[row] += 1.0
        other = recipe.posterior(Dataset.of(data.points, moved), fit.state).leave_out(folds, seed=3)
        same_fold = np.isclose(other.error[:, 0] - left_out.error[:, 0], np.arange(16) == row, atol=1e-9)
        others = np.flatnonzero(~same_fold)
        posterior = recipe.posterior(data.rows(others), fit.state)
        mean, variance = posterior.mean_variance(data.points[row : row + 1])
        assert left_out.error[row, 0] == pytest.approx(data.values[row, 0] - mean[0, 0], rel=1e-7, abs=1e-10)
        noise = 1e-3 * fit.posterior.signal_variance[0]
        assert left_out.variance[row, 0] == pytest.approx(variance[0, 0] + noise, rel=1e-7)
        seen[row] = len(others) == (15 if folds is None else 12)
    assert seen.all()


def test_values_and_slopes_at_a_point_are_left_out_together() -> None:
    points = np.repeat(DISTANCES[::10], 2, axis=0)
    values = np.column_stack([energy(DISTANCES[::10, 0]), energy_slope(DISTANCES[::10, 0])]).ravel()
    data = Dataset.of(points, values, derivative=np.tile([-1, 0], 5))
    recipe = KernelRidge(gaussian(0.3), criterion="none")
    fit = recipe.fit(data, None, generator())
    left_out = fit.posterior.leave_out()
    without = recipe.posterior(data.rows(np.arange(2, 10)), fit.state)
    mean = without.mean_variance(points[:1])[0][0, 0]
    assert left_out.error[0, 0] == pytest.approx(values[0] - mean, rel=1e-6)
    assert left_out.mean_absolute_error == pytest.approx(np.abs(left_out.error[::2]).mean())


def test_draws_from_the_model_are_calibrated() -> None:
    """Coverage: for functions drawn from the prior, errors of what is left out are as large as is said."""
    kernel, ridge = matern(0.3), 1e-2
    data = wavy(150)
    prior = KernelRidge(kernel, ridge, "none").fit(data, None, generator()).posterior
    lower = prior.conditioned.factor.lower
    drawn = lower @ np.random.default_rng(8).standard_normal((150, 20))
    left_out = fitted(KernelRidge(kernel, ridge, "none"), Dataset.of(data.points, drawn)).leave_out()
    assert abs(left_out.calibration_factor - 1.0) < 0.05
    assert abs(left_out.coverage(1.0) - 0.683) < 0.03
    assert abs(left_out.coverage(1.96) - 0.95) < 0.015


# -- fits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", ["evidence", "cross_validation"])
@pytest.mark.parametrize("case", ["values", "slopes", "noise", "ridge"])
def test_gradients_of_the_criterion_are_finite_differences(criterion, case: str) -> None:
    points = np.random.default_rng(1).random((12, 2))
    derivative = np.array([-1] * 6 + [0, 1] * 3) if case == "slopes" else np.full(12, -1)
    noise = 0.01 if case == "noise" else 0.0
    data = Dataset.of(points, np.random.default_rng(2).random(12), noise, derivative)
    recipe = KernelRidge(
        gaussian((0.3, 0.5)) * matern(0.7), 1e-3, criterion, fits_ridge=case == "ridge", folds=4
    )
    objective = recipe.objective(data)
    vector = objective.start + 0.1
    gradient = objective(vector)[1]
    fixed = np.array([low == high for low, high in objective.bounds])
    for place in np.flatnonzero(~fixed):
        step = 1e-5 * (np.arange(len(vector)) == place)
        slope = (objective(vector + step)[0] - objective(vector - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-6)
    assert (gradient[fixed] == 0.0).all()


def test_the_evidence_finds_the_length_scale_of_a_draw() -> None:
    points = np.random.default_rng(1).random((80, 1))
    prior = fitted(KernelRidge(gaussian(0.15), 1e-6, "none"), Dataset.of(points, np.ones(80)))
    drawn = prior.conditioned.factor.lower @ np.random.default_rng(2).standard_normal((80, 5))
    fit = KernelRidge(gaussian(1.0), 1e-6).fit(Dataset.of(points, 3.0 * drawn), None, generator())
    assert fit.state["hyperparameters"][0] == pytest.approx(0.15, rel=0.1)


def test_each_criterion_is_best_at_its_own_fit_and_the_evidence_finds_the_noise() -> None:
    data = wavy(120, 0.1)
    recipes = {
        criterion: KernelRidge(gaussian((0.5, 0.5)), 1e-4, criterion, fits_ridge=True)
        for criterion in ("evidence", "cross_validation")
    }
    fits = {criterion: recipe.fit(data, None, generator()) for criterion, recipe in recipes.items()}
    for criterion, other in (("evidence", "cross_validation"), ("cross_validation", "evidence")):
        objective = recipes[criterion].objective(data)
        own, theirs = (objective(objective.start_of(fits[name].state))[0] for name in (criterion, other))
        assert own < theirs
    fit = fits["evidence"]
    noise = np.sqrt(fit.state["ridge"] * fit.posterior.signal_variance[0])
    assert noise == pytest.approx(0.1, rel=0.2)


def test_known_noise_sets_the_scale() -> None:
    data = wavy(60, 0.1)
    known = Dataset.of(data.points, data.values, 0.01)
    fit = KernelRidge(gaussian((0.5, 0.5))).fit(known, None, generator())
    left_out = fit.posterior.leave_out()
    assert 0.7 < left_out.calibration_factor < 1.3
    shrunk = Dataset.of(data.points, 1e-3 * data.values, 1e-8)
    other = KernelRidge(gaussian((0.5, 0.5))).fit(shrunk, None, generator())
    assert other.posterior.signal_variance[0] == pytest.approx(
        1e-6 * fit.posterior.signal_variance[0], rel=1e-3
    )


def test_units_of_points_and_values_do_not_matter() -> None:
    data, new = wavy(20), np.random.default_rng(5).random((5, 2))
    one = fitted(KernelRidge(matern((0.5, 0.5))), data).mean_variance(new)
    scaled = Dataset.of(1e3 * data.points, 1e-6 * data.values)
    other = fitted(KernelRidge(matern((500.0, 500.0))), scaled).mean_variance(1e3 * new)
    assert np.allclose(other[0], 1e-6 * one[0], rtol=1e-6)
    assert np.allclose(other[1], 1e-12 * one[1], rtol=1e-4)


# -- the study bettered ------------------------------------------------------------------------------------


def test_slopes_and_a_smooth_kernel_learn_the_curve_from_ten_points() -> None:
    errors = {}
    rows = np.arange(2, 50, 5)
    distances = DISTANCES[rows]
    both = Dataset.of(
        np.concatenate([distances, distances]),
        np.concatenate([energy(distances[:, 0]), energy_slope(distances[:, 0])]),
        derivative=np.repeat([-1, 0], 10),
    )
    data = {"values": Dataset.of(distances, energy(distances[:, 0])), "slopes": both}
    for name, rest in data.items():
        mean = fitted(KernelRidge(gaussian(0.2)), rest).mean_variance(DISTANCES)[0][:, 0]
        errors[name] = np.abs(mean - ENERGIES).mean()
    assert errors["slopes"] < 0.5 * errors["values"]


def test_reciprocal_distances_learn_a_repulsion_better() -> None:
    data = Dataset.of(DISTANCES[2::5], ENERGIES[2::5])
    plain, reciprocal = (
        np.abs(fitted(KernelRidge(kernel), data).mean_variance(DISTANCES)[0][:, 0] - ENERGIES).mean()
        for kernel in (gaussian(0.2), MappedKernel(gaussian(0.2), Reciprocal()))
    )
    assert reciprocal < 0.5 * plain


def test_another_surrogate_may_be_the_prior() -> None:
    low = Dataset.of(DISTANCES, energy(DISTANCES[:, 0]) + 0.3 * DISTANCES[:, 0])
    cheap = GaussianProcess(noise="none").fit(low, None, generator()).posterior
    few = Dataset.of(DISTANCES[::12], ENERGIES[::12])
    errors = [
        np.abs(
            fitted(KernelRidge(gaussian(0.5), prior_mean=prior), few).mean_variance(DISTANCES)[0][:, 0]
            - ENERGIES
        )
        for prior in (None, PosteriorPriorMean(cheap))
    ]
    assert errors[1].mean() < 0.1 * errors[0].mean()


# -- few rows for many -------------------------------------------------------------------------------------


def test_as_many_inducing_rows_as_rows_are_all_rows() -> None:
    data, new = wavy(30, 0.1), np.random.default_rng(5).random((6, 2))
    state = {
        "hyperparameters": [0.4],
        "ridge": 1e-2,
        "signal_variance": [1.0],
        "prior_parameters": [],
    }
    centres = [data.points.tolist(), data.derivative.tolist()]
    one, other = (
        KernelRidge(matern(0.4)).posterior(data, {**state, "inducing": inducing})
        for inducing in (None, centres)
    )
    for mine, theirs in zip(one.mean_variance_gradient(new), other.mean_variance_gradient(new), strict=True):
        assert np.allclose(mine, theirs, rtol=1e-8, atol=1e-10)
    assert np.allclose(one.joint(new)[1], other.joint(new)[1], rtol=0, atol=1e-10)


def test_the_error_of_few_rows_falls_with_their_number() -> None:
    data, new = wavy(800, 0.05), wavy(200, seed=7)
    exact = fitted(KernelRidge(gaussian((0.5, 0.5)), 1e-2, "none"), data).mean_variance(new.points)
    gaps = []
    for count in (10, 20, 40):
        few = fitted(KernelRidge(gaussian((0.5, 0.5)), 1e-2, "none", inducing=count), data)
        mean, variance = few.mean_variance(new.points)
        gaps.append(np.abs(mean - exact[0]).max())
        assert (variance > 0).all()
    assert gaps[1] < 0.2 * gaps[0]
    assert gaps[2] < 1e-2 * gaps[0]


def test_a_look_between_few_rows_adds_a_centre() -> None:
    posterior = fitted(KernelRidge(gaussian((0.1, 0.1)), 1e-6, "none", inducing=12), wavy(100))
    look = np.array([[0.513, 0.487], [0.513, 0.487]])
    before, after = posterior.mean_variance(look), posterior.condition_on_inputs(look).mean_variance(look)
    assert np.allclose(before[0], after[0], rtol=1e-7)
    assert (after[1] < 1e-4 * before[1]).all()


# -- what is wrong is said ---------------------------------------------------------------------------------


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(UsageError, match="must not be negative"):
        KernelRidge(ridge=-1.0)
    with pytest.raises(UsageError, match="an inducing row or more"):
        KernelRidge(inducing=0)
    with pytest.raises(UsageError, match="needs at least one row"):
        fitted(KernelRidge(), Dataset.of(np.empty((0, 1)), np.empty(0)))
    slopes = Dataset.of(DISTANCES[:4], ENERGIES[:4], derivative=np.zeros(4, dtype=int))
    with pytest.raises(UsageError, match="cannot learn from derivative"):
        fitted(KernelRidge(laplacian(0.1)), slopes)
    with pytest.raises(UsageError, match="needs one output, got 2"):
        fitted(KernelRidge(), Dataset.of(DISTANCES[:4], np.ones((4, 2)), 0.1))
    with pytest.raises(UsageError, match="at most the 25 points, got 26"):
        even().leave_out(26)
    few = fitted(KernelRidge(inducing=3), wavy(20))
    with pytest.raises(UsageError, match="needs all rows"):
        few.leave_out()
