"""What a study's driver tells, and what can be done with it by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import assay
from assay.errors import ConfigurationError, UsageError
from assay.study.study import Study, create_study

SCALES = "surrogates.0.kernel.design_length_scales"
SPACE = [{"name": "x", "domain": [0, 2]}, {"name": "y", "domain": [0.1, 10], "log": True}]


def bowl(x: float, y: float) -> float:
    return (x - 0.5) ** 2 + 0.2 * math.log(y) ** 2


def finished(looks: int = 9, **keys: Any) -> Study:
    study = create_study(SPACE, seed=1)
    study.configure(max_iter=looks, num_initial=6, deterministic=True, **keys)
    study.run(bowl)
    return study


@pytest.fixture(scope="module")
def study() -> Study:
    return finished()


def test_the_state_is_told_by_path(study: Study) -> None:
    driver = study.driver
    assert driver.get_state("best_sample") == study.driver.best_sample
    assert driver.get_state("driver.min_objective") == driver.min_objective
    assert driver.get_state("acquisition_function.min_objective") == driver.min_objective
    assert driver.get_state("num_open_suggestions") == 0
    assert driver.get_state("objectives.0.min_PoI") == 1e-16
    assert study.get_state("driver.best_sample.x") == study.get_state("driver")["best_sample"]["x"]
    assert study.get_state("suggestion.id") == 8
    assert study.get_state("observation.values") == [[bowl(**study.get_state("suggestion.kwargs"))]]
    whole = study.get_state()
    assert whole["num_finished"] == 9
    assert len(whole["driver"]["surrogates"][0]["kernel"]["design_length_scales"]) == 2


def test_an_unknown_path_is_told_what_there_is(study: Study) -> None:
    with pytest.raises(UsageError, match=r"no 'surrogates.0.nam': at 'nam' there are type, name"):
        study.driver.get_state("surrogates.0.nam")
    with pytest.raises(UsageError, match="has no 'drive': at 'drive' there are driver, suggestion"):
        study.get_state("drive")


def test_history_has_one_value_for_each_evaluation(study: Study) -> None:
    values = [bowl(**dict[str, Any](trial.suggestion.values)) for trial in study.trials]
    lowest = np.minimum.accumulate(values).tolist()
    assert study.driver.historic_parameter_values("min_objective") == lowest
    assert study.historic_parameter_values("driver.min_objective") == lowest
    assert study.historic_parameter_values("suggestion.id") == list(range(9))
    scales = study.driver.historic_parameter_values(SCALES)
    assert scales[:6] == [None] * 6
    assert all(len(entry) == 2 for entry in scales[7:])
    assert scales[-1] == study.driver.get_state(SCALES)


def test_length_scales_are_in_own_units_and_the_models_are_those_that_are_told() -> None:
    study = finished()
    study.driver.override_parameter(SCALES, np.array([0.5, 1.5]))
    (model,) = study.driver.belief().models.by_name.values()
    natural = model.fitted.posterior.length_scales * [2.0, math.log(100.0)]
    assert natural == pytest.approx([0.5, 1.5], rel=1e-12)
    assert study.driver.get_state(SCALES) == [0.5, 1.5]


def test_an_override_holds_until_it_is_cleared_and_through_other_changes(tmp_path: Path) -> None:
    study = create_study(SPACE, study_id="held", store=tmp_path / "held.db", seed=1)
    study.configure(max_iter=7, num_initial=6, deterministic=True)
    study.driver.override_parameter("driver.surrogates.0.kernel.design_length_scales", (0.5, 1.5))
    study.driver.override_parameter("scaling", 10.0)
    study.configure(scaling=2.0)
    study.run(bowl)
    again = assay.open_study(tmp_path / "held.db")
    assert again.configuration["overrides"] == {SCALES: [0.5, 1.5], "scaling": 10.0}
    assert again.configuration["scaling"] == 2.0
    assert again.driver.get_state("scaling") == 10.0
    (kept,) = {entry["held"][0][0] for entry in again.history.state["surrogates"]["loss"].values()}  # pyright: ignore[reportOptionalSubscript]
    assert kept == pytest.approx(0.25)
    again.driver.override_parameter("scaling", None)
    again.driver.override_parameter(SCALES, None)
    assert again.configuration["overrides"] == {}
    assert again.driver.get_state("scaling") == 2.0
    again.driver.train()
    assert again.driver.get_state(SCALES) != [0.5, 1.5]


def test_a_held_noise_is_believed() -> None:
    """Far from nothing, and exactly where it was looked at, the belief of the mean has the noise over the looks there."""
    study = create_study([{"name": "x", "domain": [0, 1]}], seed=3)
    study.configure(max_iter=8, num_initial=8)
    study.driver.override_parameter("surrogates.0.noise_variance", 0.04)
    study.run(lambda x: 3.0 * x)
    (model,) = study.driver.belief().models.by_name.values()
    assert model.data.noise_variance.ravel().tolist() == [0.04] * 8
    assert study.driver.get_state("surrogates.0.noise_variance") == 0.04
    wide = study.driver.predict([{"x": 0.5}])["variance"][0, 0]
    study.driver.override_parameter("surrogates.0.noise_variance", 1e-8)
    assert study.driver.predict([{"x": 0.5}])["variance"][0, 0] < 0.1 * wide


def test_what_cannot_be_overridden_is_refused_and_nothing_is_changed(study: Study) -> None:
    before = study.configuration
    for path, value in [("surrogates.0.name", "other"), ("nothing", 1), ("scaling", -1.0), (SCALES, [1.0])]:
        with pytest.raises(ConfigurationError):
            study.driver.override_parameter(path, value)
    with pytest.raises(ConfigurationError, match="'identity' or 'auto', got 'sinh'"):
        study.configure(
            surrogates=[{"warping_function": "sinh"}], overrides={"surrogates.0.noise_variance": 0.1}
        )
    assert study.configuration == before
    other = create_study(SPACE, driver="RandomSearch")
    with pytest.raises(UsageError, match="overrides need a driver with a model"):
        other.driver.override_parameter("method", "sobol")
    with pytest.raises(UsageError, match="needs a driver with a model"):
        other.driver.train()


def test_every_settable_leaf_of_the_description_can_be_overridden_with_its_own_value() -> None:
    study = create_study(SPACE)

    def leaves(member: dict[str, Any], path: str) -> list[tuple[str, dict[str, Any]]]:
        if "members" not in member:
            return [(path, member)]
        return [
            leaf
            for inner in member["members"]
            for leaf in leaves(inner, f"{path}.{inner['name']}".strip("."))
        ]

    found = dict(leaves(study.driver.describe(), ""))
    assert found["surrogates.0.name"]["settable"] is False
    assert found[SCALES]["settable"] is True
    settable = {path: entry["value"] for path, entry in found.items() if entry["settable"]}
    overrides = {path: value for path, value in settable.items() if not isinstance(value, dict)}
    assert len(overrides) > 50
    study.configure(overrides={path: value for path, value in overrides.items() if value is not None})


def test_hyperparameters_are_fitted_on_request_and_the_next_suggestion_begins_with_them() -> None:
    study = finished()
    rows = {name: entry["rows"] for name, entry in study.history.state["surrogates"]["loss"].items()}  # pyright: ignore[reportOptionalSubscript]
    study.driver.optimize_hyperparameters("surrogates.0", num_samples=2)
    state = study.history.state
    assert state is not None
    assert {name: entry["rows"] for name, entry in state["surrogates"]["loss"].items()} != rows
    assert all(entry["rows"] == 9 for entry in state["surrogates"]["loss"].values())
    with pytest.raises(UsageError, match="num_samples of at least 1, got 0"):
        study.driver.optimize_hyperparameters(num_samples=0)
    with pytest.raises(UsageError, match=r"'surrogates\.0', got 'loss'"):
        study.driver.train("loss")
    with pytest.raises(UsageError, match="surrogates 0 to 0, got 4"):
        study.driver.train("surrogates.4")


def test_a_training_needs_data() -> None:
    with pytest.raises(UsageError, match="2 successful evaluations"):
        create_study(SPACE).driver.train()


def test_minima_of_two_valleys_are_found_inside_the_constraint() -> None:
    study = create_study(
        [{"name": "x", "domain": [-2, 2]}], constraints=[{"name": "c", "expression": "x <= 0.5"}]
    )
    study.configure(max_iter=14, num_initial=12, deterministic=True)
    study.run(lambda x: (x * x - 1.0) ** 2 - 0.3 * x)
    found = study.driver.get_minima(num_output=2)
    assert found["param.x"][0] == pytest.approx(-0.9601, abs=0.02)
    assert found["value"][0] == pytest.approx(0.2942, abs=0.02)
    assert found["param.x"][1] == 0.5
    assert found["gradient_vanishes"] == [True, False]


def test_a_preset_has_the_same_methods() -> None:
    study = create_study(SPACE, driver="BayesianLeastSquares", seed=2)
    with pytest.raises(ConfigurationError, match="target_vector"):
        study.get_suggestion()
    study.configure(max_iter=8, num_initial=6, target_vector=[0.5, 0.0])
    study.run(lambda x, y: [x, math.log(y)])
    assert study.driver.get_state("target_vector") == [0.5, 0.0]
    assert study.driver.min_objective == pytest.approx(study.driver.get_state("min_objective"))
    study.driver.override_parameter("surrogates.0.num_restarts", 3)
    assert study.driver.get_state("surrogates.0.num_restarts") == 3
    study.driver.train()
    assert len(study.driver.get_state(SCALES)) == 2


def test_rows_that_crowd_may_be_left_out() -> None:
    study = create_study([{"name": "x", "domain": [0, 1]}], seed=3)
    places = [*np.linspace(0.0, 1.0, 6), *(0.4 + 1e-3 * np.arange(6))]
    study.add_many([math.sin(6 * place) for place in places], [{"x": float(place)} for place in places])
    study.configure(deterministic=True)
    driver = study.driver
    whole, thin = driver.belief(), driver.belief(min_dist=0.05)
    rows = [len(next(iter(found.models.by_name.values())).data) for found in (whole, thin)]
    assert rows[0] == 12
    assert rows[1] == 6
    point = [{"x": 0.25}]
    assert driver.predict(point, min_dist=0.05)["mean"][0, 0] == thin.predict(point)["mean"][0, 0]
    assert driver.predict(point)["mean"][0, 0] != thin.predict(point)["mean"][0, 0]
    lowest = driver.get_minima(num_output=1, min_dist=0.05)
    assert lowest["param.x"][0] == pytest.approx(math.pi / 4, abs=0.02)
    driver.optimize_hyperparameters("surrogates.0", num_samples=1, min_dist=0.05)
    state = study.history.state
    assert state is not None
    assert {kept["rows"] for kept in state["surrogates"]["loss"].values()} == {12}
    with pytest.raises(UsageError, match="min_dist of a dataset must be finite and at least 0, got -1"):
        driver.predict(point, min_dist=-1.0)


def test_the_objective_is_an_average_while_parameters_stray() -> None:
    """The average of (x - 0.5)^2 over a standard deviation s is s^2 more; a variable is what it was."""
    study = create_study([{"name": "x", "domain": [0, 1]}], seed=3)
    stray = {"parameter_uncertainties": [{"name": "x", "uncertainty": 0.1}]}
    study.configure(deterministic=True, max_iter=14, acquisition_function=stray)
    study.run(lambda x: (x - 0.5) ** 2)
    point = [{"x": 0.5}]
    assert study.driver.predict(point)["mean"][0, 0] == pytest.approx(0.01, abs=2e-4)
    assert study.driver.predict(point, "variable", "v")["mean"][0, 0] == pytest.approx(0.0, abs=2e-4)
    found = study.driver.get_minima(num_output=1)
    assert found["param.x"][0] == pytest.approx(0.5, abs=1e-2)
    assert found["value"][0] == pytest.approx(0.01, abs=2e-4)
    assert study.driver.get_observed_values()["means"].min() > 0.009
