"""What a fit of a vector knows of its parameters, against the linear formula and against NIST's certified values."""

import numpy as np
import pytest
from examples.mgh17.mgh17 import CERTIFIED, SPACE, Y, model

import assay
from assay.errors import UsageError

DESIGN = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
TARGET = np.array([1.0, 1.9, 3.2, 3.9])
LINE = [assay.Continuous("offset", (0.0, 3.0)), assay.Continuous("slope", (0.1, 10.0), log=True)]


def line(offset, slope):
    return DESIGN @ [offset, slope]


def fitted(**configuration):
    study = assay.create_study(LINE, driver="BayesianLeastSquares", seed=1)
    study.configure(target_vector=TARGET.tolist(), max_iter=20, **configuration)
    study.run(line)
    return study.driver


def test_a_line_has_the_covariance_of_linear_regression():
    """To what the model knows of the slopes after 20 evaluations."""
    information = DESIGN.T @ DESIGN
    correlated = np.diag([0.1, 0.2, 0.1, 0.2]) ** 2 + 1e-3
    known = fitted(uncertainty_vector=[0.5] * 4)
    np.testing.assert_allclose(known.covariance, 0.25 * np.linalg.inv(information), rtol=2e-2)
    assert known.uncertainties == pytest.approx(
        {"offset": 0.5 * np.sqrt(0.7), "slope": 0.5 * np.sqrt(0.2)}, rel=1e-2
    )
    general = fitted(covariance_matrix=correlated.tolist())
    np.testing.assert_allclose(
        general.covariance, np.linalg.inv(DESIGN.T @ np.linalg.inv(correlated) @ DESIGN), rtol=2e-2
    )
    scatter = np.linalg.lstsq(DESIGN, TARGET, rcond=None)[1][0] / 2
    np.testing.assert_allclose(fitted().covariance, scatter * np.linalg.inv(information), rtol=2e-2)


@pytest.mark.slow
def test_mgh17_has_its_certified_standard_deviations():
    """NIST's, those of b4 and b5 times ten, since s = x / 10."""
    certified = {"b1": 2.0723153551e-3, "b2": 0.22031669222, "b3": 0.22175707739}
    certified |= {"b4": 4.4861358114e-3, "b5": 8.9471996575e-3}
    study = assay.create_study(
        SPACE,
        constraints=[{"name": "amplitudes", "expression": "b2 + b3 <= 1"}],
        driver="BayesianLeastSquares",
        seed=1,
    )
    study.configure(target_vector=Y.tolist(), max_iter=60)
    study.run(model)
    found, best = study.driver.uncertainties, study.driver.best_sample
    assert best is not None
    for name, deviation in certified.items():
        assert found[name] == pytest.approx(deviation, rel=0.05)
        assert abs(best[name] - CERTIFIED[name]) < 0.1 * deviation


def test_another_objective_has_none():
    study = assay.create_study(LINE, seed=1)
    study.configure(max_iter=3)
    study.run(lambda offset, slope: offset * slope)
    with pytest.raises(UsageError, match="needs an objective of type ChiSquaredValue"):
        _ = study.driver.covariance
