"""What every acquisition must do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition

__all__ = ["ACQUISITION_CHECKS"]

Array = np.ndarray
MakeAcquisition = Callable[[], AbstractAcquisition]


def _points(count: int = 12) -> Array:
    return np.random.default_rng(11).uniform(0.02, 0.98, (count, 2))


def check_shapes(make: MakeAcquisition) -> None:
    """Values are (points,), gradients (points, dimension), all finite, in the corners of the box too."""
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    points = np.concatenate([_points(), corners])
    value, gradient = make().value_gradient(points)
    assert value.shape == (len(points),)
    assert gradient.shape == points.shape
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()


def check_the_two_values_agree(make: MakeAcquisition) -> None:
    """`value` and `value_gradient` give the same value."""
    acquisition, points = make(), _points()
    assert np.allclose(acquisition.value(points), acquisition.value_gradient(points)[0], rtol=1e-6, atol=1e-8)


def check_gradient(make: MakeAcquisition) -> None:
    """The gradient is the slope of the value."""
    acquisition, points, step = make(), _points(), 1e-5
    gradient = acquisition.value_gradient(points)[1]
    for column in range(points.shape[1]):
        shift = step * np.eye(points.shape[1])[column]
        slope = (acquisition.value(points + shift) - acquisition.value(points - shift)) / (2 * step)
        assert np.allclose(gradient[:, column], slope, rtol=1e-3, atol=1e-4 * np.abs(slope).max() + 1e-6)


def check_points_do_not_meet(make: MakeAcquisition) -> None:
    """The worth of a point does not depend on the others in the batch, nor on the order."""
    acquisition, points = make(), _points()
    together = acquisition.value(points)
    alone = [acquisition.value(point[None])[0] for point in points]
    assert np.allclose(together, alone, rtol=1e-8, atol=1e-10)
    assert np.allclose(acquisition.value(points[::-1]), together[::-1], rtol=1e-8, atol=1e-10)


def check_it_is_a_function(make: MakeAcquisition) -> None:
    """Asking twice gives the same answer, to the bit, and leaves the points as they were."""
    acquisition, points = make(), _points()
    before = points.copy()
    first, second = acquisition.value_gradient(points), acquisition.value_gradient(points)
    assert all(map(np.array_equal, first, second))
    assert np.array_equal(points, before)


ACQUISITION_CHECKS = (
    check_shapes,
    check_the_two_values_agree,
    check_gradient,
    check_points_do_not_meet,
    check_it_is_a_function,
)
"""Each takes a factory of an acquisition over two continuous columns."""
