"""Power laws of errors, E = β N^ν, perhaps with an error that remains: E = E∞ + β N^ν.

Fitted to log E. Without deviations all sizes count alike and the intervals come from the residuals (Student's t); with
deviations of log E each size counts by its reciprocal variance, and the intervals are those of known variances, widened
where the residuals are larger than the deviations allow.

    AIC = n log(Σ r²/n) + 2 k   without deviations (k counts the residual variance),   AIC = Σ (r/s)² + 2 k with them

Source: K. P. Burnham, D. R. Anderson, "Model Selection and Multimodel Inference", 2002, section 2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.errors import UsageError

__all__ = ["PowerLaw", "fitted_power_law"]

Array = np.ndarray


@dataclass(frozen=True)
class PowerLaw:
    """E∞ + β N^ν as fitted.

    Arguments:
        scale: β, the error at N = 1 without E∞, in the unit of the error.
        exponent: ν; negative where the model learns.
        offset: E∞, zero where it was left out.
        exponent_error: the standard error of ν.
        exponent_interval, scale_interval: at the level that was asked for.
        aic: Akaike's information criterion; smaller is better, among fits to the same errors.
    """

    scale: float
    exponent: float
    offset: float
    exponent_error: float
    exponent_interval: tuple[float, float]
    scale_interval: tuple[float, float]
    aic: float

    def __call__(self, sizes: Array) -> Array:
        """The error at those sizes."""
        return self.offset + self.scale * np.asarray(sizes, dtype=float) ** self.exponent


def fitted_power_law(
    sizes: Array,
    errors: Array,
    deviations: Array | None = None,
    *,
    with_offset: bool = False,
    level: float = 0.95,
) -> PowerLaw:
    """The power law through errors of several sizes.

    Arguments:
        sizes: (sizes,), positive.
        errors: (sizes,), positive.
        deviations: (sizes,), the standard error of log E; None: unknown, and the same for all.
        with_offset: whether an error remains for ever, E∞, between zero and the least error.
        level: of the intervals, between 0 and 1.

    Raises:
        UsageError: when there are fewer sizes than numbers to be found and one more, or something is not positive.

    Example:
        >>> law = fitted_power_law(np.array([10.0, 20.0, 40.0, 80.0]), np.array([0.8, 0.42, 0.2, 0.1]))
        >>> round(law.exponent, 2), round(law.scale, 1)
        (-1.01, 8.3)
    """
    from scipy.stats import norm, t

    count = len(sizes)
    free = 3 if with_offset else 2
    given = (sizes, errors) if deviations is None else (sizes, errors, deviations)
    if count <= free or any(len(part) != count or not (np.asarray(part) > 0.0).all() for part in given):
        raise UsageError(
            f"a power law with {free} numbers needs {free + 1} positive sizes, errors and deviations or more, got {count}"
        )
    log_size, log_error = np.log(sizes), np.log(errors)
    spread = np.ones(count) if deviations is None else np.asarray(deviations, dtype=float)
    offset = _offset(log_size, errors, spread) if with_offset else 0.0
    solution, residual = _line(log_size, errors, spread, offset)
    predicted = offset + np.exp(solution[0] + solution[1] * log_size)
    # By log β, ν and, where it is fitted, E∞: the slopes of the predicted log E.
    own = (predicted - offset) / predicted
    slopes = np.column_stack([own, own * log_size, 1.0 / predicted][:free]) / spread[:, None]
    residual = (log_error - np.log(predicted)) / spread
    chi_squared = float(residual @ residual)
    factor = chi_squared / (count - free)
    covariance = np.linalg.pinv(slopes.T @ slopes) * (factor if deviations is None else max(factor, 1.0))
    quantile = float((t(count - free) if deviations is None else norm()).ppf(0.5 + 0.5 * level))
    log_scale_half, half = (quantile * math.sqrt(covariance[place, place]) for place in (0, 1))
    aic = count * math.log(max(chi_squared / count, 1e-300)) + 2 * (free + 1)
    if deviations is not None:
        aic = chi_squared + 2 * free
    return PowerLaw(
        math.exp(solution[0]),
        float(solution[1]),
        offset,
        math.sqrt(covariance[1, 1]),
        (float(solution[1]) - half, float(solution[1]) + half),
        (math.exp(solution[0] - log_scale_half), math.exp(solution[0] + log_scale_half)),
        aic,
    )


def _line(log_size: Array, errors: Array, spread: Array, offset: float) -> tuple[Array, float]:
    """log β and ν with that offset, and the sum of squares of log E: by Gauss-Newton from the straight line."""
    log_error = np.log(errors)
    design = np.column_stack([np.ones_like(log_size), log_size])
    solution = np.linalg.lstsq(design / spread[:, None], np.log(errors - offset) / spread, rcond=None)[0]
    if offset > 0.0:
        for _ in range(50):
            power = np.exp(design @ solution)
            slopes = design * (power / (power + offset) / spread)[:, None]
            step = np.linalg.lstsq(slopes, (log_error - np.log(power + offset)) / spread, rcond=None)[0]
            solution = solution + step
            if np.abs(step).max() < 1e-12:
                break
    residual = (log_error - np.log(offset + np.exp(design @ solution))) / spread
    return solution, float(residual @ residual)


def _offset(log_size: Array, errors: Array, spread: Array) -> float:
    """E∞ with the least sum of squares, between zero and the least error."""
    from scipy.optimize import minimize_scalar

    least = float(errors.min())
    found = minimize_scalar(
        lambda share: _line(log_size, errors, spread, share * least)[1],
        bounds=(0.0, 1.0 - 1e-6),
        method="bounded",
        options={"xatol": 1e-8},
    )
    without = _line(log_size, errors, spread, 0.0)[1]
    return 0.0 if found.fun >= without else float(found.x) * least
