"""The evidence against its definition, and its gradient against differences, for every kind of data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from tests.surrogates.surrogate_cases import CASES, case

from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_of_the_objective_is_the_limit_of_differences(name: str) -> None:
    recipe, data = case(name)
    objective = recipe.objective(data)
    generator = np.random.default_rng(4)
    for _ in range(2):
        vector = objective.draw(generator)
        value, gradient = objective(vector)
        assert objective.value(vector) == pytest.approx(value, rel=1e-12)
        step = 1e-6
        for place in range(len(vector)):
            change = step * np.eye(len(vector))[place]
            difference = (objective(vector + change)[0] - objective(vector - change)[0]) / (2.0 * step)
            assert gradient[place] == pytest.approx(difference, abs=1e-6 * np.abs(gradient).max())


def test_the_evidence_is_the_density_of_the_data() -> None:
    recipe, data = case("values")
    posterior = recipe.fit(data, None, np.random.default_rng(0)).posterior
    prior = posterior.blocks[0][1].prior
    side = (data.points, data.derivative)
    covariance = prior.covariance(side, side) + np.diag(prior.noise(data.derivative))
    expected = 0.0
    for k in range(2):
        unit = posterior.scaling.scale[k]
        density = multivariate_normal(
            np.full(len(data), posterior.scaling.offset[k]),
            posterior.signal_variance[k] * unit**2 * covariance,
        )
        expected += density.logpdf(data.values[:, k])
    assert posterior.log_marginal_likelihood() == pytest.approx(expected, rel=1e-10)


def test_the_evidence_under_warping_integrates_to_one() -> None:
    recipe, data = case("warped")
    state = recipe.fit(data, None, np.random.default_rng(0)).state
    few = Dataset.of(data.points[:1], data.values[:1, :1])
    one = {
        **state,
        **{key: state[key][:1] for key in ("signal_variance", "offset", "scale", "latent_offset")},
    }
    one |= {key: state[key][:1] for key in ("latent_scale", "warping_parameters")}
    # y = offset + scale sinh(t): the trapezoidal rule in t converges faster than any power.
    t = np.linspace(-16.0, 16.0, 1001)
    grid = one["offset"][0] + one["scale"][0] * np.sinh(t)
    density = [
        np.exp(recipe.posterior(Dataset.of(few.points, np.array([y])), one).log_marginal_likelihood())
        for y in grid
    ]
    total = np.sum(np.array(density) * np.cosh(t)) * (t[1] - t[0]) * one["scale"][0]
    assert total == pytest.approx(1.0, abs=1e-6)


def test_the_profiled_signal_variance_is_its_optimum() -> None:
    _, data = case("values")
    posterior = GaussianProcess(signal_weight=0.0).fit(data, None, np.random.default_rng(0)).posterior
    member = posterior.blocks[0][1]

    def log_evidence(factor: float) -> float:
        quadratic = (member.latent * member.alpha).sum(axis=0)
        signal = factor * posterior.signal_variance
        return float((-0.5 * quadratic / signal - 0.5 * len(data) * np.log(signal)).sum())

    assert log_evidence(1.0) > max(log_evidence(0.99), log_evidence(1.01))


def test_a_fit_ends_where_its_gradient_vanishes() -> None:
    recipe, data = case("values", count=20)
    objective = recipe.objective(data)
    fit = recipe.fit(data, None, np.random.default_rng(0))
    _, gradient = objective(objective.start(fit.state))
    low, high = np.array(objective.bounds).T
    vector = objective.start(fit.state)
    inside = (vector > low + 1e-9) & (vector < high - 1e-9)
    assert np.abs(gradient[inside]).max() < 0.05


def test_a_warm_start_costs_less_and_is_no_worse() -> None:
    recipe, data = case("values", count=30)
    alone = GaussianProcess(restarts=0)
    cold = recipe.fit(data, None, np.random.default_rng(0))
    warm = alone.fit(data, cold.state, np.random.default_rng(0))
    assert warm.info["evaluations"] < cold.info["evaluations"]
    assert warm.info["log_posterior"] >= cold.info["log_posterior"] - 1e-6
