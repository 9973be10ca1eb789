"""Which rows each network of an ensemble has, and what the rows that it has not say about the ensemble's uncertainty.

A row is predicted by the members that do not have it, each with a last layer from its own rows: an honest residual r_i and
variance u_i. The ridge λ of the last layers and the factor s of all variances are those of the largest likelihood

    Π_i N(r_i; 0, s (u_i + λ n_i) + k_i),

with n_i and k_i the factor of the fitted noise and the known noise of a row; without λ n_i for a model without noise, since
there the ridge stands for what the network cannot follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from assay.numerics.linear_model import LinearModel

__all__ = [
    "RIDGES",
    "Calibration",
    "Resampling",
    "calibrated",
    "jackknife_weight",
    "left_out_share",
    "row_presence",
]

Array = np.ndarray

Resampling = Literal["bootstrap", "subset"]

# Of the noise of a value, in units of the prior variance of a weight; standardised outputs.
RIDGES = 10.0 ** np.arange(-8.0, 0.6, 0.5)
# Where known noise leaves no closed form.
_FACTORS = 10.0 ** np.linspace(-3.0, 3.0, 121)
# The weight of the prior of s at 1, in rows: it decides where nothing is held out.
_PRIOR_ROWS = 1.0


@final
@dataclass(frozen=True)
class Calibration:
    """What the held-out rows say of one output.

    Arguments:
        ridge: λ.
        factor: s.
        inside: the fractions of held-out rows inside their central 68 % and 95 % intervals.
    """

    ridge: float
    factor: float
    inside: tuple[float, float]


def calibrated(
    design: Array,
    target: Array,
    noise_factor: Array,
    known: Array,
    present: Array,
    share: float,
    *,
    noisy: bool,
) -> Calibration:
    """The ridge and the factor of one output.

    Arguments:
        design: (members, rows, features).
        target: (rows,), standardised.
        noise_factor, known: (rows,), n and k.
        present: (members, rows), 1 where a member has a row, else 0.
        share: the share of the rows that a member lacks.
        noisy: whether the ridge counts as noise.
    """
    out = 1.0 - present
    chosen = out.sum(axis=0) > 0
    best, factor = (-math.inf, Calibration(RIDGES[len(RIDGES) // 2], 1.0, (math.nan, math.nan))), 1.0
    # The known noise counts in units of s: twice, so that the second time s is known.
    for _ in range(2 if known.any() else 1):
        best = (-math.inf, best[1])
        for ridge in RIDGES if chosen.any() else ():
            row_noise = ridge * noise_factor + known / factor
            mean, variance = _held_out(design, target, present / row_noise, out, share)
            unit = variance + (ridge * noise_factor if noisy else 0.0)
            square = (target - mean)[chosen] ** 2
            value, own = _factor(square, unit[chosen], known[chosen])
            if value > best[0]:
                ratio = np.sqrt(square / (own * unit + known)[chosen])
                inside = (float((ratio < 0.994458).mean()), float((ratio < 1.959964).mean()))
                best = (value, Calibration(float(ridge), own, inside))
        factor = best[1].factor
    return best[1]


def _held_out(
    design: Array, target: Array, row_precision: Array, out: Array, share: float
) -> tuple[Array, Array]:
    """Mean and variance of each row by the ensemble of the members that do not have it: (rows,) twice."""
    prior = LinearModel.prior(np.ones(design.shape[2]))
    mean, variance = prior.given(design, target[:, None], row_precision).mean_variance(design)
    mean = mean[..., 0]
    count = out.sum(axis=0)
    own = out / np.maximum(count, 1.0)
    average = (own * mean).sum(axis=0)
    spread = jackknife_weight(share, count) * (mean - average) ** 2
    return average, (own * (variance + spread)).sum(axis=0)


def _factor(square: Array, unit: Array, known: Array) -> tuple[float, float]:
    """The log posterior of s at its mode, and the mode."""
    if known.any():
        factors = _FACTORS[:, None]
    else:
        factors = np.array([[((square / unit).sum() + _PRIOR_ROWS) / (len(square) + _PRIOR_ROWS)]])
    total = factors * unit + known
    value = (np.log(total) + square / total).sum(axis=1) + _PRIOR_ROWS * (np.log(factors) + 1.0 / factors)[
        :, 0
    ]
    least = int(np.argmin(value))
    return -0.5 * float(value[least]), float(factors[least, 0])


def row_presence(points: Array, members: int, resampling: Resampling, left_out: float) -> Array:
    """Which member has which row: (members, rows), 1 or 0.

    It follows from the coordinates of a point alone. So a warm start never sees what it has held out, whatever rows were
    added or taken away, and all rows at one point are held out together.

    Arguments:
        resampling: "subset": as many members lack each row as `left_out` says; "bootstrap": each member lacks each row with
            the probability 1/e of a draw with replacement.
        left_out: a fraction of the members; at least one of them.
    """
    uniform = _uniform(points, members)
    if resampling == "bootstrap":
        return (uniform >= math.exp(-1.0)).astype(float)
    out = max(1, round(left_out * members))
    rank = np.argsort(np.argsort(uniform, axis=0), axis=0)
    return (rank >= out).astype(float)


def left_out_share(members: int, resampling: Resampling, left_out: float) -> float:
    """The share of the rows that a member lacks, on average."""
    return math.exp(-1.0) if resampling == "bootstrap" else max(1, round(left_out * members)) / members


def jackknife_weight(share: float, members: Any) -> Any:
    """What the variance between members is multiplied by, so that it is that of a fit to all rows.

    Members that lack a share f of the rows differ by f/(1 - f) of what fits to independent data differ by; and the variance
    about the mean of `members` is (members - 1)/members of the variance.

    Source: J. Shao, C. F. J. Wu, "A General Theory for Jackknife Variance Estimation", Annals of Statistics 17, 1176 (1989).
    """
    return (1.0 - share) / share * members / np.maximum(members - 1.0, 1.0)


def _uniform(points: Array, members: int) -> Array:
    """(members, rows) numbers in [0, 1) that look random: a hash of the coordinates' bits and the member (SplitMix64)."""
    bits = np.ascontiguousarray(points + 0.0).view(np.uint64)
    state = np.zeros(len(points), dtype=np.uint64)
    for column in bits.T:
        state = _mixed(state ^ column)
    by_member = _mixed(
        state + np.arange(1, members + 1, dtype=np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
    )
    return (by_member >> np.uint64(11)) / 2.0**53


def _mixed(x: Array) -> Array:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
