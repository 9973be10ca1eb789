"""The exported table has the columns that docs/formats.md promises."""

from assay.records import Observation
from assay.study.study import create_study

SPACE = [{"name": "x", "domain": [0.0, 1.0]}, {"name": "kind", "type": "categorical", "domain": ["a", "b"]}]


def test_an_empty_study_has_its_columns():
    table = create_study(SPACE, driver="RandomSearch").to_dataframe()
    assert list(table.columns) == ["suggestion", "status", "param.x", "param.kind", "seconds", "error"]
    assert len(table) == 0


def test_vectors_derivatives_and_surrogates_have_columns_of_their_own():
    study = create_study(SPACE, driver="RandomSearch")
    study.configure(num_parallel=2)
    number = study.get_suggestion().number
    observation = Observation()
    observation.add(1.5, uncertainty=0.25)
    observation.add(-3.0, derivative="x")
    study.add_observation(observation, suggestion_id=number, acquisition_time=2.0)
    failed = study.get_suggestion().number
    study.add_failure(failed, "did not converge")
    table = study.to_dataframe()
    row = table.iloc[0]
    assert (row["value.loss"], row["std.loss"], row["d.loss.x"], row["seconds"]) == (1.5, 0.25, -3.0, 2.0)
    assert list(table["status"]) == ["succeeded", "failed"]
    assert table.iloc[1]["error"] == "did not converge"


def test_a_scan_over_the_environment_has_a_row_for_each():
    environment = [{"name": "temperature_K", "type": "variable", "domain": [250.0, 400.0]}]
    study = create_study(SPACE, environment, driver="RandomSearch")
    observation = Observation()
    for temperature_K, value in ((300.0, 1.0), (310.0, 2.0)):
        observation.add(value, environment_value={"temperature_K": temperature_K})
    study.add_observation(
        observation, design_value={"x": 0.5, "kind": "b"}, environment_value={"temperature_K": 300.0}
    )
    table = study.to_dataframe()
    assert list(table["suggestion"]) == [0, 0]
    assert list(table["env.temperature_K"]) == [300.0, 310.0]
    assert list(table["value.loss"]) == [1.0, 2.0]
