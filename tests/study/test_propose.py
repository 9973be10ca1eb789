"""Points that are proposed: they wait in the journal, come first, and are evaluated once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.drivers.exploration import AdaptiveSampling
from assay.errors import SpaceError, TooManyFailuresError, UsageError

SPACE = [{"name": "x", "domain": [0.0, 1.0]}, {"name": "n", "type": "integer", "domain": [1, 4]}]
POINTS = [{"x": 0.1, "n": 1}, {"x": 0.2, "n": 2}, {"x": 0.3, "n": 3}]


def objective(x: float, n: int) -> float:
    return x * n


def values(study: assay.Study) -> list[float]:
    return [trial.outcome.measurements[0].value[0] for trial in study.trials if trial.outcome is not None]


def test_the_queue_is_evaluated_in_order_and_nothing_else_is() -> None:
    study = assay.create_study(SPACE)
    assert study.propose(POINTS, info={"sampler": "mine"}) == [0, 1, 2]
    assert study.state.queue == [0, 1, 2]
    assert study.state.info[1] == {"sampler": "mine"}
    study.run(objective, suggest=False)
    assert values(study) == [0.1, 0.4, pytest.approx(0.9)]
    assert not study.state.queue
    study.run(objective, suggest=False)  # nothing is left: it ends at once
    assert len(study.trials) == 3


def test_what_was_proposed_comes_first_and_counts() -> None:
    study = assay.create_study(SPACE)
    study.propose(POINTS)
    study.configure(max_iter=5)
    study.run(objective)
    origins = [trial.suggestion.origin for trial in study.trials]
    assert origins == ["user"] * 3 + ["driver"] * 2
    assert study.state.finished == 5


def test_the_queue_takes_no_slot_and_the_driver_knows_its_points() -> None:
    study = assay.create_study(SPACE, driver="RandomSearch")
    study.propose(POINTS)
    assert study.get_suggestion().number == 3  # num_parallel is 1


def test_a_run_that_stops_keeps_the_queue() -> None:
    study = assay.create_study(SPACE)
    study.propose(POINTS)
    study.run(objective, suggest=False, stop=lambda progress: progress.finished == 1)
    assert study.state.queue == [1, 2]
    study.configure(max_iter=2)
    study.run(objective)
    assert study.state.queue == [2]


def test_a_proposed_point_may_be_told_or_cleared_by_hand() -> None:
    study = assay.create_study(SPACE)
    study.propose(POINTS)
    study.add_observation(3.5, suggestion_id=1)
    study.clear_suggestion(0)
    assert study.state.queue == [2]


def test_the_driver_chooses_a_batch_and_remembers_its_models() -> None:
    study = assay.create_study(SPACE, driver="AdaptiveSampling")
    study.configure(sampler="DiscrepancyVariance")
    study.propose(12)
    study.run(objective, suggest=False)
    numbers = study.propose(3)
    assert numbers == [12, 13, 14]
    points = [tuple(trial.suggestion.values.values()) for trial in study.trials]
    assert len(set(points)) == 15
    assert study.state.driver_state is not None
    assert "surrogates" in study.state.driver_state
    with pytest.raises(UsageError, match=r"AdaptiveSampling, and study '.*' has RandomSearch"):
        assay.create_study(SPACE, driver="RandomSearch").propose(2)
    with pytest.raises(UsageError, match="must be positive, got 0"):
        study.propose(0)


def test_a_batch_knows_what_another_process_proposed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "two.assay.db"
    study = assay.create_study(SPACE, driver="AdaptiveSampling", study_id="two", store=store)
    study.configure(sampler="Sobol")
    other = assay.open_study(store)
    choose, chosen = AdaptiveSampling.propose, []

    def interrupted(self: AdaptiveSampling, *arguments: Any) -> Any:
        if not chosen:
            chosen.append("the first time, somebody else is quicker")
            other.propose(2)
        return choose(self, *arguments)

    monkeypatch.setattr(AdaptiveSampling, "propose", interrupted)
    assert study.propose(2) == [2, 3]
    points = [tuple(trial.suggestion.values.values()) for trial in study.trials]
    assert len(set(points)) == 4


def test_a_wrong_point_is_refused_and_none_is_kept() -> None:
    study = assay.create_study(SPACE)
    with pytest.raises(SpaceError, match="'n' must be a whole number"):
        study.propose([POINTS[0], {"x": 0.5, "n": 9}])
    assert not study.trials


def test_failures_are_repeated_as_for_any_suggestion() -> None:
    study = assay.create_study(SPACE)
    study.propose(POINTS)
    study.configure(retries=1, max_failures_in_a_row=3)
    tried: list[float] = []

    def always_fails(x: float, n: int) -> float:  # noqa: ARG001
        tried.append(x)
        raise ValueError("no")

    with pytest.raises(TooManyFailuresError):
        study.run(always_fails, suggest=False)
    assert sorted(tried) == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3]


def test_the_queue_survives_the_end_of_its_process(tmp_path: Path) -> None:
    store = tmp_path / "queue.assay.db"
    code = (
        "import sys, time, assay\n"
        f"study = assay.create_study({SPACE!r}, study_id='queue', store={str(store)!r})\n"
        f"study.propose({POINTS!r})\n"
        "def slow(x, n):\n"
        "    if n == 2:\n        print('running', flush=True)\n        time.sleep(60)\n"
        "    return x * n\n"
        "study.run(slow, suggest=False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.kill()
    began = time.monotonic()
    study = assay.open_study(store)
    assert study.state.queue == [2]
    study.run(objective, suggest=False)
    assert values(study) == [0.1, 0.4, pytest.approx(0.9)]
    assert [trial.attempts for trial in study.trials] == [1, 2, 1]
    assert time.monotonic() - began < 30
