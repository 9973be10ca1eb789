import numpy as np
import pytest

from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.variance_reduction import VarianceReduction

RNG = np.random.default_rng(0)
DATA = RNG.random((15, 3))
VALUES = np.stack([np.sin(5 * DATA[:, 0]) * DATA[:, 1], DATA[:, 2] ** 2], axis=1)
REFERENCES, POINTS = RNG.random((40, 3)), RNG.random((5, 3))


def member(**keys):
    fitted = GaussianProcess(warping="identity", **keys).fit(Dataset.of(DATA, VALUES), None, RNG)
    return fitted.posterior.blocks[0][1]


@pytest.mark.parametrize("keys", [{"noise": "none"}, {"noise": "fit"}, {"noise": "fit", "mean": "quadratic"}])
def test_the_reduction_is_what_conditioning_on_the_look_takes(keys):
    process = member(**keys)
    reduction = VarianceReduction.of(process, REFERENCES).value(POINTS)
    before = process.mean_variance(REFERENCES)[1].mean()
    for point, claimed in zip(POINTS, reduction, strict=True):
        after = process.extended_blindly(point[None]).mean_variance(REFERENCES)[1].mean()
        assert before - after == pytest.approx(claimed, rel=1e-5)


def test_the_gradient_is_that_of_the_value():
    for mean in ("constant", "quadratic"):
        reduction = VarianceReduction.of(member(noise="fit", mean=mean), REFERENCES)
        value, gradient = reduction.value_gradient(POINTS)
        assert np.allclose(value, reduction.value(POINTS), rtol=1e-12)
        steps = 1e-6 * np.eye(3)
        differences = [
            (reduction.value(POINTS + step) - reduction.value(POINTS - step)) / 2e-6 for step in steps
        ]
        assert np.allclose(gradient, np.stack(differences, axis=1), atol=1e-5 * np.abs(gradient).max())


def test_the_order_of_references_and_their_repetition_do_not_matter():
    process = member(noise="none")
    once = VarianceReduction.of(process, REFERENCES).value(POINTS)
    twice = VarianceReduction.of(process, np.concatenate([REFERENCES[::-1], REFERENCES])).value(POINTS)
    assert np.allclose(once, twice, rtol=1e-12)


def test_a_second_look_at_an_exact_datum_is_worth_nothing():
    reduction = VarianceReduction.of(member(noise="none"), REFERENCES)
    assert reduction.value(DATA).max() < 1e-4 * reduction.value(POINTS).min()
