"""Surrogates as scikit-learn's regressors: for pipelines, grid searches and its scorers.

This file follows that library's rules: parameters are kept as given, what is learned ends in an underscore, `fit` returns
itself. It holds no formula of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.errors import UsageError, missing_extra
from assay.surrogates.abstract import AbstractPosterior, AbstractSurrogate
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernel_objective import Criterion
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.abstract import AbstractKernel
from assay.surrogates.kernels.stationary import kernel_of_name
from assay.surrogates.prior_mean import AbstractPriorMean

try:
    from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise missing_extra("scikit-learn", "sklearn") from None

__all__ = ["KernelRidgeRegressor", "SurrogateRegressor"]

Array = np.ndarray


class KernelRidgeRegressor(RegressorMixin, MultiOutputMixin, BaseEstimator):
    """`KernelRidge` as a regressor; columns of X are in any unit.

    Arguments:
        kernel: a name of `kernel_of_name`, which takes `length_scale`, or a kernel, which has its own.
        length_scale: of a kernel by name, one for all columns or one for each; where a fit starts.
        ridge, criterion, fits_ridge, folds, prior_mean, inducing: as of `KernelRidge`.
        random_state: of the fresh starts of a fit, as scikit-learn takes it.

    Example:
        >>> from sklearn.model_selection import GridSearchCV
        >>> x = np.linspace(0.0, 1.0, 20)[:, None]
        >>> plain = KernelRidgeRegressor("gaussian", ridge=1e-8, criterion="none")
        >>> search = GridSearchCV(plain, {"length_scale": [0.01, 0.3]}, cv=4).fit(x, np.sin(6.0 * x[:, 0]))
        >>> search.best_params_["length_scale"]
        0.3
        >>> mean, deviation = search.best_estimator_.predict([[0.5]], return_std=True)
        >>> bool(abs(mean[0] - np.sin(3.0)) < 1e-4)
        True
    """

    def __init__(
        self,
        kernel: str | AbstractKernel = "matern52",
        *,
        length_scale: float | tuple[float, ...] = 1.0,
        ridge: float = 1e-3,
        criterion: Criterion = "evidence",
        fits_ridge: bool = True,
        folds: int | None = None,
        prior_mean: AbstractPriorMean | None = None,
        inducing: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.length_scale = length_scale
        self.ridge = ridge
        self.criterion: Criterion = criterion
        self.fits_ridge = fits_ridge
        self.folds = folds
        self.prior_mean = prior_mean
        self.inducing = inducing
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> KernelRidgeRegressor:
        """Learn from X (rows, columns) and y (rows,) or (rows, outputs)."""
        points, values = _checked(self, X, y)
        kernel = self.kernel
        if not isinstance(kernel, AbstractKernel):
            kernel = kernel_of_name(kernel, self.length_scale)
        recipe = KernelRidge(
            kernel,
            self.ridge,
            self.criterion,
            fits_ridge=self.fits_ridge,
            folds=self.folds,
            prior_mean=self.prior_mean,
            inducing=self.inducing,
        )
        self.is_flat_ = values.ndim == 1
        self.posterior_ = _posterior(recipe, points, values, self.random_state)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The mean at X, and with `return_std` also the standard deviation, without noise: as y was shaped."""
        check_is_fitted(self, "posterior_")
        points = np.asarray(validate_data(self, X, reset=False, dtype=np.float64))
        return _predicted(self.posterior_, points, flat=self.is_flat_, return_std=return_std)


class SurrogateRegressor(RegressorMixin, MultiOutputMixin, BaseEstimator):
    """Any surrogate as a regressor; X is mapped to the unit box of the training data first.

    Arguments:
        surrogate: a recipe; None for a Gaussian process.
        random_state: of its fit, as scikit-learn takes it.

    Example:
        >>> x = np.linspace(100.0, 200.0, 12)[:, None]
        >>> fitted = SurrogateRegressor(random_state=0).fit(x, np.sin(x[:, 0] / 20.0))
        >>> bool(abs(fitted.predict([[155.0]])[0] - np.sin(7.75)) < 0.02)
        True
    """

    def __init__(self, surrogate: AbstractSurrogate | None = None, *, random_state: Any = None) -> None:
        self.surrogate = surrogate
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> SurrogateRegressor:
        """Learn from X (rows, columns) and y (rows,) or (rows, outputs)."""
        points, values = _checked(self, X, y)
        self.lowest_ = points.min(axis=0)
        width = points.max(axis=0) - self.lowest_
        self.width_ = np.where(width > 0.0, width, 1.0)
        recipe = GaussianProcess() if self.surrogate is None else self.surrogate
        if not isinstance(recipe, AbstractSurrogate):
            raise UsageError(f"the surrogate of a regressor must be a recipe of assay, got {recipe!r}")
        self.is_flat_ = values.ndim == 1
        self.posterior_ = _posterior(recipe, self._unit(points), values, self.random_state)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The mean at X, and with `return_std` also the standard deviation, without noise: as y was shaped."""
        check_is_fitted(self, "posterior_")
        points = np.asarray(validate_data(self, X, reset=False, dtype=np.float64))
        return _predicted(self.posterior_, self._unit(points), flat=self.is_flat_, return_std=return_std)

    def _unit(self, points: Array) -> Array:
        return (points - self.lowest_) / self.width_


def _checked(estimator: Any, X: Any, y: Any) -> tuple[Array, Array]:
    points, values = validate_data(estimator, X, y, multi_output=True, y_numeric=True, dtype=np.float64)
    return np.asarray(points), np.asarray(values, dtype=np.float64)


def _posterior(
    recipe: AbstractSurrogate, points: Array, values: Array, random_state: Any
) -> AbstractPosterior:
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    return recipe.fit(Dataset.of(points, values), None, np.random.default_rng(seed)).posterior


def _predicted(posterior: AbstractPosterior, points: Array, *, flat: bool, return_std: bool) -> Any:
    mean, variance = posterior.mean_variance(points)
    found = mean, np.sqrt(variance)
    mean, deviation = (part[:, 0] if flat else part for part in found)
    return (mean, deviation) if return_std else mean
