"""What is said of a fit that did not end at a minimum: which one, and what to do."""

from __future__ import annotations

import numpy as np

from assay.hep.model import Model
from assay.hep.parameters import parameter_names
from assay.numerics.compile import float64
from assay.numerics.implicit_minimum import SADDLE

__all__ = ["fit_status", "impossible_bin"]

Array = np.ndarray

DECREMENT = 1e-8  # of the Newton step that is left, in units of the uncertainties


def fit_status(model: Model, points: Array, decrements: Array, curvatures: Array) -> str:
    """ "" where every fit ended at a minimum, else one sentence for the worst.

    Arguments:
        points: (fits, parameters).
        decrements, curvatures: (fits,), as fits report them.
    """
    is_good = np.isfinite(points).all(axis=1) & (decrements <= DECREMENT) & ~(curvatures < -SADDLE)
    if is_good.all():
        return ""
    for point, decrement, curvature in zip(points, decrements, curvatures, strict=True):
        if not np.isfinite(point).all() or not np.isfinite(decrement):
            return f"a fit failed: {_culprit(model, point)}"
        if decrement > DECREMENT:
            return (
                f"a fit stopped {decrement:.1e} standard deviations from its minimum; start it elsewhere, or fix "
                f"parameters that the data cannot tell apart"
            )
        if curvature < -SADDLE:
            return "a fit ended on a saddle; start it elsewhere"
    return ""


def impossible_bin(model: Model, point: Array) -> str:
    """A sentence on the first bin that cannot hold the observed counts at (parameters,); "" where all can."""
    with float64():
        expected = np.asarray(model.expected_main(point))
    counts = np.asarray(model.observed)
    possible = (expected > 0) | ((expected == 0) & (counts == 0))
    first = 0
    for channel, bins in model.layout.channels:
        inside = possible[first : first + bins]
        if not inside.all():
            index = int(np.argmin(inside))
            return (
                f"bin {index} of channel {channel!r} expects {expected[first + index]:.3g} events, and "
                f"{counts[first + index]:.6g} are observed; it must expect more than none; check its samples and variations"
            )
        first += bins
    return ""


def _culprit(model: Model, point: Array) -> str:
    """Who is to blame at the parameters where a fit could not go on: a bin, or a parameter that ran away."""
    layout = model.layout
    start = np.where(np.isfinite(point), point, layout.start)
    nominal = layout.start.copy()  # what the user wrote, where that is to blame already
    nominal[layout.interest] = start[layout.interest]
    blamed = impossible_bin(model, nominal) or impossible_bin(model, start)
    if blamed:
        return blamed
    worst = int(np.argmax(np.abs(start - layout.start)))
    return f"parameter {parameter_names(layout.sets)[worst]!r} ran to {start[worst]:.3g}; narrow its bounds"
