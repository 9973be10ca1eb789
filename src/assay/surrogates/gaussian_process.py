"""The exact Gaussian process: a recipe, and the posterior that it gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.linalg import AbstractLinearAlgebra, LapackLinearAlgebra
from assay.numerics.threads import single_threaded_blas
from assay.surrogates.abstract import AbstractPosterior, AbstractSurrogate, Fitted
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import EvidenceTable, Hyperparameters, evidence_table, factorised
from assay.surrogates.fit import NoisePrior, Objective, climb
from assay.surrogates.hyperpriors import AbstractLengthScalePrior, LogNormalPrior
from assay.surrogates.kernels.profiles import radial_profile
from assay.surrogates.prior_mean import AbstractPriorMean, prior_values
from assay.surrogates.process import Process, ProcessPrior, process
from assay.surrogates.quadrature import warped_covariance, warped_moments, warped_moments_gradient
from assay.surrogates.scaling import OutputScaling, standardisation
from assay.surrogates.trend import Trend, TrendName
from assay.surrogates.warping import AbstractWarping, IdentityWarping, warping

__all__ = ["GaussianProcess", "GaussianProcessPosterior"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class GaussianProcessPosterior(AbstractPosterior):
    """A Gaussian process given data.

    `latent_...` speak in latent units, in which it is Gaussian and lower stays lower: what an acquisition needs.

    Arguments:
        blocks: the outputs that share a process (those with the same known noise), with that process.
        signal_variance: (outputs,), in squared latent units.
        scaling: between own and latent units.
        prior_mean: what was believed before; in own units.
    """

    blocks: tuple[tuple[Array, Process], ...]
    signal_variance: Array
    scaling: OutputScaling
    prior_mean: AbstractPriorMean | None

    @property
    def dimension(self) -> int:
        return self.blocks[0][1].points.shape[1]

    @property
    def output_dimension(self) -> int:
        return len(self.signal_variance)

    @property
    def is_gaussian(self) -> bool:
        return self.scaling.is_affine

    @property
    def length_scales(self) -> Array:
        """(dimension,), in unit coordinates."""
        return 1.0 / np.sqrt(self.blocks[0][1].prior.weights)

    @property
    def jitter(self) -> float:
        """The largest jitter that a factorisation needed, in units of the signal variance; usually 0."""
        return max(member.factor.jitter for _, member in self.blocks)

    @property
    def latent_noise_variance(self) -> Array:
        """(outputs,), the fitted noise of a value, in squared latent units."""
        return self.blocks[0][1].prior.noise_ratio * self.signal_variance

    def to_latent(self, values: Array) -> Array:
        """(points, outputs) in own units to latent units, increasing."""
        return self.scaling.to_latent(np.asarray(values, dtype=float))

    def from_latent(self, latent: Array) -> Array:
        """(points, outputs) in latent units to own units, increasing."""
        return self.scaling.from_latent(np.asarray(latent, dtype=float))

    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        """Mean and variance in latent units: (points, outputs) each."""
        if len(self.blocks) == 1:
            mean, unit = self.blocks[0][1].mean_variance(points)
            variance = unit[:, None] * self.signal_variance
        else:
            mean, variance = self._empty(points), self._empty(points)
            for outputs, member in self.blocks:
                mean[:, outputs], unit = member.mean_variance(points)
                variance[:, outputs] = unit[:, None] * self.signal_variance[outputs]
        return mean + self._latent_prior(points), variance

    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """The same with gradients: (points, outputs) twice, (points, outputs, dimension) twice."""
        if len(self.blocks) == 1:
            mean, unit, by_mean, by_unit = self.blocks[0][1].mean_variance_gradient(points)
            variance = unit[:, None] * self.signal_variance
            by_variance = by_unit[:, None, :] * self.signal_variance[:, None]
        else:
            mean, variance = self._empty(points), self._empty(points)
            by_mean, by_variance = self._empty(points, self.dimension), self._empty(points, self.dimension)
            for outputs, member in self.blocks:
                signal = self.signal_variance[outputs]
                mean[:, outputs], unit, by_mean[:, outputs], by_unit = member.mean_variance_gradient(points)
                variance[:, outputs] = unit[:, None] * signal
                by_variance[:, outputs] = by_unit[:, None, :] * signal[:, None]
        if self.prior_mean is not None:
            values, slopes = self.prior_mean.value_gradient(points)
            mean, by_mean = mean + values / self._unit, by_mean + slopes / self._unit[:, None]
        return mean, variance, by_mean, by_variance

    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        """Joint mean (points, outputs) and covariance (outputs, points, points) in latent units."""
        mean = self._empty(points)
        covariance = np.empty((self.output_dimension, len(points), len(points)))
        for outputs, member in self.blocks:
            mean[:, outputs], unit = member.joint(points)
            covariance[outputs] = unit * self.signal_variance[outputs, None, None]
        return mean + self._latent_prior(points), covariance

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.latent_mean_variance(points)
        if not self.is_gaussian:
            return warped_moments(self.scaling, mean, variance)
        return self.scaling.from_latent(mean), variance * self._unit**2

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = self.latent_mean_variance_gradient(points)
        if not self.is_gaussian:
            return warped_moments_gradient(self.scaling, mean, variance, by_mean, by_variance)
        unit = self._unit
        return (
            self.scaling.from_latent(mean),
            variance * unit**2,
            by_mean * unit[:, None],
            by_variance * unit[:, None] ** 2,
        )

    def quantiles(self, points: Array, probabilities: Array) -> Array:
        from scipy.special import ndtri

        mean, variance = self.latent_mean_variance(points)
        z = ndtri(np.asarray(probabilities, dtype=float))
        return self.scaling.from_latent(mean + np.sqrt(variance) * z[:, None, None])

    def joint(self, points: Array) -> tuple[Array, Array]:
        mean, covariance = self.latent_joint(points)
        if not self.is_gaussian:
            return warped_covariance(self.scaling, mean, covariance)
        return self.scaling.from_latent(mean), covariance * self._unit[:, None, None] ** 2

    def draw(self, points: Array, count: int, generator: np.random.Generator) -> Array:
        mean, covariance = self.latent_joint(points)
        normal = generator.standard_normal((count, self.output_dimension, len(points)))
        # An eigenvalue root and no Cholesky: a joint covariance at close points is singular to rounding.
        eigenvalues, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None, :]
        return self.scaling.from_latent(mean + np.einsum("kpq,ckq->cpk", root, normal))

    def condition(self, data: Dataset) -> GaussianProcessPosterior:
        latent, slope = _latent_rows(self.scaling, self.prior_mean, data)
        noise = data.noise_variance * slope**2 / self.signal_variance
        blocks = self.blocks
        if len(blocks) == 1 and not _columns_equal(noise):
            blocks = _apart(blocks[0][1])
        with single_threaded_blas():
            updated = tuple(
                (
                    outputs,
                    member.extended(data.points, data.derivative, noise[:, outputs[0]], latent[:, outputs]),
                )
                for outputs, member in blocks
            )
        return replace(self, blocks=updated)

    def condition_on_inputs(self, points: Array) -> GaussianProcessPosterior:
        with single_threaded_blas():
            updated = tuple((outputs, member.extended_blindly(points)) for outputs, member in self.blocks)
        return replace(self, blocks=updated)

    def log_marginal_likelihood(self) -> float:
        """The log density of the data in their own units, given the hyperparameters.

        Under warping the data's density carries the warping's Jacobian, so that warpings can be compared.
        """
        total = 0.0
        for outputs, member in self.blocks:
            size, signal = len(member.points), self.signal_variance[outputs]
            quadratic = np.einsum("nk,nk->k", member.latent, member.alpha)
            log_determinant = member.algebra.log_determinant(member.factor)
            total -= 0.5 * float((quadratic / signal + size * np.log(signal)).sum())
            total -= 0.5 * len(outputs) * (log_determinant + size * math.log(2.0 * math.pi))
            own = self.scaling.from_latent_slope(self._full_latent(member.latent, outputs))[1]
            total -= float(np.log(own[:, outputs]).sum())
        return total

    def latent_leave_one_out(self) -> tuple[Array, Array, Array]:
        """For each row, given all others: its datum, its mean and its variance (noise included), in latent units
        and less the prior mean: (rows, outputs) each. For calibration plots."""
        observed, means, variance = (
            np.empty((len(self.blocks[0][1].points), self.output_dimension)) for _ in range(3)
        )
        for outputs, member in self.blocks:
            means[:, outputs], unit = member.leave_one_out()
            observed[:, outputs] = member.latent
            variance[:, outputs] = unit[:, None] * self.signal_variance[outputs]
        return observed, means, variance

    @property
    def _unit(self) -> Array:
        return self.scaling.scale * self.scaling.latent_scale

    def _latent_prior(self, points: Array) -> Array | float:
        return 0.0 if self.prior_mean is None else self.prior_mean.value(points) / self._unit

    def _empty(self, points: Array, *more: int) -> Array:
        return np.empty((len(points), self.output_dimension, *more))

    def _full_latent(self, latent: Array, outputs: Array) -> Array:
        full = np.zeros((len(latent), self.output_dimension))
        full[:, outputs] = latent
        return full


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
        latent, slope = _latent_rows(scaling, self.prior_mean, data)
        hyperparameters = Hyperparameters(
            np.exp(-2.0 * np.array(state["log_length_scales"], dtype=float)),
            state["noise_ratio"],
            np.array(state["signal_variance"], dtype=float),
        )
        with single_threaded_blas():
            tables = self._tables(data, data.noise_variance * slope**2)
            return self._posterior(data, tables, hyperparameters, latent, scaling)

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
        hyperparameters, parameters = objective.parts(best.vector)
        scaling = objective.scaling(parameters)
        latent, _ = _latent_rows(scaling, self.prior_mean, data)
        posterior = self._posterior(data, objective.tables, hyperparameters, latent, scaling)
        fitted_state = {
            "log_length_scales": best.vector[: data.dimension].tolist(),
            "noise_ratio": hyperparameters.noise_ratio,
            "signal_variance": posterior.signal_variance.tolist(),
            "warping": scaling.warping.name,
            **scaling.to_state(),
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
        groups = [outputs] if _columns_equal(noise) else [outputs[k : k + 1] for k in outputs]
        return tuple((group, evidence_table(data, categories, trend, noise[:, group[0]])) for group in groups)

    def _starts(
        self, objective: Objective, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> list[Array]:
        """The last fit's hyperparameters, and the best of a few draws from the prior for each restart."""
        starts = [objective.start(None) if state is None else objective.start(state)]
        for _ in range(self.restarts):
            draws = [objective.draw(generator) for _ in range(self.candidates)]
            starts.append(min(draws, key=lambda draw: objective(draw)[0]))
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


def _latent_rows(
    scaling: OutputScaling, prior_mean: AbstractPriorMean | None, data: Dataset
) -> tuple[Array, Array]:
    """The data in latent units, less the prior mean, and dz/dy: (rows, outputs) twice."""
    residual = data.values - prior_values(prior_mean, data)
    latent, slope = scaling.to_latent_slope(residual)
    if data.is_value.all():
        return latent, slope
    return np.where(data.is_value[:, None], latent, residual * slope), slope


def _columns_equal(noise: Array) -> bool:
    return bool((noise == noise[:, :1]).all())


def _apart(member: Process) -> tuple[tuple[Array, Process], ...]:
    """A shared process as one for each output."""
    outputs = np.arange(member.latent.shape[1])
    return tuple((outputs[k : k + 1], member.with_latent(member.latent[:, k : k + 1])) for k in outputs)
