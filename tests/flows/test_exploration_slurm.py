"""An exploration of a script in jobs of a real SLURM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.flows.test_exploration_everywhere import expected_totals, explore
from tests.flows.test_slurm import slurm

from assay.executors.schedulers import SlurmScheduler

__all__ = ["slurm"]

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.timeout(300)]


def test_a_script_runs_in_jobs_of_slurm(tmp_path: Path) -> None:
    marks = tmp_path / "prologue"
    scheduler = SlurmScheduler(
        2,
        {"partition": "debug", "mem": "500MB", "time": "00:10:00"},
        commands=[f"echo started >> {marks}"],
        dask={
            "interface": "lo",
            "scheduler_options": {"host": "127.0.0.1"},
            "log_directory": str(tmp_path),
        },
    )
    exploration = explore(tmp_path, scheduler)
    assert exploration.responses is not None
    assert np.allclose(exploration.responses[:, 0], expected_totals(exploration), equal_nan=True)
    assert len(exploration.evaluated) == 8
    assert marks.read_text().startswith("started")
