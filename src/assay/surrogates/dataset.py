"""What a surrogate learns from: values and derivatives at points in unit coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.errors import UsageError

__all__ = ["Dataset"]

VALUE = -1


@dataclass(frozen=True)
class Dataset:
    """Rows of data for one surrogate.

    Arguments:
        points: (rows, dimension), in unit coordinates; a category's column holds its index.
        values: (rows, outputs), in the output's own unit; for a derivative row, per unit coordinate.
        noise_variance: (rows, outputs), the known part of the noise; zero where it is not known.
        derivative: (rows,), -1 for a value, else the column that the row is differentiated by.
    """

    points: np.ndarray
    values: np.ndarray
    noise_variance: np.ndarray
    derivative: np.ndarray

    @staticmethod
    def of(
        points: np.ndarray,
        values: np.ndarray,
        noise_variance: np.ndarray | float = 0.0,
        derivative: np.ndarray | None = None,
    ) -> Dataset:
        """Check and complete the arrays; one-dimensional `values` are one output.

        Raises:
            UsageError: when shapes do not fit or an entry is not finite.
        """
        x = np.ascontiguousarray(points, dtype=float)
        y = np.asarray(values, dtype=float)
        y = np.ascontiguousarray(y[:, None] if y.ndim == 1 else y)
        if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
            raise UsageError(
                f"a dataset needs points (rows, dimension) and values (rows, outputs) with equal rows, got {x.shape} and {y.shape}"
            )
        noise = np.asarray(noise_variance, dtype=float)
        noise = np.broadcast_to(noise[:, None] if noise.ndim == 1 else noise, y.shape)
        orders = np.full(len(x), VALUE) if derivative is None else np.asarray(derivative, dtype=int)
        if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(noise).all()):
            raise UsageError(
                "a dataset must be finite, got NaN or infinity among its points, values or noise"
            )
        if (noise < 0).any():
            raise UsageError("the noise variance of a dataset must not be negative")
        if orders.shape != (len(x),) or (orders < VALUE).any() or (orders >= x.shape[1]).any():
            raise UsageError(
                f"the derivative of each row must be -1 or a column below {x.shape[1]}, got {orders.tolist()!r}"
            )
        return Dataset(x, y, np.ascontiguousarray(noise), orders)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def dimension(self) -> int:
        return self.points.shape[1]

    @property
    def output_dimension(self) -> int:
        return self.values.shape[1]

    @property
    def is_value(self) -> np.ndarray:
        """(rows,), True where the row is a value and not a derivative."""
        return self.derivative == VALUE

    def rows(self, index: np.ndarray) -> Dataset:
        """The rows of these numbers, in that order."""
        return Dataset(
            self.points[index], self.values[index], self.noise_variance[index], self.derivative[index]
        )

    def output(self, place: int) -> Dataset:
        """One output alone."""
        columns = slice(place, place + 1)
        return Dataset(
            self.points,
            np.ascontiguousarray(self.values[:, columns]),
            np.ascontiguousarray(self.noise_variance[:, columns]),
            self.derivative,
        )

    def extended(self, other: Dataset) -> Dataset:
        """This and then the other."""
        return Dataset(
            np.concatenate([self.points, other.points]),
            np.concatenate([self.values, other.values]),
            np.concatenate([self.noise_variance, other.noise_variance]),
            np.concatenate([self.derivative, other.derivative]),
        )
