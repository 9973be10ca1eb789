"""What is said of a fit that did not end at a minimum: which one, and what to do."""

from __future__ import annotations

import numpy as np

from assay.hep.model import Model
from assay.hep.parameters import parameter_names
from assay.numerics.implicit_minimum import SADDLE

__all__ = ["fit_status"]

Array = np.ndarray

DECREMENT = 1e-8  # of the Newton step that is left, in units of the uncertainties


def fit_status(model: Model, points: Array, decrements: Array, curvatures: Array) -> str:
    """ "" where every fit ended at a minimum, else one sentence for the worst.

    Arguments:
        points: (fits, parameters).
        decrements, curvatures: (fits,), as fits report them.
    """
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


def _culprit(model: Model, point: Array) -> str:
    """The bin that has a negative expected yield at the parameters where a fit could not go on."""
    layout = model.layout
    start = np.where(np.isfinite(point), point, layout.start)
    from assay.numerics.compile import float64

    with float64():
        expected = np.asarray(model.expected_main(start))
    first = 0
    for channel, bins in layout.channels:
        inside = expected[first : first + bins]
        if not (inside > 0).all():
            index = int(np.argmin(inside > 0))
            return (
                f"bin {index} of channel {channel!r} expects {inside[index]:.3g} events, where it must expect more than none; "
                f"check its samples and variations"
            )
        first += bins
    worst = int(np.argmax(np.abs(start - layout.start)))
    return f"parameter {parameter_names(layout.sets)[worst]!r} ran to {start[worst]:.3g}; narrow its bounds"
