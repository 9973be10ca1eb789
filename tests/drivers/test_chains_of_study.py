"""Markov chains of a study against a posterior that is known: that of a straight line."""

import numpy as np

import assay

PLACES = np.linspace(0.0, 1.0, 6)
NOISE = 0.1
SPACE = [{"name": "offset", "domain": [-2, 2]}, {"name": "slope", "domain": [-3, 3]}]
DESIGN = np.stack([np.ones_like(PLACES), PLACES], axis=1)
TARGET = DESIGN @ [0.3, 1.2] + NOISE * np.array([0.4, -1.1, 0.9, 0.2, -0.7, 0.5])


def line(offset: float, slope: float) -> list[float]:
    return (DESIGN @ [offset, slope]).tolist()


def test_least_squares_gives_the_normal_posterior_of_a_line() -> None:
    study = assay.create_study(SPACE, driver="BayesianLeastSquares", seed=0)
    study.configure(target_vector=TARGET.tolist(), uncertainty_vector=[NOISE] * 6, max_iter=10)
    study.run(line)
    chains = study.driver.run_mcmc(num_walkers=128, rel_error=0.1)
    covariance = NOISE**2 * np.linalg.inv(DESIGN.T @ DESIGN)
    mean = np.linalg.lstsq(DESIGN, TARGET, rcond=None)[0]
    deviation = np.sqrt(np.diag(covariance))
    assert chains.stopped == "rel_error"
    assert chains.names == ("offset", "slope")
    np.testing.assert_allclose(chains.medians, mean, atol=0.1 * deviation.min())
    np.testing.assert_allclose(chains.samples.std(axis=0), deviation, rtol=0.1)
    assert abs(np.corrcoef(chains.samples.T)[0, 1] - covariance[0, 1] / deviation.prod()) < 0.05


def test_the_size_of_the_noise_is_drawn_with_the_parameters() -> None:
    """With a flat prior of the line's parameters the density of the noise's size c is c^(2 - 6) exp(-RSS / (2 c²))."""
    study = assay.create_study(SPACE, driver="BayesianReconstruction", seed=0)
    prior = {"distributions": [{"type": "uniform", "parameter": "c", "domain": [0.01, 1.0]}]}
    model = {"expression": "c", "parameter_distribution": prior, "initial_parameters": [0.3]}
    study.configure(target_vector=TARGET.tolist(), error_model=model, max_iter=10)
    study.run(line)
    chains = study.driver.run_mcmc(num_walkers=128, rel_error=0.1)
    residual = TARGET - DESIGN @ np.linalg.lstsq(DESIGN, TARGET, rcond=None)[0]
    grid = np.linspace(0.01, 1.0, 20_001)
    weight = grid**-4.0 * np.exp(-(residual @ residual) / (2.0 * grid**2))
    share = np.cumsum(weight) / weight.sum()
    assert chains.names == ("offset", "slope", "c")
    for probability in (0.16, 0.5, 0.84):
        limit = np.interp(probability, share, grid)
        assert abs((chains.samples[:, 2] < limit).mean() - probability) < 0.04
