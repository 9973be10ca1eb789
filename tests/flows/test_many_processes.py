"""Several processes work on one study at once."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from assay.records import OutcomeRecorded, Suggested
from assay.study.study import create_study

SCRIPT = Path(__file__).with_name("telling_process.py")
PROCESSES = 4


def tell_at_once(store: Path, count: int) -> None:
    commands = [sys.executable, str(SCRIPT), str(store), str(count)]
    processes = [
        subprocess.Popen(commands, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("\n", timeout=110)
        assert process.returncode == 0


@pytest.mark.parametrize("count", [25, pytest.param(250, marks=pytest.mark.slow)])
def test_four_processes_tell_one_study_at_once(tmp_path, count):
    store = tmp_path / "shared.db"
    study = create_study(
        [{"name": "x", "domain": [0.0, 1.0]}], driver="RandomSearch", study_id="shared", store=store
    )
    study.configure(num_parallel=PROCESSES, max_iter=10_000)
    tell_at_once(store, count)
    events = [stored.event for stored in study.events()]
    suggested = Counter(event.suggestion.number for event in events if isinstance(event, Suggested))
    told = Counter(event.number for event in events if isinstance(event, OutcomeRecorded))
    assert sorted(suggested) == sorted(told) == list(range(PROCESSES * count))
    assert set(suggested.values()) == set(told.values()) == {1}
    assert len(study.to_dataframe()) == PROCESSES * count
    values = [trial.suggestion.values["x"] for trial in study.trials]
    assert len(set(values)) == len(values)
