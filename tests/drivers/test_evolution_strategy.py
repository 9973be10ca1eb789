import numpy as np
import pytest
from tests.drivers.helpers import lowest, run, succeeded

from assay.drivers.abstract import History, Request
from assay.drivers.evolution_search import Genome
from assay.drivers.evolution_strategy import CMAES
from assay.numerics.coordinates import Coordinates
from assay.records import Measurement
from assay.space.space import Space
from assay.testing.problems import problem

MIXED = Space.from_data(
    [
        {"name": "x", "domain": [-1.0, 1.0]},
        {"name": "n", "type": "integer", "domain": [0, 20]},
        {"name": "d", "type": "discrete", "domain": [0.1, 1.0, 10.0, 100.0]},
        {"name": "label", "type": "categorical", "domain": ["a", "b", "c"]},
    ]
)


def mixed(values) -> float:
    return (
        (values["x"] - 0.2) ** 2
        + 0.05 * (values["n"] - 13) ** 2
        + np.log10(values["d"] / 10.0) ** 2
        + {"a": 0.6, "b": 0.0, "c": 0.8}[values["label"]]
    )


def test_it_converges_at_the_rate_of_the_method():
    # log-linear on a sphere: with eight points a generation, some 80 to 100 evaluations for a factor of ten in five dimensions
    space = Space.from_data([{"name": f"x{index}", "domain": [-1.0, 1.0]} for index in range(5)])
    driver = CMAES.from_data({})
    history, _ = run(driver, space, lambda v: sum((value - 0.2) ** 2 for value in v.values()), 500)
    parts = [driver.best(History(space, history.trials[:count], 0)) for count in (100, 300, 500)]
    lowest = [part["objective"] for part in parts if part is not None]
    assert lowest[1] < lowest[0] / 30
    assert lowest[2] < lowest[1] / 30


def test_it_finds_the_optimum_of_numbers_levels_and_labels():
    history, _ = run(CMAES.from_data({}), MIXED, mixed, 300, seed=2)
    best = CMAES.from_data({}).best(history)
    assert best is not None
    assert (best["values"]["n"], best["values"]["d"], best["values"]["label"]) == (13, 10.0, "b")
    assert best["values"]["x"] == pytest.approx(0.2, abs=0.05)


def test_constraints_are_kept_and_the_optimum_on_their_edge_is_found():
    space = Space.from_data(
        [{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}],
        constraints=[{"name": "disc", "expression": "x^2 + y^2 <= 0.5"}],
    )
    history, proposals = run(CMAES.from_data({}), space, lambda v: -v["x"] - v["y"], 250)
    assert all(space.is_feasible(proposal.values) for proposal in proposals)
    assert lowest(CMAES.from_data({}), history) == pytest.approx(-1.0, abs=1e-3)


def test_noise_does_not_choose_the_luckiest_point():
    random = np.random.default_rng(3)
    space = Space.from_data([{"name": "x", "domain": [-1.0, 1.0]}, {"name": "y", "domain": [-1.0, 1.0]}])

    def truth(values) -> float:
        return (values["x"] - 0.3) ** 2 + (values["y"] + 0.4) ** 2

    smoothed, luckiest = [], []
    for seed in range(6):
        history, _ = run(
            CMAES.from_data({"noisy": True}),
            space,
            lambda v: truth(v) + 0.3 * random.standard_normal(),
            180,
            seed,
        )
        best, lucky = (CMAES.from_data({"noisy": noisy}).best(history) for noisy in (True, False))
        assert best is not None
        assert lucky is not None
        assert best["mean"] > lucky["objective"]
        smoothed.append(truth(best["values"]))
        luckiest.append(truth(lucky["values"]))
    assert np.mean(smoothed) < np.mean(luckiest)


def test_a_search_that_has_converged_begins_again_with_twice_the_population():
    space = Space.from_data([{"name": "x", "domain": [-1.0, 1.0]}])
    driver = CMAES.from_data({"restarts": 1, "tolerance": 1e-4})
    history, proposals = run(driver, space, lambda v: v["x"] ** 2, 500)
    sizes = {proposal.info["search"]: proposal.info["population_size"] for proposal in proposals}
    assert sizes[1] == 2 * sizes[0]
    assert driver.stop_reason(history) == "2 searches by CMA-ES have converged"
    assert driver.stop_reason(History(space, history.trials[:20], 0)) is None


def test_it_begins_at_the_best_point_that_was_told_before():
    space = Space.from_data([{"name": "x", "domain": [-1.0, 1.0]}, {"name": "y", "domain": [-1.0, 1.0]}])
    trials = [
        succeeded(0, {"x": -0.9, "y": 0.9}, Measurement((5.0,))),
        succeeded(1, {"x": 0.7, "y": -0.7}, Measurement((1.0,))),
    ]
    trials = [
        type(trial)(
            type(trial.suggestion)(trial.number, trial.suggestion.values, origin="user"),
            "succeeded",
            trial.outcome,
        )
        for trial in trials
    ]
    driver = CMAES.from_data({"sigma0": 0.01})
    values = driver.suggest(History(space, tuple(trials), 0), Request(2)).values
    assert np.hypot(float(values["x"]) - 0.7, float(values["y"]) + 0.7) < 0.2


def test_numpys_own_generator_is_left_alone():
    pr = problem("branin")
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    run(CMAES.from_data({}), Space.from_data(pr.design_space), pr.evaluate, 30)
    assert (np.random.get_state(legacy=False)["state"]["key"] == before).all()  # noqa: NPY002


def test_a_genome_is_found_again():
    coordinates = Coordinates.of(MIXED)
    genome = Genome(coordinates)
    assert genome.bounds().shape == (2, 6)
    units = coordinates.encode(
        [
            {"x": 0.25, "n": 7, "d": 100.0, "label": "c"},
            {"x": -1.0, "n": 0, "d": 0.1, "label": "a"},
        ]
    )
    for unit in units:
        assert genome.decode(genome.encode(unit), np.empty(0)).tolist() == unit.tolist()
