"""Runs of walkers: checkpoints, restarts to the bit after a kill, several walkers in any order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from tests.atoms.dynamics.cut_off import RUNS, learner_run

from assay.atoms.dynamics.checkpoint import read_checkpoint, write_checkpoint
from assay.atoms.dynamics.running import (
    Observer,
    Run,
    WalkResult,
    progress_bar,
    run_walker,
    run_walkers,
    walker_seed,
)
from assay.atoms.dynamics.walk import Glance, Walker
from assay.atoms.selection.selector import Frame
from assay.errors import StoreError, StoreVersionError, UsageError

ROOT = Path(__file__).parents[3]


class Cut(Exception):
    """What ends a run here in place of a signal."""


def cut_at(step: int) -> Observer:
    def observe(_: Walker, glance: Glance) -> None:
        if glance.step == step:
            raise Cut

    return observe


def assert_same(one: WalkResult, other: WalkResult) -> None:
    """Equal to the bit, in everything."""
    for name in ("positions", "cell"):
        np.testing.assert_array_equal(
            getattr(one.walker.state.structure, name), getattr(other.walker.state.structure, name)
        )
    np.testing.assert_array_equal(one.walker.state.momenta, other.walker.state.momenta)
    assert one.walker.state.evaluation.energy_eV == other.walker.state.evaluation.energy_eV
    assert [frame.step for frame in one.walker.selected] == [frame.step for frame in other.walker.selected]
    assert [frame.score for frame in one.walker.selected] == [frame.score for frame in other.walker.selected]
    assert (one.walker.ended, one.breaches) == (other.walker.ended, other.breaches)
    for name, column in one.trace.items():
        np.testing.assert_array_equal(column, other.trace[name], err_msg=name)


@pytest.mark.parametrize("name", ["learner", "alloy"])
@pytest.mark.parametrize("step", [1, 39, 40])
def test_a_run_that_was_cut_off_goes_on_to_the_bit(name: str, step: int, tmp_path: Path) -> None:
    whole = run_walker(RUNS[name](None))
    run = RUNS[name](str(tmp_path / "walker.npz"))
    with pytest.raises(Cut):
        run_walker(run, cut_at(step))
    assert_same(run_walker(run), whole)
    assert len(whole.trace["step"]) == run.walk.steps


def test_the_learner_selects_learns_and_swaps_so_that_there_is_something_to_restore() -> None:
    result = run_walker(learner_run(None))
    assert len(result.walker.selected) >= 2
    assert result.walker.state.swaps.accepted > 0
    assert result.trace["tau"][-1] > 2.0 * result.trace["tau"][20] > 0.0


def test_biased_dynamics_that_was_cut_off_goes_on_to_the_bit(tmp_path: Path) -> None:
    whole = run_walker(RUNS["biased"](None))
    assert whole.walker.selected
    assert whole.trace["tau"][-1] > 0.0
    run = RUNS["biased"](str(tmp_path / "walker.npz"))
    with pytest.raises(Cut):
        run_walker(run, cut_at(max(35, whole.walker.selected[0].step + 11)))
    assert_same(run_walker(run), whole)


@pytest.mark.parametrize(
    ("name", "step"), [("learner", 67), pytest.param("biased", 33, marks=pytest.mark.slow)]
)
def test_a_run_that_was_killed_goes_on_to_the_bit(name: str, step: int, tmp_path: Path) -> None:
    place = str(tmp_path / "walker.npz")
    command = [sys.executable, "-m", "tests.atoms.dynamics.cut_off", place, name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= step:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    kept: Walker = read_checkpoint(place)["walker"]
    assert 0 < kept.state.step < RUNS[name](None).walk.steps
    assert_same(run_walker(RUNS[name](place)), run_walker(RUNS[name](None)))


def test_a_run_that_ended_is_read_back(tmp_path: Path) -> None:
    run = learner_run(str(tmp_path / "walker.npz"))
    whole = run_walker(run)
    assert_same(run_walker(run, cut_at(1)), whole)


def test_a_checkpoint_of_another_walker_is_refused(tmp_path: Path) -> None:
    run = learner_run(str(tmp_path / "walker.npz"))
    run_walker(run)
    with pytest.raises(StoreError, match="another seed"):
        run_walker(replace(run, seed=8))
    moved = run.atoms.copy()
    moved.positions += 0.1
    with pytest.raises(StoreError, match="another start"):
        run_walker(replace(run, atoms=moved))


def four_runs() -> list[Run]:
    base = learner_run(None)
    short = replace(base, walk=replace(base.walk, steps=60))
    return [replace(short, seed=walker_seed(1, walker)) for walker in range(4)]


def test_walkers_do_not_depend_on_their_order_and_differ() -> None:
    told: list[int] = []
    forwards = run_walkers(four_runs(), done=lambda index, _: told.append(index))
    backwards = run_walkers(four_runs()[::-1])[::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert_same(one, other)
    assert told == [0, 1, 2, 3]
    ends = {result.walker.state.structure.positions.tobytes() for result in forwards}
    assert len(ends) == 4


@pytest.mark.slow
def test_walkers_in_processes_are_those_of_one_process() -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for one, other in zip(run_walkers(four_runs(), pool), run_walkers(four_runs()), strict=True):
            assert_same(one, other)


def test_walkers_that_share_a_checkpoint_are_refused(tmp_path: Path) -> None:
    run = learner_run(str(tmp_path / "walker.npz"))
    with pytest.raises(UsageError, match="checkpoint of its own"):
        run_walkers([run, run])


def test_the_trace_is_thinned_but_keeps_what_happened() -> None:
    whole, thin = (run_walker(replace(learner_run(None), trace_interval=interval)) for interval in (1, 50))
    counts = np.diff(whole.trace["selections"], prepend=0.0)
    expected = sorted({50.0, 100.0, *whole.trace["step"][counts > 0]})
    assert thin.trace["step"].tolist() == expected


def test_what_is_selected_is_told_at_once() -> None:
    told: list[Frame] = []
    whole = run_walker(learner_run(None), selected=told.append)
    assert tuple(told) == whole.walker.selected


def test_the_progress_bar_follows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, for rich
    with progress_bar(5) as observe:
        run = learner_run(None)
        run_walker(replace(run, walk=replace(run.walk, steps=5)), observe)
    assert "5/5" in capsys.readouterr().out


def test_a_run_needs_sensible_numbers() -> None:
    with pytest.raises(UsageError, match="intervals"):
        replace(learner_run(None), checkpoint_interval=0)


def test_values_come_back_to_the_bit(tmp_path: Path) -> None:
    place = tmp_path / "values.npz"
    rng = np.random.default_rng(0)
    values = {
        "number": float(rng.random()) / 3.0,
        "nested": {"list": [1, "text", None, True], "pair": (1.5, {"a": rng.random((2, 3))})},
        "empty": np.zeros((0, 4)),
        "edge": [float("inf"), -0.0, 5e-324],
        "numpy": np.float64(0.1),
    }
    write_checkpoint(place, values)
    read = read_checkpoint(place)
    np.testing.assert_array_equal(read["nested"]["pair"][1].pop("a"), values["nested"]["pair"][1].pop("a"))
    np.testing.assert_array_equal(read.pop("empty"), values.pop("empty"))
    assert repr(read) == repr({**values, "numpy": 0.1})
    assert [path.name for path in tmp_path.iterdir()] == ["values.npz"]


def test_what_is_no_value_is_refused(tmp_path: Path) -> None:
    for value in (np.array([object()]), EMT(), bulk("Cu")):
        with pytest.raises(TypeError, match="a checkpoint holds"):
            write_checkpoint(tmp_path / "values.npz", {"value": value})
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_from_before_barostats_is_read(tmp_path: Path) -> None:
    place = tmp_path / "walker.npz"
    run_walker(learner_run(str(place)))
    with np.load(place, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    tree = json.loads(bytes(arrays.pop("tree")))
    tree["format"] = 1
    del tree["values"][1]["walker"][1]["state"][1]["strain_rate"]
    np.savez(place, tree=np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8), **arrays)
    np.testing.assert_array_equal(read_checkpoint(place)["walker"].state.strain_rate, np.zeros((3, 3)))
    assert_same(run_walker(learner_run(str(place))), run_walker(learner_run(None)))


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "walker.npz"
    np.savez(place, x=np.zeros(2))
    with pytest.raises(StoreError, match="not a checkpoint"):
        read_checkpoint(place)
    place.write_text("no zip")
    with pytest.raises(StoreError, match="not a checkpoint"):
        read_checkpoint(place)
    tree = np.frombuffer(b'{"format": 99, "values": 0}', dtype=np.uint8)
    np.savez(place, tree=tree)
    with pytest.raises(StoreVersionError, match="99"):
        read_checkpoint(place)
