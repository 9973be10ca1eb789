"""Suggestions in advance: made while an evaluation runs, from what is known then, and not lost with the process."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flows.ahead_process import SPACE

from assay.drivers.abstract import Request
from assay.records import LeaseTaken, OutcomeRecorded, Suggested, SuggestionClaimed, SuggestionCleared
from assay.store.location import open_store
from assay.store.memory import MemoryStore
from assay.study import pacing
from assay.study.journal import Journal
from assay.study.study import create_study, open_study
from assay.study.suggesting import history_of

DEAD = "another-host/1/1/abc"


def parabola(x, y):
    return (x - 0.3) ** 2 + y * y


@pytest.fixture
def always(monkeypatch):
    """Suggestions are made in advance however short an evaluation is."""
    monkeypatch.setattr(pacing, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(pacing, "WAITING_SHARE", -1.0)


def small(store=None, **configuration):
    study = create_study(SPACE, study_id="s", store=store or MemoryStore(), seed=5)
    study.configure(**{"max_iter": 9, "deterministic": True, "num_initial": 4, **configuration})
    return study


def run(study, evaluate, **keys):
    with ThreadPoolExecutor(1) as pool:
        study.run(evaluate, pool, **keys)


def places(study):
    """Where each event of each number stands in the journal."""
    found = {}
    for stored in study.events():
        event = stored.event
        number = event.suggestion.number if isinstance(event, Suggested) else getattr(event, "number", None)
        found[type(event), number] = stored.number
    return found


def recomputed(study, number, without=()):
    """The point of a number, computed again from exactly what its claim may see, without some trials."""
    (claimed,) = [
        stored.event
        for stored in study.events()
        if isinstance(stored.event, SuggestionClaimed) and stored.event.number == number
    ][:1]
    ledger = study._ledger
    history = history_of(ledger.definition, Journal(ledger.store, study.id).state_at(claimed.prefix))
    trials = tuple(trial for trial in history.trials if trial.number not in without)
    return ledger.driver.suggest(
        replace(history, trials=trials), Request(number, claimed.environment, claimed.effort)
    ).values


def wait_until(condition):
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline, "nothing was suggested while the evaluation ran"
        time.sleep(0.005)


@pytest.mark.usefixtures("always")
def test_the_next_suggestion_is_made_while_the_evaluation_runs_and_allows_for_it():
    study = small()

    def evaluate(x, y):
        state = study.state
        if state.finished and state.finished + state.to_come < 9:
            wait_until(lambda: study.state.waiting)  # the evaluation does not end before
        return parabola(x, y)

    run(study, evaluate)
    order = places(study)
    assert study.state.finished == 9
    for number in range(2, 9):
        assert order[LeaseTaken, number - 1] < order[SuggestionClaimed, number]
        assert order[Suggested, number] < order[OutcomeRecorded, number - 1] < order[LeaseTaken, number]
        assert recomputed(study, number) == study.trials[number].suggestion.values
    # the open look counts: without it, the same data lead there, or to another place
    assert recomputed(study, 8, without=[7]) != study.trials[8].suggestion.values


@pytest.mark.usefixtures("always")
def test_no_more_run_at_once_and_nothing_is_left_open():
    study = small()
    running, most = Counter(), []

    def evaluate(x, y):
        running["now"] += 1
        most.append(running["now"])
        time.sleep(0.02)
        running["now"] -= 1
        return parabola(x, y)

    run(study, evaluate, stop=lambda progress: progress.finished == 6)
    assert max(most) == 1
    assert not study.state.open
    assert study.state.finished == 6
    withdrawn = [stored.event for stored in study.events() if isinstance(stored.event, SuggestionCleared)]
    assert [event.message for event in withdrawn] == ["made in advance, and not needed"]


def test_quick_evaluations_are_not_suggested_in_advance():
    study = small()
    run(study, parabola)
    claims = [stored.event for stored in study.events() if isinstance(stored.event, SuggestionClaimed)]
    assert len(claims) == 9
    assert not any(claimed.in_advance or claimed.effort != 1.0 for claimed in claims)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("driver", "configuration"),
    [
        ("ActiveLearning", {"acquisition_optimizer": {"compute_suggestion_in_advance": False}}),
        ("RandomSearch", {}),
    ],
)
def test_nothing_is_made_in_advance_where_the_driver_does_not_want_it(driver, configuration):
    study = create_study(SPACE, study_id="s", store=MemoryStore(), seed=5, driver=driver)
    study.configure(max_iter=4, **configuration)
    run(study, parabola)
    claims = [stored.event for stored in study.events() if isinstance(stored.event, SuggestionClaimed)]
    assert not any(claimed.in_advance for claimed in claims)


@pytest.mark.usefixtures("always")
def test_a_claim_in_advance_that_was_cut_off_is_finished_to_the_same_point(monkeypatch):
    store = MemoryStore()
    study = small(store, max_iter=7)
    study.configure(max_iter=5)
    run(study, parabola)
    study.configure(max_iter=7)
    number = study.state.next_number
    study._ledger.transact(
        lambda state: [SuggestionClaimed(number, state.last, {}, DEAD, effort=2.0, in_advance=True)]
    )
    assert study.state.taken == []
    monkeypatch.setattr("assay.study.steps.CLAIM_SECONDS", -1.0)
    run(study, parabola)
    assert study.state.finished == 7
    assert recomputed(study, number) == study.trials[number].suggestion.values
    assert study.state.info[number]["effort"] == 2.0


@pytest.mark.usefixtures("always")
def test_what_waits_is_evaluated_by_the_next_runner_and_takes_no_slot():
    study = small()
    study.configure(max_iter=5)
    run(study, parabola)
    study.configure(max_iter=9)
    waiting = study._ledger.suggest(None, lease=False, in_advance=True)
    assert study.state.waiting == {waiting.number}
    asked = study.get_suggestion()
    assert asked.number != waiting.number
    study.clear_suggestion(asked.number)
    again = open_study(study._ledger.store)
    run(again, parabola)
    assert again.trials[waiting.number].status == "succeeded"
    assert again.state.finished == 9


@pytest.mark.parametrize(
    ("kills", "count"), [(2, 9), pytest.param(12, 30, marks=pytest.mark.slow)], ids=["twice", "a dozen times"]
)
def test_a_runner_that_is_killed_again_and_again_loses_nothing(kills, count, tmp_path):
    store, moments, told = tmp_path / "ahead.db", random.Random(1), []
    command = [sys.executable, "-m", "tests.flows.ahead_process", str(store), str(count)]
    for start in range(kills + 1):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], start_new_session=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        if start < kills:
            time.sleep(moments.uniform(0.2, 1.0))
            os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=120)
        told += [int(line.split()[1]) for line in output.splitlines() if line.startswith("told ")]
        if process.returncode == 0:
            break
    opened = open_store(store)
    study = open_study(opened, "ahead")
    events = [stored.event for stored in study.events()]
    outcomes = Counter(
        event.number for event in events if isinstance(event, OutcomeRecorded) and event.accepted
    )
    assert set(told) <= set(outcomes)
    assert len(outcomes) == count
    assert set(outcomes.values()) == {1}
    assert any(isinstance(event, SuggestionClaimed) and event.in_advance for event in events)
    for number in outcomes:
        assert recomputed(study, number) == study.trials[number].suggestion.values
    opened.close()


@pytest.mark.slow
@pytest.mark.parametrize(("candidates", "in_advance"), [(100_000, True), (16, False)])
def test_measured_times_decide(candidates, in_advance):
    """A search of 100 000 candidates takes more than a twentieth of a second; one of 16 leaves time to go further."""
    study = small(
        acquisition_optimizer={"num_initial_samples": candidates, "num_local_samples": 1, "num_starts": 1}
    )

    def evaluate(x, y):
        time.sleep(1.05 if in_advance else 8.0)
        return parabola(x, y)

    study.configure(max_iter=9 if in_advance else 6)
    run(study, evaluate)
    claims = [stored.event for stored in study.events() if isinstance(stored.event, SuggestionClaimed)]
    assert any(claimed.in_advance for claimed in claims) == in_advance
    assert (max(claimed.effort for claimed in claims[5:]) > 1.0) != in_advance
    for number in range(9 if in_advance else 6):
        assert recomputed(study, number) == study.trials[number].suggestion.values
