"""What every surrogate, and every posterior that it makes, must do."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import numpy as np

from assay.surrogates.abstract import AbstractPosterior, AbstractSurrogate, Fitted
from assay.surrogates.dataset import Dataset
from assay.surrogates.latent_gaussian import AbstractLatentGaussian

__all__ = ["SURROGATE_CHECKS", "example_data"]

Array = np.ndarray
MakeSurrogate = Callable[[], AbstractSurrogate]

PROBABILITIES = np.array([0.025, 0.16, 0.5, 0.84, 0.975])


def example_data(rows: int = 14, outputs: int = 1, seed: int = 0) -> Dataset:
    """A smooth function of two columns, at random points of the unit square."""
    points = np.random.default_rng(seed).random((rows, 2))
    base = np.sin(4 * points[:, 0]) + 2 * (points[:, 1] - 0.3) ** 2
    return Dataset.of(
        points, np.stack([base + 0.5 * place * points[:, 0] for place in range(outputs)], axis=1)
    )


def _fit(make: MakeSurrogate, data: Dataset) -> Fitted:
    return make().fit(data, None, np.random.default_rng(1))


def _fresh_points(count: int) -> Array:
    return np.random.default_rng(2).random((count, 2))


def check_shapes(make: MakeSurrogate) -> None:
    """Every answer has the promised shape and is finite, for one output and for several."""
    points = _fresh_points(5)
    for outputs in (1, 3):
        posterior = _fit(make, example_data(outputs=outputs)).posterior
        assert (posterior.dimension, posterior.output_dimension) == (2, outputs)
        mean, covariance = posterior.joint(points)
        answers = {
            (5, outputs): [
                *posterior.mean_variance(points),
                *posterior.mean_variance_gradient(points)[:2],
                mean,
            ],
            (5, outputs, 2): posterior.mean_variance_gradient(points)[2:],
            (outputs, 5, 5): [covariance],
            (len(PROBABILITIES), 5, outputs): [posterior.quantiles(points, PROBABILITIES)],
            (4, 5, outputs): [posterior.draw(points, 4, np.random.default_rng(0))],
        }
        for shape, arrays in answers.items():
            for array in arrays:
                assert array.shape == shape, f"an answer has shape {array.shape}, not {shape}"
                assert array.dtype == np.float64
                assert np.isfinite(array).all()


def check_it_learns(make: MakeSurrogate) -> None:
    """Away from the data the mean predicts a smooth function ten times better than the mean of the values does."""
    posterior = _fit(make, example_data(rows=30)).posterior
    held_out = example_data(rows=200, seed=5)
    error = posterior.mean_variance(held_out.points)[0] - held_out.values
    assert np.sqrt(np.mean(error**2)) < 0.1 * held_out.values.std()


def check_uncertainty_grows_away_from_the_data(make: MakeSurrogate) -> None:
    """The variance is not negative, and larger in an empty corner than at the data."""
    data = example_data()
    data = Dataset.of(0.4 * data.points, data.values)
    posterior = _fit(make, data).posterior
    at_data = posterior.mean_variance(data.points)[1]
    in_corner = posterior.mean_variance(np.array([[1.0, 1.0]]))[1]
    assert (at_data >= 0).all()
    assert in_corner.item() > 10 * np.median(at_data)


def check_gradients(make: MakeSurrogate) -> None:
    """The gradients of mean and variance are their slopes, and the values are those of `mean_variance`."""
    posterior = _fit(make, example_data(outputs=2)).posterior
    points, step = _fresh_points(6), 1e-5
    mean, variance, mean_gradient, variance_gradient = posterior.mean_variance_gradient(points)
    plain_mean, plain_variance = posterior.mean_variance(points)
    assert np.allclose(mean, plain_mean, rtol=1e-9, atol=1e-12)
    assert np.allclose(variance, plain_variance, rtol=1e-6, atol=1e-9 * plain_variance.max())
    for column in range(2):
        shift = step * np.eye(2)[column]
        above, below = posterior.mean_variance(points + shift), posterior.mean_variance(points - shift)
        pairs = ((mean_gradient, above[0] - below[0]), (variance_gradient, above[1] - below[1]))
        for gradient, difference in pairs:
            slope = difference / (2 * step)
            assert np.allclose(
                gradient[..., column], slope, rtol=1e-4, atol=1e-5 * np.abs(slope).max() + 1e-8
            )


def check_the_state_is_all(make: MakeSurrogate) -> None:
    """The state survives JSON, and the posterior made from it is the fitted one, to the bit."""
    data = example_data()
    fitted = _fit(make, data)
    state = json.loads(json.dumps(dict(fitted.state)))
    json.dumps(dict(fitted.info))
    again = make().posterior(data, state)
    points = _fresh_points(7)
    for one, other in zip(fitted.posterior.mean_variance(points), again.mean_variance(points), strict=True):
        assert np.array_equal(one, other)


def check_a_fit_is_a_function(make: MakeSurrogate) -> None:
    """Equal arguments give equal fits, to the bit; a warm fit too; and no argument is changed."""
    data = example_data()
    before = copy.deepcopy(data)
    surrogate = make()
    first = surrogate.fit(data, None, np.random.default_rng(3))
    second = make().fit(data, None, np.random.default_rng(3))
    assert dict(first.state) == dict(second.state)
    kept = copy.deepcopy(dict(first.state))
    warm = surrogate.fit(data, first.state, np.random.default_rng(4))
    assert dict(first.state) == kept
    assert dict(warm.state) == dict(make().fit(data, kept, np.random.default_rng(4)).state)
    for name in ("points", "values", "noise_variance", "derivative"):
        assert np.array_equal(getattr(data, name), getattr(before, name))


def check_conditioning(make: MakeSurrogate) -> None:
    """Conditioning on more data equals starting from all of it, and leaves the old posterior as it was."""
    data, more = example_data(), example_data(rows=3, seed=8)
    fitted = _fit(make, data)
    points = _fresh_points(6)
    before = fitted.posterior.mean_variance(points)
    conditioned = fitted.posterior.condition(more)
    assert all(map(np.array_equal, before, fitted.posterior.mean_variance(points)))
    together = make().posterior(data.extended(more), fitted.state)
    new_mean, new_variance = conditioned.mean_variance(points)
    all_mean, all_variance = together.mean_variance(points)
    scale = data.values.std()
    assert np.allclose(new_mean, all_mean, rtol=1e-6, atol=1e-6 * scale)
    assert np.allclose(new_variance, all_variance, rtol=1e-4, atol=1e-7 * scale**2)
    at_more = conditioned.mean_variance(more.points)[1]
    assert (at_more <= fitted.posterior.mean_variance(more.points)[1] * (1 + 1e-9) + 1e-9 * scale**2).all()


def check_conditioning_on_inputs(make: MakeSurrogate) -> None:
    """A look without its result leaves the median everywhere, and shrinks the variance, most of all there."""
    fitted = _fit(make, example_data())
    looks, points = np.array([[0.9, 0.1], [0.2, 0.95]]), _fresh_points(6)
    after = fitted.posterior.condition_on_inputs(looks)
    everywhere = np.concatenate([points, looks])
    medians = [posterior.quantiles(everywhere, np.array([0.5])) for posterior in (fitted.posterior, after)]
    assert np.allclose(*medians, rtol=1e-7, atol=1e-9)
    old = fitted.posterior.mean_variance(everywhere)[1]
    new = after.mean_variance(everywhere)[1]
    assert (new <= old * (1 + 1e-6) + 1e-12).all()
    assert (new[len(points) :] < 0.5 * old[len(points) :]).all()


def check_joint(make: MakeSurrogate) -> None:
    """The joint covariance is symmetric and positive, and its diagonal holds the variances."""
    posterior = _fit(make, example_data(outputs=2)).posterior
    points = _fresh_points(8)
    mean, variance = posterior.mean_variance(points)
    joint_mean, covariance = posterior.joint(points)
    assert np.allclose(joint_mean, mean, rtol=1e-6, atol=1e-9)
    for output, matrix in enumerate(covariance):
        assert np.allclose(matrix, matrix.T, rtol=0, atol=1e-12 * matrix.max())
        assert np.allclose(np.diag(matrix), variance[:, output], rtol=1e-3, atol=1e-9)
        assert np.linalg.eigvalsh(matrix).min() > -1e-9 * matrix.max()


def check_grouped(make: MakeSurrogate) -> None:
    """Each group of points has its joint moments, and the pullback is their slope."""
    posterior = _fit(make, example_data(outputs=2)).posterior
    groups = _fresh_points(6).reshape(2, 3, 2)
    joint = posterior.latent_joint if isinstance(posterior, AbstractLatentGaussian) else posterior.joint
    mean, covariance, pullback = posterior.grouped_pullback(groups)
    for plain, answer in zip(posterior.grouped(groups), (mean, covariance), strict=True):
        assert np.allclose(plain, answer, rtol=1e-9, atol=1e-12)
    for place, group in enumerate(groups):
        expected_mean, expected = joint(group)
        assert np.allclose(mean[place], expected_mean, rtol=1e-9, atol=1e-11)
        assert np.allclose(covariance[place], expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    generator = np.random.default_rng(4)
    bars = generator.normal(size=mean.shape), generator.normal(size=covariance.shape)

    def loss(at: Array) -> float:
        moments = posterior.grouped(at)
        return float((moments[0] * bars[0]).sum() + (moments[1] * bars[1]).sum())

    gradient = pullback(*bars)
    for index in np.ndindex(groups.shape):
        step = np.zeros(groups.shape)
        step[index] = 1e-5
        slope = (loss(groups + step) - loss(groups - step)) / 2e-5
        assert np.isclose(gradient[index], slope, rtol=1e-4, atol=1e-5 * np.abs(gradient).max() + 1e-8)


def check_draws(make: MakeSurrogate) -> None:
    """Draws have the mean, the variance and the quantiles that the posterior states; equal seeds give equal draws."""
    posterior = _fit(make, example_data(rows=8)).posterior
    points = _fresh_points(3)
    draws = posterior.draw(points, 4000, np.random.default_rng(7))
    assert np.array_equal(draws, posterior.draw(points, 4000, np.random.default_rng(7)))
    mean, variance = posterior.mean_variance(points)
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * np.sqrt(variance / 4000) + 1e-9).all()
    share_below = np.mean(draws <= posterior.quantiles(points, np.array([0.16]))[0], axis=0)
    assert np.allclose(share_below, 0.16, rtol=0, atol=0.03)
    if posterior.is_gaussian:
        assert np.allclose(draws.var(axis=0), variance, rtol=0.15, atol=1e-12)


def check_quantiles(make: MakeSurrogate) -> None:
    """Quantiles increase with the probability; for a Gaussian posterior they are mean + z std."""
    posterior = _fit(make, example_data()).posterior
    points = _fresh_points(5)
    quantiles = posterior.quantiles(points, PROBABILITIES)
    assert (np.diff(quantiles, axis=0) > 0).all()
    if posterior.is_gaussian:
        mean, variance = posterior.mean_variance(points)
        assert np.allclose(quantiles[2], mean, rtol=1e-9, atol=1e-12)
        assert np.allclose(quantiles[3] - mean, 0.994457883 * np.sqrt(variance), rtol=1e-6)


def check_row_order(make: MakeSurrogate) -> None:
    """With the same state, the order of the rows does not matter."""
    data = example_data()
    state = _fit(make, data).state
    order = np.random.default_rng(6).permutation(len(data))
    shuffled = Dataset.of(data.points[order], data.values[order])
    points = _fresh_points(5)
    one, other = make().posterior(data, state), make().posterior(shuffled, state)
    scale = data.values.std()
    assert np.allclose(
        one.mean_variance(points)[0], other.mean_variance(points)[0], rtol=0, atol=1e-6 * scale
    )
    assert np.allclose(
        one.mean_variance(points)[1], other.mean_variance(points)[1], rtol=1e-4, atol=1e-7 * scale**2
    )


def check_hard_data(make: MakeSurrogate) -> None:
    """One row, two, repeated points, constant values and values of any scale are all fitted to something finite."""
    smooth = example_data()
    twice = Dataset.of(np.repeat(smooth.points, 2, axis=0), np.repeat(smooth.values, 2, axis=0))
    cases = {
        "one row": example_data(rows=1),
        "two rows": example_data(rows=2),
        "repeated points": twice,
        "constant values": Dataset.of(smooth.points, np.full(len(smooth), 3.0)),
        "large values": Dataset.of(smooth.points, 1e12 * smooth.values),
        "small values": Dataset.of(smooth.points, 1e-12 * smooth.values),
    }
    for name, data in cases.items():
        posterior: AbstractPosterior = _fit(make, data).posterior
        mean, variance = posterior.mean_variance(_fresh_points(5))
        assert np.isfinite(mean).all(), name
        assert np.isfinite(variance).all(), name
        assert (variance >= 0).all(), name


SURROGATE_CHECKS = (
    check_shapes,
    check_it_learns,
    check_uncertainty_grows_away_from_the_data,
    check_gradients,
    check_the_state_is_all,
    check_a_fit_is_a_function,
    check_conditioning,
    check_conditioning_on_inputs,
    check_joint,
    check_grouped,
    check_draws,
    check_quantiles,
    check_row_order,
    check_hard_data,
)
"""Each takes a factory of a surrogate of two columns, without noise other than what it fits."""
