"""Kernel ridge regression with any kernel, prior mean and criterion: a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.linalg import AbstractLinearAlgebra, LapackLinearAlgebra
from assay.numerics.threads import blas_threads_for
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.choices import require_choice
from assay.surrogates.dataset import Dataset
from assay.surrogates.feature_posterior import affine_scaling
from assay.surrogates.fit import Climb, climb
from assay.surrogates.held_out import folds_of
from assay.surrogates.inducing import inducing_rows
from assay.surrogates.kernel_objective import Criterion, KernelObjective, Parts, profiled_signal
from assay.surrogates.kernel_posterior import Conditioned, KernelPosterior, known_noise
from assay.surrogates.kernel_projection import lacking, projected, projected_alpha
from assay.surrogates.kernels.abstract import AbstractKernel, covariance, own_variance
from assay.surrogates.kernels.sites import sites_of
from assay.surrogates.kernels.stationary import matern
from assay.surrogates.prior_mean import AbstractFittedPriorMean, AbstractPriorMean, prior_values

__all__ = ["KernelRidge"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class KernelRidge(AbstractSurrogate):
    """Kernel ridge regression, which is the mean of a Gaussian process, with that process's variance.

    Use it where the kernel is a modelling decision: sums and products, the city-block distance, reciprocal distances,
    features of one's own, periods; and where a physical law takes the part that a kernel learns badly. Points are in any
    unit, which the length scales share. `GaussianProcess` is quicker for its own kernels and fits a noise and a trend.

        mean(x) = m(x) + k(x) (K + ridge)⁻¹ (y - m),   σ² = (y - m)ᵀ (K + ridge)⁻¹ (y - m)/n

    Values and first derivatives by any column are learned from together.

    Arguments:
        kernel: with the hyperparameters that a fit starts from, or keeps.
        ridge: the noise variance over the prior variance of each row, not negative; for values the λ of the textbooks.
        criterion: "none" keeps all hyperparameters; "evidence" fits them by the log marginal likelihood with its
            amplitude profiled out, "cross_validation" by the squared errors of values that are left out.
        fits_ridge: whether the ridge is a hyperparameter.
        folds: of the cross-validation; None: every point alone. Rows at one point are in one fold, and of a single
            point nothing is fitted.
        prior_mean: a known function; its parameters are fitted too, where it has some.
        inducing: at most so many rows represent all others; None: every row counts for itself, up to ten thousand.
        widest: by what factor a fitted hyperparameter of the kernel may differ from what the kernel says.
        restarts: the fresh starts of a fit beside the given one.
        fit_rows: of more rows than this, as many are drawn to fit the hyperparameters.
        steps: the most steps of a climb.
        algebra: LAPACK's.

    Raises:
        UsageError: when the ridge is negative, or fewer than one inducing row is asked for.

    Example:
        >>> from assay.surrogates.kernels.stationary import gaussian
        >>> x = np.linspace(0.0, 1.0, 8)[:, None]
        >>> data = Dataset.of(x, np.sin(6.0 * x[:, 0]))
        >>> fitted = KernelRidge(gaussian(0.3)).fit(data, None, np.random.default_rng(0))
        >>> mean, variance = fitted.posterior.mean_variance(np.array([[0.5]]))
        >>> bool(abs(mean[0, 0] - np.sin(3.0)) < 1e-3)
        True
    """

    kernel: AbstractKernel = field(default_factory=lambda: matern(0.5))
    ridge: float = 1e-9
    criterion: Criterion = "evidence"
    fits_ridge: bool = False
    folds: int | None = None
    prior_mean: AbstractPriorMean | None = None
    inducing: int | None = None
    widest: float = 1e3
    restarts: int = 1
    fit_rows: int = 1000
    steps: int = 60
    algebra: AbstractLinearAlgebra = field(default_factory=LapackLinearAlgebra)

    def __post_init__(self) -> None:
        require_choice("kernel ridge regression", "criterion", self.criterion, Criterion)
        if not 0.0 <= self.ridge < np.inf:
            raise UsageError(f"the ridge of kernel ridge regression must not be negative, got {self.ridge!r}")
        if self.inducing is not None and self.inducing < 1:
            raise UsageError(f"kernel ridge regression needs an inducing row or more, got {self.inducing!r}")

    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[KernelPosterior]:
        objective = self.objective(data)
        with blas_threads_for(len(objective.data)):
            best = self._best(objective, state, generator)
        parts = objective.parts(best.vector)
        with blas_threads_for(len(data)):
            chosen = self._inducing_rows(parts, data)
            centres = None if chosen is None else (data.points[chosen], data.derivative[chosen])
            posterior = self._posterior(data, parts, centres, None)
        prior_mean = parts.prior_mean
        fitted_state = {
            "hyperparameters": list(parts.kernel.hyperparameters),
            "ridge": parts.ridge,
            "prior_parameters": list(prior_mean.parameters)
            if isinstance(prior_mean, AbstractFittedPriorMean)
            else [],
            "signal_variance": posterior.signal_variance.tolist(),
            "inducing": None if centres is None else [centres[0].tolist(), centres[1].tolist()],
        }
        info = {
            "criterion": -best.value if np.isfinite(best.value) else None,
            "evaluations": best.evaluations,
            "rows": len(objective.data),
            "jitter": posterior.jitter,
        }
        return Fitted(posterior, fitted_state, info)

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> KernelPosterior:
        self._check(data)
        prior_mean = self.prior_mean
        if isinstance(prior_mean, AbstractFittedPriorMean):
            prior_mean = prior_mean.with_parameters(state["prior_parameters"])
        signal = np.array(state["signal_variance"], dtype=float)
        kernel = self.kernel.with_hyperparameters(state["hyperparameters"])
        parts = Parts(kernel, state["ridge"], prior_mean, float(signal[0]))
        centres = state["inducing"]
        if centres is not None:
            centres = np.array(centres[0], dtype=float), np.array(centres[1], dtype=int)
        with blas_threads_for(len(data)):
            return self._posterior(data, parts, centres, signal)

    def objective(self, data: Dataset) -> KernelObjective:
        """What `fit` minimises, on the rows that it uses."""
        self._check(data)
        if len(data) > self.fit_rows:
            # Always the same, so that fits with other kernels can be compared.
            drawn = np.random.default_rng(0).permutation(len(data))[: self.fit_rows]
            data = data.rows(np.sort(drawn))
        criterion, folds = self.criterion, []
        if criterion == "cross_validation" and (data.points == data.points[0]).all():
            criterion = "none"  # nothing can be left out of one point
        elif criterion == "cross_validation":
            folds = folds_of(data.points, self.folds, 0)
        given = Parts(self.kernel, self.ridge, self.prior_mean, None)
        return KernelObjective(self.algebra, data, given, criterion, self.fits_ridge, folds, self.widest)

    def _best(
        self, objective: KernelObjective, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Climb:
        start = objective.start if state is None else objective.start_of(state)
        if all(low == high for low, high in objective.bounds):
            return Climb(start, np.inf, 0)
        restarts = self.restarts if self.criterion != "none" else 0
        starts = [start, *(objective.draw(generator) for _ in range(restarts))]
        return climb(objective, objective.bounds, starts, self.steps)

    def _inducing_rows(self, parts: Parts, data: Dataset) -> Array | None:
        if self.inducing is None or self.inducing >= len(data):
            return None
        return inducing_rows(parts.kernel, sites_of(data.points, data.derivative), self.inducing)

    def _posterior(
        self, data: Dataset, parts: Parts, centres: tuple[Array, Array] | None, signal: Array | None
    ) -> KernelPosterior:
        """Given everything; where `signal` is None it is profiled out, unless known noise has had it fitted."""
        latent = data.values - prior_values(parts.prior_mean, data)
        if signal is None and parts.signal is not None:
            signal = np.full(data.output_dimension, parts.signal)
        known = known_noise(data)
        if known.any():
            assert signal is not None
            known = known / signal[0]
        if centres is None:
            conditioned = self._given_all(data, parts, latent, known)
            profiled = profiled_signal(latent, conditioned.alpha)
        else:
            conditioned, profiled = self._given_centres(data, parts, latent, known, centres)
        outputs = data.output_dimension
        return KernelPosterior(
            self.algebra,
            parts.kernel,
            parts.ridge,
            profiled if signal is None else signal,
            parts.prior_mean,
            conditioned,
            affine_scaling(np.zeros(outputs), np.ones(outputs)),
        )

    def _given_all(self, data: Dataset, parts: Parts, latent: Array, known: Array) -> Conditioned:
        sites = sites_of(data.points, data.derivative)
        matrix = covariance(parts.kernel, sites, sites)
        np.einsum("ii->i", matrix)[:] += parts.ridge * matrix.diagonal() + known
        factor = self.algebra.factorise(matrix)
        return Conditioned(
            data.points, data.derivative, factor, self.algebra.solve(factor, latent), latent, None
        )

    def _given_centres(
        self, data: Dataset, parts: Parts, latent: Array, known: Array, centres: tuple[Array, Array]
    ) -> tuple[Conditioned, Array]:
        sites, few = sites_of(data.points, data.derivative), sites_of(*centres)
        factor = self.algebra.factorise(covariance(parts.kernel, few, few))
        whitened = self.algebra.solve_triangular(factor, covariance(parts.kernel, few, sites))
        own = own_variance(parts.kernel, sites)
        noise = parts.ridge * own + known + lacking(own, whitened)
        projection, residual = projected(whitened, noise, latent, None)
        alpha = projected_alpha(factor, projection)
        profiled = np.maximum(residual / len(data), np.finfo(float).tiny)
        return Conditioned(*centres, factor, alpha, None, projection), profiled

    def _check(self, data: Dataset) -> None:
        if not len(data):
            raise UsageError("kernel ridge regression needs at least one row of data, got none")
        if not (data.is_value.all() or self.kernel.is_differentiable):
            raise UsageError(
                "the kernel of kernel ridge regression has functions without derivatives, so it cannot learn from derivative "
                "rows; use a Gaussian, or a Matern of order 3 or 5"
            )
