"""A local search stays where the model is sure: it finds the minimum nearby and no other."""

import numpy as np
import pytest
from tests.drivers.helpers import lowest, run, succeeded

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.barrier import Barrier
from assay.drivers.abstract import History, Request
from assay.drivers.active_learning import ActiveLearning
from assay.drivers.presets import BayesianOptimization
from assay.records import Measurement
from assay.space.space import Space

SQUARE = Space.from_data([{"name": "x", "domain": [0.0, 10.0]}, {"name": "y", "domain": [0.0, 1.0]}])


def wells(values):
    """A well of depth 1 at x = 2, and a deeper one at x = 8."""
    x, y = values["x"], values["y"]
    return float(
        (y - 0.3) ** 2 - np.exp(-0.5 * (x - 2.0) ** 2 / 0.5) - 2.0 * np.exp(-0.5 * (x - 8.0) ** 2 / 0.5)
    )


def nearby(seed=0):
    """Looks around the shallower well."""
    draws = np.random.default_rng(seed).random((10, 2))
    points = [{"x": 0.8 + 2.0 * float(a), "y": float(b)} for a, b in draws]
    return [succeeded(number, point, Measurement((wells(point),))) for number, point in enumerate(points)]


@pytest.mark.parametrize(
    "driver",
    [
        ActiveLearning.from_data(
            {"deterministic": True, "num_initial": 5, "objectives": [{"localize": True}]}
        ),
        BayesianOptimization.from_data({"deterministic": True, "num_initial": 5, "localize": True}),
    ],
    ids=["objective", "preset"],
)
def test_the_minimum_nearby_is_found_and_no_other(driver):
    history, _ = run(driver, SQUARE, wells, 20, trials=nearby())
    assert lowest(driver, history) == pytest.approx(-1.0, abs=1e-3)
    assert max(float(trial.suggestion.values["x"]) for trial in history.trials) < 5.0


def test_without_it_the_other_minimum_is_found():
    driver = ActiveLearning.from_data({"deterministic": True, "num_initial": 5})
    history, _ = run(driver, SQUARE, wells, 30, trials=nearby())
    assert lowest(driver, history) < -1.9


def test_a_front_may_be_improved_locally():
    def evaluate(values):
        return [(values["x"] / 10 - 0.15) ** 2, (values["x"] / 10 - 0.9) ** 2 + values["y"]]

    def trials(points):
        return [
            succeeded(number, point, Measurement(tuple(evaluate(point))))
            for number, point in enumerate(points)
        ]

    driver = ActiveLearning.from_data(
        {
            "deterministic": True,
            "num_initial": 5,
            "surrogates": [{"output_dim": 2, "output_names": ["a", "b"]}],
            "variables": [{"type": "MultiSelector", "output_names": ["a", "b"], "select_by_names": ["a", "b"]}],
            "objectives": [
                {
                    "type": "MultiMinimizer", "variables": ["a", "b"], "localize": True,
                    "lower_reference": [0, 0], "upper_reference": [1, 3],
                }
            ],
        }
    )  # fmt: skip
    known = trials([dict(trial.suggestion.values) for trial in nearby()])
    proposal = driver.suggest(History(SQUARE, tuple(known), 0), Request(len(known)))
    assert proposal.info["origin"] == "model"
    assert float(proposal.values["x"]) < 6.0


class _Ramp(AbstractAcquisition):
    """x itself."""

    def value(self, points):
        return points[:, 0]

    def value_gradient(self, points):
        return points[:, 0], np.ones_like(points)


def test_the_barrier_rises_at_its_ceiling():
    barrier = Barrier(_Ramp(), 0.5)
    points = np.array([[0.0], [0.4], [0.499999], [0.5], [0.7]])
    value, gradient = barrier.value_gradient(points)
    assert np.isfinite(value[:3]).all()
    assert (np.diff(value[:3]) < 0).all()
    assert (value[3:] == -np.inf).all()
    assert (gradient[:3] < 0).all()
    assert (gradient[3:] == 0).all()
