"""Many objectives and exploration, through studies."""

import itertools
from typing import Any

import numpy as np
import pytest

import assay
from assay.errors import ConfigurationError, UsageError

SQUARE = [{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}]


def two_costs(x: float, y: float) -> list[float]:
    """The front is y = 0: (x, (1 - x)²)."""
    return [x + y, (1.0 - x) ** 2 + y]


def front_study(**keys: Any) -> assay.Study:
    study = assay.create_study(SQUARE, seed=1)
    study.configure(
        surrogates=[{"name": "costs", "output_dim": 2, "joint_hyperparameters": False}],
        variables=[{"type": "MultiSelector", "input": "costs", "output_names": ["first", "second"]}],
        objectives=[
            {
                "type": "MultiMinimizer",
                "variables": ["first", "second"],
                "lower_reference": [0.0, 0.0],
                "upper_reference": [1.0, 1.0],
            },
            *keys.pop("bounds", []),
        ],
        **keys,
    )
    return study


def test_the_front_of_two_costs_is_found_and_told() -> None:
    study = front_study(deterministic=True, max_iter=20)
    study.run(two_costs)
    front = study.driver.front()
    # What (x, (1 - x)²) dominates of the unit square is the integral of 1 - (1 - x)², 2/3.
    assert front.hypervolume[-1] > 0.93 * 2.0 / 3.0
    assert (np.diff(front.hypervolume) >= 0).all()
    assert (np.diff(front.objectives[:, 0]) > 0).all()
    assert (np.diff(front.objectives[:, 1]) < 0).all()
    for number, values, row in zip(front.numbers, front.values, front.objectives, strict=True):
        assert study.trials[number].suggestion.values == values
        assert row == pytest.approx(two_costs(**values), abs=1e-4)
    assert len(front.to_dict()["front"]) == len(front.numbers)


def test_a_bound_cuts_the_front() -> None:
    bound = {"type": "Constrainer", "variable": "first", "lower_bound": 0.5}
    study = front_study(deterministic=True, max_iter=16, bounds=[bound])
    study.run(two_costs)
    assert study.driver.front().objectives[:, 0].min() >= 0.5
    late = [trial.suggestion.values for trial in study.trials[8:]]
    assert np.mean([values["x"] + values["y"] >= 0.5 - 1e-3 for values in late]) > 0.7


def test_noise_and_open_looks_do_not_keep_it_from_the_front() -> None:
    study = front_study(deterministic=False, num_parallel=2)
    noise = np.random.default_rng(3)
    while len(study.trials) < 20:
        for suggestion in [study.get_suggestion(), study.get_suggestion()]:
            value = np.array(two_costs(**suggestion.kwargs)) + 0.02 * noise.standard_normal(2)
            study.add_observation(value.tolist(), suggestion.id)
    late = [trial.suggestion.values["y"] for trial in study.trials[10:]]
    assert np.median(late) < 0.05


def test_a_front_needs_several_objectives() -> None:
    study = assay.create_study(SQUARE)
    study.configure(max_iter=3)
    study.run(lambda x, y: x + y)
    with pytest.raises(UsageError, match="MultiMinimizer"):
        study.driver.front()


def wavy(x: float, y: float) -> list[float]:
    return [float(np.sin(6.0 * x) * y), float(np.cos(4.0 * x * y))]


def explored(**keys: Any) -> assay.Study:
    study = assay.create_study(SQUARE, seed=2)
    study.configure(
        surrogates=[{"name": "f", "output_dim": 2}],
        variables=[{"type": "MultiSelector", "input": "f"}],
        objectives=[{"type": "Explorer", **keys}],
        deterministic=True,
        max_iter=20,
    )
    study.run(wavy)
    return study


def error(study: assay.Study) -> float:
    points = np.random.default_rng(5).random((300, 2))
    truth = np.array([wavy(*point) for point in points])
    return float(np.sqrt(np.mean((study.driver.predict(points)["mean"] - truth) ** 2)))


def test_exploring_learns_more_than_random_points() -> None:
    random = assay.create_study(SQUARE, seed=2)
    random.configure(surrogates=[{"name": "f", "output_dim": 2}], deterministic=True)
    random.configure(variables=[{"type": "MultiSelector", "input": "f"}], objectives=[{"type": "Explorer"}])
    for x, y in np.random.default_rng(6).random((20, 2)):
        random.add_observation(wavy(x, y), design_value={"x": float(x), "y": float(y)})
    for strategy in ("uncertainty", "integrated variance"):
        assert error(explored(strategy=strategy)) < error(random)


def test_what_looks_at_the_rim_say_little_about_is_looked_at_less() -> None:
    def on_the_rim(study: assay.Study) -> int:
        points = np.array([[trial.suggestion.values[name] for name in "xy"] for trial in study.trials[5:]])
        return int(((points < 1e-3) | (points > 1 - 1e-3)).any(axis=1).sum())

    plain = on_the_rim(explored(strategy="uncertainty", penalize_boundaries=False))
    assert on_the_rim(explored(strategy="uncertainty")) < plain
    assert on_the_rim(explored(strategy="integrated variance")) < plain


def test_networks_are_explored_where_they_would_be_surprised_and_open_looks_are_left_alone() -> None:
    study = assay.create_study(SQUARE, seed=3)
    study.configure(
        surrogates=[{"type": "NN", "num_NNs": 4, "hidden_layers_arch": [8]}],
        objectives=[{"type": "Explorer", "strategy": "surprise", "penalize_boundaries": False}],
        num_parallel=3,
    )
    for x, y in np.random.default_rng(0).random((10, 2)) * [0.5, 1.0]:
        study.add_observation(float(np.sin(6.0 * x) * y), design_value={"x": float(x), "y": float(y)})
    looks = np.array([list(study.get_suggestion().values.values()) for _ in range(3)])
    assert looks[0, 0] > 0.5  # nothing was seen there
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(looks, 2)) > 0.05


def test_what_cannot_be_explored_by_a_strategy_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="strategy"):
        assay.create_study(SQUARE).configure(objectives=[{"type": "Explorer", "strategy": "boredom"}])
    for strategy, keys in (
        ("integrated variance", {"variables": [{"type": "Expression", "expression": "exp(loss)"}]}),
        ("surprise", {}),  # a GP has no networks to be surprised
    ):
        study = assay.create_study(SQUARE)
        study.configure(objectives=[{"type": "Explorer", "strategy": strategy}], max_iter=6, **keys)
        with pytest.raises(UsageError, match=strategy):
            study.run(lambda x, y: x + y)
