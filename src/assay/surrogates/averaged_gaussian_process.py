"""A Gaussian process averaged over what remains unknown of its hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.threads import blas_threads_for
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.laplace import laplace_nodes
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.surrogates.scaling import OutputScaling

__all__ = ["AveragedGaussianProcess", "AveragedPosterior"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class AveragedPosterior(AbstractLatentGaussian):
    """The Gaussian with the mean and the covariance of a weighted mixture of Gaussian processes.

        E z = Σ w_i m_i,   cov z = Σ w_i (C_i + (m_i - E z)(m_i - E z)ᵀ)

    Looks whose results are not known yet leave E z, shrink each C_i, and let the members agree there: as if the results were
    E z, each m_i moves by C_i(·, looks) (C_i(looks, looks) + noise)⁻¹ (E z - m_i)(looks).

    Arguments:
        members: with the same scaling.
        weights: (members,), positive, of sum one; or (members, outputs), where each output has its own.
        scaling: that of the members.
        before: the average before the looks that are open, which has its mean; None where none is.
        looks: (looks, dimension), those that are open.
    """

    members: tuple[GaussianProcessPosterior, ...]
    weights: Array
    scaling: OutputScaling
    before: AveragedPosterior | None = None
    looks: Array | None = None

    @property
    def dimension(self) -> int:
        return self.members[0].dimension

    @property
    def output_correlation(self) -> Array | None:
        return self.members[0].output_correlation

    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = _stacked(member.latent_mean_variance(points) for member in self.members)
        average = self._average(mean)
        spread = self._average(variance + (mean - average) ** 2)
        return (average if self.before is None else self.before.latent_mean(points)), spread

    def latent_mean(self, points: Array) -> Array:
        """(points, outputs), at a small part of the cost of the variance."""
        if self.before is not None:
            return self.before.latent_mean(points)
        return self._average(np.stack([member.latent_mean(points) for member in self.members]))

    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = _stacked(
            member.latent_mean_variance_gradient(points) for member in self.members
        )
        average, slope = self._average(mean), self._average(by_mean)
        apart = mean - average
        spread = self._average(variance + apart**2)
        by_spread = self._average(by_variance + 2.0 * apart[..., None] * (by_mean - slope))
        if self.before is not None:
            average, _, slope, _ = self.before.latent_mean_variance_gradient(points)
        return average, spread, slope, by_spread

    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        mean, covariance = _stacked(member.latent_joint(points) for member in self.members)
        average = self._average(mean)
        apart = mean - average
        between = np.einsum("mpk,mqk,mk->kpq", apart, apart, self._of_outputs)
        mixed = self._average(covariance, outputs=1) + between
        return (average if self.before is None else self.before.latent_mean(points)), mixed

    def grouped(self, groups: Array) -> tuple[Array, Array]:
        mean, covariance = _stacked(member.grouped(groups) for member in self.members)
        average, mixed, _ = self._mixed(mean, covariance)
        if self.before is not None:
            average = self.before.latent_mean(groups.reshape(-1, groups.shape[2])).reshape(average.shape)
        return average, mixed

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        answers = [member.grouped_pullback(groups) for member in self.members]
        mean, covariance = _stacked((one[0], one[1]) for one in answers)
        average, mixed, apart = self._mixed(mean, covariance)
        before = None
        if self.before is not None:
            average, _, before = self.before.grouped_pullback(groups)

        def back(mean_bar: Array, covariance_bar: Array) -> Array:
            both = covariance_bar + covariance_bar.swapaxes(2, 3)
            # The average's own part of `apart` drops out: the weighted sum of `apart` is zero.
            by_mean = np.einsum("pkij,mpjk->mpik", both, apart)
            start = np.zeros(groups.shape)
            if before is None:
                by_mean += mean_bar
            else:
                start = before(mean_bar, np.zeros_like(covariance_bar))
            return sum(
                (
                    one[2](weight * bar, weight[:, None, None] * covariance_bar)
                    for weight, one, bar in zip(self._of_outputs, answers, by_mean, strict=True)
                ),
                start,
            )

        return average, mixed, back

    def condition(self, data: Dataset) -> AveragedPosterior:
        if self.before is not None and self.looks is not None:
            return self.before.condition(data).condition_on_inputs(self.looks)
        return replace(self, members=tuple(member.condition(data) for member in self.members))

    def condition_on_inputs(self, points: Array) -> AveragedPosterior:
        if self.before is not None and self.looks is not None:
            return self.before.condition_on_inputs(np.concatenate([self.looks, points]))
        believed = Dataset.of(points, self.from_latent(self.latent_mean(points)))
        return replace(self.condition(believed), before=self, looks=points)

    def latent_leave_one_out(self) -> tuple[Array, Array, Array]:
        """As of a single process, of the mixture; the weights are those of all data."""
        if self.before is not None:
            return self.before.latent_leave_one_out()
        observed, mean, variance = _stacked(member.latent_leave_one_out() for member in self.members)
        average = self._average(mean)
        return observed[0], average, self._average(variance + (mean - average) ** 2)

    def _mixed(self, mean: Array, covariance: Array) -> tuple[Array, Array, Array]:
        """Mean and covariance of groups from the members', and how far each member's mean is from the first."""
        average = self._average(mean, outputs=3)
        apart = mean - average
        between = np.einsum("mpik,mpjk,mk->pkij", apart, apart, self._of_outputs, optimize=True)
        return average, self._average(covariance) + between, apart

    def _average(self, values: Array, outputs: int = 2) -> Array:
        """Over the members, the first axis; `outputs` is the axis of the outputs."""
        if self.weights.ndim == 1:
            return np.tensordot(self.weights, values, 1)
        shape = [len(self.members)] + [1] * (values.ndim - 1)
        shape[outputs] = self.output_dimension
        return np.einsum("m...,m...->...", self.weights.reshape(shape), values)

    @property
    def _of_outputs(self) -> Array:
        """(members, outputs), the weights."""
        weights = self.weights if self.weights.ndim == 2 else self.weights[:, None]
        return np.broadcast_to(weights, (len(self.members), self.output_dimension))


@final
@dataclass(frozen=True)
class AveragedGaussianProcess(AbstractSurrogate):
    """A Gaussian process whose intervals hold the uncertainty of its hyperparameters too.

    Use it for predictions that people read. A single fit takes its length scales and noise for certain: over draws
    from the prior in two columns its 95 % intervals cover 87 to 94 %, these 92 to 95 % from 30 rows on (91 % at 20
    noisy rows). It costs `2 pairs` posteriors, and as many for each answer. The warping stays at its fit.

    The members are those of the tempered posterior p(θ | data)^β. Its inverse temperature β is one where the functions
    are like draws of the process. Below one, the data count as fewer: for functions that no hyperparameters describe
    everywhere, of which the fit is too sure.

    Arguments:
        recipe: of the single process.
        pairs: half the number of members.
        inverse_temperature: β, above 0 and at most 1; the members spread about the fit by 1/√β.

    Raises:
        UsageError: when the inverse temperature is out of its range.

    Example:
        >>> x = np.linspace(0.0, 1.0, 6)[:, None]
        >>> data = Dataset.of(x, np.sin(6.0 * x[:, 0]))
        >>> averaged = AveragedGaussianProcess(GaussianProcess(noise="none"))
        >>> single = averaged.recipe.fit(data, None, np.random.default_rng(0))
        >>> posterior = averaged.posterior(data, averaged.spread(data, single.state))
        >>> between = np.array([[0.1]])
        >>> bool(posterior.mean_variance(between)[1] > single.posterior.mean_variance(between)[1])
        True

    Source of tempering: P. Grünwald, T. van Ommen, "Inconsistency of Bayesian Inference for Misspecified Linear Models,
    and a Proposal for Repairing It", Bayesian Analysis 12, 1069 (2017).
    """

    recipe: GaussianProcess = field(default_factory=GaussianProcess)
    pairs: int = 8
    inverse_temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.inverse_temperature <= 1.0:
            raise UsageError(
                "the inverse temperature of an averaged Gaussian process must be above 0 and at most 1, got "
                f"{self.inverse_temperature:g}"
            )

    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[AveragedPosterior]:
        single = self.recipe.fit(data, state, generator)
        spread = self.spread(data, single.state)
        return Fitted(
            self.posterior(data, spread), spread, {**single.info, "members": len(spread["members"])}
        )

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> AveragedPosterior:
        members = tuple(self.recipe.posterior(data, _changed(state, member)) for member in state["members"])
        return AveragedPosterior(members, np.array(state["weights"]), members[0].scaling)

    def spread(self, data: Dataset, state: Mapping[str, Any]) -> dict[str, Any]:
        """The state of the average from that of a single fit to the same data; deterministic.

        With more than `recipe.fit_rows` rows nothing of the hyperparameters remains unknown that would be seen, and the
        single fit is the only member.
        """
        if len(data) > self.recipe.fit_rows:
            return {**state, "members": [{}], "weights": [1.0]}
        if self.recipe.is_separate(data):
            return self._spread_each_output(data, state)
        with blas_threads_for(len(data)):
            objective = self.recipe.objective(data, state)
            fitted = objective.start(state)
            free = objective.covariance_size

            def whole(vector: Array) -> Array:
                return np.concatenate([vector, fitted[free:]])

            nodes, weights = laplace_nodes(
                lambda vector: self.inverse_temperature * objective.value(whole(vector)),
                lambda vector: self.inverse_temperature * objective(whole(vector))[1][:free],
                fitted[:free],
                objective.bounds[:free],
                self.pairs,
            )
            # The mean of the signal variance's inverse chi-squared posterior, where the fit takes its mode.
            count = len(data) + self.recipe.signal_weight
            factor = 1.0 if objective.fits_signal else count / max(count - 2.0, 1.0)
            members = [
                _covariance_state(self.recipe.at(data, objective, whole(node)), node, factor)
                for node in nodes
            ]
        return {**state, "members": members, "weights": weights.tolist()}

    def _spread_each_output(self, data: Dataset, state: Mapping[str, Any]) -> dict[str, Any]:
        spreads = [
            replace(self, recipe=self.recipe.of_output(data, place)).spread(data.output(place), own)
            for place, own in enumerate(state["outputs"])
        ]
        members = [
            {"outputs": list(nodes)} for nodes in zip(*(one["members"] for one in spreads), strict=True)
        ]
        weights = np.array([one["weights"] for one in spreads]).T
        return {**state, "members": members, "weights": weights.tolist()}


def _changed(state: Mapping[str, Any], member: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a member: that of the fit with the hyperparameters of the member."""
    if "outputs" not in member:
        return {**state, **member}
    pairs = zip(state["outputs"], member["outputs"], strict=True)
    return {**state, "outputs": [{**own, **node} for own, node in pairs]}


def _covariance_state(posterior: GaussianProcessPosterior, vector: Array, factor: float) -> dict[str, Any]:
    return {
        "log_length_scales": vector[: posterior.dimension].tolist(),
        "noise_ratio": posterior.noise_ratio,
        "signal_variance": (factor * posterior.signal_variance).tolist(),
    }


def _stacked(answers: Iterator[tuple[Array, ...]]) -> tuple[Array, ...]:
    return tuple(np.stack(parts) for parts in zip(*answers, strict=True))
