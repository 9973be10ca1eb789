"""What a quantity is: a random vector at every point that follows from posteriors; and what it is made of.

A *source* is a surrogate seen as a Gaussian vector at every point. A *variable* is a map from earlier vectors to a new
one: affine, quadratic, or by its draws. A *quantity* is a source, or variables put on top of sources. Draws are reparameterised: a draw is a differentiable
function of the point and of standard normals that belong to the sources, so that two quantities drawn with the same
normals are drawn jointly.

Gradients go backwards: what is computed comes with a *pullback*, the function from the derivatives of a loss by the
results ("bars") to its derivatives by the inputs. Bars have the shape of what they belong to. One pass serves any number of
outputs, which a composite objective over fifty of them needs.

Axes: draws S, points p, outputs k, columns d; a surrogate's point stands in unit coordinates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = [
    "AbstractAffineVariable",
    "AbstractQuadraticVariable",
    "AbstractQuantity",
    "AbstractSampledVariable",
    "AbstractScalarQuantity",
    "AbstractSource",
    "AbstractVariable",
    "Affine",
    "Incoming",
    "Place",
    "Pushed",
    "Square",
]

Array = np.ndarray


class AbstractScalarQuantity(ABC):
    """A Gaussian belief about a number at every point, in *working units*.

    Working units are those in which the belief is Gaussian: a monotone map of the quantity's own unit (output warping,
    standardising), so that lower stays lower.
    """

    @abstractmethod
    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """Mean and variance in working units: (points,) each."""

    @abstractmethod
    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """Mean, variance (points,) and their gradients (points, dimension), in working units."""

    @abstractmethod
    def to_working(self, values: Array) -> Array:
        """Values in the quantity's own unit to working units."""


class AbstractQuantity(ABC):
    """A random vector at every point, in its own units."""

    @property
    @abstractmethod
    def output_names(self) -> tuple[str, ...]:
        """One name for each output."""

    @property
    @abstractmethod
    def is_gaussian(self) -> bool:
        """Whether the vector at a point is jointly Gaussian, so that its mean and covariance say all."""

    @property
    @abstractmethod
    def normal_dimension(self) -> int:
        """The number of standard normals that one draw takes; the same for all quantities of one set of sources."""

    @abstractmethod
    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """Mean and variance of each output: (p, k) each; exact where there is a closed form, else from draws."""

    @abstractmethod
    def mean_covariance(self, points: Array) -> tuple[Array, Array]:
        """Mean (p, k) and covariance of the outputs at each point (p, k, k)."""

    @abstractmethod
    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """Mean, variance (p, k) and their gradients (p, k, d)."""

    @abstractmethod
    def quantiles(self, points: Array, probabilities: Array) -> Array:
        """Quantiles of each output: (probabilities, p, k)."""

    @abstractmethod
    def draw(self, points: Array, normal: Array) -> Array:
        """Draws at every point, joint over the outputs and smooth along the points: normal (S, normal_dimension) to
        values (S, p, k)."""

    @abstractmethod
    def draw_pullback(self, points: Array, normal: Array) -> tuple[Array, Callable[[Array], Array]]:
        """The same draws, and the function from bars (S, p, k) to the gradient by the points (p, d)."""


class AbstractSource(AbstractQuantity):
    """A surrogate as a random vector at every point: values in blocks of equal size, one after the other, and no
    covariance between blocks.

    Independent outputs with m placements each are `outputs` blocks of m values; correlated ones are one block. A draw
    is mean + root·normal in the units in which the vector is Gaussian, brought to its own units; normals are in the
    order of the values, and `normal_dimension` is their number.
    """

    @abstractmethod
    def distribution(self, points: Array) -> Callable[[Array], Array]:
        """The function from values (..., p, k) to P(output < value), prepared for many values."""

    @abstractmethod
    def block_moments(self, points: Array) -> tuple[Array, Array]:
        """Mean (p, K) and the covariance of each block (p, blocks, size, size), K = blocks·size, in own units.

        Asked only where `is_gaussian`.
        """

    @abstractmethod
    def block_moments_pullback(self, points: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        """The same, and the function from their bars to the gradient by the points (p, d)."""


@dataclass(frozen=True)
class Place:
    """Where a variable is asked.

    Arguments:
        points: (p, d), in unit coordinates.
        parameters: natural values by name, (p,) each; fixed ones are numbers.
        columns: the column of `points` that each name of a varying parameter belongs to.
        slopes: (p, d), natural by unit coordinate: the derivative of a parameter's value by its column.
        gradients: (p, d) by name, of those `parameters` that depend on a whole point, such as `log_prob`.
    """

    points: Array
    parameters: Mapping[str, Array | float]
    columns: Mapping[str, int]
    slopes: Array
    gradients: Mapping[str, Array] = field(default_factory=dict)

    def varies(self, name: str) -> bool:
        """Whether a parameter's value has a derivative by the points."""
        return name in self.columns or name in self.gradients

    def points_bar(self, bars: Mapping[str, Array]) -> Array:
        """From bars (p,) of natural parameters, by name, to the bar of the points (p, d)."""
        total = np.zeros_like(self.points)
        for name, bar in bars.items():
            if name in self.columns:
                column = self.columns[name]
                total[:, column] += bar * self.slopes[:, column]
            elif name in self.gradients:
                total += bar[:, None] * self.gradients[name]
        return total


@dataclass(frozen=True)
class Incoming:
    """An input of a variable: draws of it, and how sure it is.

    Arguments:
        values: (S, p, k), draws.
        mean, variance: (p, k), of the input at the point, exact where they can be; None unless the variable
            `reads_moments`.
    """

    values: Array
    mean: Array | None = None
    variance: Array | None = None


@dataclass(frozen=True)
class Pushed:
    """Draws of a variable with the way back.

    Arguments:
        values: (S, p, k).
        pullback: from the bar of `values` to, for each input, the bars of its values (S, p, k_i), mean and variance (p, k_i)
            (None for what was not used), and the bar of the points (p, d) as far as the variable itself reads them.
    """

    values: Array
    pullback: Callable[
        [Array], tuple[Sequence[tuple[Array | None, Array | None, Array | None]], Array | None]
    ]


@dataclass(frozen=True)
class Affine:
    """A variable as an affine map of its inputs at every point: offset + Σ matrix_i input_i + root·own normals.

    Arguments:
        offset: (p, k) or (1, k).
        matrices: for each input (p, k, k_i), or (1, k, k_i) where it is the same everywhere.
        root: (p, k, own_normals) or (1, k, own_normals), of the own noise; None for none.
        pullback: from the bars of `offset` (p, k), `matrices` (p, k, k_i) and `root` (p, k, own_normals; None without)
            to the bar of the points (p, d); None where nothing depends on the point.
    """

    offset: Array
    matrices: tuple[Array, ...]
    root: Array | None = None
    pullback: Callable[[Array, Sequence[Array], Array | None], Array] | None = None


@dataclass(frozen=True)
class Square:
    """A variable as a sum of squares at every point: offset + scale·|affine(input)|².

    Arguments:
        affine: of the one input, without own noise.
        offset: (p,) or (1,).
        scale: positive.
        pullback: from the bar of `offset` (p,) to the bar of the points (p, d); None where it does not depend on them.
        approximate: whether the law replaces the covariance of affine(input) by a multiple of the identity.
    """

    affine: Affine
    offset: Array
    scale: float = 1.0
    pullback: Callable[[Array], Array] | None = None
    approximate: bool = False


class AbstractVariable(ABC):
    """A map from earlier vectors to a new one; it holds its configuration, never a posterior.

    Implement one of the three kinds: `AbstractAffineVariable`, `AbstractQuadraticVariable` or `AbstractSampledVariable`.
    """

    @property
    @abstractmethod
    def output_names(self) -> tuple[str, ...]:
        """One name for each output."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """The names of the sources and variables that it reads."""

    @property
    @abstractmethod
    def own_normals(self) -> int:
        """The number of standard normals of its own that one draw takes; usually 0."""


class AbstractAffineVariable(AbstractVariable):
    """A variable that is an affine map, so that a Gaussian stays one."""

    @abstractmethod
    def affine(self, place: Place) -> Affine:
        """The map at every point."""


class AbstractQuadraticVariable(AbstractVariable):
    """A variable of one input and one output that is a sum of squares: of a Gaussian, a generalised chi-squared."""

    @abstractmethod
    def square(self, place: Place) -> Square:
        """The sum of squares at every point."""


class AbstractSampledVariable(AbstractVariable):
    """A variable that is known by its draws."""

    @property
    @abstractmethod
    def reads_moments(self) -> bool:
        """Whether `push` reads the mean and the variance of its inputs, not only their draws."""

    @abstractmethod
    def push(self, inputs: Sequence[Incoming], place: Place, normal: Array) -> Pushed:
        """Draws of the variable from draws of its inputs; `normal` (S, own_normals) are its own."""
