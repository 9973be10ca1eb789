"""The exact Gaussian process: a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.linalg import AbstractLinearAlgebra, LapackLinearAlgebra
from assay.numerics.threads import single_threaded_blas
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import EvidenceTable, Hyperparameters, evidence_table, factorised
from assay.surrogates.fit import NoisePrior, Objective, climb
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior, columns_equal, latent_rows
from assay.surrogates.hyperpriors import AbstractLengthScalePrior, LogNormalPrior
from assay.surrogates.kernels.profiles import radial_profile
from assay.surrogates.prior_mean import AbstractPriorMean, prior_values
from assay.surrogates.process import ProcessPrior, process
from assay.surrogates.scaling import OutputScaling, standardisation
from assay.surrogates.trend import Trend, TrendName
from assay.surrogates.warping import AbstractWarping, IdentityWarping, warping

__all__ = ["GaussianProcess"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class GaussianProcess(AbstractSurrogate):
    """A recipe for an exact Gaussian process with one length scale for each column.

    Use it up to a few thousand rows. Values, first derivatives by any column that is not a category, known noise of
    each row and a fitted noise are learned from together; the outputs share the length scales and the noise-to-signal
    ratio, and each has its own variance.

    Arguments:
        kernel: "matern12", "matern32", "matern52" or "squared_exponential".
        categories: the columns that hold labels.
        mean: the trend below the process: "zero", "constant", "linear" or "quadratic"; its coefficients are
            integrated out.
        trend_variance: their prior variance, in units of the signal variance.
        prior_mean: a known function; the process learns the rest.
        noise: "fit" a noise, or "none" for a deterministic model; known noise of the rows is added to either.
        deterministic_noise_ratio: the noise-to-signal ratio that stands for none, against rounding.
        noise_prior: of the fitted noise-to-signal ratio.
        warping: "identity", "sinh", or "auto": sinh where it can be used (values without known noise or prior mean).
        length_scale_prior: of the length scales in unit coordinates.
        length_scale_bounds: the range of a length scale.
        signal_weight: the weight of the prior of the signal variance, in pseudo-observations of variance one.
        restarts: the fresh starts of a fit, beside the state of the last.
        candidates: the draws from the prior of which each fresh start is the best.
        steps: the most steps of a climb.
        algebra: LAPACK's, or JAX's for a device.

    Example:
        >>> x = np.linspace(0.0, 1.0, 8)[:, None]
        >>> data = Dataset.of(x, np.sin(6.0 * x[:, 0]))
        >>> fitted = GaussianProcess(noise="none").fit(data, None, np.random.default_rng(0))
        >>> mean, variance = fitted.posterior.mean_variance(np.array([[0.5]]))
        >>> bool(abs(mean[0, 0] - np.sin(3.0)) < 1e-2)
        True
    """

    kernel: str = "matern52"
    categories: tuple[int, ...] = ()
    mean: TrendName = "constant"
    trend_variance: float = 10.0
    prior_mean: AbstractPriorMean | None = None
    noise: Literal["fit", "none"] = "fit"
    deterministic_noise_ratio: float = 1e-8
    noise_prior: NoisePrior = field(default_factory=NoisePrior)
    warping: str = "identity"
    length_scale_prior: AbstractLengthScalePrior = field(default_factory=LogNormalPrior)
    length_scale_bounds: tuple[float, float] = (1e-2, 1e2)
    signal_weight: float = 1.0
    restarts: int = 1
    candidates: int = 4
    steps: int = 60
    algebra: AbstractLinearAlgebra = field(default_factory=LapackLinearAlgebra)

    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[GaussianProcessPosterior]:
        with single_threaded_blas():
            return self._fit(data, state, generator)

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> GaussianProcessPosterior:
        self._check(data)
        scaling = OutputScaling.of_state(warping(state["warping"]), state)
        latent, slope = latent_rows(scaling, self.prior_mean, data)
        hyperparameters = Hyperparameters(
            np.exp(-2.0 * np.array(state["log_length_scales"], dtype=float)),
            state["noise_ratio"],
            np.array(state["signal_variance"], dtype=float),
        )
        with single_threaded_blas():
            tables = self._tables(data, data.noise_variance * slope**2)
            return self._posterior(data, tables, hyperparameters, latent, scaling)

    def at(self, data: Dataset, objective: Objective, vector: Array) -> GaussianProcessPosterior:
        """The posterior at a vector of the objective."""
        hyperparameters, parameters = objective.parts(vector)
        scaling = objective.scaling(parameters)
        latent, _ = latent_rows(scaling, self.prior_mean, data)
        return self._posterior(data, objective.tables, hyperparameters, latent, scaling)

    def objective(self, data: Dataset) -> Objective:
        """What `fit` minimises: the negative log posterior of the hyperparameters given these data."""
        self._check(data)
        residual = data.values - prior_values(self.prior_mean, data)
        offset, scale = standardisation(data, residual, centred=self.mean != "zero")
        return Objective(
            algebra=self.algebra,
            profile=radial_profile(self.kernel),
            tables=self._tables(data, data.noise_variance / scale**2),
            offset=offset,
            scale=scale,
            standardised=(residual - np.where(data.is_value[:, None], offset, 0.0)) / scale,
            warping=self._warping(data),
            length_scale_prior=self.length_scale_prior,
            noise_prior=self.noise_prior,
            fixed_noise_ratio=None if self.noise == "fit" else self.deterministic_noise_ratio,
            signal_weight=self.signal_weight,
            length_scale_bounds=self.length_scale_bounds,
        )

    @staticmethod
    def state(
        length_scales: Array, noise_ratio: float = 0.0, signal_variance: float = 1.0, outputs: int = 1
    ) -> dict[str, Any]:
        """The state of hyperparameters that are known, for `posterior` or as the start of `fit`.

        Arguments:
            length_scales: (dimension,), in unit coordinates, positive.
            noise_ratio: noise variance over signal variance, at least 0.
            signal_variance: of each output, in its own unit squared, positive; outputs are not standardised.
            outputs: their number.
        """
        return {
            "log_length_scales": np.log(np.asarray(length_scales, dtype=float)).tolist(),
            "noise_ratio": float(noise_ratio),
            "signal_variance": [float(signal_variance)] * outputs,
            "warping": "identity",
            "warping_parameters": [[] for _ in range(outputs)],
            "offset": [0.0] * outputs,
            "scale": [1.0] * outputs,
            "latent_offset": [0.0] * outputs,
            "latent_scale": [1.0] * outputs,
        }

    def _fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[GaussianProcessPosterior]:
        objective = self.objective(data)
        starts = self._starts(objective, state, generator)
        best = climb(objective, objective.bounds, starts, self.steps)
        posterior = self.at(data, objective, best.vector)
        fitted_state = {
            "log_length_scales": best.vector[: data.dimension].tolist(),
            "noise_ratio": posterior.noise_ratio,
            "signal_variance": posterior.signal_variance.tolist(),
            "warping": posterior.scaling.warping.name,
            **posterior.scaling.to_state(),
        }
        info = {
            "log_posterior": -best.value,
            "evaluations": best.evaluations,
            "starts": len(starts),
            "jitter": posterior.jitter,
            "length_scales": posterior.length_scales.tolist(),
        }
        return Fitted(posterior, fitted_state, info)

    def _posterior(
        self,
        data: Dataset,
        tables: tuple[tuple[Array, EvidenceTable], ...],
        hyperparameters: Hyperparameters,
        latent: Array,
        scaling: OutputScaling,
    ) -> GaussianProcessPosterior:
        prior = ProcessPrior(
            radial_profile(self.kernel),
            self.trend(data.dimension),
            hyperparameters.weights,
            self._categories(data.dimension),
            hyperparameters.noise_ratio,
        )
        blocks, signal = [], np.empty(data.output_dimension)
        for outputs, table in tables:
            own = hyperparameters.of_outputs(outputs)
            factor = factorised(self.algebra, table, prior.profile, own).factor
            member = process(self.algebra, prior, data.points, data.derivative, factor, latent[:, outputs])
            given = own.signal_variance
            signal[outputs] = member.profiled_signal(self.signal_weight) if given is None else given
            blocks.append((outputs, member))
        return GaussianProcessPosterior(tuple(blocks), signal, scaling, self.prior_mean)

    def _tables(self, data: Dataset, noise: Array) -> tuple[tuple[Array, EvidenceTable], ...]:
        """One table for each group of outputs with the same known noise; most often one for all."""
        categories, trend = self._categories(data.dimension), self.trend(data.dimension)
        outputs = np.arange(data.output_dimension)
        if not noise.any():
            return ((outputs, evidence_table(data, categories, trend, None)),)
        groups = [outputs] if columns_equal(noise) else [outputs[k : k + 1] for k in outputs]
        return tuple((group, evidence_table(data, categories, trend, noise[:, group[0]])) for group in groups)

    def _starts(
        self, objective: Objective, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> list[Array]:
        """The last fit's hyperparameters, and the best of a few draws from the prior for each restart."""
        starts = [objective.start(None) if state is None else objective.start(state)]
        for _ in range(self.restarts):
            draws = [objective.draw(generator) for _ in range(self.candidates)]
            starts.append(min(draws, key=objective.value))
        return starts

    def _warping(self, data: Dataset) -> AbstractWarping:
        chosen = warping(self.warping)
        can_warp = self.prior_mean is None and data.is_value.all() and not data.noise_variance.any()
        if can_warp or not chosen.parameter_count:
            return chosen
        if self.warping == "auto":
            return IdentityWarping()
        raise UsageError(
            f"the warping {self.warping!r} of a Gaussian process needs values alone, without known noise, derivatives "
            "or a prior mean; use warping='auto' or 'identity'"
        )

    def _check(self, data: Dataset) -> None:
        if not len(data):
            raise UsageError("a Gaussian process needs at least one row of data, got none")
        if data.is_value.all():
            return
        if radial_profile(self.kernel).highest_order < 3:
            raise UsageError(
                f"the kernel {self.kernel!r} of a Gaussian process has no derivatives, so it cannot learn from "
                "derivative rows; use matern32, matern52 or squared_exponential"
            )
        wrong = sorted(set(data.derivative.tolist()) & set(self.categories))
        if wrong:
            raise UsageError(
                f"a derivative by a category does not exist, got derivative rows for column {wrong[0]}"
            )

    def _categories(self, dimension: int) -> Array:
        return np.isin(np.arange(dimension), self.categories)

    def trend(self, dimension: int) -> Trend:
        """The trend below the process, for so many columns."""
        columns = tuple(column for column in range(dimension) if column not in self.categories)
        return Trend(self.mean, self.trend_variance, columns)
