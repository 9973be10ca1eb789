"""Negative log probabilities, with errors that are known, that depend on parameters, and on the model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from tests.quantities.worlds import (
    BRUTE,
    BRUTE_POINT,
    POINTS,
    brute_values,
    check_against_brute_force,
    check_draw_gradient,
    check_moment_gradients,
    graph,
    parameters,
)

from assay.errors import UsageError
from assay.quantities.neg_log_probability import ErrorModel, neg_log_probability
from assay.quantities.quantity import Quantity
from assay.space.expressions import parse

TARGET = np.array([1.0, 0.5, 2.0])
ERR = np.array([0.3, 1.0, 0.2])
NAMES = ["x", "y", "z", "c1", "c2", "err", "y_model"]
WIDE = np.concatenate([POINTS, np.array([[0.3, 0.1], [0.2, 0.4], [0.5, 0.2]])], axis=1)
COVARIANCE = np.array([[0.3, 0.1, 0.0], [0.1, 1.0, -0.1], [0.0, -0.1, 0.2]])


def _quantity(errors: np.ndarray | str, samples: int = 512, *, extra: bool = False) -> Quantity:
    if isinstance(errors, str):
        known = parameters(extra=("c1", "c2")) if extra else parameters(constants={"c1": 0.3, "c2": 0.1})
        model = ErrorModel(parse(errors, NAMES), {"err": ERR})
    else:
        known, model = parameters(), errors
    variable = neg_log_probability("nlp", "a", TARGET, model, ("log_prob",))
    return Quantity(graph({"nlp": variable}, {"a": 3}, known, samples), "nlp")


def _by_hand(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    terms = np.log(errors) + 0.5 * ((TARGET - values) / errors) ** 2
    log_prob = -2.0 * ((BRUTE_POINT - 0.4) ** 2).sum(axis=1)
    return 1.5 * math.log(2.0 * math.pi) + terms.sum(axis=-1) - log_prob


def test_known_errors_give_half_a_chi_squared_and_a_number() -> None:
    quantity = _quantity(ERR**2)
    draws = _by_hand(brute_values(quantity.graph, "a"), ERR)
    check_against_brute_force(quantity, draws, count=BRUTE)


def test_a_full_covariance_gives_the_density_of_a_multivariate_normal() -> None:
    quantity = _quantity(COVARIANCE)
    normal = np.random.default_rng(0).standard_normal((4, 3))
    values = Quantity(quantity.graph, "a").draw(POINTS, normal)
    expected = -multivariate_normal.logpdf(values, mean=TARGET, cov=COVARIANCE)  # pyright: ignore[reportArgumentType]
    expected -= -2.0 * ((POINTS - 0.4) ** 2).sum(axis=1)
    np.testing.assert_allclose(quantity.draw(POINTS, normal)[:, :, 0], expected, rtol=1e-10)


def test_errors_that_depend_on_parameters_keep_the_exact_law() -> None:
    quantity = _quantity("c1*err + c2*abs(x)")
    errors = 0.3 * ERR + 0.1 * np.abs(4.0 * BRUTE_POINT[:, :1] - 1.0)
    draws = _by_hand(brute_values(quantity.graph, "a"), errors)
    check_against_brute_force(quantity, draws, count=BRUTE)


def test_errors_that_depend_on_the_model_are_drawn() -> None:
    samples = 4096
    quantity = _quantity("sqrt(c1^2 + (c2*y_model)^2)", samples)
    values = brute_values(quantity.graph, "a")
    draws = _by_hand(values, np.sqrt(0.3**2 + (0.1 * values) ** 2))
    check_against_brute_force(quantity, draws, count=samples)


@pytest.mark.parametrize(
    "errors",
    [ERR**2, COVARIANCE, "c1*err + c2*x^2", "sqrt(c1^2 + (c2*y_model)^2) + x^2*err"],
    ids=["variances", "covariance", "parameters", "model"],
)
def test_gradients(errors: np.ndarray | str) -> None:
    quantity = _quantity(errors, 32)
    check_moment_gradients(quantity)
    check_draw_gradient(quantity)


@pytest.mark.parametrize("errors", ["c1*err + c2*x^2", "sqrt(c1^2 + (c2*y_model)^2)"])
def test_parameters_of_the_errors_may_be_columns_of_the_points(errors: str) -> None:
    wide, fixed = _quantity(errors, 32, extra=True), _quantity(errors, 32)
    check_moment_gradients(wide, WIDE)
    check_draw_gradient(wide, WIDE)
    same = np.concatenate([POINTS, np.tile([0.3, 0.1], (3, 1))], axis=1)
    for left, right in zip(wide.mean_variance(same), fixed.mean_variance(POINTS), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12)


def test_lengths_must_agree() -> None:
    with pytest.raises(UsageError, match="one length, got 3 and 2"):
        neg_log_probability("nlp", "a", TARGET, np.ones(2))
    with pytest.raises(UsageError, match="one length, got 3 and 2"):
        neg_log_probability("nlp", "a", TARGET, ErrorModel(parse("err", NAMES), {"err": np.ones(2)}))


@pytest.mark.parametrize("errors", ["c1*err + y_model", "c1*err - c2*abs(x) - 0.1"])
def test_the_sign_of_a_standard_deviation_does_not_count(errors: str) -> None:
    """Draws of a model, of which it is a share, may be negative."""
    quantity, mirrored = _quantity(errors, 64), _quantity(f"-1*({errors})", 64)
    normal = np.random.default_rng(1).standard_normal((64, quantity.normal_dimension))
    drawn, pullback = quantity.draw_pullback(POINTS, normal)
    other, other_pullback = mirrored.draw_pullback(POINTS, normal)
    assert np.isfinite(drawn).all()
    np.testing.assert_allclose(other, drawn, rtol=1e-12)
    ones = np.ones_like(drawn)
    np.testing.assert_allclose(other_pullback(ones), pullback(ones), rtol=1e-9, atol=1e-9)
