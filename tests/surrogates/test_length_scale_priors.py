"""Priors of length scales: each against its density, and columns with one of their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma, lognorm

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.space.parameters import Continuous, EnvironmentVariable
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.hyperpriors import (
    CORRELATION_LENGTH_PRIOR,
    AbstractLengthScalePrior,
    BlocksPrior,
    ColumnwisePrior,
    FlatPrior,
    GammaPrior,
    LogNormalPrior,
    StretchedPrior,
)

PRIORS: dict[str, AbstractLengthScalePrior] = {
    "log normal": LogNormalPrior(),
    "gamma": GammaPrior(),
    "blocks": BlocksPrior(),
    "flat": FlatPrior(),
    "stretched": StretchedPrior(GammaPrior(), 4.0),
    "columnwise": ColumnwisePrior(
        GammaPrior(), (((2,), CORRELATION_LENGTH_PRIOR), ((0,), StretchedPrior(LogNormalPrior(), 3.0)))
    ),
}


@pytest.mark.parametrize("name", PRIORS)
def test_the_gradient_is_the_limit_of_differences(name: str) -> None:
    prior = PRIORS[name]
    for seed in range(5):
        vector = prior.draw(4, np.random.default_rng(seed)) + 0.3
        _, gradient = prior.value_gradient(vector)
        for place in range(4):
            step = 1e-6 * np.eye(4)[place]
            above, below = (prior.value_gradient(vector + sign * step)[0] for sign in (1.0, -1.0))
            assert gradient[place] == pytest.approx((above - below) / 2e-6, rel=1e-6, abs=1e-7)


def test_densities_are_those_of_their_names() -> None:
    scales = np.array([0.2, 0.7, 1.9])
    density = gamma.logpdf(scales, 3.0, scale=1.0 / 6.0)
    values = [GammaPrior().value_gradient(np.log(scales[k : k + 1]))[0] for k in range(3)]
    assert np.allclose(np.diff(values), np.diff(density), rtol=1e-10)
    density = lognorm.logpdf(scales, 0.5, scale=np.exp(0.25))
    values = [CORRELATION_LENGTH_PRIOR.value_gradient(np.log(scales[k : k + 1]))[0] for k in range(3)]
    assert np.allclose(np.diff(values), np.diff(density), rtol=1e-10)


def test_a_stretched_column_has_the_prior_of_its_unit() -> None:
    vector = np.array([-0.4, 0.1])
    stretched = StretchedPrior(GammaPrior(), 7.0)
    one = stretched.value_gradient(vector + np.log(7.0))
    other = GammaPrior().value_gradient(vector)
    assert one[0] == pytest.approx(other[0], rel=1e-12)
    assert np.allclose(one[1], other[1], rtol=1e-12)


def test_columns_have_their_own_prior_and_the_rest_the_common_one() -> None:
    vector = np.array([0.1, -0.5, 0.3])
    prior = ColumnwisePrior(LogNormalPrior(), (((1,), GammaPrior()),))
    expected = (
        LogNormalPrior().value_gradient(vector[[0, 2]])[0] + GammaPrior().value_gradient(vector[[1]])[0]
    )
    assert prior.value_gradient(vector)[0] == pytest.approx(expected, rel=1e-12)
    everywhere = ColumnwisePrior(FlatPrior(), (((0, 1, 2), GammaPrior()),))
    assert everywhere.value_gradient(vector)[0] == GammaPrior().value_gradient(vector)[0]
    for wrong in (((0,), (0,)), ((3,),)):
        with pytest.raises(UsageError, match="below 3"):
            ColumnwisePrior(FlatPrior(), tuple((columns, GammaPrior()) for columns in wrong)).start(3)


def drifting(shift: float, count: int = 60) -> tuple[GaussianProcess, Coordinates, Dataset, np.ndarray]:
    """A parabola whose minimum drifts over hours, in seconds; the time has no domain, but a scale."""
    space = Space.from_data([Continuous("x", (-2.0, 2.0))], [EnvironmentVariable("t", scale=900.0)])
    coordinates = Coordinates.of(space)
    generator = np.random.default_rng(0)
    time, x = np.sort(generator.uniform(0.0, 7200.0, count)), generator.uniform(-2.0, 2.0, count)
    values = (x - np.sin(time / 900.0)) ** 2
    points = coordinates.encode([{"x": a, "t": b + shift} for a, b in zip(x, time, strict=True)])
    recipe = GaussianProcess(
        noise="none",
        mean="linear",
        without_trend=(1,),
        length_scale_prior=ColumnwisePrior(GammaPrior(), (((1,), CORRELATION_LENGTH_PRIOR),)),
    )
    new = coordinates.encode([{"x": a, "t": 3600.0 + shift} for a in np.linspace(-2.0, 2.0, 9)])
    return recipe, coordinates, Dataset.of(points, values), new


def test_a_time_without_a_domain_is_learned_in_its_scale_wherever_it_begins() -> None:
    recipe, coordinates, data, new = drifting(0.0)
    assert coordinates.columns[1].kind == "unbounded"
    assert data.points[:, 1].max() > 7.0
    fitted = recipe.fit(data, None, np.random.default_rng(0))
    mean, _ = fitted.posterior.mean_variance(new)
    truth = (np.linspace(-2.0, 2.0, 9) - np.sin(4.0)) ** 2
    assert np.abs(mean[:, 0] - truth).max() < 0.2
    assert 0.3 < fitted.posterior.length_scales[1] < 10.0
    later, _, moved, later_new = drifting(9.0e6)
    assert moved.points[:, 1].min() > 9999.0
    again = later.fit(moved, None, np.random.default_rng(0)).posterior.mean_variance(later_new)[0]
    assert np.allclose(again, mean, rtol=0, atol=1e-4)


def test_labels_in_an_order_are_learned_from_their_neighbours() -> None:
    """Seven labels of which the fourth was never seen."""
    generator = np.random.default_rng(1)
    points = np.column_stack([generator.random(40), generator.choice([0, 1, 2, 4, 5, 6], 40)])
    data = Dataset.of(points, np.sin(points[:, 1] / 2.0) + points[:, 0])
    new = np.column_stack([np.linspace(0.0, 1.0, 5), np.full(5, 3.0)])
    truth = np.sin(1.5) + new[:, 0]
    own = ColumnwisePrior(GammaPrior(), (((1,), StretchedPrior(GammaPrior(), 6.0)),))
    ordered = GaussianProcess(length_scale_prior=own, without_trend=(1,))
    exchangeable = GaussianProcess(length_scale_prior=GammaPrior(), categories=(1,))
    errors = []
    for recipe in (ordered, exchangeable):
        posterior = recipe.fit(data, None, np.random.default_rng(0)).posterior
        errors.append(np.abs(posterior.mean_variance(new)[0][:, 0] - truth).max())
    assert errors[0] < 0.1
    assert errors[1] > 5.0 * errors[0]


def test_the_order_of_labels_matters_only_to_the_kernel_that_has_one() -> None:
    generator = np.random.default_rng(2)
    points = np.column_stack([generator.random(25), generator.integers(0, 4, 25)])
    data = Dataset.of(points, np.sin(3.0 * points[:, 0]) * (1.0 + points[:, 1]))
    renamed = points.copy()
    renamed[:, 1] = np.array([2, 0, 3, 1])[points[:, 1].astype(int)]
    other = Dataset.of(renamed, data.values)
    state = GaussianProcess.state(np.array([0.5, 1.5]), 1e-3)
    for recipe, differs in ((GaussianProcess(categories=(1,)), False), (GaussianProcess(), True)):
        one = recipe.posterior(data, state).mean_variance(points)[0]
        two = recipe.posterior(other, state).mean_variance(renamed)[0]
        assert np.allclose(one, two, rtol=1e-9, atol=1e-9) is not differs


def test_more_fresh_starts_end_no_worse() -> None:
    generator = np.random.default_rng(4)
    points = generator.random((18, 3))
    data = Dataset.of(points, np.sin(9.0 * points[:, 0]) + np.cos(7.0 * points[:, 1] * points[:, 2]))
    found = [
        GaussianProcess(restarts=restarts).fit(data, None, np.random.default_rng(0)).info
        for restarts in (0, 1, 6)
    ]
    values = [info["log_posterior"] for info in found]
    assert values[0] <= values[1] + 1e-9 <= values[2] + 2e-9
    assert [info["starts"] for info in found] == [1, 2, 7]
