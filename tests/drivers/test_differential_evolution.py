import numpy as np
import pytest
from tests.drivers.helpers import failed, lowest, run, succeeded

from assay.drivers.abstract import History, Request
from assay.drivers.differential_evolution import DifferentialEvolution
from assay.records import Measurement
from assay.space.space import Space
from assay.testing.problems import problem

SQUARE = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}])


def test_it_finds_the_global_minimum_among_many():
    # 2D Rastrigin: 100 local minima, of which the second lowest is 0.995
    space = Space.from_data([{"name": "x", "domain": [-5.12, 5.12]}, {"name": "y", "domain": [-5.12, 5.12]}])

    def rastrigin(values) -> float:
        place = np.array([values["x"] - 1.3, values["y"] + 0.7])
        return float(20 + np.sum(place**2 - 10 * np.cos(2 * np.pi * place)))

    driver = DifferentialEvolution.from_data({"population_size": 20})
    found = [lowest(driver, run(driver, space, rastrigin, 300, seed)[0]) for seed in range(3)]
    assert sorted(found)[1] < 0.9


@pytest.mark.parametrize("strategy", ["rand1", "best1"])
def test_it_solves_branin(strategy):
    branin = problem("branin")
    driver = DifferentialEvolution.from_data({"strategy": strategy})
    history, _ = run(driver, Space.from_data(branin.design_space), branin.evaluate, 250)
    assert lowest(driver, history) == pytest.approx(branin.minimum, abs=1e-2)


def test_a_slot_keeps_the_lower_objective_in_whatever_order_results_come():
    driver = DifferentialEvolution.from_data({"population_size": 5})
    points = np.random.default_rng(0).random((11, 2))
    trials = [
        succeeded(number, {"x": float(x), "y": float(y)}, Measurement((float(x + y),)))
        for number, (x, y) in enumerate(points)
    ]
    trials[7] = failed(7, trials[7].suggestion.values)
    # slot 1 holds the better of trials 1 and 6, slot 2 holds trial 2 although 7 competed
    forward = driver.suggest(History(SQUARE, tuple(trials), 0), Request(11)).values
    without = [trial for trial in trials if trial.number != 7]
    assert driver.suggest(History(SQUARE, tuple(without), 0), Request(11)).values == forward
    loser = 1 if sum(points[1]) > sum(points[6]) else 6
    without = [trial for trial in trials if trial.number != loser]
    assert driver.suggest(History(SQUARE, tuple(without), 0), Request(11)).values == forward


def test_without_crossover_one_parameter_changes():
    driver = DifferentialEvolution.from_data({"population_size": 6, "crossover": 0.0})
    history, proposals = run(driver, SQUARE, lambda v: v["x"] + v["y"], 30)
    crossed = 0
    for number, proposal in enumerate(proposals[6:], start=6):
        if proposal.info["origin"] == "crossed":
            crossed += 1
            known = [
                trial.suggestion.values for trial in history.trials[:number] if trial.number % 6 == number % 6
            ]
            assert any(
                sum(values[name] == proposal.values[name] for name in ("x", "y")) == 1 for values in known
            )
    assert crossed > 15


def test_it_stops_when_the_population_has_met():
    driver = DifferentialEvolution.from_data({"population_size": 8, "tolerance": 1e-2, "strategy": "rand1"})
    history, _ = run(driver, SQUARE, lambda v: (v["x"] - 0.4) ** 2 + (v["y"] - 0.2) ** 2, 200)
    assert "8 members lie within tolerance 0.01" in (driver.stop_reason(history) or "")
    assert driver.stop_reason(History(SQUARE, history.trials[:20], 0)) is None
