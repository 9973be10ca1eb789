"""Features: functions of unit coordinates that a model is linear in.

A *feature map* is a recipe, without a dimension. *Features* are bound to their inputs; they have an axis of members, since
an ensemble has several sets of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset

__all__ = ["AbstractFeatures", "InputEncoding", "check_rows", "rows_design"]

Array = np.ndarray


class AbstractFeatures(ABC):
    """Functions of points in unit coordinates, in sets of equal size: one set for each member of an ensemble."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of features of a member."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The number of columns of a point."""

    @abstractmethod
    def values(self, points: Array) -> Array:
        """(points, dimension) to (members, points, size)."""

    @abstractmethod
    def values_slopes(self, points: Array) -> tuple[Array, Array]:
        """The values, and their derivatives by the points: (members, points, size, dimension)."""


@final
@dataclass(frozen=True)
class InputEncoding:
    """From unit coordinates to inputs in about [-1, 1]: numbers are mapped affinely, labels become indicators.

    Arguments:
        category_counts: for each column its number of labels, 0 where it holds a number.
        centre, half_width: (columns of numbers,), what becomes 0 and what becomes 1.
    """

    category_counts: tuple[int, ...]
    centre: Array
    half_width: Array

    @staticmethod
    def of(data: Dataset, category_counts: tuple[int, ...] = ()) -> InputEncoding:
        """That of a dataset: the unit interval, or the range of the data in a column that leaves it.

        Arguments:
            category_counts: as of the class; () where no column holds labels.
        """
        counts = category_counts or (0,) * data.dimension
        numbers = data.points[:, np.array(counts) == 0]
        low = numbers.min(axis=0, initial=0.0)
        high = numbers.max(axis=0, initial=1.0)
        return InputEncoding(counts, 0.5 * (low + high), 0.5 * (high - low))

    @property
    def dimension(self) -> int:
        """The number of columns of a point."""
        return len(self.category_counts)

    @property
    def size(self) -> int:
        """The number of inputs."""
        return len(self.centre) + sum(self.category_counts)

    def encode(self, points: Array) -> Array:
        """(points, dimension) to (points, size): numbers first, then the indicators of each label."""
        numbers = (points[:, self._numbers] - self.centre) / self.half_width
        indicators = [
            points[:, column, None] == np.arange(count)
            for column, count in enumerate(self.category_counts)
            if count
        ]
        return np.concatenate([numbers, *indicators], axis=1, dtype=float)

    def slopes_by_points(self, slopes: Array) -> Array:
        """Derivatives by the inputs (..., size) to derivatives by the points (..., dimension); 0 for labels."""
        gradient = np.zeros((*slopes.shape[:-1], self.dimension))
        gradient[..., self._numbers] = slopes[..., : len(self.centre)] / self.half_width
        return gradient

    def input_directions(self, derivative: Array) -> Array:
        """(rows,) columns that rows are differentiated by to the change of their inputs: (rows, size); 0 for values."""
        by_column = self.slopes_by_points(np.eye(self.size))
        return by_column.T[np.maximum(derivative, 0)] * (derivative >= 0)[:, None]

    @property
    def slope_noise(self) -> Array:
        """(dimension,), the fitted noise variance of a derivative by each column, in units of a value's: that by an input is
        as noisy as a value."""
        return (self.slopes_by_points(np.ones((1, self.size))) ** 2)[0]

    def to_state(self) -> dict[str, Any]:
        """Plain data that gives the same encoding, to the bit."""
        return {"centre": self.centre.tolist(), "half_width": self.half_width.tolist()}

    @staticmethod
    def of_state(
        state: Mapping[str, Any], dimension: int, category_counts: tuple[int, ...] = ()
    ) -> InputEncoding:
        """The encoding that `to_state` wrote, for so many columns."""
        centre, half_width = (np.array(state[name], dtype=float) for name in ("centre", "half_width"))
        return InputEncoding(category_counts or (0,) * dimension, centre, half_width)

    @property
    def _numbers(self) -> Array:
        return np.flatnonzero(np.array(self.category_counts) == 0)


def check_rows(data: Dataset, category_counts: tuple[int, ...], whose: str) -> None:
    """Refuse rows that a model with these labels cannot learn from.

    Raises:
        UsageError: for no rows, a wrong number of columns, or a derivative by a label.
    """
    if not len(data):
        raise UsageError(f"{whose} needs at least one row of data, got none")
    if category_counts and len(category_counts) != data.dimension:
        raise UsageError(
            f"the category_counts of {whose} must have one entry for each of {data.dimension} columns, "
            f"got {len(category_counts)}"
        )
    labels = {column for column, count in enumerate(category_counts) if count}
    wrong = sorted(labels & set(data.derivative.tolist()))
    if wrong:
        raise UsageError(
            f"a derivative by a category does not exist, got derivative rows for column {wrong[0]}"
        )


def rows_design(features: AbstractFeatures, data: Dataset) -> Array:
    """The features of the rows of a dataset, differentiated where a row is: (members, rows, size)."""
    if data.is_value.all():
        return features.values(data.points)
    values, slopes = features.values_slopes(data.points)
    rows = np.flatnonzero(~data.is_value)
    values[:, rows] = slopes[:, rows, :, data.derivative[rows]].swapaxes(0, 1)
    return values
