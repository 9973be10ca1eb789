"""Histograms with derivatives: exact at bandwidth zero, their bias where it is not, their memory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from assay.errors import UsageError
from assay.hep.histograms import histogram, softmax_histogram
from assay.numerics.compile import float64, jax_module

jax = jax_module()
jnp = jax.numpy

EDGES = np.linspace(-2.0, 2.0, 9)


def _sample(events=1000, axes=None):
    generator = np.random.default_rng(0)
    shape = (events,) if axes is None else (events, axes)
    return generator.normal(size=shape), generator.normal(1.0, 0.5, size=events)


def test_at_bandwidth_zero_it_is_the_histogram_with_its_variances():
    values, weights = _sample()
    values[:9] = EDGES  # events on every edge
    with float64():
        found = histogram(values, EDGES, 0.0, weights=weights)
    np.testing.assert_allclose(found.yields, np.histogram(values, EDGES, weights=weights)[0], rtol=1e-12)
    np.testing.assert_allclose(
        found.square_sums, np.histogram(values, EDGES, weights=weights**2)[0], rtol=1e-12
    )


def test_in_two_axes_at_bandwidth_zero_it_is_that_of_numpy():
    values, weights = _sample(axes=2)
    with float64():
        found = histogram(values, [EDGES, EDGES[::2]], 0.0, weights=weights)
    wanted = np.histogram2d(values[:, 0], values[:, 1], [EDGES, EDGES[::2]], weights=weights)[0]
    np.testing.assert_allclose(found.yields, wanted, atol=1e-12)


def test_flow_bins_keep_every_event():
    values, weights = _sample()
    with float64():
        for bandwidth in (0.0, 0.4):
            found = histogram(values, EDGES, bandwidth, weights=weights, flow=True)
            assert float(found.yields.sum()) == pytest.approx(weights.sum(), rel=1e-12)


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("bandwidth", [0.0, 0.4])
def test_a_density_has_unit_area_over_its_finite_bins(flow, bandwidth):
    values, _ = _sample()
    with float64():
        found = np.asarray(histogram(values, EDGES, bandwidth, density=True, flow=flow).yields)
    inside = found[1:-1] if flow else found
    assert inside @ np.diff(EDGES) == pytest.approx(1.0, rel=1e-12)
    if bandwidth == 0.0:
        np.testing.assert_allclose(inside, np.histogram(values, EDGES, density=True)[0], rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 7, 1000, 5000])
def test_chunks_change_nothing_but_the_order_of_sums(chunk):
    values, weights = _sample()
    with float64():
        whole = histogram(values, EDGES, 0.3, weights=weights).yields
        parts = histogram(values, EDGES, 0.3, weights=weights, chunk=chunk).yields
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_each_bin_may_have_its_own_bandwidth():
    values, _ = _sample()
    widths = np.linspace(0.0, 0.7, 8)
    with float64():
        found = np.asarray(histogram(values, EDGES, widths).yields)
        for index, width in enumerate(widths):
            assert found[index] == pytest.approx(
                float(histogram(values, EDGES, width).yields[index]), rel=1e-12
            )


@pytest.mark.parametrize(("bandwidth", "wanted"), [(0.05, 0.0018), (0.5, 0.1525), (0.8, 0.3236)])
def test_the_bias_of_its_derivative_is_that_of_a_wider_gaussian(bandwidth, wanted):
    """Of many N(mu, 1) events the mean is that of N(mu, sqrt(1 + bandwidth^2)), exactly."""
    quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)
    edges = np.array([-1.0, 1.0])

    def share(mean):
        return histogram(quantiles + mean, edges, bandwidth).yields[0] / len(quantiles)

    means = np.linspace(-2.0, 2.0, 60)
    with float64():
        found = np.asarray(jax.jit(jax.vmap(jax.grad(share)))(means))
    wider = np.hypot(1.0, bandwidth)
    expected = (norm.pdf((-1 - means) / wider) - norm.pdf((1 - means) / wider)) / wider
    np.testing.assert_allclose(found, expected, atol=2e-4)  # 4000 quantiles stand for the distribution
    true = norm.pdf(-1 - means) - norm.pdf(1 - means)
    bias = np.sqrt(np.mean((expected - true) ** 2) / np.mean(true**2))
    assert bias == pytest.approx(wanted, abs=5e-5)


def test_derivatives_in_events_weights_edges_and_bandwidth_are_those_of_differences():
    values, weights = _sample(50)

    def second(values, weights, edges, bandwidth):
        return histogram(values, edges, bandwidth, weights=weights, chunk=16).yields[2]

    arguments = (values, weights, EDGES, 0.3)
    with float64():
        gradients = jax.grad(second, (0, 1, 2, 3))(*arguments)
        for place, gradient in enumerate(gradients):
            direction = np.random.default_rng(place).normal(size=np.shape(arguments[place]))
            step = 1e-6
            up, down = ([*arguments[:place], arguments[place] + sign * step * direction, *arguments[place + 1 :]]
                        for sign in (1, -1))  # fmt: skip
            difference = (float(second(*up)) - float(second(*down))) / (2 * step)
            assert float(np.sum(np.asarray(gradient) * direction)) == pytest.approx(
                difference, rel=1e-6, abs=1e-7
            )


def test_a_million_events_in_a_hundred_bins_need_no_array_of_all():
    edges = np.linspace(-3.0, 3.0, 101)

    def peak(values):
        return histogram(values, edges, 0.1).yields[50]

    values = np.zeros(1_000_000)
    with float64():
        compiled = jax.jit(jax.grad(peak)).lower(values).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 200e6  # all shares at once would be 800e6


def test_softmax_bins_become_hard_at_temperature_zero():
    logits = np.random.default_rng(0).normal(size=(100, 4))
    with float64():
        hard = np.asarray(softmax_histogram(logits, 0.0).yields)
        nearly = np.asarray(softmax_histogram(logits, 1e-3).yields)
        soft = np.asarray(softmax_histogram(logits, 1.0).yields)
        slope = np.asarray(
            jax.grad(lambda given: softmax_histogram(given, 0.5).yields[0])(jnp.asarray(logits))
        )
    np.testing.assert_array_equal(hard, np.bincount(logits.argmax(axis=1), minlength=4))
    np.testing.assert_allclose(nearly, hard, atol=0.5)
    assert soft.sum() == pytest.approx(100.0)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0], [1.0, 0.0]), "must rise"),
        (([1.0], [1.0]), "at least two"),
        (([[1.0, 2.0]], [[0.0, 1.0]]), "needs 2 edges, got 1"),
    ],
)
def test_edges_that_do_not_fit_are_refused(arguments, words):
    with float64(), pytest.raises(UsageError, match=words):
        histogram(np.array(arguments[0]), [np.array(edge) for edge in arguments[1]] if np.ndim(arguments[1][0]) else
                  np.array(arguments[1]), 0.1)  # fmt: skip


def test_a_weight_for_each_event_is_needed():
    with float64(), pytest.raises(UsageError, match="one weight per event, 3"):
        histogram(np.zeros(3), EDGES, 0.1, weights=np.ones(2))


def test_an_event_that_is_no_number_is_named():
    edges = np.linspace(0.0, 1.0, 3)
    with pytest.raises(UsageError, match="got the value NaN for event 2"):
        histogram(np.array([0.1, 0.2, np.nan]), edges)
    with pytest.raises(UsageError, match="got the value NaN for event 1"):
        histogram(np.array([[0.1, 0.2], [np.nan, 0.3]]), [edges, edges])
    with pytest.raises(UsageError, match="got the weight NaN for event 0"):
        histogram(np.array([0.1, 0.2]), edges, weights=np.array([np.nan, 1.0]))
    with float64():
        assert np.asarray(histogram(np.array([np.inf, 0.2]), edges, flow=True).yields).tolist() == [
            0.0,
            1.0,
            0.0,
            1.0,
        ]
