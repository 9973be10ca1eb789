"""From a study to its laws, and back."""

from __future__ import annotations

import numpy as np
import pytest

import assay
from assay.errors import StudyError, UsageError
from assay.study.laws import adopt_law, columns_of_study, laws_of_study
from assay.study.study import Study

LINEAR_ALGEBRA = ["deterministic"]


def sampled(driver: str = "RandomSearch", looks: int = 14) -> Study:
    study = assay.create_study(
        [
            assay.Continuous("length", (0.2, 2.0)),
            assay.Continuous("gravity", (1.6, 25.0)),
            assay.Fixed("mass", 3.0),
        ],
        driver=driver,
    )
    study.configure(max_iter=looks)
    study.run(lambda length, gravity, mass: mass / 3 * 2 * np.pi * np.sqrt(length / gravity))
    return study


def test_a_study_gives_its_columns_and_its_law() -> None:
    study = sampled()
    columns, name, errors = columns_of_study(study)
    assert (list(columns), name, errors) == (["length", "gravity", "loss"], "loss", None)
    law = laws_of_study(study, engines=LINEAR_ALGEBRA).recommended
    assert law.equation == "6.283185307*sqrt(length)/sqrt(gravity)"


def test_failures_are_left_out_and_errors_weigh() -> None:
    study = assay.create_study([assay.Continuous("x", (1.0, 2.0))], driver="RandomSearch")
    for index in range(10):
        suggestion = study.get_suggestion()
        if index == 3:
            study.add_failure(suggestion.number, "it broke")
            continue
        observation = assay.Observation()
        observation.add(2 * suggestion.values["x"], uncertainty=0.1 + 0.01 * index)
        study.add_observation(observation, suggestion.number)
    columns, _, errors = columns_of_study(study)
    assert len(columns["loss"]) == 9
    assert errors == pytest.approx([0.1 + 0.01 * index for index in range(10) if index != 3])


def test_what_has_no_law_is_said() -> None:
    empty = assay.create_study([assay.Continuous("x", (1.0, 2.0))], driver="RandomSearch")
    with pytest.raises(StudyError, match="has no observations"):
        laws_of_study(empty)
    with pytest.raises(UsageError, match="the response must be one of loss, got 'drag'"):
        laws_of_study(sampled(), "drag")
    kinds = assay.create_study(
        [assay.Continuous("x", (1.0, 2.0)), assay.Categorical("kind", ["round", "flat"])],
        driver="RandomSearch",
    )
    kinds.configure(max_iter=8)
    kinds.run(lambda x, kind: x + (kind == "flat"))
    with pytest.raises(UsageError, match="got the category 'kind'"):
        laws_of_study(kinds)


def test_a_law_becomes_the_prior_mean_and_the_surrogate_learns_what_it_leaves_over() -> None:
    def pendulum(length: float, gravity: float) -> float:
        return 2 * np.pi * np.sqrt(length / gravity) * (1 + 0.01 * length)

    study = assay.create_study(
        [assay.Continuous("length", (0.2, 2.0)), assay.Continuous("gravity", (1.6, 25.0))], seed=2
    )
    study.configure(max_iter=14, deterministic=True)
    study.run(pendulum)
    law = laws_of_study(study, engines=LINEAR_ALGEBRA, maxsize=10, unary_operators=["sqrt"]).recommended
    points = [{"length": a, "gravity": b} for a in (0.4, 1.0, 1.9) for b in (3.0, 20.0)]
    truth = np.array([pendulum(**point) for point in points])

    def error() -> float:
        predicted = study.driver.predict([[point["length"], point["gravity"]] for point in points])
        return float(np.abs(np.ravel(predicted["mean"]) - truth).max())

    before = error()
    adopt_law(study, law)
    assert study.configuration["surrogates"][0]["prior_mean"] == law.in_units_of_data
    assert error() < before / 3


def test_a_driver_without_surrogates_cannot_adopt_a_law() -> None:
    study = sampled()
    law = laws_of_study(study, engines=LINEAR_ALGEBRA).recommended
    with pytest.raises(UsageError, match=r"the driver RandomSearch of study .* has none"):
        adopt_law(study, law)
    with pytest.raises(UsageError, match="the surrogate must be one of loss, got 'drag'"):
        adopt_law(sampled("ActiveLearning", 2), law, "drag")


def test_the_circle_goes_on_after_an_interruption(tmp_path: object) -> None:
    def evaluated(places: list[int]) -> list[dict[str, float]]:
        study = assay.create_study(
            [assay.Continuous("a", (0.5, 3.0)), assay.Continuous("b", (0.5, 3.0))],
            driver="LawSearch",
            study_id="circle",
            store=f"{tmp_path}/{len(places)}.assay.db",
        )
        for place in places:
            study = assay.open_study(f"{tmp_path}/{len(places)}.assay.db", "circle")
            study.configure(num_initial=8, num_refresh=3, tolerance=0.0, max_iter=place)
            study.configure(binary_operators=["+", "*"], unary_operators=[], maxsize=9)
            study.run(lambda a, b: float(np.sin(a) * b))
        return [dict(trial.suggestion.values) for trial in study.trials]

    assert evaluated([8, 10, 12]) == evaluated([12])
