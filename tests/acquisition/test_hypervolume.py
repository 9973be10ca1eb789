"""Expected gain of hypervolume: against brute force, differences and its limits, and what must not matter."""

from typing import Literal

import numpy as np
import pytest
from tests.acquisition.drawn import DrawnBeliefs
from tests.acquisition.gaussian import Affine, WavyBelief

from assay.acquisition.hypervolume import (
    LogExpectedHypervolumeImprovement,
    LogNoisyHypervolumeImprovement,
    LogSampledHypervolumeImprovement,
)
from assay.acquisition.hypervolume_gain import BoxStack, log_gain, log_gain_gradient
from assay.acquisition.improvement import LogExpectedImprovement
from assay.numerics.coordinates import Coordinates
from assay.numerics.hypervolume import hypervolume, non_dominated_boxes
from assay.quantities.graph import Graph
from assay.quantities.parameters import Parameters
from assay.quantities.quantity import GaussianScalar, Quantity
from assay.quantities.selector import SelectedOutput
from assay.quantities.source import Source
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess

POINTS = np.random.default_rng(3).random((8, 2))
BELIEFS = (WavyBelief(), Affine(WavyBelief(-2.0), -0.5, 1.0, 0.3), Affine(WavyBelief(0.5), 0.2, 0.5, 0.5))
LOWER, UPPER = np.array([-1.0, -0.5, -0.2]), np.array([2.0, 1.5, 1.4])
VALUES = np.random.default_rng(5).uniform(LOWER, UPPER, (15, 3))


def stack(values, lower=LOWER, upper=UPPER) -> BoxStack:
    """What a front of so many objectives leaves over."""
    count = values.shape[1]
    return BoxStack.of([non_dominated_boxes(values, lower[:count], upper[:count])])


def exact(count: int = 2, scaling: float = 1.0, lower=LOWER) -> LogExpectedHypervolumeImprovement:
    """The analytic form for the first objectives."""
    return LogExpectedHypervolumeImprovement(BELIEFS[:count], stack(VALUES[:, :count], lower), scaling)


def differences(acquisition, points, step=1e-6):
    """Central differences of the value: (points, 2)."""
    shifts = step * np.eye(2)
    return np.stack(
        [(acquisition.value(points + s) - acquisition.value(points - s)) / (2 * step) for s in shifts], axis=1
    )


@pytest.mark.parametrize("scaling", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("lower", [LOWER[:2], np.full(2, -np.inf)])
def test_two_objectives_equal_a_million_draws(scaling, lower):
    """Every draw's gain by its definition: the hypervolume with it less the hypervolume without."""
    generator, values = np.random.default_rng(0), VALUES[:, :2]
    point = POINTS[:1]
    moments = [belief.mean_variance(point) for belief in BELIEFS[:2]]
    draws = np.stack(
        [m + scaling * np.sqrt(v) * generator.standard_normal(1_000_000) for m, v in moments], axis=1
    )
    gain = gain_by_definition(values, draws, lower, UPPER[:2])
    value = np.exp(exact(scaling=scaling, lower=lower).value(point)[0])
    assert value == pytest.approx(gain.mean(), abs=4 * gain.std() / 1000)
    assert 4 * gain.std() / 1000 < 0.05 * value


def gain_by_definition(values, draws, lower, upper):
    """For two objectives: the area between the draw and the staircase of the front, column by column."""
    order = np.argsort(values[:, 0])
    edges = np.concatenate([[max(lower[0], -50.0)], values[order, 0], [upper[0]]])
    heights = np.minimum.accumulate(np.concatenate([[upper[1]], np.minimum(values[order, 1], upper[1])]))
    total = np.zeros(len(draws))
    for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
        width = np.clip(min(right, upper[0]) - np.maximum(draws[:, 0], left), 0.0, None)
        total += width * np.clip(height - np.maximum(draws[:, 1], lower[1]), 0.0, None)
    return total


def test_three_objectives_equal_draws():
    generator, point = np.random.default_rng(1), POINTS[:1]
    moments = [belief.mean_variance(point) for belief in BELIEFS]
    draws = np.stack([m + np.sqrt(v) * generator.standard_normal(1500) for m, v in moments], axis=1)
    before = hypervolume(VALUES, UPPER, LOWER)
    gain = np.array([hypervolume(np.vstack([VALUES, draw]), UPPER, LOWER) - before for draw in draws])
    value = np.exp(exact(3).value(point)[0])
    assert value == pytest.approx(gain.mean(), abs=4 * gain.std() / np.sqrt(len(draws)))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("scaling", [0.1, 1.0, 5.0])
def test_gradient_equals_central_differences(count, scaling):
    acquisition = exact(count, scaling)
    value, gradient = acquisition.value_gradient(POINTS)
    np.testing.assert_allclose(value, acquisition.value(POINTS), rtol=1e-13)
    np.testing.assert_allclose(gradient, differences(acquisition, POINTS), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("distance", [1e2, 1e4, 1e6])
def test_a_hopeless_look_still_has_a_value_and_a_slope(distance):
    """Far above the references the log of the gain falls like -z²/2 for each objective, and its slope like z."""
    boxes = stack(VALUES[:, :2])
    mean, spread = (UPPER[:2] + distance)[None, None], np.ones((1, 1, 2))
    value, by_mean, by_spread = log_gain_gradient(boxes, mean, spread)
    assert value[0] == pytest.approx(-(distance**2), rel=8 / distance)
    np.testing.assert_allclose(by_mean, -distance, rtol=8 / distance)
    np.testing.assert_allclose(by_spread, distance**2, rtol=8 / distance)


def test_with_certainty_it_is_the_gain_of_the_mean():
    boxes = stack(VALUES)
    look = np.random.default_rng(2).uniform(LOWER, 0.3 * UPPER, (20, 3))
    before = hypervolume(VALUES, UPPER, LOWER)
    gain = np.array([hypervolume(np.vstack([VALUES, row]), UPPER, LOWER) - before for row in look])
    value = np.exp(log_gain(boxes, look[None], np.full((1, 20, 3), 1e-9)))
    np.testing.assert_allclose(value, gain, rtol=1e-6, atol=1e-7)
    assert (gain > 1e-3).any()


def test_with_one_objective_certain_it_is_expected_improvement_in_the_other():
    """A sure 1 in the first objective, where a front point (0, 0.4) dominates all above 0.4: a width of 2 is gained."""
    boxes = stack(np.array([[0.0, 0.4]]), np.array([-1.0, -50.0]), np.array([3.0, 2.0]))
    mean, variance = BELIEFS[0].mean_variance(POINTS)
    sure = np.ones(len(POINTS))
    means, spreads = (
        np.stack([sure, mean], axis=1)[None],
        np.stack([1e-6 * sure, np.sqrt(variance)], axis=1)[None],
    )
    expected = np.log(2.0) + LogExpectedImprovement(BELIEFS[0], 0.4).value(POINTS)
    np.testing.assert_allclose(log_gain(boxes, means, spreads), expected, rtol=1e-9)


def test_where_nothing_is_left_it_is_minus_infinity_without_a_slope():
    boxes = stack(LOWER[None] - 1.0)
    value, by_mean, by_spread = log_gain_gradient(boxes, np.zeros((1, 4, 3)), np.ones((1, 4, 3)))
    assert (value == -np.inf).all()
    assert not by_mean.any()
    assert not by_spread.any()


def test_order_and_dominated_points_do_not_matter():
    plain = exact(3).value(POINTS)
    more = LogExpectedHypervolumeImprovement(BELIEFS, stack(np.vstack([VALUES + 0.1, VALUES[::-1]])))
    np.testing.assert_allclose(more.value(POINTS), plain, rtol=1e-11)
    turned = [2, 0, 1]
    permuted = LogExpectedHypervolumeImprovement(
        tuple(BELIEFS[k] for k in turned), stack(VALUES[:, turned], LOWER[turned], UPPER[turned])
    )
    np.testing.assert_allclose(permuted.value(POINTS), plain, rtol=1e-11)


def test_units_multiply_and_own_units_become_working_ones():
    """Affine beliefs map what they are told in own units, so that the gain is that of their working units."""
    factor, shift = np.array([20.0, 1.0, 0.01]), np.array([3.0, 0.0, -1.0])
    scaled = [
        Affine(WavyBelief(b), f, c, f**2) for b, f, c in zip((1.0, -2.0, 0.5), factor, shift, strict=True)
    ]
    moved = LogExpectedHypervolumeImprovement.of(scaled, VALUES, LOWER, UPPER)
    plain = LogExpectedHypervolumeImprovement.of(
        [WavyBelief(b) for b in (1.0, -2.0, 0.5)], VALUES, LOWER, UPPER
    )
    np.testing.assert_allclose(moved.value(POINTS), plain.value(POINTS) + np.log(factor.prod()), rtol=1e-11)


def processes(noise: Literal["fit", "none"]) -> list[SelectedOutput]:
    """Two outputs learnt at twelve points of a plane."""
    generator = np.random.default_rng(7)
    points = generator.random((12, 2))
    values = np.stack([np.sin(4 * points[:, 0]), (points[:, 1] - points[:, 0]) ** 2], axis=1)
    state = GaussianProcess.state(np.array([0.5, 0.7]), 0.0 if noise == "none" else 0.05)
    surrogate = GaussianProcess(noise=noise)
    return [SelectedOutput(surrogate.posterior(Dataset.of(points, column), state)) for column in values.T]


NOISY_LOWER, NOISY_UPPER = np.array([-2.0, -1.0]), np.array([1.0, 1.0])


def noisy(quantities, looks, count, seed=0) -> LogNoisyHypervolumeImprovement:
    generator = np.random.default_rng(seed)
    return LogNoisyHypervolumeImprovement.of(quantities, looks, NOISY_LOWER, NOISY_UPPER, count, generator)


def test_without_noise_the_noisy_form_is_the_exact_one():
    quantities = processes("none")
    looks = quantities[0].posterior.blocks[0][1].points
    values = np.stack([q.posterior.mean_variance(looks)[0][:, 0] for q in quantities], axis=1)
    known = LogExpectedHypervolumeImprovement.of(quantities, values, NOISY_LOWER, NOISY_UPPER)
    np.testing.assert_allclose(noisy(quantities, looks, 3).value(POINTS), known.value(POINTS), rtol=1e-5)


def test_the_noisy_form_equals_joint_draws_of_looks_and_point():
    """Brute force: draw the objectives at all looks and at the point together, and take each draw's own gain."""
    quantities, point, count = processes("fit"), POINTS[:1], 4000
    looks = np.concatenate([quantities[0].posterior.blocks[0][1].points, [[0.5, 0.5]]])
    generator = np.random.default_rng(9)
    both = np.concatenate([looks, point])
    draws = np.concatenate([q.posterior.draw(both, count, generator) for q in quantities], axis=2)
    gain = np.array(
        [
            hypervolume(d, NOISY_UPPER, NOISY_LOWER) - hypervolume(d[:-1], NOISY_UPPER, NOISY_LOWER)
            for d in draws
        ]
    )
    value = np.exp(noisy(quantities, looks, count).value(point)[0])
    error = gain.std() / np.sqrt(count)
    assert value == pytest.approx(gain.mean(), abs=4 * error)
    assert 4 * error < 0.2 * value


def test_the_gradient_of_the_noisy_form_equals_central_differences():
    quantities = processes("fit")
    looks = np.concatenate([quantities[0].posterior.blocks[0][1].points, [[0.5, 0.5]]])
    acquisition = noisy(quantities, looks, 16)
    value, gradient = acquisition.value_gradient(POINTS)
    np.testing.assert_allclose(value, acquisition.value(POINTS), rtol=1e-10)
    np.testing.assert_allclose(gradient, differences(acquisition, POINTS, 1e-5), rtol=1e-4, atol=1e-4)


def test_an_open_look_is_not_worth_a_second_one():
    """What an exact look at the best point would gain is gone once that look is open."""
    quantities = processes("none")
    looks = quantities[0].posterior.blocks[0][1].points
    grid = np.random.default_rng(4).random((400, 2))
    values = noisy(quantities, looks, 1).value(grid)
    best = grid[[np.argmax(values)]]
    after = noisy(quantities, np.concatenate([looks, best]), 64)
    assert after.value(best)[0] < values.max() - 5.0


def sampled(count, smoothing) -> LogSampledHypervolumeImprovement:
    from scipy.stats import qmc

    normal = qmc.MultivariateNormalQMC(np.zeros(3), rng=np.random.default_rng(0)).random(count)
    beliefs = DrawnBeliefs(BELIEFS[:1]), DrawnBeliefs(BELIEFS[1:], 1)
    return LogSampledHypervolumeImprovement.of(beliefs, VALUES, LOWER, UPPER, normal, smoothing)


def test_draws_tend_to_the_exact_form_at_the_rate_of_quasi_random_points():
    known = np.exp(exact(3).value(POINTS))
    errors = [
        np.sqrt(np.mean((np.exp(sampled(count, 1e-3).value(POINTS)) / known - 1.0) ** 2))
        for count in (64, 512, 4096)
    ]
    assert errors[0] < 0.3
    assert errors[2] < errors[0] / 8  # plain Monte Carlo would gain a factor of 8


def test_the_gradient_of_draws_equals_central_differences():
    acquisition = sampled(128, 1e-2)
    value, gradient = acquisition.value_gradient(POINTS)
    np.testing.assert_allclose(value, acquisition.value(POINTS), rtol=1e-12)
    np.testing.assert_allclose(gradient, differences(acquisition, POINTS), rtol=1e-5, atol=1e-5)


def test_a_graph_of_quantities_drawn_is_the_graph_in_closed_form():
    """The two forms ask the same posteriors through different methods of a quantity, both in own units."""
    processed = processes("none")
    looks = processed[0].posterior.blocks[0][1].points
    values = np.stack([q.posterior.mean_variance(looks)[0][:, 0] for q in processed], axis=1)
    space = Space.from_data([{"name": name, "domain": [0.0, 1.0]} for name in ("x1", "x2")])
    sources = {name: Source(q.posterior) for name, q in zip("fg", processed, strict=True)}
    graph = Graph(sources, {}, Parameters(Coordinates.of(space)))
    quantities = [Quantity(graph, name) for name in "fg"]
    front = values, NOISY_LOWER, NOISY_UPPER
    drawn = LogSampledHypervolumeImprovement.of(quantities, *front, graph.fixed_normal)
    known = LogExpectedHypervolumeImprovement.of(
        [GaussianScalar(quantity) for quantity in quantities], *front
    )
    places = POINTS[known.value(POINTS) > -6.0]
    assert len(places) >= 3
    np.testing.assert_allclose(drawn.value(places), known.value(places), atol=0.1)
    slopes = known.value_gradient(places)[1]
    np.testing.assert_allclose(drawn.value_gradient(places)[1], slopes, atol=0.1 * np.abs(slopes).max())
