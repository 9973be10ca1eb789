"""One exploration of a script on the pool and on Dask; on SLURM it is beside this file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.executors.schedulers import LocalScheduler
from assay.study.exploration.exploration import Exploration

__all__ = ["expected_totals", "explore"]

SCRIPT = """
# MED PARAMETERS START
import medeq
parameters = medeq.create_parameters(["A", "B"], minimums=[-5, -5], maximums=[10, 10])
# MED PARAMETERS END
import time
time.sleep(0.2)
A, B = parameters["value"]["A"], parameters["value"]["B"]
assert A < 9
response = {"total": A + B, "product": A * B}
"""


def explore(folder: Path, scheduler: Any) -> Exploration:
    script = folder / "model.py"
    script.write_text(SCRIPT)
    exploration = Exploration(script, sampler="Sobol", scheduler=scheduler, parallel=2, verbose=0)
    exploration.sample(8)
    exploration.evaluate()
    return exploration


def expected_totals(exploration: Exploration) -> np.ndarray:
    """The first response, NaN where the script fails."""
    evaluated = exploration.evaluated
    return np.where(evaluated[:, 0] < 9, evaluated.sum(axis=1), np.nan)


@pytest.mark.slow
def test_every_executor_sees_the_same(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    makers: dict[str, Callable[[], Any]] = {"pool": lambda: LocalScheduler(2), "dask": lambda: "dask"}
    results = {}
    for name, make in makers.items():
        (tmp_path / name).mkdir()
        results[name] = explore(tmp_path / name, make())
    for exploration in results.values():
        order = np.argsort(exploration.evaluated[:, 0])
        first = results["pool"]
        assert np.array_equal(
            exploration.evaluated[order], first.evaluated[np.argsort(first.evaluated[:, 0])]
        )
        assert exploration.responses is not None
        assert np.allclose(exploration.responses[:, 0], expected_totals(exploration), equal_nan=True)
        assert [trial.attempts for trial in exploration.study.trials] == [1] * 8
