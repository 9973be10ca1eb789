"""The data choose the kernel of a suggestion."""

import numpy as np
import pytest
from tests.drivers.helpers import succeeded

from assay.drivers.abstract import History, Request
from assay.drivers.active_learning import ActiveLearning
from assay.drivers.configuration import GP
from assay.drivers.models import fit_or_keep
from assay.drivers.surrogates import build_surrogates
from assay.numerics.coordinates import Coordinates
from assay.records import Measurement
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess

POINTS = np.linspace(0.0, 1.0, 24)[:, None]


def smooth(x):
    return np.sin(7.0 * x) + 0.5 * np.cos(11.0 * x)


def kinked(x):
    return np.abs(x - 0.31) + np.abs(np.sin(9.0 * x))


@pytest.mark.parametrize(("function", "kernel"), [(smooth, "squared_exponential"), (kinked, "matern52")])
def test_the_kernel_of_the_greater_evidence_is_taken_and_kept(function, kernel):
    coordinates = Coordinates.of(Space.from_data([{"name": "x", "domain": [0.0, 1.0]}]))
    surrogates = build_surrogates(GP(), coordinates, True, "identity")
    assert list(surrogates) == ["matern52", "squared_exponential"]
    data = Dataset.of(POINTS, function(POINTS[:, 0]))
    fitted = fit_or_keep(surrogates, GP(), data, None, np.random.default_rng(1))
    assert fitted.kept["kernel"] == kernel
    again = fit_or_keep(surrogates, GP(), data, fitted.kept, np.random.default_rng(2))
    np.testing.assert_array_equal(
        again.fitted.posterior.mean_variance(POINTS)[0], fitted.fitted.posterior.mean_variance(POINTS)[0]
    )


def test_a_smooth_vector_that_is_deterministic_is_known_to_more_digits():
    coordinates = Coordinates.of(Space.from_data([{"name": "x", "domain": [0.0, 1.0]}]))
    ratios = {}
    for outputs in (1, 2):
        built = build_surrogates(GP(output_dim=outputs), coordinates, True, "identity")
        ratios[outputs] = {kernel: recipe.deterministic_noise_ratio for kernel, recipe in built.items()}
    assert ratios[1] == {"matern52": 1e-8, "squared_exponential": 1e-8}
    assert ratios[2] == {"matern52": 1e-8, "squared_exponential": 1e-10}


@pytest.mark.parametrize(
    ("objective", "kernel"), [("Minimizer", "squared_exponential"), ("Explorer", "matern52")]
)
def test_what_explores_is_the_model_that_is_read(objective, kernel):
    space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
    driver = ActiveLearning.from_data(
        {
            "deterministic": True,
            "surrogates": [{"warping_function": "identity"}],
            "objectives": [{"type": objective}],
        }
    )
    trials = [
        succeeded(number, {"x": float(x)}, Measurement((float(smooth(x)),)))
        for number, x in enumerate(POINTS[:, 0])
    ]
    proposal = driver.suggest(History(space, tuple(trials), seed=0), Request(len(trials)))
    assert proposal.state is not None
    assert proposal.state["surrogates"]["loss"]["identity"]["kernel"] == kernel
    read = driver.belief(History(space, tuple(trials), 0, proposal.state))
    recipe = read.models.by_name["loss"].recipe
    assert isinstance(recipe, GaussianProcess)
    assert recipe.kernel == "matern52"
