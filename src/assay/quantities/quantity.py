"""The one quantity: any node of a graph of sources and variables."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.quantities.abstract import AbstractQuantity, AbstractScalarQuantity, AbstractSource
from assay.quantities.evaluation import Drawing, Evaluation
from assay.quantities.graph import Graph

__all__ = ["GaussianScalar", "Memory", "Quantity"]

Array = np.ndarray

# Below it a Gaussian is a step.
SMALLEST_VARIANCE = 1e-300
# Numbers held at a time where a moment is taken over draws.
_CHUNK = 2_000_000
# Sets of draws that are kept: those at the looks so far, all over the space, and where a search stands.
_REMEMBERED = 3


@final
class Memory:
    """The latest draws of a graph.

    Use it where several acquisitions ask for draws of one graph at the same points, each of another node: an objective
    and its bounds. Nodes that both need are then computed once.
    """

    def __init__(self) -> None:
        self._latest: deque[tuple[Graph, Array, Array, Drawing]] = deque(maxlen=_REMEMBERED)

    def drawing(self, graph: Graph, points: Array, normal: Array) -> Drawing:
        """Differentiable draws at points from normals: those of an earlier call that was the same, if it is remembered."""
        for known_graph, known_points, known_normal, drawing in self._latest:
            same = known_graph is graph and np.array_equal(known_points, points)
            if same and np.array_equal(known_normal, normal):
                return drawing
        drawing = Evaluation(graph, points, differentiable=True).drawn(normal)
        self._latest.append((graph, points.copy(), normal, drawing))
        return drawing


@final
@dataclass(frozen=True)
class Quantity(AbstractQuantity):
    """Any node of a graph.

    Exact where all above the sources is affine, or a sum of squares on top of that, and where a node selects values of
    one source; else from draws.

    Arguments:
        graph: sources and variables.
        name: of the node.
        memory: of draws, to be shared among the quantities of a graph.
    """

    graph: Graph
    name: str
    memory: Memory | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        self.graph.node(self.name)

    @property
    def output_names(self) -> tuple[str, ...]:
        return self.graph.output_names(self.name)

    @property
    def is_gaussian(self) -> bool:
        return self.graph.is_gaussian(self.name)

    @property
    def normal_dimension(self) -> int:
        return self.graph.normal_dimension

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        selected = self.graph.selected(self.name)
        if selected is not None:
            mean, variance = self._source.mean_variance(self._shared(points))
            return mean[:, selected[1]], variance[:, selected[1]]
        parts = [self._at(part).moments(self.name)[:2] for part in self._chunks(points)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def mean_covariance(self, points: Array) -> tuple[Array, Array]:
        if len(self.output_names) == 1:
            mean, variance = self.mean_variance(points)
            return mean, variance[:, :, None]
        selected = self.graph.selected(self.name)
        if selected is not None:
            mean, covariance = self._source.mean_covariance(self._shared(points))
            return mean[:, selected[1]], covariance[:, selected[1]][:, :, selected[1]]
        if self.is_gaussian:
            moments = self._at(points).gaussian(self.name)
            return moments.mean(), moments.covariance()
        means, covariances = [], []
        for part in self._chunks(points):
            values = self.draw(part, self.graph.fixed_normal)
            mean = values.mean(axis=0)
            rest = np.moveaxis(values - mean, 0, 1)
            means.append(mean)
            covariances.append(np.swapaxes(rest, 1, 2) @ rest / len(values))
        return np.concatenate(means), np.concatenate(covariances)

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        selected = self.graph.selected(self.name)
        if selected is not None:
            _, entries = selected
            found = self._source.mean_variance_gradient(self._shared(points))
            mean, variance, by_mean, by_variance = (part[:, entries] for part in found)
            padded = self.graph.parameters.padded
            return mean, variance, padded(by_mean), padded(by_variance)
        means, variances, by_means, by_variances = [], [], [], []
        for part in self._chunks(points):
            mean, variance, pullback = self._at(part, differentiable=True).moments(self.name)
            bars = np.eye(mean.shape[1])[:, None, :] * np.ones((1, len(part), 1))
            nothing = np.zeros_like(mean)
            by_means.append(np.stack([pullback(bar, nothing) for bar in bars], axis=1))
            by_variances.append(np.stack([pullback(nothing, bar) for bar in bars], axis=1))
            means.append(mean)
            variances.append(variance)
        return (
            np.concatenate(means),
            np.concatenate(variances),
            np.concatenate(by_means),
            np.concatenate(by_variances),
        )

    def quantiles(self, points: Array, probabilities: Array) -> Array:
        probabilities = np.asarray(probabilities, dtype=float)
        selected = self.graph.selected(self.name)
        if selected is not None:
            return self._source.quantiles(self._shared(points), probabilities)[:, :, selected[1]]
        if self.is_gaussian:
            from scipy.special import ndtri

            mean, variance = self.mean_variance(points)
            return mean + np.sqrt(np.maximum(variance, 0.0)) * ndtri(probabilities)[:, None, None]
        if self.graph.has_quadratic_law(self.name):
            law, _ = self._at(points).law(self.name)
            return law.quantiles(probabilities)[:, :, None]
        parts = [
            np.quantile(self.draw(part, self.graph.fixed_normal), probabilities, axis=0)
            for part in self._chunks(points)
        ]
        return np.concatenate(parts, axis=1)

    def probability_below(self, points: Array, thresholds: Array) -> Array:
        """P(output < threshold) for thresholds (k,), one for each output: (p, k).

        Exact where quantiles are; else the share of the draws.
        """
        thresholds = np.asarray(thresholds, dtype=float)
        selected = self.graph.selected(self.name)
        if selected is not None:
            # an output may be selected twice, with two thresholds
            shape = (len(thresholds), len(points), len(self._source.output_names))
            whole = np.broadcast_to(thresholds[:, None, None], shape)
            shares = self._source.distribution(self._shared(points))(whole)
            return shares[np.arange(len(thresholds)), :, selected[1]].T
        if self.is_gaussian:
            from scipy.special import ndtr

            mean, variance = self.mean_variance(points)
            return ndtr((thresholds - mean) / np.sqrt(np.maximum(variance, SMALLEST_VARIANCE)))
        if self.graph.has_quadratic_law(self.name):
            law, _ = self._at(points).law(self.name)
            return law.probability_below(np.repeat(thresholds, len(points)))[:, None]
        shares = [
            (self.draw(part, self.graph.fixed_normal) < thresholds).mean(axis=0)
            for part in self._chunks(points)
        ]
        return np.concatenate(shares)

    def draw(self, points: Array, normal: Array) -> Array:
        if self.memory is not None and self.is_drawn:
            return self.memory.drawing(self.graph, np.asarray(points, dtype=float), normal).values(self.name)
        return self._at(points).drawn(normal).values(self.name)

    def draw_pullback(self, points: Array, normal: Array) -> tuple[Array, Callable[[Array], Array]]:
        if self.memory is not None and self.is_drawn:
            drawing = self.memory.drawing(self.graph, np.asarray(points, dtype=float), normal)
        else:
            drawing = self._at(points, differentiable=True).drawn(normal)
        return drawing.values(self.name), lambda bar: drawing.pullback(self.name, bar)

    @property
    def is_drawn(self) -> bool:
        """Whether nothing but draws says what it is."""
        return not (self.is_gaussian or self.graph.has_quadratic_law(self.name))

    def _at(self, points: Array, *, differentiable: bool = False) -> Evaluation:
        return Evaluation(self.graph, np.asarray(points, dtype=float), differentiable=differentiable)

    @property
    def _source(self) -> AbstractSource:
        selected = self.graph.selected(self.name)
        assert selected is not None
        return self.graph.sources[selected[0]]

    def _shared(self, points: Array) -> Array:
        return self.graph.parameters.of_surrogates(np.asarray(points, dtype=float))

    def _chunks(self, points: Array) -> list[Array]:
        """The points in parts, so that draws of them fit; one part where nothing is drawn."""
        points = np.asarray(points, dtype=float)
        if not self.is_drawn:
            return [points]
        widest = max(len(self.graph.output_names(name)) for name in self.graph.normal_columns)
        rows = max(1, _CHUNK // (self.graph.samples * widest))
        return [points[start : start + rows] for start in range(0, max(len(points), 1), rows)]


@final
@dataclass(frozen=True)
class GaussianScalar(AbstractScalarQuantity):
    """One output of a Gaussian quantity; its own unit is the working unit.

    Raises:
        UsageError: when the quantity is not Gaussian.
    """

    quantity: AbstractQuantity
    column: int = 0

    def __post_init__(self) -> None:
        if not self.quantity.is_gaussian:
            names = ", ".join(self.quantity.output_names)
            raise UsageError(
                f"a Gaussian scalar needs a quantity that is Gaussian, got one of {names} that is not"
            )

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.quantity.mean_variance(points)
        return mean[:, self.column], variance[:, self.column]

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = self.quantity.mean_variance_gradient(points)
        column = self.column
        return mean[:, column], variance[:, column], by_mean[:, column], by_variance[:, column]

    def to_working(self, values: Array) -> Array:
        return np.asarray(values, dtype=float)
