"""Surrogates as scikit-learn's regressors: its own checks, pipelines, grid search, deviations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.estimators import KernelRidgeRegressor, SurrogateRegressor
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.stationary import gaussian, laplacian
from assay.surrogates.linear import BayesianLinear
from assay.surrogates.physical_priors import FormulaPriorMean

GENERATOR = np.random.default_rng(0)
X = GENERATOR.random((40, 2))
Y = np.sin(5.0 * X[:, 0]) + X[:, 1] ** 2


@parametrize_with_checks(
    [
        KernelRidgeRegressor(random_state=0),
        SurrogateRegressor(random_state=0),
    ]
)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        KernelRidgeRegressor("laplacian", length_scale=5.0, criterion="none"),
        KernelRidgeRegressor("gaussian", criterion="cross_validation", folds=5, random_state=0),
        KernelRidgeRegressor("matern32", inducing=10, random_state=0),
        SurrogateRegressor(BayesianLinear(), random_state=0),
    ]
)
def test_scikit_learns_own_checks_with_other_parameters(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_prediction_is_the_surrogates() -> None:
    estimator = KernelRidgeRegressor(gaussian((0.4, 0.6)), criterion="none", ridge=1e-4).fit(X, Y)
    recipe = KernelRidge(gaussian((0.4, 0.6)), 1e-4, "none")
    posterior = recipe.fit(Dataset.of(X, Y), None, np.random.default_rng(0)).posterior
    new = GENERATOR.random((5, 2))
    mean, deviation = estimator.predict(new, return_std=True)
    expected_mean, expected_variance = posterior.mean_variance(new)
    assert np.array_equal(mean, expected_mean[:, 0])
    assert np.array_equal(deviation, np.sqrt(expected_variance[:, 0]))
    assert np.array_equal(estimator.predict(new), mean)


def test_a_grid_search_over_kernels_in_a_pipeline() -> None:
    pipeline = make_pipeline(StandardScaler(), KernelRidgeRegressor(criterion="none", ridge=1e-6))
    grid = {
        "kernelridgeregressor__kernel": ["gaussian", laplacian(0.05)],
        "kernelridgeregressor__length_scale": [0.01, 1.0],
    }
    search = GridSearchCV(pipeline, grid, cv=4).fit(X, Y)
    assert search.best_params_ == {
        "kernelridgeregressor__kernel": "gaussian",
        "kernelridgeregressor__length_scale": 1.0,
    }
    assert search.best_score_ > 0.99


def test_a_clone_has_the_parameters_and_not_what_was_learned() -> None:
    prior_mean = FormulaPriorMean("x + y", ("x", "y"))
    estimator = KernelRidgeRegressor("matern32", length_scale=(0.5, 0.7), prior_mean=prior_mean).fit(X, Y)
    copy: Any = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    assert not hasattr(copy, "posterior_")
    other = copy.set_params(kernel="gaussian").fit(X, Y)
    assert np.abs(other.predict(X) - Y).max() < 0.05


def test_the_unit_of_a_column_does_not_matter_to_a_surrogate() -> None:
    one = SurrogateRegressor(GaussianProcess(noise="none"), random_state=0).fit(X, Y).predict(X[:5] + 0.01)
    scaled = SurrogateRegressor(GaussianProcess(noise="none"), random_state=0).fit(1e3 * X - 7.0, Y)
    assert np.allclose(scaled.predict(1e3 * (X[:5] + 0.01) - 7.0), one, rtol=1e-6)


def test_several_outputs_keep_their_shape() -> None:
    both = np.column_stack([Y, 2.0 * Y])
    mean, deviation = KernelRidgeRegressor(random_state=0).fit(X, both).predict(X[:3], return_std=True)
    assert mean.shape == deviation.shape == (3, 2)
    assert np.allclose(mean[:, 1], 2.0 * mean[:, 0], rtol=1e-6)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(UsageError, match="must be a recipe of assay"):
        SurrogateRegressor("a Gaussian process").fit(X, Y)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="name of a kernel must be one of"):
        KernelRidgeRegressor("cubic").fit(X, Y)
