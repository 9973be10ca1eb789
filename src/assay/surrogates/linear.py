"""The Bayesian linear model: a recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.threads import single_threaded_blas
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.choices import NoiseName, require_choice
from assay.surrogates.dataset import Dataset
from assay.surrogates.feature_maps import AbstractFeatureMap, LinearFeatures, PolynomialFeatures
from assay.surrogates.feature_posterior import FeaturePosterior, RowNoise, affine_scaling, feature_posterior
from assay.surrogates.features import InputEncoding, check_rows, rows_design
from assay.surrogates.fit import climb
from assay.surrogates.gaussian_process_posterior import latent_rows
from assay.surrogates.linear_evidence import linear_evidence
from assay.surrogates.prior_mean import AbstractPriorMean, prior_values
from assay.surrogates.scaling import OutputScaling, standardisation

__all__ = ["BayesianLinear"]

Array = np.ndarray
PriorName = Literal["grouped", "shared"]


@final
@dataclass(frozen=True)
class BayesianLinear(AbstractSurrogate):
    """A recipe for a Bayesian linear model on features, with the prior and the noise that maximise the evidence.

        f(x) = φ(x)·w,   w_j ~ N(0, 1/a_g(j))

    Use it where the response is known to be linear in something, or where there are very many rows: its cost is linear in
    them. The posterior is exact. Each output has its own precisions and its own noise.

    Arguments:
        features: a feature map, or several, of which each output's evidence together decides one.
        prior: "grouped": a precision for each group of features (the degree of a polynomial); "shared": one for all.
        prior_width: the standard deviation of the normal prior of a logarithm of a precision, for standardised outputs;
            infinity for none.
        noise: "fit" a noise, or "none" for a deterministic model; known noise of the rows is added to either.
        deterministic_noise: the noise variance that stands for none, for standardised outputs, against rounding.
        prior_mean: a known function; the model learns the rest.
        category_counts: for each column its number of labels, 0 where it holds a number; () where none holds labels.
        steps: the most steps of the climb of the evidence.

    Example:
        >>> x = np.linspace(0.0, 1.0, 9)[:, None]
        >>> data = Dataset.of(x, 1.0 + 2.0 * x[:, 0] ** 2)
        >>> posterior = BayesianLinear(PolynomialFeatures(2)).fit(data, None, np.random.default_rng(0)).posterior
        >>> float(posterior.mean_variance(np.array([[0.5]]))[0].round(4).item())
        1.5
    """

    features: AbstractFeatureMap | Sequence[AbstractFeatureMap] = field(
        default_factory=lambda: PolynomialFeatures(2)
    )
    prior: PriorName = "grouped"
    prior_width: float = 5.0
    noise: NoiseName = "fit"
    deterministic_noise: float = 1e-8
    prior_mean: AbstractPriorMean | None = None
    category_counts: tuple[int, ...] = ()
    steps: int = 100

    def __post_init__(self) -> None:
        require_choice("a Bayesian linear model", "prior", self.prior, PriorName)
        require_choice("a Bayesian linear model", "noise", self.noise, NoiseName)
        if not self._maps:
            raise UsageError("a Bayesian linear model needs at least one feature map, got none")

    def fit(
        self,
        data: Dataset,
        state: Mapping[str, Any] | None,
        generator: np.random.Generator,  # noqa: ARG002 (nothing is drawn)
    ) -> Fitted[FeaturePosterior]:
        check_rows(data, self.category_counts, "a Bayesian linear model")
        with single_threaded_blas():
            residual = data.values - prior_values(self.prior_mean, data)
            scaling = affine_scaling(*standardisation(data, residual, centred=True))
            encoding = InputEncoding.of(data, self.category_counts)
            fits = [self._climb(data, scaling, encoding, place, state) for place in range(len(self._maps))]
            best = max(range(len(fits)), key=lambda place: fits[place]["log_evidence"])
            chosen = fits[best]
        fitted_state = {
            "features": best,
            "log_precision": chosen["log_precision"],
            "noise_variance": chosen["noise_variance"],
            "offset": scaling.offset.tolist(),
            "scale": scaling.scale.tolist(),
            "encoding": encoding.to_state(),
        }
        posterior = self.posterior(data, fitted_state)
        info = {
            "log_evidence": chosen["log_evidence"],
            "evaluations": sum(fit["evaluations"] for fit in fits),
            "features": best,
            "feature_count": posterior.model.feature_count,
        }
        return Fitted(posterior, fitted_state, info)

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> FeaturePosterior:
        check_rows(data, self.category_counts, "a Bayesian linear model")
        encoding = InputEncoding.of_state(state["encoding"], data.dimension, self.category_counts)
        features = LinearFeatures(self._maps[state["features"]], encoding)
        precision = np.exp(np.array(state["log_precision"], dtype=float))[:, self._groups(features)]
        outputs = len(precision)
        offset, scale = (np.array(state[name], dtype=float) for name in ("offset", "scale"))
        scaling = affine_scaling(offset, scale)
        noise = RowNoise(np.array(state["noise_variance"], dtype=float), encoding.slope_noise)
        return feature_posterior(
            features, precision[:, None], np.ones(outputs), 0.0, noise, scaling, self.prior_mean, data
        )

    @property
    def _maps(self) -> tuple[AbstractFeatureMap, ...]:
        return (self.features,) if isinstance(self.features, AbstractFeatureMap) else tuple(self.features)

    def _groups(self, features: LinearFeatures) -> Array:
        groups = features.feature_map.groups(features.encoding)
        return groups if self.prior == "grouped" else np.zeros_like(groups)

    def _climb(
        self,
        data: Dataset,
        scaling: OutputScaling,
        encoding: InputEncoding,
        place: int,
        state: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """The precisions and noises of one feature map at their most probable, and the evidence of all outputs there."""
        features = LinearFeatures(self._maps[place], encoding)
        design, group = rows_design(features, data)[0], self._groups(features)
        latent, slope = latent_rows(scaling, self.prior_mean, data)
        known = data.noise_variance * slope**2
        factor = RowNoise(np.ones(1), encoding.slope_noise).factor(data)
        fixed = None if self.noise == "fit" else self.deterministic_noise
        result: dict[str, Any] = {
            "log_precision": [],
            "noise_variance": [],
            "log_evidence": 0.0,
            "evaluations": 0,
        }
        for output in range(data.output_dimension):
            evidence = linear_evidence(
                design,
                latent[:, output : output + 1],
                factor,
                known[:, output],
                group,
                fixed,
                self.prior_width,
            )
            cold = np.append(np.zeros(evidence.group_count), [] if self.noise == "none" else [math.log(1e-2)])
            starts = [cold]
            if state is not None and state["features"] == place:
                precision, noise = state["log_precision"][output], state["noise_variance"][output]
                starts.insert(0, np.append(precision, [] if self.noise == "none" else [math.log(noise)]))
            best = climb(evidence, evidence.bounds, starts, self.steps)
            noise = evidence.parts(best.vector)[1]
            result["log_precision"].append(best.vector[: evidence.group_count].tolist())
            result["noise_variance"].append(noise.item())
            result["log_evidence"] += evidence.log_evidence(evidence.model(best.vector), noise)
            result["evaluations"] += best.evaluations
        return result
