"""The example of a settling sphere: a script for another package runs unchanged, and its law is found."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from assay.study.exploration.exploration import Exploration

EXAMPLE = Path(__file__).parents[2] / "examples" / "exploration" / "settling.py"
UNITS = {"diameter_m": "m", "excess_density": "kg/m^3", "viscosity_Pa_s": "Pa*s", "velocity_m_s": "m/s"}


def test_the_law_of_stokes_is_found_with_its_constant(tmp_path: Path) -> None:
    assert importlib.util.find_spec("medeq") is None
    script = Path(shutil.copy(EXAMPLE, tmp_path))
    exploration = Exploration(script, verbose=0)
    exploration.sample(12)
    exploration.evaluate()
    assert not any(exploration.errors)
    law = exploration.discover(units=UNITS, engines=["deterministic"]).recommended
    point = {"diameter_m": 5e-5, "excess_density": 1650.0, "viscosity_Pa_s": 1e-3}
    stokes = 9.81 * 1650.0 * 5e-5**2 / (18.0 * 1e-3)
    predicted = law.predict({name: [value] for name, value in point.items()})
    assert float(predicted[0]) == pytest.approx(stokes, rel=1e-6)
    assert len(law.constants) == 1  # diameter², density and viscosity have the exponents 2, 1 and -1
