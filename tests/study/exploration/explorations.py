"""Small explorations for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from assay.study.exploration.exploration import Exploration
from assay.study.exploration.parameters import create_parameters

__all__ = ["explore", "responses_of", "table", "total"]


def table() -> pd.DataFrame:
    return create_parameters(["A", "B"], minimums=[-5.0, -5.0], maximums=[10.0, 10.0])


def explore(parameters: Any = None, names: Any = None, **settings: Any) -> Exploration:
    settings = {"sampler": "Sobol", "verbose": 0, **settings}
    return Exploration(table() if parameters is None else parameters, names, **settings)


def total(vector: np.ndarray) -> float:
    return vector[0] + vector[1]


def responses_of(exploration: Exploration) -> np.ndarray:
    assert exploration.responses is not None
    return exploration.responses
