import math
from itertools import pairwise

import numpy as np
import pytest

from assay.errors import UsageError
from assay.records import Trial
from assay.study.benchmark import Benchmark
from assay.study.curves import averaged
from assay.study.study import Study, create_study, open_study

SPACE = [{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}]


def bowl(x: float, y: float) -> float:
    return (x - 0.3) ** 2 + (y - 0.6) ** 2


def pattern(name: str, driver: str = "RandomSearch", max_iter: int = 12, **keys) -> Study:
    study = create_study(SPACE, driver=driver, study_name=name, seed=5)
    study.configure(max_iter=max_iter, **keys)
    return study


def bowl_at(trial: Trial) -> float:
    x, y = (float(trial.suggestion.values[name]) for name in ("x", "y"))
    return bowl(x, y)


def told(name: str, points: list[tuple[float, float]]) -> Study:
    study = create_study(SPACE, study_name=name, driver="RandomSearch")
    study.add_many([bowl(x, y) for x, y in points], [{"x": x, "y": y} for x, y in points])
    return study


def test_repetitions_have_the_patterns_settings_and_seeds_of_their_own():
    benchmark = Benchmark(num_average=3)
    benchmark.add_study(pattern("evolution", "DifferentialEvolution", population_size=6))
    group = benchmark.studies["evolution"]
    assert [study.seed for study in group] == [5, 6, 7]
    assert {study.configuration["population_size"] for study in group} == {6}
    benchmark.set_evaluator(bowl)
    benchmark.run(progress=False)
    assert [len(study.trials) for study in group] == [12, 12, 12]
    points = [study.trials[0].suggestion.values for study in group]
    assert all(one != other for one, other in pairwise(points))


def test_the_average_is_that_of_the_lowest_values_so_far():
    benchmark = Benchmark()
    first, second = [(0.9, 0.9), (0.4, 0.6), (0.8, 0.1)], [(0.1, 0.1), (0.2, 0.2), (0.3, 0.6)]
    for points in (first, second):
        benchmark.add_study_results(told("told", points))
    data = benchmark.get_data(num_samples=3)
    rows = [np.minimum.accumulate([bowl(x, y) for x, y in points]) for points in (first, second)]
    assert data["X"][0].tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_allclose(data["Y"][0], np.mean(rows, axis=0), rtol=1e-14)
    np.testing.assert_allclose(data["sdev"][0], np.std(rows, axis=0, ddof=1), rtol=1e-14)
    median = benchmark.get_data(num_samples=3, average_type="median", invert=True)
    np.testing.assert_allclose(median["Y"][0], -np.median(rows, axis=0), rtol=1e-14)
    with np.errstate(divide="ignore"):
        logs = np.log10(rows)[:, :2]
    logged = benchmark.get_data(num_samples=3, log_scale=True)["Y"][0]
    np.testing.assert_allclose(logged[:2], logs.mean(axis=0), rtol=1e-14)


def test_the_two_distances_differ_where_a_worse_point_is_nearer():
    benchmark = Benchmark()
    benchmark.add_study_results(told("told", [(0.3, 0.9), (0.5, 0.6), (0.3, 0.65), (0.0, 0.0)]))
    minimum = {"x": 0.5, "y": 0.65}
    nearest = benchmark.get_data(y_type="distance", minimum=minimum, num_samples=4)["Y"][0]
    np.testing.assert_allclose(nearest, [math.hypot(0.2, 0.25), 0.05, 0.05, 0.05], rtol=1e-12)
    best = benchmark.get_data(y_type="min_distance", minimum=[0.5, 0.65], num_samples=4)["Y"][0]
    np.testing.assert_allclose(best, [math.hypot(0.2, 0.25), 0.05, 0.2, 0.2], rtol=1e-12)
    scaled = benchmark.get_data(
        y_type="min_distance", minimum=minimum, scales={"x": 0.1}, norm=np.inf, num_samples=4
    )["Y"][0]
    np.testing.assert_allclose(scaled, [2.0, 0.05, 2.0, 2.0], rtol=1e-12)
    with pytest.raises(UsageError, match="needs the position of the minimum"):
        benchmark.get_data(y_type="distance")
    with pytest.raises(UsageError, match="a value for each of x, y"):
        benchmark.get_data(y_type="distance", minimum=[0.5])


def test_failures_count_as_evaluations_and_say_nothing():
    study = pattern("half", max_iter=6)
    calls = []

    def evaluate(x: float, y: float) -> float:
        calls.append(x)
        if len(calls) < 3:
            raise RuntimeError("not yet")
        return bowl(x, y)

    study.run(evaluate)
    benchmark = Benchmark()
    benchmark.add_study_results(study)
    y = benchmark.get_data(num_samples=6)["Y"][0]
    assert np.isnan(y[:2]).all()
    assert np.isfinite(y[2:]).all()


def test_it_goes_on_where_it_was_stopped(tmp_path):
    calls = []

    def interrupted(x: float, y: float) -> float:
        calls.append(x)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return bowl(x, y)

    def made() -> Benchmark:
        benchmark = Benchmark("b", num_average=2, folder=tmp_path)
        benchmark.add_study(pattern("one study", max_iter=5))
        return benchmark

    benchmark = made()
    benchmark.set_evaluator(interrupted)
    with pytest.raises(KeyboardInterrupt):
        benchmark.run(progress=False)
    again = made()
    again.set_evaluator(lambda x, y: (calls.append(x), bowl(x, y))[1])
    again.run(progress=False)
    assert [len(study.trials) for study in again.studies["one study"]] == [5, 5]
    assert len(calls) == 11  # the interrupted evaluation was made again, no other
    again.run(progress=False)
    assert len(calls) == 11
    assert len(open_study(tmp_path / "b.one-study.1.assay.db").trials) == 5


def test_time_leaves_out_the_pauses():
    benchmark = Benchmark(num_average=1)
    benchmark.add_study(pattern("timed", max_iter=4))
    benchmark.set_evaluator(bowl)
    benchmark.run(progress=False)
    x = benchmark.get_data(x_type="time", num_samples=2)["X"][0]
    assert 0 < x[0] <= x[1] < 60


def test_an_objective_of_ones_own_compares_vectors_with_numbers():
    vector = create_study(SPACE, driver="ScipyLeastSquares", study_name="vector")
    vector.configure(max_iter=4, target_vector=[0.3, 0.6])
    vector.run(lambda x, y: [x, y])
    benchmark = Benchmark()
    benchmark.add_study_results(vector)
    benchmark.add_study_results(told("scalar", [(0.3, 0.5)]))
    by_drivers = benchmark.get_data(num_samples=4)
    lowest = min(map(bowl_at, vector.trials))
    assert by_drivers["Y"][0][-1] == pytest.approx(lowest, abs=1e-18)
    doubled = Benchmark(objective=lambda trial: 2 * bowl_at(trial))
    doubled.add_study_results(vector)
    assert doubled.get_data(num_samples=4)["Y"][0][0] == pytest.approx(2 * by_drivers["Y"][0][0])


def test_mistakes_are_named():
    benchmark = Benchmark()
    benchmark.add_study(pattern("twice"))
    with pytest.raises(UsageError, match="must differ, got 'twice' twice"):
        benchmark.add_study(pattern("twice"))
    with pytest.raises(UsageError, match="needs an evaluator"):
        benchmark.run()
    with pytest.raises(UsageError, match="run it first"):
        benchmark.get_data()
    with pytest.raises(UsageError, match="num_average"):
        Benchmark(num_average=0)


def test_a_bar_is_shown_on_request(capsys):
    benchmark = Benchmark(num_average=1)
    benchmark.add_study(pattern("shown", max_iter=2))
    benchmark.set_evaluator(bowl)
    benchmark.run(progress=True)
    assert "shown" in capsys.readouterr().err


def test_averages_of_steps_hold_their_last_value():
    curves = [
        (np.array([1.0, 2.0]), np.array([4.0, 2.0])),
        (np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.0])),
    ]
    x, y, sdev = averaged(curves, "mean", 5)
    assert x.tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert y.tolist() == [3.0, 3.0, 2.0, 2.0, 1.0]
    assert sdev[-1] == pytest.approx(math.sqrt(2.0))
