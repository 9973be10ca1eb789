"""Running a study: failures are data, everything can be resumed, and it stops when it should."""

import functools
import os
import signal
import threading
import time

import numpy as np
import pytest

from assay.errors import (
    ConfigurationError,
    DefinitionConflictError,
    NoFreeSlotError,
    TooManyFailuresError,
    UnknownSuggestionError,
    UsageError,
)
from assay.executors.local import LocalExecutor
from assay.records import Observation, Outcome
from assay.store.memory import MemoryStore
from assay.study.study import create_study, open_study

LINE = [{"name": "x", "type": "continuous", "domain": [-1.0, 1.0]}]


def parabola(x):
    return (x - 0.3) ** 2


def crash_on_the_left(x):
    if x < 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    return x


def slow_on_the_left(x):
    if x < 0:
        time.sleep(60)
    return x


def error_of(trial):
    """The sentence of a failed trial."""
    assert trial.outcome is not None
    assert trial.outcome.error is not None
    return trial.outcome.error


def best_of(study):
    """The best point, which the test knows to be there."""
    assert study.best is not None
    return study.best


def at(trial):
    """Where the trial was."""
    return float(trial.suggestion.values["x"])


def small(**settings):
    settings = {"driver": "RandomSearch", "seed": 5} | settings
    return create_study(LINE, **settings)


def test_a_run_finds_the_minimum_and_says_why_it_stopped():
    study = create_study(LINE, seed=2)
    study.configure(max_iter=15, deterministic=True)
    study.run(parabola)
    assert best_of(study)["objective"] < 1e-4
    assert study.is_done()
    assert study.stop_reason() == "max_iter: 15 evaluations are done"


def test_running_again_after_raising_the_limit_goes_on():
    study = small()
    study.configure(max_iter=3)
    study.run(parabola)
    study.configure(max_iter=5)
    study.run(parabola)
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3, 4]


def test_a_study_made_in_pieces_equals_one_made_at_once(tmp_path):
    whole = create_study(LINE, study_id="a", store=tmp_path / "whole.db", seed=7)
    whole.configure(max_iter=12)
    whole.run(parabola)
    for count in (1, 4, 7, 12):
        piece = create_study(LINE, study_id="a", store=tmp_path / "pieces.db", seed=7)
        piece.configure(max_iter=count)
        piece.run(parabola)
    pieces = open_study(tmp_path / "pieces.db")
    assert [t.suggestion.values for t in pieces.trials] == [t.suggestion.values for t in whole.trials]


def test_a_failing_model_is_data_and_the_run_goes_on():
    def fails_on_the_left(x):
        if x < 0:
            raise ValueError(f"no solution at {x}")
        return x

    study = small()
    study.configure(max_iter=20)
    study.run(fails_on_the_left)
    failed = [trial for trial in study.trials if trial.status == "failed"]
    assert failed
    assert len(study.trials) == 20
    for trial in failed:
        assert at(trial) < 0
        assert error_of(trial).startswith("ValueError: no solution")


def test_nan_is_a_failure():
    study = small()
    study.configure(max_iter=4, max_failures_in_a_row=100)
    study.run(lambda x: float("nan"))  # noqa: ARG005
    assert [trial.status for trial in study.trials] == ["failed"] * 4


def test_too_many_failures_in_a_row_end_the_run_and_nothing_is_lost():
    study = small()
    study.configure(max_iter=50, max_failures_in_a_row=3)
    with pytest.raises(TooManyFailuresError, match="the last 3 evaluations"):
        study.run(lambda x: 1 / 0)  # noqa: ARG005
    assert [trial.status for trial in study.trials] == ["failed"] * 3


def test_a_flaky_model_is_tried_again():
    calls = []

    def flaky(x):
        calls.append(x)
        if len(calls) % 2:
            raise ConnectionError("licence server")
        return x

    study = small()
    study.configure(max_iter=5, retries=3)
    study.run(flaky)
    assert [trial.status for trial in study.trials] == ["succeeded"] * 5
    assert calls[0::2] == calls[1::2]


def test_a_crash_in_a_worker_costs_one_evaluation():
    study = small()
    study.configure(max_iter=10, num_parallel=2)
    study.run(crash_on_the_left, "local")
    assert {trial.status for trial in study.trials} == {"succeeded", "failed"}
    for trial in study.trials:
        assert (trial.status == "failed") == (at(trial) < 0)
        if trial.status == "failed":
            assert error_of(trial).startswith("crashed 2 times")
            assert "SIGSEGV" in error_of(trial)


def test_a_hanging_model_is_cut_off():
    study = small()
    study.configure(max_iter=4, num_parallel=2, timeout_seconds=0.5)
    study.run(slow_on_the_left, "local")
    for trial in study.trials:
        assert (trial.status == "failed") == (at(trial) < 0)


def test_an_unreadable_result_is_a_failure_with_a_sentence():
    study = small()
    study.configure(max_iter=2, max_failures_in_a_row=9)
    study.run(lambda x: "good")  # noqa: ARG005
    assert all("good" in error_of(trial) for trial in study.trials)


def test_parallel_evaluations_are_refilled_one_by_one():
    study = small()
    study.configure(max_iter=9, num_parallel=3)
    most = []
    study.run(
        parabola, functools.partial(LocalExecutor, workers=3), observers=[lambda p: most.append(p.running)]
    )
    assert len(study.trials) == 9
    assert max(most) <= 3


def test_configuring_while_it_runs():
    study = small()
    study.configure(max_iter=1000)

    def stop_early(progress):
        if progress.finished == 4:
            study.configure(max_iter=6)

    study.run(parabola, observers=[stop_early])
    assert len(study.trials) == 6


def test_the_users_stopping_rule():
    study = small()
    study.run(parabola, stop=lambda progress: progress.finished >= 4)
    assert len(study.trials) == 4


def test_a_run_that_nothing_would_stop_is_refused():
    with pytest.raises(ConfigurationError, match="nothing would stop"):
        small().run(parabola)


def test_the_time_limit_is_obeyed():
    study = small()
    study.configure(max_time=0.3)
    study.run(lambda x: time.sleep(0.05) or x)
    assert 1 <= len(study.trials) <= 12


def test_the_first_interrupt_waits_for_the_open_evaluation():
    study = small()
    study.configure(max_iter=100)

    def interrupted(x):
        if len(study.trials) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return x

    study.run(interrupted)
    assert [trial.status for trial in study.trials] == ["succeeded"] * 3


def test_the_second_interrupt_leaves_at_once_and_the_run_can_be_resumed():
    study = small()
    study.configure(max_iter=5)

    def interrupted(x):  # noqa: ARG001
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        study.run(interrupted)
    assert len(study.open_suggestions) == 1
    study.run(parabola)
    assert [trial.status for trial in study.trials] == ["succeeded"] * 5


def test_ask_and_tell():
    study = small()
    study.configure(num_parallel=2)
    first, second = study.get_suggestion(), study.get_suggestion()
    with pytest.raises(NoFreeSlotError, match="num_parallel = 2"):
        study.get_suggestion()
    observation = study.new_observation()
    observation.add(1.0, uncertainty=0.1)
    study.add_observation(observation, suggestion_id=second.id, acquisition_time=3.0)
    study.clear_suggestion(first.id, "not wanted")
    assert [trial.status for trial in study.trials] == ["cleared", "succeeded"]
    assert study.trials[1].outcome == Outcome("succeeded", observation.measurements, 3.0)
    with pytest.raises(UnknownSuggestionError, match="no open suggestion 0"):
        study.add_observation(1.0, suggestion_id=first.id)


def test_blocking_waits_for_a_slot():
    study = small()
    first = study.get_suggestion()
    timer = threading.Timer(0.3, lambda: study.add_observation(1.0, suggestion_id=first.id))
    timer.start()
    assert study.get_suggestion(block=True).number == 1
    timer.join()


def test_points_of_the_user_are_learned_from():
    study = small()
    assert study.add_observation(2.0, design_value={"x": 0.25}) == 0
    assert study.add_many([1.0, 0.5], [{"x": 0.1}, {"x": 0.2}]) == [1, 2]
    assert [trial.suggestion.origin for trial in study.trials] == ["user"] * 3
    assert best_of(study)["objective"] == 0.5


@pytest.mark.parametrize(
    ("observations", "points", "sentence"),
    [
        ([1.0], [{"x": 7.0}], "x"),
        ([1.0, 2.0], [{"x": 0.1}], "one entry for each of the 2 observations"),
        ([float("nan")], [{"x": 0.1}], "must be finite"),
        ([1.0], [{"y": 0.1}], "y"),
    ],
)
def test_bad_points_are_refused_and_nothing_is_stored(observations, points, sentence):
    study = small()
    with pytest.raises(UsageError, match=sentence):
        study.add_many(observations, points)
    assert study.trials == ()


def test_an_observation_needs_one_place():
    study = small()
    with pytest.raises(UsageError, match="either suggestion_id or design_value"):
        study.add_observation(1.0)


def test_another_definition_is_refused_with_the_differences(tmp_path):
    create_study(LINE, study_id="a", store=tmp_path / "s.db", seed=1)
    other = [{"name": "x", "type": "continuous", "domain": [-1.0, 2.0]}]
    with pytest.raises(DefinitionConflictError, match=r"x.*the seed was 1 and is now 2"):
        create_study(other, study_id="a", store=tmp_path / "s.db", seed=2)


def test_a_wrong_configuration_changes_nothing():
    study = small()
    before = study.configuration
    with pytest.raises(ConfigurationError, match="max_iter"):
        study.configure(max_iter=-1)
    with pytest.raises(ConfigurationError, match="nonsense"):
        study.configure(max_iter=4, nonsense=1)
    assert study.configuration == before


def test_the_configuration_can_be_given_back():
    study = create_study(LINE)
    study.configure(max_iter=7, deterministic=True, surrogates=[{"type": "GP", "name": "loss"}])
    other = create_study(LINE)
    other.configure(**study.configuration)
    assert other.configuration == study.configuration


def test_vector_values_and_derivatives_reach_the_table():
    study = small()
    observation = Observation()
    observation.add(1.0, uncertainty=0.5)
    observation.add(-2.0, derivative="x")
    study.add_observation(observation, design_value={"x": 0.5})
    row = study.to_dataframe().iloc[0]
    assert (row["value.loss"], row["std.loss"], row["d.loss.x"], row["param.x"]) == (1.0, 0.5, -2.0, 0.5)


def test_a_noisy_function_with_numpy_results():
    study = create_study(LINE, seed=3)
    study.configure(max_iter=12)
    study.run(lambda x: np.float64(x**2))
    assert abs(best_of(study)["values"]["x"]) < 0.3


def test_the_lease_of_a_long_evaluation_is_renewed(monkeypatch):
    monkeypatch.setattr("assay.study.leases.RENEW_SECONDS", 0.05)
    store = MemoryStore()
    study = small(store=store, study_id="long")
    study.configure(max_iter=1)
    expiries = []

    def long(x):
        for _ in range(8):
            time.sleep(0.05)
            expiries.extend(lease.expiry for lease in store.leases("long"))
        return x

    study.run(long)
    assert len(set(expiries)) >= 3
    assert expiries == sorted(expiries)
    assert store.leases("long") == []
