"""The coating of `examples/film` as a problem of the comparison."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from examples.film.film import evaluate

from assay.testing.problems import Problem

__all__ = ["coating_problem"]

REFERENCE = Path(__file__).parents[1] / "examples" / "film" / "reference.json"


def _mean_reflectance(points: np.ndarray) -> np.ndarray:
    """`tmm`, point by point: (..., 4) to (...)."""
    return np.array([evaluate(*point) for point in points.reshape(-1, 4)]).reshape(points.shape[:-1])


def coating_problem() -> Problem:
    """Four thicknesses of 5 to 200 nm; the minimum is the frozen one of 5000 local searches."""
    reference = json.loads(REFERENCE.read_text())
    return Problem(
        "film",
        (5.0,) * 4,
        (200.0,) * 4,
        _mean_reflectance,
        reference["minimum"],
        (tuple(reference["thicknesses_nm"]),),
    )
