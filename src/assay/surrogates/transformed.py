"""A surrogate that sees other parameters than those of the space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.input_maps import FormulaMap
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.dataset import Dataset
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.surrogates.scaling import OutputScaling

__all__ = ["TransformedPosterior", "TransformedSurrogate", "mapped"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class TransformedPosterior(AbstractLatentGaussian):
    """A posterior over other parameters, as one over the space's unit coordinates.

    Arguments:
        inner: over what the map gives.
        seen: the map.
        scaling: that of `inner`.
        dimension_of_space: the number of columns of the space.
    """

    inner: AbstractLatentGaussian
    seen: FormulaMap
    scaling: OutputScaling
    dimension_of_space: int

    @property
    def dimension(self) -> int:
        return self.dimension_of_space

    @property
    def output_correlation(self) -> Array | None:
        return self.inner.output_correlation

    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        return self.inner.latent_mean_variance(self.seen.unit(points))

    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        inner, jacobian = self.seen.unit_jacobian(points)
        mean, variance, by_mean, by_variance = self.inner.latent_mean_variance_gradient(inner)
        return (
            mean,
            variance,
            np.einsum("pkj,pjd->pkd", by_mean, jacobian),
            np.einsum("pkj,pjd->pkd", by_variance, jacobian),
        )

    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        return self.inner.latent_joint(self.seen.unit(points))

    def grouped(self, groups: Array) -> tuple[Array, Array]:
        count, members, dimension = groups.shape
        inner = self.seen.unit(groups.reshape(-1, dimension))
        return self.inner.grouped(inner.reshape(count, members, -1))

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        count, members, dimension = groups.shape
        inner, jacobian = self.seen.unit_jacobian(groups.reshape(-1, dimension))
        mean, covariance, back = self.inner.grouped_pullback(inner.reshape(count, members, -1))

        def pullback(mean_bar: Array, covariance_bar: Array) -> Array:
            bar = back(mean_bar, covariance_bar).reshape(count * members, -1)
            return np.einsum("pj,pjd->pd", bar, jacobian).reshape(groups.shape)

        return mean, covariance, pullback

    def condition(self, data: Dataset) -> TransformedPosterior:
        return self._with(self.inner.condition(mapped(self.seen, data)))

    def condition_on_inputs(self, points: Array) -> TransformedPosterior:
        return self._with(self.inner.condition_on_inputs(self.seen.unit(points)))

    def _with(self, inner: Any) -> TransformedPosterior:
        return replace(self, inner=inner)


@final
@dataclass(frozen=True)
class TransformedSurrogate(AbstractSurrogate):
    """A recipe for a surrogate that sees formulas of the parameters.

    Use it where the function is known to depend on a product, a ratio, or a constant that belongs to a label. Derivatives
    cannot be learned from: one by a parameter is not one by what the surrogate sees.

    Arguments:
        recipe: of the surrogate.
        seen: from unit coordinates to what it sees.
    """

    recipe: AbstractSurrogate
    seen: FormulaMap

    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[TransformedPosterior]:
        fitted = self.recipe.fit(mapped(self.seen, data), state, generator)
        return Fitted(self._around(fitted.posterior, data), fitted.state, fitted.info)

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> TransformedPosterior:
        return self._around(self.recipe.posterior(mapped(self.seen, data), state), data)

    def _around(self, inner: Any, data: Dataset) -> TransformedPosterior:
        return TransformedPosterior(inner, self.seen, inner.scaling, data.dimension)


def mapped(seen: FormulaMap, data: Dataset) -> Dataset:
    """The data at what the surrogate sees.

    Raises:
        UsageError: when there are derivatives among them.
    """
    if not data.is_value.all():
        raise UsageError(
            "a surrogate with a transformation learns from values only, got derivatives; leave out its key 'input', "
            "or do not tell derivatives"
        )
    return Dataset.of(seen.unit(data.points), data.values, data.noise_variance)
