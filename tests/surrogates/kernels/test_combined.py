"""Kernels that can be combined: against closed forms and scikit-learn, their derivatives, and positive definiteness."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import kernels as reference

from assay.errors import UsageError
from assay.surrogates.kernels.abstract import (
    AbstractKernel,
    MappedKernel,
    ProductKernel,
    SumKernel,
    covariance,
)
from assay.surrogates.kernels.inputs import Columns, Features, Reciprocal
from assay.surrogates.kernels.profiles import Matern52
from assay.surrogates.kernels.sites import Sites, sites_of, with_directions
from assay.surrogates.kernels.stationary import (
    gaussian,
    kernel_of_name,
    laplacian,
    matern,
    periodic,
)

GENERATOR = np.random.default_rng(0)
LEFT, RIGHT = GENERATOR.uniform(0.5, 2.0, (7, 3)), GENERATOR.uniform(0.5, 2.0, (5, 3))

SMOOTH: dict[str, AbstractKernel] = {
    "gaussian": gaussian((0.5, 0.8, 1.3)),
    "matern 3/2": matern(0.9, 3),
    "matern 5/2": matern((0.7, 0.9, 1.1)),
    "periodic": periodic((0.4, 0.5, 0.6), 1.7),
    "periodic matern": periodic(0.5, 0.9, Matern52()),
    "sum": gaussian(0.6) + matern(0.8),
    "shares": SumKernel((gaussian(0.6), matern(0.8, 3), gaussian(2.0)), (1.0, 0.2, 3.0)),
    "product": gaussian(0.9) * periodic(0.8, 1.1),
    "nested": (gaussian(0.6) + matern(0.8)) * gaussian((1.0, 2.0, 3.0)),
    "reciprocal": MappedKernel(gaussian(0.5), Reciprocal()),
    "columns": MappedKernel(gaussian((0.5, 0.6)), Columns((2, 0))),
    "features": MappedKernel(
        gaussian(0.5), Features(lambda x: np.stack([x[:, 0] * x[:, 1], np.sin(x[:, 2])], 1))
    ),
}
ROUGH: dict[str, AbstractKernel] = {
    "laplacian": laplacian(0.5),
    "laplacian, a scale for each": laplacian((0.4, 0.6, 0.9)),
    "matern 1/2": matern(0.8, 1),
    "laplacian times gaussian": laplacian(0.7) * gaussian(0.9),
}
ALL = SMOOTH | ROUGH


def each(kernels: dict[str, AbstractKernel]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "kernel", [pytest.param(kernel, id=name) for name, kernel in kernels.items()]
    )


@pytest.mark.parametrize(
    ("kernel", "other"),
    [
        (gaussian((0.5, 0.8, 1.3)), reference.RBF().set_params(length_scale=[0.5, 0.8, 1.3])),
        (matern(0.7, 1), reference.Matern(0.7, nu=0.5)),
        (matern(0.7, 3), reference.Matern(0.7, nu=1.5)),
        (matern(0.7, 5), reference.Matern(0.7, nu=2.5)),
        (gaussian(0.5) * matern(0.7, 3), reference.RBF(0.5) * reference.Matern(0.7, nu=1.5)),
        (
            SumKernel((gaussian(0.5), matern(0.7, 3)), (3.0, 1.0)),
            0.75 * reference.RBF(0.5) + 0.25 * reference.Matern(0.7, nu=1.5),
        ),
    ],
)
def test_scikit_learn_has_the_same_kernel(kernel: AbstractKernel, other: reference.Kernel) -> None:
    expected = np.asarray(other(LEFT, RIGHT))
    assert np.allclose(covariance(kernel, Sites(LEFT), Sites(RIGHT)), expected, rtol=1e-13, atol=1e-15)


def test_the_periodic_kernel_of_one_column_is_that_of_mackay() -> None:
    # exp(-2 sin²(πδ/p)/λ²) with λ = 2π l/p
    own = covariance(periodic(0.3, 1.4), Sites(LEFT[:, :1]), Sites(RIGHT[:, :1]))
    other = np.asarray(reference.ExpSineSquared(2.0 * np.pi * 0.3 / 1.4, 1.4)(LEFT[:, :1], RIGHT[:, :1]))
    assert np.allclose(own, other, rtol=1e-13)


def test_the_laplacian_is_a_product_over_the_columns() -> None:
    parts = [
        MappedKernel(matern(scale, 1), Columns((column,))) for column, scale in enumerate((0.4, 0.6, 0.9))
    ]
    product = covariance(ProductKernel(tuple(parts)), Sites(LEFT), Sites(RIGHT))
    whole = covariance(laplacian((0.4, 0.6, 0.9)), Sites(LEFT), Sites(RIGHT))
    assert np.allclose(whole, product, rtol=1e-13)


def test_a_smooth_function_of_the_city_block_distance_is_no_kernel() -> None:
    """Why only the Laplacian may be one: the other profiles of this distance have negative eigenvalues."""
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 2), -1).reshape(-1, 2)
    distance = 0.3 * np.abs(grid[:, None] - grid).sum(-1)
    assert np.linalg.eigvalsh(np.exp(-distance)).min() > 0.0
    assert np.linalg.eigvalsh(np.exp(-0.5 * distance**2)).min() < -1e-3
    assert np.linalg.eigvalsh(Matern52().derivatives(np, distance**2, 0)[0]).min() < -1e-5


@each(ALL)
def test_a_correlation_that_is_symmetric_and_positive_definite(kernel: AbstractKernel) -> None:
    matrix = covariance(kernel, Sites(LEFT), Sites(LEFT))
    assert np.allclose(matrix.diagonal(), 1.0, rtol=0, atol=1e-15)
    assert np.allclose(matrix, matrix.T, rtol=0, atol=1e-15)
    assert np.linalg.eigvalsh(matrix).min() > 0.0


@each(SMOOTH)
def test_blocks_of_derivatives_are_finite_differences(kernel: AbstractKernel) -> None:
    step = 1e-4
    value = covariance(kernel, Sites(LEFT), Sites(RIGHT))
    assert np.isfinite(value).all()
    for a in range(3):
        up, down = (Sites(LEFT + sign * step * np.eye(3)[a]) for sign in (1, -1))
        slope = (covariance(kernel, up, Sites(RIGHT)) - covariance(kernel, down, Sites(RIGHT))) / (2 * step)
        own = covariance(kernel, with_directions(LEFT, a), Sites(RIGHT))
        assert np.allclose(own, slope, rtol=0, atol=1e-6 * np.abs(slope).max())
        assert np.allclose(
            covariance(kernel, Sites(RIGHT), with_directions(LEFT, a)), own.T, rtol=1e-12, atol=1e-14
        )
        for b in range(3):
            right = with_directions(RIGHT, b)
            curve = (covariance(kernel, up, right) - covariance(kernel, down, right)) / (2 * step)
            both = covariance(kernel, with_directions(LEFT, a), right)
            assert np.allclose(both, curve, rtol=0, atol=1e-6 * max(np.abs(curve).max(), 1e-6))


@each(SMOOTH)
def test_values_and_derivatives_together_are_positive_definite(kernel: AbstractKernel) -> None:
    points = np.repeat(LEFT[:4], 4, axis=0)
    sites = sites_of(points, np.tile([-1, 0, 1, 2], 4))
    matrix = covariance(kernel, sites, sites)
    assert np.allclose(matrix, matrix.T, rtol=0, atol=1e-12 * np.abs(matrix).max())
    scale = np.sqrt(np.maximum(matrix.diagonal(), 1e-300))
    used = matrix.diagonal() > 1e-12  # a column that the kernel does not see has no derivative
    assert np.linalg.eigvalsh((matrix / scale[:, None] / scale)[np.ix_(used, used)]).min() > -1e-12


@each(ALL)
def test_tangents_are_finite_differences(kernel: AbstractKernel) -> None:
    derivative = np.array([-1, 0, -1, 1, 2, -1, 0]) if kernel.is_differentiable else np.full(7, -1)
    left, right = sites_of(LEFT, derivative), sites_of(RIGHT, derivative[2:])
    column, row = left.expanded(-1), right.expanded(-2)
    values = np.array(kernel.hyperparameters)
    tangents = list(kernel.tangents(column, row))
    assert len(tangents) == len(values)
    for place, tangent in enumerate(tangents):
        step = 1e-5 * (np.arange(len(values)) == place)
        above, below = (
            covariance(kernel.with_hyperparameters((values * np.exp(sign * step)).tolist()), left, right)
            for sign in (1, -1)
        )
        slope = (above - below) / 2e-5
        assert np.allclose(tangent.chosen(column, row), slope, rtol=0, atol=1e-7 * np.abs(slope).max())


@each(ALL)
def test_hyperparameters_come_back(kernel: AbstractKernel) -> None:
    values = [1.5 * value for value in kernel.hyperparameters]
    changed = kernel.with_hyperparameters(values)
    assert np.allclose(changed.hyperparameters, values, rtol=1e-15)
    assert type(changed) is type(kernel)
    assert kernel.with_hyperparameters(kernel.hyperparameters) == kernel


def test_a_long_period_is_the_line() -> None:
    one, other = (
        covariance(kernel, Sites(LEFT), Sites(RIGHT)) for kernel in (periodic(0.7, 1e6), gaussian(0.7))
    )
    assert np.allclose(one, other, rtol=1e-9)


def test_tiles_do_not_change_a_covariance() -> None:
    many = np.random.default_rng(1).random((700, 2))
    whole = covariance(gaussian(0.2), Sites(many), Sites(many))
    rows = np.vstack(
        [covariance(gaussian(0.2), Sites(many[k : k + 1]), Sites(many)) for k in range(0, 700, 50)]
    )
    assert np.array_equal(whole[::50], rows)


def test_the_jacobian_of_features_is_used() -> None:
    def function(x: np.ndarray) -> np.ndarray:
        return np.stack([x[:, 0] ** 2, x[:, 1] * x[:, 2]], 1)

    def jacobian(x: np.ndarray) -> np.ndarray:
        zero = np.zeros(len(x))
        first = np.stack([2 * x[:, 0], zero, zero], 1)
        return np.stack([first, np.stack([zero, x[:, 2], x[:, 1]], 1)], 1)

    for column in range(3):
        given, found = (
            covariance(MappedKernel(gaussian(0.5), inputs), with_directions(LEFT, column), Sites(RIGHT))
            for inputs in (Features(function, jacobian), Features(function))
        )
        assert np.allclose(given, found, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: gaussian(0.0), "length scale of a kernel must be positive"),
        (lambda: laplacian((0.1, -1.0)), "length scale of a kernel must be positive"),
        (lambda: periodic(0.1, 0.0), "period of a kernel must be positive"),
        (lambda: matern(0.1, 2), "order of a Matern kernel must be 1, 3 or 5"),  # pyright: ignore[reportArgumentType]
        (lambda: kernel_of_name("cubic", 0.1), "name of a kernel must be one of"),
        (lambda: SumKernel((gaussian(1.0),), (1.0,)), "two parts or more"),
        (lambda: covariance(gaussian((0.1, 0.2)), Sites(LEFT), Sites(RIGHT)), "needs 3 of them, got 2"),
        (
            lambda: covariance(MappedKernel(gaussian(0.1), Reciprocal()), Sites(-LEFT), Sites(RIGHT)),
            "positive points",
        ),
        (
            lambda: covariance(
                MappedKernel(gaussian(0.1), Features(lambda x: x[:, 0])), Sites(LEFT), Sites(RIGHT)
            ),
            "features of a kernel must have the shape",
        ),
    ],
)
def test_what_is_wrong_is_said(make, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        make()
