"""A Pareto front that is not known exactly: draws of the objectives at the looks so far, and the belief given each draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.acquisition.hypervolume_gain import BoxStack
from assay.numerics.hypervolume import non_dominated, non_dominated_boxes
from assay.numerics.threads import single_threaded_blas
from assay.quantities.abstract import AbstractScalarQuantity
from assay.quantities.selector import SelectedOutput
from assay.surrogates.process import Process

__all__ = ["FantasisedOutput", "draw_fronts", "to_working"]

Array = np.ndarray

# In units of the signal variance: the noise that stands for none, and the variance below which a value is known.
NUGGET = 1e-8
KNOWN = 1e-7


@dataclass(frozen=True)
class FantasisedOutput:
    """One output of a posterior given draws of it at some points: as many means, and one variance.

    Arguments:
        quantity: the output.
        deviation: the process of what the draws add to the mean, one output for each draw.
    """

    quantity: SelectedOutput
    deviation: Process

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """(points, draws) and (points,), in working units."""
        added, unit = self.deviation.mean_variance(points)
        mean, _ = self.quantity.mean_variance(points)
        return mean[:, None] + added, self._signal * unit

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """The same with gradients: (points, draws, dimension) and (points, dimension)."""
        added, unit, added_gradient, unit_gradient = self.deviation.mean_variance_gradient(points)
        mean, _, mean_gradient, _ = self.quantity.mean_variance_gradient(points)
        return (
            mean[:, None] + added,
            self._signal * unit,
            mean_gradient[:, None] + added_gradient,
            self._signal * unit_gradient,
        )

    @property
    def _signal(self) -> float:
        return float(self.quantity.posterior.signal_variance[self.quantity.column])


def draw_fronts(
    quantities: Sequence[SelectedOutput],
    points: Array,
    lower: Array,
    upper: Array,
    count: int,
    generator: np.random.Generator,
) -> tuple[tuple[FantasisedOutput, ...], BoxStack]:
    """Draw the objectives at the looks so far, and with each draw its front.

    Looks that are on no front, or whose values are known, need not be conditioned on: the draws of the others are
    joint without them.

    Arguments:
        quantities: the objectives, minimised, from independent outputs.
        points: (looks, dimension), observed and open ones.
        lower, upper: (objectives,), the references in working units.
        count: of draws.
        generator: of randomness.

    Returns:
        The objectives given the draws, and what the front of each draw leaves over.
    """
    moments = [_joint(quantity, points) for quantity in quantities]
    draws = np.stack([_draw(*moment, count, generator) for moment in moments], axis=2)
    on_front = np.any([non_dominated(draw) for draw in draws], axis=0)
    boxes = BoxStack.of([non_dominated_boxes(draw[on_front], lower, upper) for draw in draws])
    outputs = tuple(
        _given(quantity, points, draws[:, :, index] - mean, on_front, covariance)
        for index, (quantity, (mean, covariance)) in enumerate(zip(quantities, moments, strict=True))
    )
    return outputs, boxes


def to_working(quantities: Sequence[AbstractScalarQuantity], values: Array) -> Array:
    """Values (rows, objectives) in the objectives' own units to working units."""
    columns = [quantity.to_working(values[:, index]) for index, quantity in enumerate(quantities)]
    return np.stack(columns, axis=1)


def _joint(quantity: SelectedOutput, points: Array) -> tuple[Array, Array]:
    mean, covariance = quantity.posterior.latent_joint(points)
    return mean[:, quantity.column], covariance[quantity.column]


def _draw(mean: Array, covariance: Array, count: int, generator: np.random.Generator) -> Array:
    """(draws, points). An eigenvalue root and no Cholesky: the covariance at data is singular to rounding."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    return mean + generator.standard_normal((count, len(mean))) @ root.T


def _given(
    quantity: SelectedOutput, points: Array, deviations: Array, on_front: Array, covariance: Array
) -> FantasisedOutput:
    """The output given its draws, by what they deviate from its mean: (draws, points)."""
    posterior = quantity.posterior
    member = next(member for outputs, member in posterior.blocks if quantity.column in outputs)
    unknown = on_front & (np.diag(covariance) > KNOWN * posterior.signal_variance[quantity.column])
    values = np.full(int(unknown.sum()), -1)
    # A draw is of the function itself: the noise that any further row would have is taken away again.
    noise = NUGGET - member.prior.noise(values)
    with single_threaded_blas():
        silent = member.with_latent(np.zeros((len(member.points), len(deviations))))
        return FantasisedOutput(
            quantity, silent.extended(points[unknown], values, noise, deviations[:, unknown].T)
        )
