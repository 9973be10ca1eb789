import json
import subprocess
import sys

import numpy as np
import pytest
from tests.drivers.helpers import failed, pending, run, succeeded

from assay.drivers.abstract import History, Request
from assay.drivers.active_learning import ActiveLearning
from assay.drivers.configuration import GP, Minimizer
from assay.errors import UsageError
from assay.records import Measurement
from assay.space.space import Space

LINE = Space.from_data([{"name": "x", "domain": [-1.0, 3.0]}])
SQUARE = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}])


def bowl(values):
    return (values["x"] - 0.3) ** 2 + (values["y"] - 0.8) ** 2


def test_finds_the_minimum_of_a_smooth_function():
    driver = ActiveLearning.from_data({"deterministic": True})
    history, proposals = run(driver, SQUARE, bowl, 20)
    best = driver.best(history)
    assert best is not None
    assert best["objective"] < 1e-6
    assert [proposal.info["origin"] for proposal in proposals[:5]] == ["initial"] * 5
    assert "initial" not in {proposal.info["origin"] for proposal in proposals[5:]}


@pytest.mark.parametrize("strategy", ["EI", "LCB", "PoI"])
def test_every_strategy_beats_its_starting_design(strategy):
    driver = ActiveLearning.from_data({"deterministic": True, "objectives": [Minimizer(strategy=strategy)]})
    history, _ = run(driver, SQUARE, bowl, 14)
    start = min(bowl(trial.suggestion.values) for trial in history.trials[:5])
    best = driver.best(history)
    assert best is not None
    assert best["objective"] < 0.1 * start


def test_shifting_and_scaling_the_objective_changes_no_suggestion_much():
    driver = ActiveLearning.from_data({"deterministic": True})
    plain, _ = run(driver, SQUARE, bowl, 9)
    moved, _ = run(driver, SQUARE, lambda values: 1e6 * bowl(values) - 3e5, 9)
    for one, other in zip(plain.trials, moved.trials, strict=True):
        for name in ("x", "y"):
            assert one.suggestion.values[name] == pytest.approx(other.suggestion.values[name], abs=1e-3)


def test_same_history_gives_the_same_bits_in_a_fresh_process():
    driver = ActiveLearning.from_data({})
    history, proposals = run(driver, SQUARE, bowl, 9)
    script = (
        "import json\n"
        "from assay.drivers.active_learning import ActiveLearning\n"
        "from tests.drivers.helpers import run\n"
        "from tests.drivers.test_active_learning import SQUARE, bowl\n"
        "_, proposals = run(ActiveLearning.from_data({}), SQUARE, bowl, 9)\n"
        "print(json.dumps([[dict(p.values), p.state] for p in proposals]))\n"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert json.loads(output) == json.loads(json.dumps([[dict(p.values), p.state] for p in proposals]))
    assert history.state == json.loads(json.dumps(history.state))  # JSON keeps the state to the bit


def test_a_suggestion_depends_on_its_arguments_alone():
    driver = ActiveLearning.from_data({"vary_scaling": True})
    history, _ = run(driver, SQUARE, bowl, 8)
    request = Request(8)
    assert driver.suggest(history, request) == driver.suggest(history, request)
    assert driver.suggest(history, request) != driver.suggest(history, Request(9))


def test_more_effort_searches_further():
    driver = ActiveLearning.from_data({"deterministic": True})
    history, _ = run(driver, SQUARE, bowl, 12)
    found = [driver.suggest(history, Request(12, effort=effort)) for effort in (1.0, 8.0)]
    assert found[0].values != found[1].values  # other candidates
    assert found[1].info["acquisition"] > found[0].info["acquisition"] - 1e-3
    optimizer = driver.settings.acquisition_optimizer.with_effort(8.0)
    assert (optimizer.num_initial_samples, optimizer.num_local_samples, optimizer.num_starts) == (
        4096,
        800,
        80,
    )
    assert driver.pacing.adapts_effort
    steady = {"acquisition_optimizer": {"adaptive_local_search": False}}
    assert not ActiveLearning.from_data(steady).pacing.adapts_effort


def test_a_crashing_region_is_left_and_the_optimum_outside_is_found():
    driver = ActiveLearning.from_data({"deterministic": True})

    def fragile(values):
        return None if values["x"] < 0.25 else bowl(values)

    history, _ = run(driver, SQUARE, fragile, 20)
    best = driver.best(history)
    assert best is not None
    assert best["objective"] < 1e-3
    # A quarter of the square fails, and the optimum lies right beside it.
    late = [trial.status for trial in history.trials[5:]]
    assert late.count("failed") <= 4


def test_failures_without_a_pattern_do_not_stop_it():
    driver = ActiveLearning.from_data({"deterministic": True})
    coins = np.random.default_rng(5)
    history, _ = run(driver, SQUARE, lambda values: None if coins.random() < 0.2 else bowl(values), 20)
    best = driver.best(history)
    assert best is not None
    assert best["objective"] < 1e-4


def test_no_point_is_suggested_twice():
    driver = ActiveLearning.from_data({"deterministic": True})
    small = Space.from_data(
        [
            {"name": "n", "type": "integer", "domain": [0, 3]},
            {"name": "c", "type": "categorical", "domain": ["a", "b"]},
        ]
    )
    history, _ = run(driver, small, lambda values: None if values["n"] == 2 else float(values["n"]), 8)
    seen = {tuple(trial.suggestion.values.items()) for trial in history.trials}
    assert len(seen) == 8
    from assay.errors import NumericalError

    with pytest.raises(NumericalError, match="looked at already"):
        driver.suggest(history, Request(8))


def test_open_suggestions_are_kept_away_from():
    driver = ActiveLearning.from_data({"deterministic": True})
    history, _ = run(driver, SQUARE, bowl, 8)
    trials, points = list(history.trials), []
    for number in range(8, 12):
        proposal = driver.suggest(History(SQUARE, tuple(trials), 0, history.state), Request(number))
        trials.append(pending(number, proposal.values))
        points.append([proposal.values["x"], proposal.values["y"]])
    gaps = np.abs(np.array(points)[:, None] - np.array(points)[None]).max(axis=2)[np.triu_indices(4, 1)]
    assert gaps.min() > 1e-3


def test_constraints_hold_exactly_and_the_optimum_on_one_is_found():
    space = Space.from_data(
        [{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}],
        constraints=[{"name": "corner", "expression": "x + y <= 0.9"}],
        output_precision=1e-4,
    )
    driver = ActiveLearning.from_data({"deterministic": True})
    history, _ = run(driver, space, bowl, 14)
    for trial in history.trials:
        values = trial.suggestion.values
        assert space.is_feasible(values)
        assert values["x"] == round(float(values["x"]), 4)
    best = driver.best(history)
    assert best is not None
    # The least squared distance from (0.3, 0.8) to the line is 0.2²/2.
    assert best["objective"] == pytest.approx(0.02, abs=2e-4)


def test_mixed_parameters():
    space = Space.from_data(
        [
            {"name": "x", "domain": [1e-3, 1e3], "log": True},
            {"name": "n", "type": "integer", "domain": [1, 20]},
            {"name": "kind", "type": "categorical", "domain": ["a", "b", "c"]},
            {"name": "k", "type": "fixed", "domain": 7},
        ]
    )
    cost = {"a": 0.5, "b": 0.0, "c": 1.0}

    def evaluate(values):
        assert values["k"] == 7
        return np.log10(values["x"] / 5.0) ** 2 + 0.02 * (values["n"] - 6) ** 2 + cost[values["kind"]]

    driver = ActiveLearning.from_data({"deterministic": True})
    history, _ = run(driver, space, evaluate, 26)
    best = driver.best(history)
    assert best is not None
    assert (best["values"]["n"], best["values"]["kind"]) == (6, "b")
    assert best["objective"] < 1e-2


def test_noisy_data_trust_the_model_and_not_the_luckiest_observation():
    driver = ActiveLearning.from_data({"deterministic": False})
    noise = np.random.default_rng(11)
    trials = [
        succeeded(number, {"x": x}, Measurement((x**2 + 0.3 * noise.standard_normal(),)))
        for number, x in enumerate(np.linspace(-1, 3, 40))
    ]
    lucky = succeeded(40, {"x": 1.5}, Measurement((-0.6,)))
    history = History(LINE, (*trials, lucky), 0, None)
    history = History(LINE, history.trials, 0, driver.suggest(history, Request(41)).state)
    best = driver.best(history)
    assert best is not None
    assert best["number"] != 40
    assert abs(best["values"]["x"]) < 0.6


def test_gradients_in_natural_units_sharpen_the_model():
    space = Space.from_data([{"name": "x", "domain": [0.1, 10.0], "log": True}])
    places = [0.1, 0.4, 1.5, 10.0]
    driver = ActiveLearning.from_data({"deterministic": True, "num_initial": 2})
    values_only = [succeeded(i, {"x": x}, Measurement((np.sin(x),))) for i, x in enumerate(places)]
    with_slopes = [
        succeeded(i, {"x": x}, Measurement((np.sin(x),)), Measurement((np.cos(x),), derivative="x"))
        for i, x in enumerate(places)
    ]
    test = [{"x": x} for x in (0.2, 0.7, 2.2, 8.0)]
    truth = np.sin([point["x"] for point in test])
    errors = [
        np.abs(driver.belief(History(space, tuple(trials), 0)).predict(test)["mean"][:, 0] - truth).max()
        for trials in (values_only, with_slopes)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_the_environment_that_is_asked_for_is_the_one_optimised_in():
    space = Space.from_data(
        [{"name": "x", "domain": [0.0, 1.0]}],
        environment=[{"name": "t", "type": "variable", "domain": [0.0, 1.0]}],
    )
    driver = ActiveLearning.from_data(
        {"deterministic": True, "surrogates": [GP(warping_function="identity")]}
    )
    rng = np.random.default_rng(2)
    trials = []
    for number, (x, t) in enumerate(rng.random((25, 2))):
        trials.append(succeeded(number, {"x": x}, Measurement(((x - t) ** 2,)), t=t))
    for target in (0.2, 0.7):
        proposal = driver.suggest(History(space, tuple(trials), 0), Request(25, {"t": target}))
        assert proposal.values["x"] == pytest.approx(target, abs=0.05)
    with pytest.raises(UsageError, match="environment parameter 't'"):
        driver.suggest(History(space, tuple(trials), 0), Request(25))


def test_known_uncertainties_count_as_noise():
    driver = ActiveLearning.from_data({"deterministic": True})
    entries = [(0.0, 0.0, 1e-6), (1.0, 1.0, 1e-6), (1.0, 3.0, 1.0), (2.0, 2.0, 1e-6)]
    trials = tuple(
        succeeded(number, {"x": x}, Measurement((y,), uncertainty=(spread,)))
        for number, (x, y, spread) in enumerate(entries)
    )
    prediction = driver.belief(History(LINE, trials, 0)).predict([{"x": 1.0}])
    assert prediction["mean"][0, 0] == pytest.approx(1.0, abs=1e-3)


def test_prediction_is_ordered_and_passes_through_exact_data():
    driver = ActiveLearning.from_data({"deterministic": True})
    history, _ = run(driver, SQUARE, bowl, 10)
    values = history.trials[3].suggestion.values
    belief, points = driver.belief(history), [values, {"x": 0.5, "y": 0.5}]
    moments = belief.predict(points)
    assert moments["mean"][0, 0] == pytest.approx(bowl(values), abs=1e-4)
    assert moments["variance"][1, 0] > moments["variance"][0, 0]
    quantiles = belief.predict(points, output_type="quantiles", quantiles=(0.1, 0.5, 0.9))["quantiles"]
    assert quantiles.shape == (3, 2, 1)
    assert (np.diff(quantiles, axis=0) >= 0).all()


def test_one_output_of_several_is_minimised():
    driver = ActiveLearning.from_data(
        {
            "surrogates": [GP(name="pair", output_dim=2, output_names=["first", "second"])],
            "variables": [{"input": "pair", "select_by_name": "second"}],
            "deterministic": True,
        }
    )
    trials, state = [], None
    for number in range(14):
        proposal = driver.suggest(History(SQUARE, tuple(trials), 0, state), Request(number))
        state = proposal.state
        values = proposal.values
        trials.append(succeeded(number, values, Measurement((-bowl(values), bowl(values)))))
    best = driver.best(History(SQUARE, tuple(trials), 0, state))
    assert best is not None
    assert best["objective"] < 1e-3


def test_measurements_that_cannot_be_learnt_from_are_refused():
    driver = ActiveLearning.from_data({})
    for entry, words in [
        (Measurement((1.0,), model_name="other"), "model_name"),
        (Measurement((1.0, 2.0)), "1 outputs, got 2"),
        (Measurement((float("nan"),)), "finite"),
        (Measurement((1.0,), derivative="z"), "derivative"),
    ]:
        with pytest.raises(UsageError, match=words):
            driver.check(SQUARE, [entry])
    with pytest.raises(UsageError, match="at least one value"):
        driver.check(SQUARE, [])
    driver.check(SQUARE, [Measurement((1.0,)), Measurement((0.5,), derivative="x")])


def test_stopping_rules():
    driver = ActiveLearning.from_data({"objectives": [{"min_val": 0.1, "min_uncertainty": 1e-3}]})
    above, below = (
        History(LINE, (succeeded(0, {"x": 0.0}, Measurement((value,))),), 0) for value in (0.2, 0.05)
    )
    assert driver.stop_reason(above) is None
    assert "min_val" in (driver.stop_reason(below) or "")
    recent = [{"PoI": 0.1, "std": 1e-4, "acquisition": -3.0}] * 5
    assert "min_uncertainty" in (driver.stop_reason(History(LINE, above.trials, 0, {"recent": recent})) or "")
    assert driver.stop_reason(History(LINE, above.trials, 0, {"recent": recent[:4]})) is None


def test_hyperparameters_are_refitted_by_counts_alone():
    surrogate = GP(min_optimization_interval=3, warping_function="identity")
    driver = ActiveLearning.from_data({"surrogates": [surrogate], "deterministic": True})
    _, proposals = run(driver, SQUARE, bowl, 12)
    rows = [p.state["surrogates"]["loss"]["identity"]["rows"] for p in proposals if p.state is not None]
    assert rows == [5, 5, 5, 8, 8, 8, 11]


def test_without_any_success_it_goes_on_looking():
    driver = ActiveLearning.from_data({})
    trials = tuple(failed(number, {"x": -1.0 + 0.4 * number}) for number in range(9))
    proposal = driver.suggest(History(LINE, trials, 0), Request(9))
    assert proposal.info["origin"] == "initial"
    assert driver.best(History(LINE, trials, 0)) is None


def test_a_deeper_basin_is_found_beside_the_one_that_was_polished_first():
    """Two wells; the starting design sees the shallow, wide one first."""

    def two_wells(values):
        point = np.array([values["x"], values["y"]])
        shallow = 0.8 * np.exp(-((point - [0.7, 0.7]) ** 2).sum() / 0.08)
        deep = np.exp(-((point - [0.2, 0.25]) ** 2).sum() / 0.02)
        return -float(shallow + deep)

    driver = ActiveLearning.from_data({"deterministic": True})
    for seed in range(3):
        history, _ = run(driver, SQUARE, two_wells, 30, seed=seed)
        best = driver.best(history)
        assert best is not None
        assert best["objective"] < -0.85  # below anything in the shallow well
