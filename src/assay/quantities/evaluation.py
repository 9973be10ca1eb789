"""A graph at given points: exact moments where there are any, draws elsewhere, each with the way back.

Everything is computed when it is asked for, and once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import numpy as np

from assay.quantities.abstract import (
    AbstractAffineVariable,
    AbstractQuadraticVariable,
    AbstractSampledVariable,
    Affine,
    Incoming,
    Place,
    Square,
)
from assay.quantities.graph import Graph
from assay.quantities.laws import QuadraticLaw
from assay.quantities.linear import (
    GaussianMoments,
    LinearForm,
    SourceMoments,
    composed,
    composed_pullback,
    identity,
)

__all__ = ["Drawing", "Evaluation"]

Array = np.ndarray
MomentsPullback = Callable[[Array, Array], Array]
Back = Callable[[Array], tuple[list[tuple[str, Array]], Array]]


@final
class Evaluation:
    """A graph at points (p, d).

    Arguments:
        graph: what is evaluated.
        points: in unit coordinates.
        differentiable: whether pullbacks may be called; without, less is computed.
    """

    def __init__(self, graph: Graph, points: Array, *, differentiable: bool) -> None:
        self.graph = graph
        self.place: Place = graph.parameters.at(points)
        self.differentiable = differentiable
        self._shared = graph.parameters.of_surrogates(points)
        self._affine: dict[str, Affine] = {}
        self._squares: dict[str, Square] = {}
        self._forms: dict[str, LinearForm] = {}
        self._sources: dict[str, SourceMoments] = {}
        self._source_backs: dict[str, Callable[[Array, Array], Array]] = {}

    # -- exact moments -------------------------------------------------------------------------------------

    def moments(self, name: str) -> tuple[Array, Array, MomentsPullback]:
        """Mean and variance (p, k) of a node, and the function from their bars to the gradient by the points."""
        if self.graph.is_gaussian(name):
            moments = self.gaussian(name)
            return moments.mean(), moments.variance(), lambda *bars: self._gaussian_back(name, moments, *bars)
        if self.graph.has_quadratic_law(name):
            law, back = self.law(name)
            mean, variance = law.mean_variance()
            return mean[:, None], variance[:, None], lambda *bars: back(*(bar[:, 0] for bar in bars))
        selected = self.graph.selected(name)
        if selected is not None:
            return self._selected_moments(*selected)
        return self._drawn_moments(name)

    def gaussian(self, name: str) -> GaussianMoments:
        """The moments of a node that is Gaussian."""
        return self._gaussian_of(self.form(name))

    def law(self, name: str) -> tuple[QuadraticLaw, MomentsPullback]:
        """The law of a node that is a sum of squares of a Gaussian vector, and the function from the bars (p,) of its
        mean and variance to the gradient by the points."""
        square, moments = self.square(name), self.squared(name)
        covariance = moments.variance() if moments.is_independent else moments.covariance()
        law = QuadraticLaw(moments.mean(), covariance, square.offset, square.scale, square.approximate)

        def pullback(mean_bar: Array, variance_bar: Array) -> Array:
            centre_bar, covariance_bar, offset_bar = law.pullback(mean_bar, variance_bar)
            return self.squared_back(name, moments, centre_bar, covariance_bar, offset_bar)

        return law, pullback

    def squared(self, name: str) -> GaussianMoments:
        """The moments of the vector whose squares a node sums."""
        (read,) = self.graph.variables[name].inputs
        return self._gaussian_of(composed(self.square(name).affine, [self.form(read)], name))

    def squared_back(
        self, name: str, moments: GaussianMoments, mean_bar: Array, covariance_bar: Array, offset_bar: Array
    ) -> Array:
        """From the bars of `squared` and of the offset to the gradient by the points."""
        square, (read,) = self.square(name), self.graph.variables[name].inputs
        (form_offset_bar, matrix_bars), source_bars = moments.pullback(mean_bar, covariance_bar)
        total = self._sources_back(source_bars)
        inner, own = composed_pullback(square.affine, [self.form(read)], name, form_offset_bar, matrix_bars)
        total = total + self._form_back(read, *inner[0])
        if own is not None:
            total = total + own
        return total if square.pullback is None else total + square.pullback(offset_bar)

    def form(self, name: str) -> LinearForm:
        """A node above which all is affine, as one affine map."""
        if name not in self._forms:
            if name in self.graph.sources:
                form = identity(name, len(self.graph.sources[name].output_names))
            else:
                inputs = [self.form(read) for read in self.graph.variables[name].inputs]
                form = composed(self.affine(name), inputs, name)
            self._forms[name] = form
        return self._forms[name]

    def affine(self, name: str) -> Affine:
        """The map of an affine variable."""
        if name not in self._affine:
            variable = self.graph.variables[name]
            assert isinstance(variable, AbstractAffineVariable)
            self._affine[name] = variable.affine(self.place)
        return self._affine[name]

    def square(self, name: str) -> Square:
        """The sum of squares that a quadratic variable is."""
        if name not in self._squares:
            variable = self.graph.variables[name]
            assert isinstance(variable, AbstractQuadraticVariable)
            self._squares[name] = variable.square(self.place)
        return self._squares[name]

    def drawn(self, normal: Array) -> Drawing:
        """Draws with these normals (S, normal_dimension)."""
        return Drawing(self, np.asarray(normal, dtype=float))

    @property
    def points(self) -> Array:
        """The columns that surrogates read."""
        return self._shared

    # -- parts ---------------------------------------------------------------------------------------------

    def _gaussian_of(self, form: LinearForm) -> GaussianMoments:
        return GaussianMoments(form, {name: self._source(name) for name in form.matrices})

    def _source(self, name: str) -> SourceMoments:
        if name not in self._sources:
            if name in self.graph.variables:
                size = self.graph.variables[name].own_normals
                self._sources[name] = SourceMoments.unit(len(self._shared), size)
            elif self.differentiable:
                *found, self._source_backs[name] = self.graph.sources[name].block_moments_pullback(
                    self._shared
                )
                self._sources[name] = SourceMoments(*found)
            else:
                self._sources[name] = SourceMoments(*self.graph.sources[name].block_moments(self._shared))
        return self._sources[name]

    def _sources_back(self, bars: Mapping[str, tuple[Array, Array]]) -> Array:
        total = np.zeros_like(self._shared)
        for name, pair in bars.items():
            if name in self._source_backs:
                total += self._source_backs[name](*pair)
        return self.graph.parameters.padded(total)

    def _gaussian_back(
        self, name: str, moments: GaussianMoments, mean_bar: Array, variance_bar: Array
    ) -> Array:
        form_bars, source_bars = moments.pullback(mean_bar, variance_bar)
        return self._sources_back(source_bars) + self._form_back(name, *form_bars)

    def _form_back(self, name: str, offset_bar: Array, matrix_bars: Mapping[str, Array]) -> Array:
        """From the bars of a node's form to the gradient by the points, through coefficients that depend on them."""
        total = np.zeros_like(self.place.points)
        if not self._moves(name):
            return total
        reads = self.graph.variables[name].inputs
        inner, own = composed_pullback(
            self.affine(name), [self.form(read) for read in reads], name, offset_bar, matrix_bars
        )
        for read, bars in zip(reads, inner, strict=True):
            total += self._form_back(read, *bars)
        return total if own is None else total + own

    def _moves(self, name: str) -> bool:
        """Whether a node's form depends on the point."""
        if name in self.graph.sources:
            return False
        return self.affine(name).pullback is not None or any(
            map(self._moves, self.graph.variables[name].inputs)
        )

    def _selected_moments(self, source: str, entries: Array) -> tuple[Array, Array, MomentsPullback]:
        if not self.differentiable:
            mean, variance = self.graph.sources[source].mean_variance(self._shared)
            return mean[:, entries], variance[:, entries], _not_differentiable
        found = self.graph.sources[source].mean_variance_gradient(self._shared)
        mean, variance, by_mean, by_variance = (part[:, entries] for part in found)

        def pullback(mean_bar: Array, variance_bar: Array) -> Array:
            gradient = np.einsum("pk,pkd->pd", mean_bar, by_mean)
            gradient += np.einsum("pk,pkd->pd", variance_bar, by_variance)
            return self.graph.parameters.padded(gradient)

        return mean, variance, pullback

    def _drawn_moments(self, name: str) -> tuple[Array, Array, MomentsPullback]:
        drawing = self.drawn(self.graph.fixed_normal)
        values = drawing.values(name)
        mean = values.mean(axis=0)
        rest = values - mean

        def pullback(mean_bar: Array, variance_bar: Array) -> Array:
            bar = (mean_bar + 2.0 * rest * variance_bar) / len(values)
            return drawing.pullback(name, bar)

        return mean, (rest**2).mean(axis=0), pullback


@final
class Drawing:
    """Joint draws of every node of an evaluation that is asked for, from one set of normals.

    Arguments:
        evaluation: the graph at its points.
        normal: (S, normal_dimension).
    """

    def __init__(self, evaluation: Evaluation, normal: Array) -> None:
        self._evaluation = evaluation
        self._graph = evaluation.graph
        self._normal = normal
        self._values: dict[str, Array] = {}
        self._tape: list[tuple[str, Back]] = []

    def values(self, name: str) -> Array:
        """Draws of a node: (S, p, k)."""
        if name not in self._values:
            values, back = self._computed(name)
            self._values[name] = values
            self._tape.append((name, back))
        return self._values[name]

    def pullback(self, name: str, bar: Array) -> Array:
        """From the bar (S, p, k) of a node that was asked for to the gradient by the points (p, d)."""
        if not self._evaluation.differentiable:
            return _not_differentiable()
        bars = {name: bar}
        total = np.zeros_like(self._evaluation.place.points)
        for node, back in reversed(self._tape):
            if node in bars:
                inputs, gradient = back(bars.pop(node))
                total = total + gradient
                for read, part in inputs:
                    bars[read] = bars[read] + part if read in bars else part
        return total

    def _computed(self, name: str) -> tuple[Array, Back]:
        if name in self._graph.sources:
            return self._of_source(name)
        variable = self._graph.variables[name]
        if isinstance(variable, AbstractAffineVariable):
            return self._of_affine(self._evaluation.affine(name), variable.inputs, self._own(name))
        if isinstance(variable, AbstractQuadraticVariable):
            if self._graph.has_quadratic_law(name):
                moments = self._evaluation.squared(name)
                if moments.is_independent:
                    return self._of_independent_squares(name, moments)
            return self._of_squares(self._evaluation.square(name), variable.inputs)
        assert isinstance(variable, AbstractSampledVariable)
        return self._of_sampled(name, variable)

    def _own(self, name: str) -> Array:
        return self._normal[:, self._graph.normal_columns[name]]

    def _of_source(self, name: str) -> tuple[Array, Back]:
        source, points = self._graph.sources[name], self._evaluation.points
        if not self._evaluation.differentiable:
            return source.draw(points, self._own(name)), _no_back
        values, pullback = source.draw_pullback(points, self._own(name))
        padded = self._graph.parameters.padded
        return values, lambda bar: ([], padded(pullback(bar)))

    def _of_affine(self, affine: Affine, reads: tuple[str, ...], normal: Array) -> tuple[Array, Back]:
        inputs = [self.values(read) for read in reads]
        values = affine.offset + sum(
            _applied(matrix, part) for matrix, part in zip(affine.matrices, inputs, strict=True)
        )
        if affine.root is not None:
            values = values + np.einsum("pkn,sn->spk", affine.root, normal)

        def back(bar: Array) -> tuple[list[tuple[str, Array]], Array]:
            bars = [_applied(np.swapaxes(matrix, 1, 2), bar) for matrix in affine.matrices]
            gradient = np.zeros(())
            if affine.pullback is not None:
                by_matrix = [_outer(bar, part) for part in inputs]
                by_root = None if affine.root is None else np.einsum("spk,sn->pkn", bar, normal)
                gradient = affine.pullback(bar.sum(axis=0), by_matrix, by_root)
            return list(zip(reads, bars, strict=True)), gradient

        return np.asarray(values), back

    def _of_squares(self, square: Square, reads: tuple[str, ...]) -> tuple[Array, Back]:
        terms, back_terms = self._of_affine(square.affine, reads, self._normal[:, :0])
        values = square.offset + square.scale * np.einsum("spk,spk->sp", terms, terms)

        def back(bar: Array) -> tuple[list[tuple[str, Array]], Array]:
            inputs, gradient = back_terms(2.0 * square.scale * bar * terms)
            if square.pullback is not None:
                gradient = gradient + square.pullback(bar[:, :, 0].sum(axis=0))
            return inputs, gradient

        return values[:, :, None], back

    def _of_independent_squares(self, name: str, moments: GaussianMoments) -> tuple[Array, Back]:
        """Σ (m + r z)² = Σ m² + 2 (m r)·z + r²·z²: two matrix products, and no array (S, p, k).

        A composite objective over many outputs spends its time here.
        """
        square = self._evaluation.square(name)
        ((source, matrix),) = moments.form.matrices.items()
        normal = self._own(source)[:, np.abs(matrix).max(axis=0).argmax(axis=1)]
        normal2 = normal**2
        mean = moments.mean()
        root = np.sign(matrix.sum(axis=2)) * np.sqrt(moments.variance())
        values = 2.0 * normal @ (mean * root).T + normal2 @ (root**2).T
        values = square.offset + square.scale * (values + (mean**2).sum(axis=1))

        def back(bar: Array) -> tuple[list[tuple[str, Array]], Array]:
            by_point = bar[:, :, 0].T
            first, second = by_point @ normal, by_point @ normal2
            total = by_point.sum(axis=1)
            mean_bar = 2.0 * square.scale * (mean * total[:, None] + root * first)
            # By the variance root², through 2 root dv = d(root²).
            safe = np.where(root != 0.0, root, 1.0)
            variance_bar = square.scale * (np.where(root != 0.0, mean * first / safe, 0.0) + second)
            return [], self._evaluation.squared_back(name, moments, mean_bar, variance_bar, total)

        return values[:, :, None], back

    def _of_sampled(self, name: str, variable: AbstractSampledVariable) -> tuple[Array, Back]:
        moments = (
            [self._evaluation.moments(read) for read in variable.inputs] if variable.reads_moments else None
        )
        incoming = [
            Incoming(self.values(read), *(moments[index][:2] if moments else (None, None)))
            for index, read in enumerate(variable.inputs)
        ]
        pushed = variable.push(incoming, self._evaluation.place, self._own(name))

        def back(bar: Array) -> tuple[list[tuple[str, Array]], Array]:
            by_input, own = pushed.pullback(bar)
            gradient = np.zeros(()) if own is None else own
            for index, (_, mean_bar, variance_bar) in enumerate(by_input):
                if moments is None or (mean_bar is None and variance_bar is None):
                    continue
                mean, _, pullback = moments[index]
                nothing = np.zeros_like(mean)
                gradient = gradient + pullback(
                    nothing if mean_bar is None else mean_bar,
                    nothing if variance_bar is None else variance_bar,
                )
            pairs = zip(variable.inputs, by_input, strict=True)
            return [(read, bars[0]) for read, bars in pairs if bars[0] is not None], gradient

        return pushed.values, back


def _applied(matrix: Array, values: Array) -> Array:
    """Matrix (p or 1, k, K) times draws (S, p, K): (S, p, k)."""
    if len(matrix) == 1:
        return values @ matrix[0].T
    return np.einsum("pkj,spj->spk", matrix, values, optimize=True)


def _outer(left: Array, right: Array) -> Array:
    """Σ_S left (S, p, k) right (S, p, K): (p, k, K)."""
    return np.moveaxis(left, 0, 2) @ np.moveaxis(right, 0, 1)


def _not_differentiable(*_: Array) -> Array:
    raise RuntimeError("this evaluation was made without gradients")


def _no_back(_: Array) -> tuple[list[tuple[str, Array]], Array]:
    raise RuntimeError("this evaluation was made without gradients")
