import numpy as np
import pytest
from tests.drivers.helpers import failed, lowest, pending, run, succeeded

from assay.drivers.abstract import History, Request
from assay.drivers.scipy_minimizer import ScipyMinimizer
from assay.errors import ConfigurationError, SpaceError
from assay.records import Measurement
from assay.space.space import Space
from assay.testing.problems import problem

SQUARE = Space.from_data([{"name": "x", "domain": [-2.0, 2.0]}, {"name": "y", "domain": [-2.0, 2.0]}])
START = {"start_points": [{"x": -1.2, "y": 1.0}], "num_starts": 1}


def rosenbrock(values) -> float:
    return (1 - values["x"]) ** 2 + 100 * (values["y"] - values["x"] ** 2) ** 2


def slopes(values) -> tuple[float, float]:
    steep = 200 * (values["y"] - values["x"] ** 2)
    return -2 * (1 - values["x"]) - 2 * values["x"] * steep, steep


def first_run(data, with_derivatives: bool) -> History:
    """The history of the first minimisation of Rosenbrock's function."""
    driver, trials = ScipyMinimizer.from_data({**START, **data}), []
    while not driver.stop_reason(history := History(SQUARE, tuple(trials), 0)):
        values = driver.suggest(history, Request(len(trials))).values
        entries = [Measurement((rosenbrock(values),))]
        if with_derivatives:
            pairs = zip(("x", "y"), slopes(values), strict=True)
            entries += [Measurement((slope,), name) for name, slope in pairs]
        trials.append(succeeded(len(trials), values, *entries))
    return history


@pytest.mark.parametrize("method", ["L-BFGS-B", "SLSQP"])
def test_told_derivatives_replace_differences(method):
    told = first_run({"method": method}, with_derivatives=True)
    by_differences = first_run({"method": method}, with_derivatives=False)
    assert lowest(ScipyMinimizer.from_data({}), told) == pytest.approx(0.0, abs=1e-6)
    count = len(told.trials)
    assert 2 * count < len(by_differences.trials) < 4 * count  # two differences for each gradient


@pytest.mark.parametrize("method", ["L-BFGS-B", "SLSQP", "Nelder-Mead"])
def test_it_takes_the_path_of_scipy_itself(method):
    """The suggestions are the calls that SciPy makes when it has the function in hand."""
    from scipy.optimize import minimize

    history = first_run({"method": method, "simplex_size": 0.1}, with_derivatives=True)
    calls: list[np.ndarray] = []

    def scaled(unit: np.ndarray) -> float:
        x, y = 4 * unit - 2
        calls.append(4 * unit - 2)
        return rosenbrock({"x": x, "y": y}) / 24.2

    def gradient(unit: np.ndarray) -> np.ndarray:
        return np.array(slopes(dict(zip("xy", 4 * unit - 2, strict=True)))) * 4 / 24.2

    start = np.array([0.2, 0.75])
    simplex = np.vstack([start, start + 0.1 * np.eye(2)])
    settings = {"initial_simplex": simplex} if method == "Nelder-Mead" else {"ftol": 1e-10}
    derivative = {} if method == "Nelder-Mead" else {"jac": gradient}
    minimize(scaled, start, method=method, bounds=[(0, 1)] * 2, options=settings, **derivative)
    points = np.array([[trial.suggestion.values[name] for name in ("x", "y")] for trial in history.trials])
    different = list(dict.fromkeys(map(tuple, calls)))
    np.testing.assert_allclose(points[:8], different[:8], atol=1e-6)  # rounded to output_precision on the way


def test_slsqp_finds_the_optimum_on_a_curved_constraint():
    space = Space.from_data(
        [{"name": "x", "domain": [-2.0, 2.0]}, {"name": "y", "domain": [-2.0, 2.0]}],
        constraints=[{"name": "disc", "expression": "x^2 + y^2 <= 1"}],
    )
    driver = ScipyMinimizer.from_data({})
    history, proposals = run(driver, space, lambda v: v["x"] + 2 * v["y"], 60)
    assert all(space.is_feasible(proposal.values) for proposal in proposals)
    assert lowest(driver, history) == pytest.approx(-np.sqrt(5.0), abs=1e-7)
    with pytest.raises(ConfigurationError, match=r"'method' must be one that keeps constraints.*'L-BFGS-B'"):
        ScipyMinimizer.from_data({"method": "L-BFGS-B"}).suggest(History(space, (), 0), Request(0))


def test_many_starts_find_the_global_minimum():
    hartmann = problem("hartmann6")
    driver = ScipyMinimizer.from_data({})
    history, proposals = run(driver, Space.from_data(hartmann.design_space), hartmann.evaluate, 250)
    assert lowest(driver, history) == pytest.approx(hartmann.minimum, abs=1e-4)
    assert proposals[-1].info["run"] >= 1


def test_free_slots_work_on_neighbours_and_then_on_other_starts():
    driver = ScipyMinimizer.from_data({})
    trials = [succeeded(0, driver.suggest(History(SQUARE, (), 0), Request(0)).values, Measurement((1.0,)))]
    runs = []
    for number in range(1, 6):
        proposal = driver.suggest(History(SQUARE, tuple(trials), 0), Request(number))
        runs.append(proposal.info["run"])
        trials.append(pending(number, proposal.values))
    assert runs == [0, 0, 1, 2, 3]  # two differences at once, then other starts
    first, second = (trials[number].suggestion.values for number in (1, 2))
    origin = trials[0].suggestion.values
    assert first["x"] != origin["x"]
    assert first["y"] == origin["y"]
    assert second["x"] == origin["x"]


def test_claims_take_the_points_that_come_first():
    driver = ScipyMinimizer.from_data({})
    free = [driver.suggest(History(SQUARE, (), 0), Request(0))]
    free.append(driver.suggest(History(SQUARE, (pending(0, free[0].values),), 0), Request(1)))
    claimed = driver.suggest(History(SQUARE, (), 0, None, (0,)), Request(1))
    assert claimed == free[1]


def test_a_failure_turns_the_search_back():
    def evaluate(values) -> float | None:
        return (
            None
            if values["x"] > 0.5
            else (values["x"] - 0.4) ** 2 + values["y"] ** 2 + values["x"] * values["y"]
        )

    for method in ("L-BFGS-B", "SLSQP", "Nelder-Mead"):
        driver = ScipyMinimizer.from_data({"method": method, "start_points": [{"x": -1.5, "y": -1.5}]})
        history, _ = run(driver, SQUARE, evaluate, 120)
        best = driver.best(history)
        assert best is not None
        assert best["objective"] < -0.03  # the least value where it can be evaluated is -0.0525


def test_a_failed_start_is_left_for_the_next():
    driver = ScipyMinimizer.from_data({"start_points": [{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}]})
    trials = (failed(0, {"x": 0.0, "y": 0.0}),)
    assert driver.suggest(History(SQUARE, trials, 0), Request(1)).values == {"x": 1.0, "y": 1.0}


def test_a_start_outside_the_space_is_refused():
    driver = ScipyMinimizer.from_data({"start_points": [{"x": 9.0, "y": 0.0}]})
    with pytest.raises(SpaceError, match="'x'"):
        driver.suggest(History(SQUARE, (), 0), Request(0))
