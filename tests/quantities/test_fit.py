"""Fits of curves: against SciPy, with exact gradients, and refits of draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit

from assay.errors import AssayError, UsageError
from assay.quantities.abstract import Incoming, Place
from assay.quantities.fit import Fit

X = np.linspace(1.0, 3.0, 9)
CURVE = "a*exp(-((x - m)/s)^2/2) + c0 + c1*x"
START = [4.0, 2.0, 0.4, 0.0, 0.0]
BOUNDS = [(0.0, 50.0), (1.0, 3.0), (0.05, 3.0), (-5.0, 5.0), (-5.0, 5.0)]
NOWHERE = Place(np.zeros((3, 1)), {}, {}, np.ones((3, 1)))


def peak_fit(**changes: Any) -> Fit:
    return Fit.of("v", "loss", CURVE, ["x"], X[:, None].tolist(), START, bounds=BOUNDS, **changes)


def peak(x: np.ndarray, a: float, m: float, s: float, c0: float, c1: float) -> np.ndarray:
    return a * np.exp(-0.5 * ((x - m) / s) ** 2) + c0 + c1 * x


def incoming(draws: int = 4, misfit: float = 0.2) -> Incoming:
    """Three spectra that are not quite peaks."""
    generator = np.random.default_rng(1)
    truth = [(4.0, 2.1, 0.4, 0.3, 0.1), (6.0, 1.7, 0.3, 0.0, -0.1), (3.0, 2.3, 0.5, 1.0, 0.0)]
    mean = np.stack([peak(X, *entry) + misfit * np.sin(7.0 * X) for entry in truth])
    variance = (0.05 + 0.1 * generator.random(mean.shape)) ** 2
    values = mean + np.sqrt(variance) * generator.standard_normal((draws, *mean.shape))
    return Incoming(values, mean, variance)


def pushed(fit: Fit, entry: Incoming) -> np.ndarray:
    return fit.push([entry], NOWHERE, np.zeros((len(entry.values), 0))).values


def test_draws_are_the_weighted_fits_of_scipy() -> None:
    entry = incoming()
    values = pushed(peak_fit(), entry)
    assert values.shape == (4, 3, 6)
    assert entry.variance is not None
    for draw, point in np.ndindex(4, 3):
        y, deviation = entry.values[draw, point], np.sqrt(entry.variance[point])
        lower, upper = np.array(BOUNDS).T
        theirs = curve_fit(
            peak, X, y, p0=START, sigma=deviation, bounds=(lower, upper), xtol=1e-14, ftol=1e-14, gtol=1e-14
        )[0]
        np.testing.assert_allclose(values[draw, point, :5], theirs, rtol=1e-5, atol=1e-5)
        square = (((peak(X, *theirs) - y) / deviation) ** 2).sum() / (9 - 5)
        np.testing.assert_allclose(values[draw, point, 5], square, rtol=1e-8)


def test_a_line_has_the_closed_form_with_its_covariance() -> None:
    """Refits of draws of a straight line scatter as the covariance of linear regression says."""
    generator = np.random.default_rng(0)
    mean, variance = (2.0 - 3.0 * X)[None], (0.1 + X[None]) ** 2
    values = mean + np.sqrt(variance) * generator.standard_normal((100_000, 1, 9))
    fit = Fit.of("v", "loss", "a + b*x", ["x"], X[:, None].tolist(), [0.0, 0.0])
    draws = pushed(fit, Incoming(values, mean, variance))[:, 0]
    design = np.stack([np.ones(9), X], axis=1) / np.sqrt(variance[0])[:, None]
    covariance = np.linalg.inv(design.T @ design)
    scale = np.sqrt(np.diag(covariance))
    assert (np.abs(draws[:, :2].mean(axis=0) - [2.0, -3.0]) < 5.0 * scale / np.sqrt(1e5)).all()
    np.testing.assert_allclose(
        np.cov(draws[:, :2].T) / np.outer(scale, scale), covariance / np.outer(scale, scale), atol=0.02
    )
    # The reduced chi-squared of a right model: mean 1, variance 2/(N - M).
    np.testing.assert_allclose([draws[:, 2].mean(), draws[:, 2].var()], [1.0, 2.0 / 7.0], rtol=0.03)


@pytest.mark.parametrize("misfit", [0.2, 1.0])
def test_gradients_by_values_and_by_variances_are_limits_of_differences(misfit: float) -> None:
    fit, entry = peak_fit(), incoming(draws=2, misfit=misfit)
    result = fit.push([entry], NOWHERE, np.zeros((2, 0)))
    bar = np.random.default_rng(2).standard_normal(result.values.shape)
    ((values_bar, mean_bar, variance_bar),), own = result.pullback(bar)
    assert own is None
    assert mean_bar is None
    assert values_bar is not None
    assert variance_bar is not None
    assert entry.variance is not None
    generator = np.random.default_rng(3)
    for _ in range(6):
        along = generator.standard_normal(entry.values.shape)
        slope = _slope(lambda at: pushed(fit, replace(entry, values=at)), entry.values, 1e-5 * along, bar)
        assert slope == pytest.approx(1e-5 * (values_bar * along).sum(), rel=1e-3)
        along = entry.variance * generator.standard_normal(entry.variance.shape)
        slope = _slope(lambda at: pushed(fit, replace(entry, variance=at)), entry.variance, 1e-4 * along, bar)
        assert slope == pytest.approx(1e-4 * (variance_bar * along).sum(), rel=1e-3)


def test_a_parameter_on_its_bound_stays_there_and_has_no_slope() -> None:
    bounds = [*BOUNDS[:1], (1.0, 2.0), *BOUNDS[2:]]
    fit = Fit.of("v", "loss", CURVE, ["x"], X[:, None].tolist(), [4.0, 1.9, 0.4, 0.0, 0.0], bounds=bounds)
    result = fit.push([incoming()], NOWHERE, np.zeros((4, 0)))
    np.testing.assert_array_equal(result.values[:, [0, 2], 1], 2.0)
    bar = np.zeros(result.values.shape)
    bar[..., 1] = 1.0
    ((values_bar, _, variance_bar),), _ = result.pullback(bar)
    assert values_bar is not None
    assert variance_bar is not None
    assert (values_bar[:, [0, 2]] == 0.0).all()
    assert (variance_bar[[0, 2]] == 0.0).all()
    assert (values_bar[:, 1] != 0.0).all()


def test_a_peak_that_no_entry_sees_has_no_slope_and_leaves_the_line_its_own() -> None:
    bounds, unseen = [*BOUNDS[:2], (0.005, 3.0), *BOUNDS[3:]], [4.0, 2.125, 0.008, 0.0, 0.0]
    fit = Fit.of("v", "loss", CURVE, ["x"], X[:, None].tolist(), unseen, bounds=bounds)
    mean = (0.3 + 0.2 * X)[None]
    entry = Incoming(mean[None] + 0.01 * np.cos(9.0 * X), mean, np.full_like(mean, 0.1))
    result = fit.push([entry], Place(np.zeros((1, 1)), {}, {}, np.ones((1, 1))), np.zeros((1, 0)))
    np.testing.assert_allclose(result.values[0, 0, :3], unseen[:3], rtol=1e-9)
    bar = np.ones_like(result.values)
    bar[..., 5] = 0.0
    ((values_bar, _, _),), _ = result.pullback(bar)
    assert values_bar is not None
    line = np.linalg.pinv(np.stack([np.ones_like(X), X], axis=1))
    np.testing.assert_allclose(values_bar[0, 0], line.sum(axis=0), rtol=1e-6)


def test_more_starts_find_what_one_misses() -> None:
    x = np.linspace(0.0, 10.0, 30)
    y = np.sin(2.3 * x)[None]
    arguments = ("v", "loss", "sin(k*x)", ["x"], x[:, None].tolist(), [0.3])
    entry = Incoming(np.repeat(y[None], 2, axis=0), y, np.full_like(y, 0.01))
    alone = pushed(Fit.of(*arguments, bounds=[(0.1, 5.0)]), entry)
    many = pushed(Fit.of(*arguments, bounds=[(0.1, 5.0)], starts=12), entry)
    np.testing.assert_allclose(many[..., 0], 2.3, rtol=1e-9)
    assert (alone[..., 1] > 1.0).all()


def test_data_without_uncertainty_are_fitted_and_have_finite_slopes() -> None:
    entry = incoming(misfit=0.0)
    exact = Incoming(np.repeat(entry.mean[None], 4, axis=0), entry.mean, np.zeros_like(entry.mean))  # type: ignore[index, arg-type]
    result = peak_fit().push([exact], NOWHERE, np.zeros((4, 0)))
    np.testing.assert_allclose(result.values[0, :, 1], [2.1, 1.7, 2.3], rtol=1e-6)
    ((values_bar, _, variance_bar),), _ = result.pullback(np.ones_like(result.values))
    assert values_bar is not None
    assert np.isfinite(values_bar).all()
    assert (variance_bar == 0.0).all()


def test_given_uncertainties_make_fits_of_what_is_known_and_of_what_is_not_agree() -> None:
    entry, deviations = incoming(draws=1), np.linspace(0.1, 0.3, 9)
    fit = peak_fit(uncertainty_vector=deviations)
    assert entry.mean is not None
    assert entry.variance is not None
    known = pushed(fit, Incoming(entry.mean[None], entry.mean, np.zeros_like(entry.mean)))
    np.testing.assert_allclose(known, pushed(fit, replace(entry, values=entry.mean[None])), rtol=1e-12)
    theirs = replace(entry, values=entry.mean[None], variance=np.tile(deviations**2, (3, 1)))
    np.testing.assert_allclose(known, pushed(peak_fit(), theirs), rtol=1e-9)
    result = fit.push([entry], NOWHERE, np.zeros((1, 0)))
    assert (result.pullback(np.ones_like(result.values))[0][0][2] == 0.0).all()


def test_an_input_of_another_size_is_refused() -> None:
    mean = np.zeros((1, 4))
    with pytest.raises(UsageError, match="for each of its 4 outputs, got 9"):
        pushed(peak_fit(), Incoming(mean[None], mean, mean + 1.0))


def test_names_are_in_the_order_in_which_they_appear() -> None:
    assert peak_fit().parameters == ("a", "m", "s", "c0", "c1")
    assert peak_fit(output_names=list("amscdq")).output_names == tuple("amscdq")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"parameters": ["a", "m"]}, "may use x, a, m, got c0, c1, s"),
        ({"initial_parameters": [1.0]}, "initial_parameters of the variable 'v' must have 5 entries, got 1"),
        ({"bounds": [(0.0, 1.0)]}, "bounds of the variable 'v' must have 5 entries, got 1"),
        ({"bounds": [(1.0, 0.0)] * 5}, r"must rise, got \[1, 0\]"),
        ({"variable_values": [[1.0]] * 5}, "more entries than parameters, got 5 entries and 5 parameters"),
        ({"variable_values": [[1.0, 2.0]] * 9}, r"got shape \(9, 2\)"),
        ({"starts": 3, "bounds": None}, "needs finite bounds for more than one start, got 3"),
        ({"initial_parameters": [1.0, 1.0, 0.0, 0.0, 0.0]}, "must be finite at initial_parameters"),
        ({"output_names": ["a"]}, "output_names of the variable 'v' must have 6 entries, got 1"),
        ({"uncertainty_vector": [1.0]}, "uncertainty_vector of the variable 'v' must have 9 entries, got 1"),
        ({"uncertainty_vector": [0.0] * 9}, "must be positive, got 0"),
        ({"expression": "a*"}, "the expression of the variable 'v'"),
    ],
)
def test_what_is_refused(changes: dict[str, object], text: str) -> None:
    arguments: dict[str, object] = {
        "expression": CURVE,
        "model_variables": ["x"],
        "variable_values": X[:, None].tolist(),
        "initial_parameters": START,
        "bounds": BOUNDS,
        **changes,
    }
    with pytest.raises(AssayError, match=text):
        Fit.of("v", "loss", **arguments)  # type: ignore[arg-type]


def _slope(
    function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, step: np.ndarray, bar: np.ndarray
) -> float:
    return float(((function(at + step) - function(at - step)) * bar).sum() / 2.0)
