"""The face `Exploration`: what it promises, and the defects of today's tool as tests that pass here."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.study.exploration.explorations import explore, responses_of, total
from tests.study.exploration.simulations import at_once

from assay.errors import ConfigurationError, StudyError, UsageError
from assay.executors.command import CommandEvaluator
from assay.executors.schedulers import LocalScheduler
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.records import Observation
from assay.study.exploration.exploration import Exploration
from assay.study.exploration.parameters import create_parameters


class Corner:
    """A sampler of the user's: the corner of the unit cube, and then inwards."""

    def sample(self, n: int, exploration: Exploration) -> np.ndarray:
        return (len(exploration.samples) + np.arange(n)[:, None] + np.zeros(2)) / 100


# -- sampling and evaluating ---------------------------------------------------------------------------


def test_sample_evaluate_discover() -> None:
    exploration = explore(sampler=None)
    exploration.sample(5)
    exploration.evaluate(lambda v: v[0] + v[1])
    with pytest.warns(UserWarning, match="5 rows determine few laws"):
        laws = exploration.discover(binary_operators=["+", "*"])
    assert laws.recommended.equation in ("A + B", "B + A")
    assert exploration.discovery is laws


def test_units_of_the_table_and_measured_variances_count_for_laws() -> None:
    parameters = create_parameters(
        ["mass", "speed"], [1.0, 1.0], [5.0, 9.0], unit={"mass": "kg", "speed": "m/s"}
    )
    exploration = explore(parameters, "energy")
    exploration.sample(12)
    exploration.evaluate(lambda mass, speed: 0.5 * mass * speed**2)
    laws = exploration.discover("energy", units={"energy": "J"}, engines=["deterministic"])
    assert laws.recommended.equation == "0.5*mass*speed^2"
    assert exploration.discovery is laws
    with pytest.raises(UsageError, match="kg"):
        exploration.discover("energy", units={"mass": "kg/nonsense"}, engines=["deterministic"])


def test_what_was_sampled_evaluated_and_queued_are_parts_of_one_table() -> None:
    exploration = explore()
    assert exploration.responses is None
    first = exploration.sample(3)
    assert np.array_equal(exploration.queue, first)
    exploration.evaluate(total)
    second = exploration.sample(2)
    assert np.array_equal(exploration.samples, [*first, *second])
    assert np.array_equal(exploration.evaluated, first)
    assert np.allclose(responses_of(exploration), first.sum(axis=1)[:, None])
    assert list(exploration.results.columns) == ["A", "B", "variance", "response"]


def test_two_calls_of_sample_never_repeat() -> None:  # bug 4
    exploration = explore(sampler=None)
    points = np.vstack([exploration.sample(4), exploration.sample(4)])
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + 100 * np.eye(8)
    assert distances.min() > 1.0
    # The second four lie beside the queue nearly as evenly as eight that are chosen together.
    evenness = CentredDiscrepancy(np.empty((0, 2)), np.zeros(2, dtype=int))
    together = explore(sampler=None).sample(8)
    values = [evenness.value((batch + 5.0) / 15.0) for batch in (points, together)]
    assert values[0] < 2.2 * values[1]  # two batches that do not know each other: 2.8 or more


@pytest.mark.parametrize("n", [1, 8, 10, 20, 27, 30])
def test_a_grid_has_as_many_points_as_were_asked_for(n: int) -> None:  # bug 6
    parameters = create_parameters(["A", "B", "C"], [0.0] * 3, [1.0] * 3)
    assert explore(parameters, sampler="Grid").sample(n).shape == (n, 3)


def test_functions_take_a_vector_or_the_names() -> None:
    for function in (
        total,
        lambda A, B: A + B,
        lambda B, A: A + B,
        lambda **values: values["A"] + values["B"],
    ):
        exploration = explore()
        exploration.sample(2)
        exploration.evaluate(function)
        assert np.allclose(responses_of(exploration), exploration.evaluated.sum(axis=1)[:, None])


def test_partial_and_out_of_order_results_are_taken() -> None:  # bug 10
    exploration = explore()
    points = exploration.sample(5)
    exploration.evaluate({3: 30.0, 1: 10.0})
    assert np.array_equal(exploration.evaluated, points[[3, 1]])
    exploration.evaluate([0.0, None])
    assert np.array_equal(exploration.queue, points[[2, 4]])
    exploration.evaluate(np.array([20.0, 40.0]))
    assert responses_of(exploration)[:, 0].tolist() == [30.0, 10.0, 0.0, 20.0, 40.0]
    assert exploration.epochs == [(0, 2), (2, 3), (3, 5)]


def test_more_responses_than_samples_are_refused_and_nothing_is_kept() -> None:
    exploration = explore()
    exploration.sample(2)
    with pytest.raises(UsageError, match="the queue holds 2 samples"):
        exploration.evaluate([1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match="a response must be a number, got 'much'"):
        exploration.evaluate([1.0, "much"])
    assert len(exploration.queue) == 2
    assert not exploration.epochs


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (total, ("response",)),
        (lambda v: [v[0], v[1]], ("response_0", "response_1")),
        (lambda v: {"p": v[0], "q": v[1]} if v[0] > 0 else 1 / 0, ("p", "q")),
    ],
)
def test_names_that_nobody_gave_come_with_the_first_evaluation(function: Any, names: tuple[str, ...]) -> None:
    exploration = explore()
    assert exploration.response_names == ("response",)
    exploration.sample(5)
    exploration.evaluate(function)
    assert exploration.response_names == names
    assert np.isfinite(responses_of(exploration)).all(axis=1).sum() >= 3
    assert exploration.epochs == [(0, 5)]
    fresh = explore()
    fresh.run(4, function)
    assert (fresh.response_names, len(fresh.evaluated), len(fresh.queue)) == (names, 4, 0)


def test_names_come_with_given_responses_too() -> None:
    exploration = explore()
    exploration.augment([[0.0, 0.0]], [[1.0, 2.0]])
    assert exploration.response_names == ("response_0", "response_1")
    exploration = explore()
    exploration.sample(1)
    exploration.evaluate([{"p": 1.0, "q": 2.0}])
    assert exploration.results[["p", "q"]].to_numpy().tolist() == [[1.0, 2.0]]


def test_a_failed_evaluation_is_a_row_with_its_reason_and_nothing_is_learned_from_it() -> None:  # bug 3
    exploration = explore(sampler=None)
    exploration.sample(8)

    def fails_in_half(v: np.ndarray) -> float:
        if v[0] > 2.5:
            raise ValueError("no convergence")
        return total(v)

    exploration.evaluate(fails_in_half)
    failed = np.isnan(responses_of(exploration)[:, 0])
    assert 0 < failed.sum() < 8
    assert {error for error in exploration.errors if error} == {"ValueError: no convergence"}
    assert exploration.results["error"].notna().tolist() == failed.tolist()
    assert np.isfinite(exploration.variances).all()
    assert exploration.sample(2).shape == (2, 2)  # sampling goes on
    assert exploration.gp is not None


def test_nan_among_given_responses_is_a_failure() -> None:
    exploration = explore(names=["p", "q"])
    exploration.sample(3)
    exploration.evaluate([[1.0, 2.0], [float("nan"), 3.0], [float("nan")] * 2])
    assert exploration.errors == [None, None, "the response is not a number"]
    assert np.array_equal(
        responses_of(exploration), [[1.0, 2.0], [np.nan, 3.0], [np.nan, np.nan]], equal_nan=True
    )


def test_variances_are_those_of_the_posterior_and_measured_ones_stand_beside() -> None:  # bug 7
    exploration = explore()
    exploration.sample(12)
    exploration.evaluate(lambda v: 100.0 + total(v))
    near = exploration.variances
    assert (near < 0.01 * 100.0).all()  # a hundredth of the response is no uncertainty
    assert exploration.gp is not None
    far = exploration.gp[0].predict([[-5.0, 10.0]])[1]
    assert far[0] > near.max()
    assert np.isnan(exploration.measured_variances).all()
    exploration.augment([[0.0, 0.0]], [100.0], variances=[0.25])
    assert exploration.measured_variances[-1, 0] == 0.25


def test_a_value_is_predicted_from_all_others() -> None:
    exploration = explore()
    exploration.sample(16)
    exploration.evaluate(total)
    exploration.augment([[2.0, 2.0]], [40.0])  # which does not belong there
    assert exploration.gp is not None
    measured, predicted, residual = exploration.gp[0].leave_one_out()
    assert np.allclose(measured, responses_of(exploration)[:, 0])
    without = explore(names="response")
    without.augment(exploration.evaluated[:-1], measured[:-1])
    assert without.gp is not None
    assert predicted[-1] == pytest.approx(4.0, abs=2.0)
    assert without.gp[0].predict([[2.0, 2.0]])[0][0] == pytest.approx(4.0, abs=0.1)
    assert np.argmax(np.abs(residual)) == 16


def test_a_function_may_say_how_sure_it_is() -> None:
    exploration = explore(names="loss")

    def noisy(A: float, B: float) -> Observation:
        observation = Observation()
        observation.add(A + B, uncertainty=0.5)
        return observation

    exploration.sample(3)
    exploration.evaluate(noisy)
    assert exploration.measured_variances[:, 0].tolist() == [0.25] * 3


def test_augment_keeps_the_queue_and_belongs_to_no_epoch() -> None:
    exploration = explore()
    exploration.sample(3)
    exploration.evaluate(total)
    waiting = exploration.sample(2)
    exploration.augment(pd.DataFrame({"B": [1.0, 2.0], "A": [0.0, 0.0]}), [1.0, 2.0])
    assert np.array_equal(exploration.queue, waiting)
    assert exploration.evaluated[3:].tolist() == [[0.0, 1.0], [0.0, 2.0]]
    assert exploration.epochs == [(0, 3)]
    exploration.evaluate(total)
    assert exploration.epochs == [(0, 3), (5, 7)]
    with pytest.raises(UsageError, match="responses must have one row for each of the 1 samples, got 2"):
        exploration.augment([[0.0, 0.0]], [1.0, 2.0])


def test_a_subset_keeps_epochs_and_queue() -> None:  # bug 8
    exploration = explore()
    exploration.sample(4)
    exploration.evaluate(total)
    exploration.augment([[0.0, 0.0]], [0.0])
    exploration.sample(3)
    exploration.evaluate({0: 1.0})
    mask = np.array([True, False, True, True, True, True, False, True])
    part = exploration.subset(mask)
    assert np.array_equal(part.samples, exploration.samples[mask])
    assert np.array_equal(responses_of(part), responses_of(exploration)[mask[:6]])
    assert part.epochs == [(0, 3), (4, 5)]
    part.evaluate(total)
    assert len(part.evaluated) == 6
    assert len(exploration.queue) == 2
    assert len(exploration.subset(mask[:6]).samples) == 5
    assert len(exploration.subset(slice(2, 4)).samples) == 2
    assert len(exploration.subset(lambda results: results["A"] > 100).samples) == 0
    with pytest.raises(UsageError, match="a mask must have 8 entries, or 6 without the queue"):
        exploration.subset(mask[:3])


def test_what_needs_data_says_so_before_there_is_any() -> None:  # bug 9
    exploration = explore()
    with pytest.raises(StudyError, match="has no observations"):
        exploration.discover()
    with pytest.raises(StudyError, match="nothing is known yet of the response 'response'"):
        exploration.sensitivity("pawn")
    with pytest.raises(StudyError, match="evaluate needs responses or a function"):
        exploration.evaluate()
    assert exploration.gp is None
    assert exploration.variances.shape == (0, 1)
    with pytest.raises(UsageError, match="the responses are response, got 'other'"):
        exploration.sensitivity(response="other")


def test_a_sampler_of_ones_own_is_checked() -> None:
    exploration = explore(sampler=Corner())
    assert np.allclose(exploration.sample(2), [[-5.0, -5.0], [-4.85, -4.85]])
    assert np.allclose(exploration.sample(1), [[-4.7, -4.7]])
    bad = explore(sampler=lambda n, _: np.zeros((n + 1, 2)))
    with pytest.raises(UsageError, match=r"must return 3 rows of 2 numbers, got shape \(4, 2\)"):
        bad.sample(3)
    outside = explore(sampler=lambda n, _: np.full((n, 2), 1.5))
    with pytest.raises(UsageError, match=r"numbers from 0 to 1, got 1\.5 to 1\.5"):
        outside.sample(1)
    with pytest.raises(UsageError, match="a sampler must be a name"):
        explore(sampler=3)


def test_samples_keep_to_constraints_levels_and_labels() -> None:
    parameters = create_parameters(
        ["A", "B", "m", "n"], [0.0, 0.0, None, 1], [1.0, 1.0, None, 3],
        choices={"m": ["a", "b", "c"]}, type={"n": "integer"}, constraints=["A + B <= 1"],
    )  # fmt: skip
    for sampler in (None, lambda n, _: np.random.default_rng(0).random((n, 4))):
        points = explore(parameters, sampler=sampler).sample(30)
        assert (points[:, 0] + points[:, 1] <= 1).all()
        assert set(points[:, 2]) == {"a", "b", "c"}
        assert set(points[:, 3]) == {1, 2, 3}


def test_run_chooses_a_new_point_as_each_evaluation_ends() -> None:
    exploration = explore(names="total", sampler=Corner())
    seen: list[int] = []
    exploration.run(6, total, observers=[lambda _: seen.append(len(exploration.samples))])
    assert len(exploration.evaluated) == 6
    assert not len(exploration.queue)
    assert seen[:3] == [1, 2, 3]  # one more is known after each evaluation, before the first there was one
    exploration.sample(2)
    exploration.run(3, total)
    assert len(exploration.evaluated) == 9


def test_points_that_need_no_model_are_written_down_together() -> None:
    exploration = explore(names="sum", parallel=1)
    exploration.run(6, total)
    kinds = [type(stored.event).__name__ for stored in exploration.study.events()]
    assert kinds.count("Suggested") == 6
    assert kinds.index("OutcomeRecorded") > max(
        place for place, kind in enumerate(kinds) if kind == "Suggested"
    )
    step_by_step = explore(names="sum")
    for _ in range(6):
        step_by_step.sample(1)
    assert np.array_equal(exploration.samples, step_by_step.samples)


def test_sensitivity_says_which_parameter_matters() -> None:
    exploration = explore()
    exploration.sample(64)
    exploration.evaluate(lambda v: v[0] + 3.0 * v[1])
    exact = [0.1, 0.9]  # the shares of the variance: 1 and 9 parts
    found = exploration.sensitivity(max_uncertainty=0.01)
    assert np.allclose(found["first_order"], exact, atol=0.03)
    assert list(found.index) == ["A", "B"]
    for method, column in (("rbd_fast", "S1"), ("pawn", "median")):
        other = exploration.sensitivity(method)
        assert other[column]["B"] > other[column]["A"], method
    with pytest.raises(UsageError, match=r"hdmr cannot be used here: .*Need at least 300"):
        exploration.sensitivity("hdmr")
    with pytest.raises(UsageError, match="must be sobol or one of"):
        exploration.sensitivity("guess")


def test_the_seed_decides_everything() -> None:
    def points(seed: int) -> np.ndarray:
        exploration = explore(sampler=None, seed=seed)
        exploration.sample(4)
        exploration.evaluate(total)
        exploration.sample(3)
        return exploration.samples

    assert np.array_equal(points(7), points(7))
    assert not np.array_equal(points(7), points(8))


THREADED = """
import hashlib
import numpy as np
from assay import Exploration, create_parameters
exploration = Exploration(create_parameters(list("ABC"), [0] * 3, [1] * 3), verbose=0)
for count in (60, 4, 1):
    exploration.sample(count)
    exploration.evaluate(lambda v: np.sin(5 * v[0]) * v[1] + v[2])
print(hashlib.sha256(exploration.samples.tobytes() + exploration.variances.tobytes()).hexdigest())
"""


def test_the_number_of_threads_changes_nothing() -> None:
    found = set()
    for count in ("1", "2"):
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), count)
        ended = subprocess.run(
            [sys.executable, "-c", THREADED],
            env={**os.environ, **threads},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        found.add(ended.stdout)
    assert len(found) == 1


def test_verbose_has_six_levels(capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for level in range(6):
        exploration = explore(names="total", verbose=level)
        first = exploration.sample(2)[0]
        exploration.evaluate(lambda v, first=first: total(v) if np.array_equal(v, first) else 1 / 0)
        lines.append(len(capsys.readouterr().err.splitlines()))
    assert lines[0] == 0
    assert lines == sorted(lines)
    assert lines[1] == 1
    assert lines[5] > lines[4] > lines[2]
    with pytest.raises(UsageError, match="verbose must be a whole number from 0 to 5, got 6"):
        explore(verbose=6)


def test_a_command_is_a_simulation_too(tmp_path: Path) -> None:
    program = "import sys; a, b = map(float, sys.argv[1:]); print('loss =', a * b)"
    command = CommandEvaluator(
        [sys.executable, "-c", program, "{{A}}", "{{B}}"],
        {"stdout": True, "regex": r"loss = (\S+)"},
        working_directory=tmp_path,
    )
    exploration = explore(names="loss")
    points = exploration.sample(2)
    exploration.evaluate(command)
    assert np.allclose(responses_of(exploration), points.prod(axis=1)[:, None])


def test_a_sampler_may_be_set_and_counts_from_then_on(tmp_path: Path) -> None:
    exploration = explore(directory=tmp_path, sampler="Sobol")
    first = exploration.sample(3)
    exploration.sampler = "Grid"
    corners = exploration.sample(4)
    assert set(map(tuple, corners)) <= {(a, b) for a in (-5.0, 2.5, 10.0) for b in (-5.0, 2.5, 10.0)}
    assert Exploration.load(tmp_path, verbose=0).sampler.configuration() == {"type": "Grid"}
    exploration.sampler = Corner()
    assert np.allclose(exploration.sample(1), -5.0 + 15.0 * 7 / 100)
    assert np.array_equal(exploration.samples[:3], first)
    with pytest.raises(ConfigurationError, match=r"key 'sampler.type' must be one of"):
        exploration.sampler = "Nonsense"


def test_how_much_is_told_may_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    exploration = explore(verbose=0)
    exploration.verbose = 5
    exploration.sample(1)
    assert (exploration.verbose, capsys.readouterr().err) == (5, "1 samples by Sobol\n")


def test_functions_run_in_parallel_under_a_cap(tmp_path: Path) -> None:
    exploration = explore(names="running", parallel=2)
    exploration.sample(6)
    exploration.evaluate(functools.partial(at_once, folder=str(tmp_path)))
    assert responses_of(exploration)[:, 0].tolist() == [2.0] * 6


def test_units_of_very_different_size_are_learned_alike() -> None:
    """With inputs in pascals and pascal-seconds today's tool learns nothing: R² of -0.002."""
    parameters = create_parameters(["pressure_Pa", "viscosity_Pa_s"], [1e5, 1e-4], [1e7, 1e-2])
    exploration = explore(parameters, sampler="Sobol")
    exploration.sample(40)
    law = lambda v: np.sin(v[0] / 2e6) * 1e9 + v[1] * 2e11  # noqa: E731
    exploration.evaluate(law)
    draws = np.random.default_rng(0).random((500, 2)) * [9.9e6, 9.9e-3] + [1e5, 1e-4]
    truth = np.array([law(row) for row in draws])
    assert exploration.gp is not None
    error = exploration.gp[0].predict(draws)[0] - truth
    assert 1.0 - np.mean(error**2) / np.var(truth) > 0.999


def test_executor_and_scheduler_are_one_thing() -> None:
    with pytest.raises(UsageError, match="two words for the same thing"):
        explore(executor="serial", scheduler="local")
    exploration = explore(scheduler="serial", parallel=1)
    exploration.sample(2)
    exploration.evaluate(total)
    assert len(exploration.evaluated) == 2
    assert exploration.scheduler == exploration.executor == "serial"
    exploration.scheduler = LocalScheduler(1)
    assert exploration.executor == LocalScheduler(1)
    exploration.sample(1)
    exploration.evaluate(total)
    assert len(exploration.evaluated) == 3


def test_the_repr_says_where_things_stand() -> None:
    exploration = explore(names=["p"])
    exploration.sample(2)
    text = repr(exploration)
    assert text.splitlines()[0] == "Exploration of p over A in (-5.0, 10.0), B in (-5.0, 10.0)"
    assert "queue      2" in text
    assert "sampler    Sobol\n" in text
    assert "sampler    Corner\n" in repr(explore(sampler=Corner()))
