"""The machinery of the measurements: what is kept, what is judged, and by which numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import main, seeds_of
from benchmarks.calibration import in_ellipsoid
from benchmarks.engines.abstract import Hyperparameters
from benchmarks.reference import log_expected_improvement
from benchmarks.regret import summary_of, verdicts
from benchmarks.runs import Run, read_runs, run_all, run_once
from benchmarks.suggestion_data import NOISE, suggestion_data

from assay.testing.problems import problem


def run_of(method: str, regret: float, seed: int = 0) -> Run:
    return Run(method, "branin", seed, [np.inf, regret], [0.0, 0.0], [0.1, 0.3], {})


def test_seeds() -> None:
    assert seeds_of("0-3,7") == [0, 1, 2, 3, 7]


def test_a_run_is_a_function_of_its_seed_and_its_noise_is_the_same_for_all() -> None:
    first, again = (run_once("random", problem("branin_noisy"), 3, 12) for _ in range(2))
    assert first.regret == again.regret
    assert first.recommended == again.recommended
    assert run_once("random", problem("branin_noisy"), 4, 12).regret != first.regret


def test_runs_that_exist_are_kept_and_infinite_regret_survives(tmp_path: Path) -> None:
    run_all(["random"], [problem("branin")], [0, 1], 5, tmp_path)
    path = tmp_path / "random" / "branin-0.json"
    data = json.loads(path.read_text())
    data["regret"][0] = None
    path.write_text(json.dumps(data))
    run_all(["random"], [problem("branin")], [0, 1], 5, tmp_path)
    runs = read_runs(tmp_path)
    assert [(run.method, run.seed, len(run.regret)) for run in runs] == [("random", 0, 5), ("random", 1, 5)]
    assert runs[0].regret[0] == np.inf
    assert (np.diff(runs[1].regret) <= 0).all()


def test_the_verdict_compares_medians_with_the_better_peer() -> None:
    others = [run_of("botorch", 1e-3), run_of("optuna_gp", 1e-4), run_of("random", 1.0)]
    methods = ["assay", "botorch", "optuna_gp", "random"]
    near = verdicts(summary_of([*others, run_of("assay", 1.2e-4)], methods))
    far = verdicts(summary_of([*others, run_of("assay", 1.3e-4)], methods))
    assert near["at_most_0.1_above_the_better_peer"] == ["branin"]
    assert far["at_most_0.1_above_the_better_peer"] == []
    assert far["below_random"] == ["branin"]


def test_the_judge_of_improvement() -> None:
    # one observation, 0, at a distance: prior mean 0 and variance 1 there, so EI = phi(0)
    points, far = np.zeros((1, 2)), np.full((1, 2), 1e3)
    hyperparameters = Hyperparameters((0.1, 0.1), 1.0, 1e-6)
    worth = log_expected_improvement(points, np.zeros(1), hyperparameters, far)
    assert worth == pytest.approx(-0.5 * np.log(2 * np.pi), abs=1e-9)
    low = log_expected_improvement(points, np.array([-5.0]), hyperparameters, far)
    draws = np.maximum(-5.0 - np.random.default_rng(0).standard_normal(4_000_000), 0.0)
    assert np.exp(low[0]) == pytest.approx(draws.mean(), abs=5 * draws.std() / 2000)


def test_points_of_the_ellipsoid_fill_it_and_stay_in_the_box() -> None:
    centre, half_axes = np.array([0.5, 0.1]), np.array([0.2, 0.4])
    points = in_ellipsoid(centre, half_axes, 2000, np.random.default_rng(0))
    scaled = (points - centre) / half_axes
    assert ((points >= 0) & (points <= 1)).all()
    assert (np.sum(scaled**2, axis=1) <= 1).all()
    assert abs(scaled[:, 0].mean()) < 0.05
    assert scaled[:, 0].max() > 0.95


def test_the_timed_data_is_standardised_noisy_and_grows_row_by_row() -> None:
    points, values = suggestion_data(200, 1)
    assert points.shape == (200, 4)
    assert values.mean() == pytest.approx(0, abs=1e-12)
    assert values.std() == pytest.approx(1)
    assert np.array_equal(suggestion_data(50, 1)[0], points[:50])
    assert 0 < NOISE < 1


def test_the_command_summarises_what_is_there(tmp_path: Path) -> None:
    arguments = ["--seeds", "0", "--output", str(tmp_path)]
    run_all(["random"], [problem("branin")], [0], 5, tmp_path / "raw" / "regret")
    assert main(["regret", "--summary-only", *arguments]) == 0
    summary = json.loads((tmp_path / "regret" / "summary.json").read_text())
    assert summary["log10_regret"]["branin"]["random"]["median"] is not None
    assert "branin" in (tmp_path / "regret" / "table.md").read_text()
    assert (tmp_path / "regret" / "plot.png").stat().st_size > 1000
