"""What is told is kept as it was meant: its environment, its numbers, and nothing where it cannot be understood."""

from typing import Any

import numpy as np
import pytest

from assay.errors import SpaceError, StoreError, UsageError
from assay.records import Observation
from assay.study.study import create_study, open_study

LINE = [{"name": "x", "domain": [-1.0, 1.0]}]


def outcome_of(trial):
    """The outcome of a trial that has one."""
    assert trial.outcome is not None
    return trial.outcome


FIXED = [{"name": "pressure_Pa", "type": "fixed", "domain": 101325.0}]
VARIABLE = [{"name": "temperature_K", "domain": [250.0, 400.0]}]


def study_in(environment=None):
    return create_study(LINE, environment, driver="RandomSearch", seed=5)


def test_a_fixed_environment_reaches_the_evaluator_and_the_table():
    study, seen = study_in(FIXED), []
    study.configure(max_iter=2)
    study.run(lambda x, pressure_Pa: seen.append(pressure_Pa) or x)
    study.add_observation(1.0, design_value={"x": 0.5})
    assert seen == [101325.0, 101325.0]
    assert list(study.to_dataframe()["env.pressure_Pa"]) == [101325.0] * 3


def test_a_suggestion_in_an_unknown_environment_is_refused_with_a_sentence():
    study = study_in(VARIABLE)
    with pytest.raises(SpaceError, match="needs a value for parameter 'temperature_K'"):
        study.get_suggestion()
    assert not study.state.claims
    assert study.get_suggestion({"temperature_K": 300.0}).environment == {"temperature_K": 300.0}


def test_what_is_not_given_of_the_environment_keeps_its_last_value():
    study = study_in([*VARIABLE, {"name": "humidity", "domain": [0.0, 1.0]}])
    study.configure(num_parallel=2)
    study.get_suggestion({"temperature_K": 300.0, "humidity": 0.5})
    assert study.get_suggestion({"humidity": 0.6}).environment == {"temperature_K": 300.0, "humidity": 0.6}


def test_the_environment_that_was_met_is_kept_also_for_a_suggestion():
    study = study_in(VARIABLE)
    suggestion = study.get_suggestion({"temperature_K": 300.0})
    study.add_observation(1.0, suggestion_id=suggestion.id, environment_value={"temperature_K": 310.0})
    assert list(study.to_dataframe()["env.temperature_K"]) == [310.0]


@pytest.mark.parametrize("place", [{"temperature_K": float("nan")}, {"temperature_K": 1.0}, {"time_s": 1.0}])
def test_an_entry_in_an_impossible_environment_is_refused(place):
    study, observation = study_in(VARIABLE), Observation()
    observation.add(1.0, environment_value=place)
    with pytest.raises(SpaceError):
        study.add_observation(
            observation, design_value={"x": 0.5}, environment_value={"temperature_K": 300.0}
        )
    assert study.trials == ()


def test_a_point_in_an_unknown_environment_is_refused():
    study = study_in(VARIABLE)
    with pytest.raises(SpaceError, match="needs a value for parameter 'temperature_K'"):
        study.add_observation(1.0, design_value={"x": 0.5})
    assert study.trials == ()


def test_numbers_of_numpy_are_as_good_as_others():
    study: Any = study_in()  # NumPy's numbers are none for a type checker
    suggestion = study.get_suggestion()
    study.add_observation(
        np.float32(1.5), suggestion_id=np.int64(suggestion.id), acquisition_time=np.float32(2)
    )
    study.clear_suggestion(np.int64(study.get_suggestion().id))
    study.add_failure(np.int64(study.get_suggestion().id), "no")
    assert outcome_of(study.trials[0]).measurements[0].value == (1.5,)
    assert [trial.status for trial in study.trials] == ["succeeded", "cleared", "failed"]


@pytest.mark.parametrize("value", [None, "12", b"12", {"a": 1.0}, 1j, object()])
def test_what_is_no_number_is_refused_with_a_sentence(value):
    study = study_in()
    with pytest.raises(UsageError, match="must be a number or a list of numbers"):
        study.add_observation(value, design_value={"x": 0.5})


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_an_impossible_acquisition_time_is_refused(seconds):
    with pytest.raises(UsageError, match="acquisition_time must be finite and not negative"):
        study_in().add_observation(1.0, design_value={"x": 0.5}, acquisition_time=seconds)


def test_opening_a_mistyped_store_makes_no_file(tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        open_study(tmp_path / "stduy.db")
    assert list(tmp_path.iterdir()) == []
