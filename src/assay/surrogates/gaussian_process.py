"""The exact Gaussian process: a recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.linalg import AbstractLinearAlgebra, LapackLinearAlgebra
from assay.numerics.threads import blas_threads_for
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.choices import NoiseName, require_choice
from assay.surrogates.correlation import learned_correlation
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import Hyperparameters
from assay.surrogates.fit import Climb, NoisePrior, Objective, climb
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior, joined, latent_rows
from assay.surrogates.hyperpriors import AbstractLengthScalePrior, LogNormalPrior
from assay.surrogates.kernels.profiles import radial_profile
from assay.surrogates.outliers import OutlierDetector, settled
from assay.surrogates.prior_mean import AbstractPriorMean, OutputPriorMean, prior_values
from assay.surrogates.process import ProcessPrior, process
from assay.surrogates.scaling import OutputScaling, standardisation
from assay.surrogates.tables import Tables, noise_factors, table_factor, tables, with_noise_factors
from assay.surrogates.trend import Trend, TrendName
from assay.surrogates.warping import AbstractWarping, IdentityWarping, warping

__all__ = ["GaussianProcess"]

Array = np.ndarray
# The change of the logarithm of noise factors that no longer makes a new fit pay.
_SETTLED = 0.1


@final
@dataclass(frozen=True)
class GaussianProcess(AbstractSurrogate):
    """A recipe for an exact Gaussian process with one length scale for each column.

    Use it up to ten thousand rows. Values, first derivatives by any column that is not a category, known noise of
    each row and a fitted noise are learned from together; the outputs share the length scales and the noise-to-signal
    ratio, and each has its own variance.

    Arguments:
        kernel: "matern12", "matern32", "matern52" or "squared_exponential".
        categories: the columns that hold labels without an order.
        without_trend: further columns that the trend leaves out: those without a domain, and labels in an order.
        joint_hyperparameters: whether the outputs share length scales and noise ratio; if not, each is fitted alone.
        correlate_outputs: whether the correlation of the outputs is learned; known noise is then averaged over them.
        outlier_detector: how rows with far larger noise are found; None: all rows are alike.
        mean: the trend below the process: "zero", "constant", "linear" or "quadratic"; its coefficients are
            integrated out.
        trend_variance: their prior variance, in units of the signal variance.
        prior_mean: a known function; the process learns the rest.
        noise: "fit" a noise, or "none" for a deterministic model; known noise of the rows is added to either.
        deterministic_noise_ratio: the noise-to-signal ratio that stands for none, against rounding.
        noise_prior: of the fitted noise-to-signal ratio.
        warping: "identity", "log" for positive values, "sinh", or "auto": sinh where it can be used (values without known noise or prior mean).
        length_scale_prior: of the length scales in unit coordinates.
        length_scale_bounds: the range of a length scale.
        held_length_scales: for each column None, or the length scale that it is held at; empty: all are fitted.
        signal_weight: the weight of the prior of the signal variance, in pseudo-observations of variance one.
        restarts: the fresh starts of a fit, beside the state of the last.
        fit_rows: of more rows than this, as many are drawn to fit the hyperparameters; the posterior and the signal
            variance are those of all.
        candidates: the draws from the prior of which each fresh start is the best.
        steps: the most steps of a climb.
        algebra: LAPACK's, or JAX's for a device.

    Raises:
        UsageError: when a word is unknown, correlated outputs are to be fitted alone, or outliers sought without a fitted noise.

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
    without_trend: tuple[int, ...] = ()
    joint_hyperparameters: bool = True
    correlate_outputs: bool = False
    outlier_detector: OutlierDetector | None = None
    mean: TrendName = "constant"
    trend_variance: float = 10.0
    prior_mean: AbstractPriorMean | None = None
    noise: NoiseName = "fit"
    deterministic_noise_ratio: float = 1e-8
    noise_prior: NoisePrior = field(default_factory=NoisePrior)
    warping: str = "identity"
    length_scale_prior: AbstractLengthScalePrior = field(default_factory=LogNormalPrior)
    length_scale_bounds: tuple[float, float] = (1e-2, 1e2)
    held_length_scales: tuple[float | None, ...] = ()
    signal_weight: float = 1.0
    restarts: int = 1
    candidates: int = 4
    steps: int = 60
    fit_rows: int = 2000
    algebra: AbstractLinearAlgebra = field(default_factory=LapackLinearAlgebra)

    def __post_init__(self) -> None:
        require_choice("a Gaussian process", "noise", self.noise, NoiseName)
        require_choice("a Gaussian process", "mean", self.mean, TrendName)
        if self.correlate_outputs and not self.joint_hyperparameters:
            raise UsageError(
                "a Gaussian process that correlates its outputs needs joint_hyperparameters=True, got False"
            )
        if self.outlier_detector is not None and self.noise != "fit":
            raise UsageError(
                f"a Gaussian process that detects outliers needs noise='fit', got {self.noise!r}"
            )

    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[GaussianProcessPosterior]:
        with blas_threads_for(len(data)):
            if not self.is_separate(data):
                return self._fit(data, state, generator)
            states = (state or {}).get("outputs", [None] * data.output_dimension)
            fits = [
                self.of_output(data, place)._fit(data.output(place), states[place], generator)
                for place in range(data.output_dimension)
            ]
        return Fitted(
            joined([one.posterior for one in fits], self.prior_mean),
            {"outputs": [dict(one.state) for one in fits]},
            _joined_info([one.info for one in fits]),
        )

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> GaussianProcessPosterior:
        if self.is_separate(data):
            parts = [
                self.of_output(data, place).posterior(data.output(place), own)
                for place, own in enumerate(state["outputs"])
            ]
            return joined(parts, self.prior_mean)
        self._check(data)
        scaling = OutputScaling.of_state(warping(state["warping"]), state)
        latent, slope = latent_rows(scaling, self.prior_mean, data)
        hyperparameters = Hyperparameters(
            np.exp(-2.0 * np.array(state["log_length_scales"], dtype=float)),
            state["noise_ratio"],
            np.array(state["signal_variance"], dtype=float),
        )
        known = state.get("output_correlation") if self._is_correlated(data) else None
        correlation = None if known is None else np.array(known, dtype=float)
        with blas_threads_for(len(data)):
            noise = data.noise_variance * slope**2
            prepared = self._tables(data, noise, hyperparameters.signal_variance)
            rest = hyperparameters, latent, scaling, correlation
            if self.outlier_detector is None:
                return self._posterior(data, prepared, *rest)
            return settled(
                self.outlier_detector,
                lambda factors: self._posterior(data, with_noise_factors(prepared, factors), *rest),
                len(data),
            )[0]

    def is_separate(self, data: Dataset) -> bool:
        """Whether each output is fitted alone; then a state holds one for each output, under "outputs"."""
        return not self.joint_hyperparameters and data.output_dimension > 1

    def of_output(self, data: Dataset, place: int) -> GaussianProcess:
        """The recipe of one output of these data, where each is fitted alone."""
        prior_mean = None if self.prior_mean is None else OutputPriorMean(self.prior_mean, place)
        return replace(
            self, joint_hyperparameters=True, prior_mean=prior_mean, warping=self._warping(data).name
        )

    def at(self, data: Dataset, objective: Objective, vector: Array) -> GaussianProcessPosterior:
        """The posterior at a vector of the objective."""
        hyperparameters, parameters = objective.parts(vector)
        scaling = objective.scaling(parameters)
        latent, _ = latent_rows(scaling, self.prior_mean, data)
        return self._posterior(data, objective.tables, hyperparameters, latent, scaling, None)

    def objective(self, data: Dataset, state: Mapping[str, Any] | None = None) -> Objective:
        """What `fit` minimises: the negative log posterior of the hyperparameters given these data.

        Arguments:
            state: the outliers are those that a fit with this state found.
        """
        self._check(data)
        objective = self._objective(data, known_noise=bool(data.noise_variance.any()))
        if self.outlier_detector is None or state is None:
            return objective
        factors = self._outliers(self.outlier_detector, data, objective, objective.start(state))
        return replace(objective, tables=with_noise_factors(objective.tables, factors))

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
        whole = self.objective(data, state)
        drawn = None
        if len(data) > self.fit_rows:
            # Always the same, so that fits with other kernels or other states can be compared.
            drawn = np.sort(np.random.default_rng(0).permutation(len(data))[: self.fit_rows])
        few = whole if drawn is None else self._of_rows(data, whole, drawn)
        starts = self._starts(few, state, generator)
        best = climb(few, few.bounds, starts, self.steps)
        if self.outlier_detector is not None:
            whole, best = self._without_outliers(self.outlier_detector, data, whole, drawn, best, generator)
        posterior = self.at(data, whole, best.vector)
        fitted_state = {
            "log_length_scales": best.vector[: data.dimension].tolist(),
            "noise_ratio": posterior.noise_ratio,
            "signal_variance": posterior.signal_variance.tolist(),
            "warping": posterior.scaling.warping.name,
            **posterior.scaling.to_state(),
        }
        if posterior.correlation is not None:
            fitted_state["output_correlation"] = posterior.correlation.tolist()
        info = {
            "log_posterior": -best.value,
            "evaluations": best.evaluations,
            "starts": len(starts),
            "rows": len(data) if drawn is None else len(drawn),
            "jitter": posterior.jitter,
            "length_scales": posterior.length_scales.tolist(),
        }
        if self.outlier_detector is not None:
            factors = noise_factors(whole.tables)
            info["outliers"] = np.flatnonzero(factors != 1.0).tolist()
            info["log_posterior"] += self.outlier_detector.log_prior(factors)
            posterior = self.posterior(data, fitted_state)
        return Fitted(posterior, fitted_state, info)

    def _without_outliers(
        self,
        detector: OutlierDetector,
        data: Dataset,
        objective: Objective,
        drawn: Array | None,
        best: Climb,
        generator: np.random.Generator,
    ) -> tuple[Objective, Climb]:
        """Outliers by the hyperparameters and hyperparameters by the outliers, in turns until they agree."""
        evaluations = best.evaluations
        for _ in range(detector.max_rounds):
            factors = self._outliers(detector, data, objective, best.vector)
            before = noise_factors(objective.tables)
            if np.abs(np.log(factors / before)).max() < _SETTLED:
                break
            objective = replace(objective, tables=with_noise_factors(objective.tables, factors))
            few = objective if drawn is None else self._of_rows(data, objective, drawn)
            others = np.array_equal(factors == 1.0, before == 1.0)
            starts = [best.vector, *([] if others else self._starts(few, None, generator)[1:])]
            best = climb(few, few.bounds, starts, self.steps)
            evaluations += best.evaluations
        return objective, replace(best, evaluations=evaluations)

    def _outliers(
        self, detector: OutlierDetector, data: Dataset, objective: Objective, vector: Array
    ) -> Array:
        """The noise factors (rows,) that a vector of the objective leads to."""

        def posterior_with(factors: Array) -> GaussianProcessPosterior:
            return self.at(
                data, replace(objective, tables=with_noise_factors(objective.tables, factors)), vector
            )

        return settled(detector, posterior_with, len(data))[1]

    def _objective(self, data: Dataset, *, known_noise: bool) -> Objective:
        residual = data.values - prior_values(self.prior_mean, data)
        chosen = self._warping(data)
        centred = self.mean != "zero" and not chosen.needs_positive
        offset, scale = standardisation(data, residual, centred=centred)
        noise = data.noise_variance / scale**2 if known_noise else None
        return Objective(
            algebra=self.algebra,
            profile=radial_profile(self.kernel),
            tables=self._tables(data, noise, None),
            offset=offset,
            scale=scale,
            standardised=(residual - np.where(data.is_value[:, None], offset, 0.0)) / scale,
            warping=chosen,
            length_scale_prior=self.length_scale_prior,
            noise_prior=self.noise_prior,
            fixed_noise_ratio=None if self.noise == "fit" else self.deterministic_noise_ratio,
            signal_weight=self.signal_weight,
            length_scale_bounds=self.length_scale_bounds,
            correlated=self._is_correlated(data),
            held=tuple(None if value is None else math.log(value) for value in self.held_length_scales),
        )

    def _of_rows(self, data: Dataset, whole: Objective, rows: Array) -> Objective:
        """The objective of some rows, with the layout, the warping and the noise factors of that of all."""
        recipe = replace(self, warping=whole.warping.name)
        few = recipe._objective(data.rows(rows), known_noise=whole.fits_signal)
        return replace(few, tables=with_noise_factors(few.tables, noise_factors(whole.tables)[rows]))

    def _posterior(
        self,
        data: Dataset,
        prepared: Tables,
        hyperparameters: Hyperparameters,
        latent: Array,
        scaling: OutputScaling,
        correlation: Array | None,
    ) -> GaussianProcessPosterior:
        """The posterior; where the outputs' correlation is learned and not given, it is learned here."""
        prior = ProcessPrior(
            radial_profile(self.kernel),
            self.trend(data.dimension),
            hyperparameters.weights,
            self._categories(data.dimension),
            hyperparameters.noise_ratio,
        )
        blocks, signal = [], np.empty(data.output_dimension)
        for outputs, table in prepared:
            own = hyperparameters.of_outputs(outputs)
            factor = table_factor(self.algebra, table, prior.profile, own)
            member = process(self.algebra, prior, data.points, data.derivative, factor, latent[:, outputs])
            given = own.signal_variance
            signal[outputs] = member.profiled_signal(self.signal_weight) if given is None else given
            blocks.append((outputs, member))
        if self._is_correlated(data) and correlation is None:
            member = blocks[0][1]
            quadratic = member.latent.T @ member.alpha + self.signal_weight * np.eye(len(signal))
            correlation = learned_correlation(quadratic, len(data) + self.signal_weight).matrix
        return GaussianProcessPosterior(tuple(blocks), signal, scaling, self.prior_mean, correlation)

    def _is_correlated(self, data: Dataset) -> bool:
        return self.correlate_outputs and data.output_dimension > 1

    def _tables(self, data: Dataset, noise: Array | None, signal: Array | None) -> Tables:
        columns = self._categories(data.dimension), self.trend(data.dimension)
        return tables(data, noise, signal, self.algebra, columns, share=self._is_correlated(data))

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
        if not chosen.parameter_count:
            return chosen
        if not can_warp and self.warping == "auto":
            return IdentityWarping()
        if not can_warp:
            raise UsageError(
                f"the warping {self.warping!r} of a Gaussian process needs values alone, without known noise, "
                "derivatives or a prior mean; use warping='auto' or 'identity'"
            )
        if chosen.needs_positive and not (data.values > 0.0).all():
            raise UsageError(
                f"the warping {self.warping!r} of a Gaussian process needs positive values, got {data.values.min():g}"
            )
        return chosen

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
        left_out = {*self.categories, *self.without_trend}
        columns = tuple(column for column in range(dimension) if column not in left_out)
        return Trend(self.mean, self.trend_variance, columns)


def _joined_info(infos: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What a person wants to see of outputs that were fitted alone."""
    joint = {
        "log_posterior": sum(info["log_posterior"] for info in infos),
        "evaluations": sum(info["evaluations"] for info in infos),
        "starts": infos[0]["starts"],
        "rows": infos[0]["rows"],
        "jitter": max(info["jitter"] for info in infos),
        "length_scales": [info["length_scales"] for info in infos],
    }
    if "outliers" in infos[0]:
        joint["outliers"] = [info["outliers"] for info in infos]
    return joint
