"""The deep ensemble: a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.threads import single_threaded_blas
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.choices import NoiseName, require_choice
from assay.surrogates.dataset import Dataset
from assay.surrogates.feature_posterior import FeaturePosterior, RowNoise, affine_scaling, feature_posterior
from assay.surrogates.features import InputEncoding, check_rows, rows_design
from assay.surrogates.gaussian_process_posterior import latent_rows
from assay.surrogates.neural_calibration import (
    RIDGES,
    Resampling,
    calibrated,
    jackknife_weight,
    left_out_share,
    row_presence,
)
from assay.surrogates.neural_features import (
    ACTIVATIONS,
    ActivationName,
    InitialisationName,
    Layers,
    NeuralFeatures,
    initial_layers,
    layers_of_state,
    layers_to_state,
)
from assay.surrogates.neural_training import TrainingRows, trained
from assay.surrogates.prior_mean import AbstractPriorMean, prior_values
from assay.surrogates.scaling import standardisation

__all__ = ["NeuralEnsemble"]

_WHOSE = "a neural ensemble"


@final
@dataclass(frozen=True)
class NeuralEnsemble(AbstractSurrogate):
    """A recipe for an ensemble of neural networks whose last layers are Bayesian linear models.

    Use it for many rows, whose cost it bears linearly, and for functions that vary on different scales in different places.
    The hidden layers of all members are trained together, by JAX, from the evidence of their last layers; the rest is exact
    algebra in NumPy: a prediction needs no JAX, more rows are a rank update. Each member lacks some rows, and how well the
    members predict what they lack decides the noise and scales the variances of the ensemble.

    Arguments:
        members: the number of networks, at least 2.
        hidden_widths: of the hidden layers, each at least 1.
        activation: of the hidden layers.
        initialisation: of the weights; "auto": as the activation needs.
        weight_prior: the precision of the prior of the hidden layers, for each number of the data.
        learning_rate: of the first steps; it falls to zero.
        steps: of a training from nothing; each sees all rows, or a batch of them.
        warm_steps: of a training that goes on from a state.
        batch: the most rows of a step.
        resampling: "subset": each row is left out by a fraction of the members; "bootstrap": by 1/e of them on average.
        left_out: that fraction.
        noise: "fit" a noise, or "none" for a deterministic model; known noise of the rows is added to either.
        prior_mean: a known function; the ensemble learns the rest.
        category_counts: for each column its number of labels, 0 where it holds a number; () where none holds labels.

    Example:
        >>> x = np.linspace(0.0, 1.0, 12)[:, None]
        >>> data = Dataset.of(x, np.sin(6.0 * x[:, 0]))
        >>> ensemble = NeuralEnsemble(members=4, hidden_widths=(16,), steps=60)
        >>> posterior = ensemble.fit(data, None, np.random.default_rng(0)).posterior
        >>> bool(abs(posterior.mean_variance(np.array([[0.5]]))[0].item() - np.sin(3.0)) < 0.1)
        True

    Source: B. Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", NeurIPS
    (2017); R. Eschenhagen et al., "Mixtures of Laplace Approximations", arXiv:2111.03577.
    """

    members: int = 8
    hidden_widths: tuple[int, ...] = (32, 32)
    activation: ActivationName = "silu"
    initialisation: InitialisationName = "auto"
    weight_prior: float = 1e-4
    learning_rate: float = 1e-2
    steps: int = 300
    warm_steps: int = 100
    batch: int = 512
    resampling: Resampling = "subset"
    left_out: float = 0.2
    noise: NoiseName = "fit"
    prior_mean: AbstractPriorMean | None = None
    category_counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_choice(_WHOSE, "initialisation", self.initialisation, InitialisationName)
        require_choice(_WHOSE, "resampling", self.resampling, Resampling)
        require_choice(_WHOSE, "noise", self.noise, NoiseName)
        if self.members < 2:
            raise UsageError(f"{_WHOSE} needs at least 2 members, got {self.members!r}")
        if not self.hidden_widths or min(self.hidden_widths) < 1:
            raise UsageError(
                f"the hidden_widths of {_WHOSE} must be one or more numbers of at least 1, got {self.hidden_widths!r}"
            )
        if self.activation not in ACTIVATIONS:
            raise UsageError(
                f"the activation of {_WHOSE} must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}"
            )

    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[FeaturePosterior]:
        check_rows(data, self.category_counts, _WHOSE)
        with single_threaded_blas():
            scaling = affine_scaling(
                *standardisation(data, data.values - prior_values(self.prior_mean, data), centred=True)
            )
            encoding = InputEncoding.of(data, self.category_counts)
            latent, slope = latent_rows(scaling, self.prior_mean, data)
            known = data.noise_variance * slope**2
            factor = RowNoise(np.ones(1), encoding.slope_noise).factor(data)
            present = row_presence(data.points, self.members, self.resampling, self.left_out)
            rows = TrainingRows(
                encoding.encode(data.points),
                encoding.input_directions(data.derivative),
                data.is_value,
                latent,
                factor,
                known.mean(axis=1),
                present,
            )
            layers, info = self._trained(rows, state, generator)
            # As it will be read from the state.
            written = layers_to_state(layers)
            features = NeuralFeatures(layers_of_state(written), self.activation, encoding)
            design = rows_design(features, data)
            share = left_out_share(self.members, self.resampling, self.left_out)
            outputs = [
                calibrated(
                    design, latent[:, k], factor, known[:, k], present, share, noisy=self.noise == "fit"
                )
                for k in range(data.output_dimension)
            ]
        fitted_state = {
            "layers": written,
            "ridge": [output.ridge for output in outputs],
            "calibration": [output.factor for output in outputs],
            "offset": scaling.offset.tolist(),
            "scale": scaling.scale.tolist(),
            "encoding": encoding.to_state(),
        }
        inside = [list(output.inside) for output in outputs]
        return Fitted(self.posterior(data, fitted_state), fitted_state, {**info, "held_out_inside": inside})

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> FeaturePosterior:
        check_rows(data, self.category_counts, _WHOSE)
        encoding = InputEncoding.of_state(state["encoding"], data.dimension, self.category_counts)
        features = NeuralFeatures(layers_of_state(state["layers"]), self.activation, encoding)
        ridge, factor, offset, scale = (
            np.array(state[name], dtype=float) for name in ("ridge", "calibration", "offset", "scale")
        )
        return feature_posterior(
            features,
            np.ones((len(ridge), self.members, features.size)),
            factor,
            jackknife_weight(left_out_share(self.members, self.resampling, self.left_out), self.members),
            RowNoise(ridge, encoding.slope_noise),
            affine_scaling(offset, scale),
            self.prior_mean,
            data,
        )

    def _trained(
        self, rows: TrainingRows, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> tuple[Layers, dict[str, Any]]:
        """From the state where it has networks of this shape, else from random layers."""
        widths = (rows.inputs.shape[1], *self.hidden_widths)
        fresh = initial_layers(self.members, widths, self.activation, self.initialisation, generator)
        layers, steps, ridge = fresh, self.steps, 1e-2
        if state is not None:
            stored = layers_of_state(state["layers"])
            if [weights.shape for weights, _ in stored] == [weights.shape for weights, _ in fresh]:
                lowest, highest = float(RIDGES[0]), float(RIDGES[-1])
                ridge = float(np.clip(np.median(state["ridge"]), lowest, highest))
                layers, steps = stored, self.warm_steps
        return trained(
            layers,
            ridge,
            rows,
            activation=self.activation,
            learning_rate=self.learning_rate,
            weight_prior=self.weight_prior,
            steps=steps,
            batch=self.batch,
            seed=int(generator.integers(2**32)),
        )
