import numpy as np
import pytest
from benchmarks.least_squares import SPACE, derivatives, evaluations_needed
from examples.mgh17.mgh17 import CERTIFIED, CERTIFIED_SUM_OF_SQUARES, Y, model
from tests.drivers.helpers import failed, lowest, succeeded

from assay.drivers.abstract import History, Request
from assay.drivers.scipy_least_squares import ScipyLeastSquares
from assay.errors import StudyError, UsageError
from assay.records import Measurement, Trial
from assay.space.space import Space

LINE = Space.from_data([{"name": "slope", "domain": [-5.0, 5.0]}, {"name": "offset", "domain": [-5.0, 5.0]}])
PLACES = np.array([0.0, 1.0, 2.0, 4.0])
# NIST Statistical Reference Datasets, MGH17; the last two times ten, since x = 10 s
CERTIFIED_DEVIATIONS = {
    "b1": 0.0020723153551,
    "b2": 0.22031669222,
    "b3": 0.22175707739,
    "b4": 0.0044861358114,
    "b5": 0.0089471996575,
}
TARGET = np.array([1.1, 2.9, 5.2, 8.8])


def line(values) -> tuple[float, ...]:
    return tuple(values["slope"] * PLACES + values["offset"])


def fitted(
    data, space=LINE, evaluate=line, tell=lambda _: (), limit=300
) -> tuple[ScipyLeastSquares, History]:
    """The driver and its history after the first fit."""
    driver, trials = ScipyLeastSquares.from_data({"num_starts": 1, **data}), []
    while not driver.stop_reason(history := History(space, tuple(trials), 0)) and len(trials) < limit:
        values = driver.suggest(history, Request(len(trials))).values
        trials.append(succeeded(len(trials), values, Measurement(evaluate(values)), *tell(values)))
    return driver, history


def test_a_line_is_fitted_as_by_linear_algebra():
    design = np.stack([PLACES, np.ones(4)], axis=1)
    covariance = 0.04 * (np.eye(4) + 0.5)
    weight = np.linalg.inv(covariance)
    exact = np.linalg.solve(design.T @ weight @ design, design.T @ weight @ TARGET)
    driver, history = fitted({"target_vector": TARGET.tolist(), "covariance_matrix": covariance.tolist()})
    best = driver.best(history)
    assert best is not None
    assert list(best["values"].values()) == pytest.approx(exact, abs=1e-6)
    residuals = design @ exact - TARGET
    assert lowest(driver, history) == pytest.approx(residuals @ weight @ residuals, rel=1e-9)
    np.testing.assert_allclose(
        driver.covariance(history), np.linalg.inv(design.T @ weight @ design), rtol=1e-6
    )


def test_without_uncertainties_the_scatter_is_taken():
    design = np.stack([PLACES, np.ones(4)], axis=1)
    chi2 = np.linalg.lstsq(design, TARGET)[1][0]
    driver, history = fitted({"target_vector": TARGET.tolist()})
    expected = np.linalg.inv(design.T @ design) * chi2 / 2
    np.testing.assert_allclose(driver.covariance(history), expected, rtol=1e-6)
    assert driver.uncertainties(history) == pytest.approx(
        dict(zip(("slope", "offset"), np.sqrt(np.diag(expected)), strict=True)), rel=1e-6
    )
    told = {"target_vector": TARGET.tolist(), "uncertainty_vector": [0.5] * 4}
    driver, history = fitted(told)
    np.testing.assert_allclose(driver.covariance(history), 0.25 * np.linalg.inv(design.T @ design), rtol=1e-6)
    assert lowest(driver, history) == pytest.approx(4 * chi2, rel=1e-9)


@pytest.mark.parametrize("analytic", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_mgh17_is_certified_with_its_standard_deviations(analytic):
    driver, history = fitted(
        {"target_vector": Y.tolist(), "tolerance": 1e-12},
        SPACE,
        lambda values: tuple(model(**values)),
        (lambda values: [Measurement(tuple(row), name) for name, row in derivatives(values).items()])
        if analytic
        else (lambda _: ()),
    )
    best = driver.best(history)
    assert best is not None
    assert best["objective"] == pytest.approx(CERTIFIED_SUM_OF_SQUARES, rel=1e-7)
    assert best["values"] == pytest.approx(CERTIFIED, rel=1e-4)
    assert driver.uncertainties(history) == pytest.approx(CERTIFIED_DEVIATIONS, rel=2e-3)


def test_restarts_reach_mgh17s_minimum_from_everywhere():
    """The figure that Bayesian least squares is compared with: `python -m benchmarks.least_squares`."""
    counts = [evaluations_needed(seed, analytic=True) for seed in range(100, 103)]
    assert max(counts) < 100


def test_a_failed_step_is_shortened():
    driver = ScipyLeastSquares.from_data(
        {"target_vector": TARGET.tolist(), "start_points": [{"slope": -4.0, "offset": -4.0}]}
    )
    trials: list[Trial] = []
    for number in range(60):
        values = driver.suggest(History(LINE, tuple(trials), 0), Request(number)).values
        is_outside = float(values["slope"]) > 2.5
        trials.append(
            failed(number, values) if is_outside else succeeded(number, values, Measurement(line(values)))
        )
    design = np.stack([PLACES, np.ones(4)], axis=1)
    chi2 = np.linalg.lstsq(design, TARGET)[1][0]
    assert lowest(driver, History(LINE, tuple(trials), 0)) == pytest.approx(chi2, rel=1e-6)


def test_a_minimum_on_a_constraint_is_found():
    space = Space.from_data(
        [{"name": "slope", "domain": [-5.0, 5.0]}, {"name": "offset", "domain": [-5.0, 5.0]}],
        constraints=[{"name": "low", "expression": "slope + offset <= 2"}],
    )
    driver, history = fitted({"target_vector": TARGET.tolist(), "num_starts": 1}, space)
    design = np.stack([PLACES, np.ones(4)], axis=1)
    # on the edge offset = 2 - slope
    column, rest = design[:, 0] - design[:, 1], TARGET - 2 * design[:, 1]
    slope = float(column @ rest / (column @ column))
    expected = float(np.sum((column * slope - rest) ** 2))
    assert all(space.is_feasible(trial.suggestion.values) for trial in history.trials)
    assert lowest(driver, history) == pytest.approx(expected, rel=0.02)


def test_what_it_cannot_learn_from_or_answer_is_refused():
    driver = ScipyLeastSquares.from_data({"target_vector": [1.0, 2.0]})
    with pytest.raises(UsageError, match="needs 2 outputs, got 1"):
        driver.check(LINE, [Measurement((1.0,))])
    with pytest.raises(StudyError, match="not known yet"):
        driver.covariance(History(LINE, (), 0))
    trials = (
        succeeded(
            0,
            {"slope": 0.0, "offset": 0.0},
            Measurement((1.0, 1.0)),
            Measurement((0.0, 0.0), "slope"),
            Measurement((1.0, 1.0), "offset"),
        ),
    )
    with pytest.raises(StudyError, match="determine every parameter"):
        driver.covariance(History(LINE, trials, 0))
