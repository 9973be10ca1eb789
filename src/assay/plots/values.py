"""What the pictures show, as plain values: both the matplotlib and the plotly form draw from these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.errors import UsageError

__all__ = ["PROBABILITIES", "Axis", "Convergence", "Residuals", "Slice", "suits_log"]

PROBABILITIES = (0.025, 0.16, 0.5, 0.84, 0.975)
"""The quantiles of a slice: the median between the ends of the central 68 % and 95 %."""


def suits_log(values: np.ndarray) -> bool:
    """Whether values fill a logarithmic axis: all positive, over a factor of 30 or more; NaNs do not count."""
    seen = values[np.isfinite(values)]
    return bool(seen.size and seen.min() > 0 and seen.max() > 30 * seen.min())


@dataclass(frozen=True)
class Convergence:
    """The objective of each evaluation and the best so far.

    Arguments:
        number: 1, 2, ... for each evaluation.
        value: the observed objective; NaN where the evaluation failed.
        best: the smallest value so far; NaN before the first success.
    """

    number: np.ndarray
    value: np.ndarray
    best: np.ndarray

    @staticmethod
    def of(values: Sequence[float] | np.ndarray) -> Convergence:
        """From the objective in order of evaluation, NaN for a failure.

        Raises:
            UsageError: when there is none.

        Example:
            >>> Convergence.of([3.0, float("nan"), 1.0, 2.0]).best
            array([3., 3., 1., 1.])
        """
        value = np.asarray(values, dtype=np.float64)
        if value.ndim != 1 or not value.size:
            raise UsageError(f"convergence needs a list of at least one objective, got shape {value.shape}")
        value = np.where(np.isfinite(value), value, np.nan)
        return Convergence(np.arange(1, value.size + 1), value, np.fmin.accumulate(value))

    @property
    def failed(self) -> np.ndarray:
        """The numbers of the failed evaluations."""
        return self.number[np.isnan(self.value)]

    @property
    def is_log(self) -> bool:
        """Whether a logarithmic axis says more."""
        return suits_log(self.value)


@dataclass(frozen=True)
class Slice:
    """The belief along one parameter, all others held at a centre.

    Arguments:
        name: the parameter.
        positions: its values, numbers in ascending order or labels; shape (positions,).
        quantiles: of the objective at `PROBABILITIES`; shape (5, positions).
        centre: the value of the centre.
        is_log: whether the parameter lives on a logarithmic scale.
    """

    name: str
    positions: Sequence[Any]
    quantiles: np.ndarray
    centre: Any
    is_log: bool = False

    @property
    def has_labels(self) -> bool:
        """Whether the positions are labels rather than numbers."""
        return any(isinstance(position, str) for position in self.positions)


@dataclass(frozen=True)
class Axis:
    """One upright axis of a parallel-coordinates picture.

    Arguments:
        name: the parameter.
        height: of each line on it, between 0 and 1.
        ticks: (height, text) of its marks.
    """

    name: str
    height: np.ndarray
    ticks: tuple[tuple[float, str], ...]

    @staticmethod
    def of(name: str, values: Sequence[Any] | np.ndarray, *, is_log: bool = False) -> Axis:
        """An axis for numbers (linear or logarithmic) or labels.

        Example:
            >>> Axis.of("solver", ["direct", "iterative", "direct"]).height
            array([0., 1., 0.])
            >>> Axis.of("x", [1.0, 10.0, 100.0], is_log=True).height
            array([0. , 0.5, 1. ])
        """
        if any(isinstance(value, str) for value in values):
            labels = sorted({str(value) for value in values})
            places = dict(
                zip(labels, np.linspace(0, 1, len(labels)) if len(labels) > 1 else [0.5], strict=True)
            )
            height = np.array([places[str(value)] for value in values])
            return Axis(name, height, tuple((float(places[label]), label) for label in labels))
        numbers = np.asarray(values, dtype=np.float64)
        scaled = np.log(numbers) if is_log else numbers
        low, high = float(scaled.min()), float(scaled.max())
        height = (scaled - low) / (high - low) if high > low else np.full(numbers.shape, 0.5)
        marks = np.linspace(low, high, 5) if high > low else np.array([low])
        texts = [f"{np.exp(mark) if is_log else mark:.4g}" for mark in marks]
        heights = np.linspace(0, 1, 5) if high > low else np.array([0.5])
        return Axis(name, height, tuple(zip(heights.tolist(), texts, strict=True)))

    @staticmethod
    def of_points(
        columns: Mapping[str, Sequence[Any]],
        log: Sequence[str],
        name: str,
        values: Sequence[float] | np.ndarray,
    ) -> tuple[tuple[Axis, ...], np.ndarray]:
        """One axis for each parameter and, last, one for the objective; with the objective of the points kept.

        Points without a finite objective are left out; the parameters in `log` have a logarithmic axis.

        Raises:
            UsageError: when no point is left.
        """
        objective = np.asarray(values, dtype=np.float64)
        keep = np.flatnonzero(np.isfinite(objective)).tolist()
        if not keep:
            raise UsageError("parallel coordinates need at least one point with a finite objective, got none")
        kept = objective[keep]
        axes = [Axis.of(key, [column[i] for i in keep], is_log=key in log) for key, column in columns.items()]
        return (*axes, Axis.of(name, kept, is_log=suits_log(kept))), kept


@dataclass(frozen=True)
class Residuals:
    """Predictions beside what was then observed.

    Arguments:
        observed, mean, std: shape (points,); `std` is the predicted standard deviation of what is observed.
    """

    observed: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    @staticmethod
    def of(observed: Sequence[float], mean: Sequence[float], std: Sequence[float]) -> Residuals:
        """From three lists of one length; points without an observation are left out.

        Raises:
            UsageError: when the lengths differ, a standard deviation is not positive, or nothing is left.
        """
        columns = [np.asarray(column, dtype=np.float64) for column in (observed, mean, std)]
        if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
            shapes = ", ".join(str(column.shape) for column in columns)
            raise UsageError(f"observed, mean and std must be lists of one length, got shapes {shapes}")
        keep = np.all(np.isfinite(columns), axis=0)
        kept = [column[keep] for column in columns]
        if not keep.any():
            raise UsageError("calibration needs at least one point with an observation, got none")
        if np.any(kept[2] <= 0):
            raise UsageError(f"a predicted standard deviation must be positive, got {kept[2].min()}")
        return Residuals(*kept)

    @property
    def standardised(self) -> np.ndarray:
        """(observed - mean) / std: standard normal where the uncertainties are right."""
        return (self.observed - self.mean) / self.std

    def coverage(self, half_width: float) -> float:
        """The share of observations within `half_width` standard deviations of the mean.

        Example:
            >>> Residuals.of([0.0, 3.0], [0.0, 0.0], [1.0, 1.0]).coverage(1.96)
            0.5
        """
        return float(np.mean(np.abs(self.standardised) <= half_width))
