"""What a surrogate is: data in, a posterior out; and what a posterior can be asked.

Inputs are points in unit coordinates (`assay.numerics.coordinates`): shape (points, dimension). Outputs keep
their own units: shape (points, outputs). Conditioning returns a new posterior, never a changed self.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from assay.surrogates.dataset import Dataset

__all__ = ["AbstractPosterior", "AbstractSurrogate", "Fitted"]

Array = np.ndarray


class AbstractPosterior(ABC):
    """The belief about a function after some data. Marginals are Gaussian unless `is_gaussian` is False."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The number of input columns."""

    @property
    @abstractmethod
    def output_dimension(self) -> int:
        """The number of outputs."""

    @property
    @abstractmethod
    def is_gaussian(self) -> bool:
        """Whether the marginal in the output's own unit is Gaussian (False under output warping)."""

    @abstractmethod
    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """Mean and variance of the function, without noise: both (points, outputs)."""

    @abstractmethod
    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """Mean, variance and their gradients: (points, outputs) twice, (points, outputs, dimension) twice."""

    @abstractmethod
    def quantiles(self, points: Array, probabilities: Array) -> Array:
        """Quantiles of the function: (probabilities, points, outputs)."""

    @abstractmethod
    def distribution(self, points: Array) -> Callable[[Array], Array]:
        """The function from values (..., points, outputs) to P(f(x) < value), without noise: the inverse of
        `quantiles`, prepared for many values."""

    @abstractmethod
    def joint(self, points: Array) -> tuple[Array, Array]:
        """Joint mean (points, outputs) and covariance (outputs, points, points)."""

    @property
    @abstractmethod
    def output_correlation(self) -> Array | None:
        """The correlation of the outputs at a point, (outputs, outputs), the same everywhere; None: independent."""

    @abstractmethod
    def grouped(self, groups: Array) -> tuple[Array, Array]:
        """Joint moments within each of many small groups of points: what a scan over a few points needs everywhere.

        In the units in which the posterior is Gaussian: those of the outputs, or latent ones for an
        `AbstractLatentGaussian`.

        Arguments:
            groups: (groups, members, dimension).

        Returns:
            Mean (groups, members, outputs) and covariance (groups, outputs, members, members), whose diagonal is not
            negative.
        """

    @abstractmethod
    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        """The same, and the way back: from the bars of mean (groups, members, outputs) and covariance
        (groups, outputs, members, members; not necessarily symmetric) to that of the groups (groups, members,
        dimension). A bar is the derivative of a loss by what it belongs to. Sum over the outputs first: one pass for all
        of them.
        """

    @abstractmethod
    def draw(self, points: Array, count: int, generator: np.random.Generator) -> Array:
        """Joint draws: (count, points, outputs)."""

    @abstractmethod
    def condition(self, data: Dataset) -> AbstractPosterior:
        """The posterior after more data, by a rank update with the same hyperparameters."""

    @abstractmethod
    def condition_on_inputs(self, points: Array) -> AbstractPosterior:
        """The posterior after looks whose results are not known yet: the mean stays, the variance shrinks."""


Posterior_co = TypeVar("Posterior_co", bound=AbstractPosterior, covariant=True)


@dataclass(frozen=True)
class Fitted(Generic[Posterior_co]):
    """What a fit gives: the posterior, the state that the next fit starts from, and what a person wants to see."""

    posterior: Posterior_co
    state: Mapping[str, Any]
    info: Mapping[str, Any]


class AbstractSurrogate(ABC):
    """A recipe: it holds its configuration, never data."""

    @abstractmethod
    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[AbstractPosterior]:
        """Fit the hyperparameters, starting from `state` (plain data, from an earlier fit) where there is one."""

    @abstractmethod
    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> AbstractPosterior:
        """The posterior with the hyperparameters of `state`; deterministic, to the bit."""
