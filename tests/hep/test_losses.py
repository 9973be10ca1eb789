"""Numbers that a training makes small, against closed forms and the exact inference."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp
from tests.hep.references import NUMBERS

from assay.errors import UsageError
from assay.hep.asymptotic import asymptotic_test
from assay.hep.build import build_model
from assay.hep.fit import fit
from assay.hep.losses import (
    asimov_significance,
    binary_cross_entropy,
    fisher_covariance,
    gaussianity,
    generalised_variance,
    interest_std,
    log_cls,
    log_limit,
    log_p0,
    poisson_covariance,
)
from assay.hep.simple import correlated_background, uncorrelated_background, workspace
from assay.hep.templates import with_observed, with_templates
from assay.numerics.compile import CompiledFunction, float64, jax_module

jax = jax_module()
jnp = jax.numpy

SIMPLE = build_model(uncorrelated_background([15.0], [45.0], [0.5], [60.0]))
CLOSED = NUMBERS["closed_form_simple_analysis"]["a=0.5,c=0.1"]


def _analysis(phi):
    """Signal 15 + phi, background 45 - 2 phi, known to 0.5 + 0.1 phi^2."""
    phi = jnp.asarray(phi, float)
    model = with_templates(SIMPLE, "singlechannel", "signal", (15.0 + phi)[None])
    return with_templates(
        model, "singlechannel", "background", (45.0 - 2.0 * phi)[None], shapesys=(0.5 + 0.1 * phi**2)[None]
    )


_p0 = CompiledFunction(jax.value_and_grad(lambda phi: jnp.exp(log_p0(_analysis(phi)))))


def _exact_p0(phi):
    """The closed form of a counting experiment with a Poisson control measurement, in 40 digits."""
    s, b, v = 15 + phi, 45 - 2 * phi, (mp.mpf("0.5") + mp.mpf("0.1") * phi**2) ** 2
    first = (s + b) * mp.log((s + b) * (b + v) / (b * b + (s + b) * v))
    square = 2 * (first - b * b / v * mp.log(1 + v * s / (b * (b + v))))
    return mp.erfc(mp.sqrt(square / 2)) / 2


@pytest.mark.parametrize("phi", ["0", "2", "4.3", "5", "8", "10"])
def test_p0_of_the_simple_analysis_and_its_derivative_are_the_closed_forms(phi):
    value, slope = (float(part) for part in _p0(float(phi)))
    with mp.workdps(40):
        assert value == pytest.approx(float(_exact_p0(mp.mpf(phi))), rel=1e-10)
        assert slope == pytest.approx(float(mp.diff(_exact_p0, mp.mpf(phi))), rel=1e-9)
    assert value == pytest.approx(CLOSED["p0"][phi], rel=1e-8)
    if phi in ("2", "4.3", "5", "8"):  # the reference's at 0 is off by a few more units of its last digits
        assert slope == pytest.approx(CLOSED["dp0_dphi"][phi], rel=1e-7)


def test_the_optimum_is_where_the_derivative_changes_sign():
    assert float(_p0(CLOSED["phi_star"] - 1e-6)[1]) < 0 < float(_p0(CLOSED["phi_star"] + 1e-6)[1])
    assert float(_p0(CLOSED["phi_star"])[0]) == pytest.approx(CLOSED["p_star"], rel=1e-8)


def test_the_asimov_significance_is_that_of_the_profile_likelihood():
    with float64():
        z = float(asimov_significance(20.0, 35.0, 3.0))
        model = build_model(uncorrelated_background([20.0], [35.0], [3.0], [55.0]))
        tested = asymptotic_test(model, model.expected_data(jnp.array([1.0, 1.0])), statistic="q0")
        assert z == pytest.approx(float(jnp.sqrt(tested.statistic)), rel=1e-9)
        assert float(asimov_significance(20.0, 35.0, 1e-9)) == pytest.approx(
            float(asimov_significance(20.0, 35.0))
        )
        assert float(asimov_significance(0.0, 35.0)) == 0.0
        assert np.isfinite(float(jax.grad(asimov_significance)(0.0, 35.0)))


def test_a_fit_without_the_signal_begins_anew_where_the_last_one_leaves_a_negative_yield():
    """The first bin's background is negative at the variation that a fit with the signal prefers."""
    background = [0.0857, 0.6242, 1.4485, 3.9610, 93.8855]
    model = build_model(
        correlated_background(
            [9.6670, 3.1747, 2.6837, 2.0414, 2.4382], background, [6.9417, 10.5358, 13.5254, 18.6815, 50.3206],
            [16.9002, 10.6255, 10.7342, 13.2774, 48.4677], background,
        )
    )  # fmt: skip
    with float64():
        tested = asymptotic_test(model, model.observed_data())
        with_signal = np.asarray(tested.points[1])
        without = with_signal * (np.arange(2) != model.layout.interest)
        assert float(model.expected_main(jnp.asarray(without))[0]) < 0  # where the fit would have begun
        assert float(tested.values[2]) == pytest.approx(0.0, abs=1e-12)  # the nominal background is the data
        slopes = jax.grad(lambda s: log_cls(with_templates(model, "singlechannel", "signal", s)))(np.ones(5))
    assert np.isfinite(float(tested.log_cls))
    assert np.isfinite(slopes).all()


def test_losses_on_asimov_data_are_the_expected_numbers_of_the_inference():
    model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [50.0, 52.0]))
    from assay.hep.hypothesis import hypothesis_test
    from assay.hep.limits import upper_limits

    with float64():
        assert float(jnp.exp(log_cls(model))) == pytest.approx(hypothesis_test(model).expected[2], rel=1e-9)
        assert float(jnp.exp(log_limit(model))) == pytest.approx(upper_limits(model).expected[2], rel=1e-9)


def test_the_fisher_covariance_is_that_of_a_fit_to_asimov_data():
    model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [62.0, 63.0]))
    found = fit(model)  # the observed counts are what strength 1 expects
    with float64():
        np.testing.assert_allclose(fisher_covariance(model), found.covariance, rtol=1e-6)
        assert float(interest_std(model)) == pytest.approx(found.uncertainties[0], rel=1e-6)
        assert float(generalised_variance(model)) == pytest.approx(
            np.linalg.slogdet(found.covariance)[1], rel=1e-6
        )


EXPECTED = {
    "CLs": log_cls,
    "p0": log_p0,
    "limit": log_limit,
    "uncertainty": interest_std,
    "variance": generalised_variance,
    "gaussianity": lambda model: gaussianity(model, jax.random.key(0), 50),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in ("CLs", "p0", "limit"))) for name in EXPECTED],
)
def test_every_loss_has_its_own_derivative(name):
    """The Asimov data move with the templates, and so must the derivative."""
    number = CompiledFunction(jax.value_and_grad(lambda phi: EXPECTED[name](_analysis(phi))))
    width = 1e-3
    near, far = (
        (float(number(4.0 + step)[0]) - float(number(4.0 - step)[0])) / (2 * step)
        for step in (width, 2 * width)
    )
    assert float(number(4.0)[1]) == pytest.approx((4 * near - far) / 3, rel=1e-6)


def test_the_local_uncertainty_is_least_where_the_closed_form_is():
    """5.43473 is the optimum of a search over the closed form, which knows no derivative."""
    slope = CompiledFunction(jax.grad(lambda phi: interest_std(_analysis(phi))))
    assert float(slope(5.43472)) < 0 < float(slope(5.43474))


def test_the_covariance_of_poisson_counts_is_that_of_the_model_with_the_same_yields():
    signal, background = np.array([5.0, 11.0]), np.array([50.0, 60.0])
    high, low = np.array([58.0, 61.0]), np.array([45.0, 57.0])
    model = build_model(
        correlated_background(*(part.tolist() for part in (signal, background, high, low, background)))
    )

    def expected(point):  # near the nominal point the interpolation is a straight line of this slope
        return point[0] * signal + background + point[1] * (high - low) / 2

    with float64():
        found = poisson_covariance(expected, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
        assert float(found[0, 0]) == pytest.approx(float(interest_std(model)) ** 2, rel=1e-12)
        alone = poisson_covariance(
            lambda scale: jnp.append(scale * signal + background, 0.0 * scale), np.ones(1)
        )
    assert float(alone[0, 0]) == pytest.approx(1 / (signal**2 / (signal + background)).sum(), rel=1e-12)


def test_the_local_uncertainty_knows_nothing_of_variations_to_the_same_side():
    wanted = NUMBERS["same_side_histosys_s=[5,11]_b=[50,50]"]["sigma_mu"]
    for (up, down), number in {(7.0, 7.0): wanted["u=d"], (10.0, -10.0): wanted["10,-10"]}.items():
        model = build_model(
            correlated_background(
                [5.0, 11.0], [50.0, 50.0], [50 + up, 50 - up], [50 + down, 50 - down], [50.0, 50.0]
            )
        )
        with float64():
            assert float(interest_std(model)) == pytest.approx(number, abs=1e-8)


def test_gaussianity_vanishes_as_counts_grow():
    with float64():
        few, many = (
            float(
                gaussianity(
                    build_model(uncorrelated_background([s * 12.0], [s * 50.0], [s**0.5 * 3.0], [s * 62.0])),
                    jax.random.key(0),
                )
            )
            for s in (1.0, 100.0)
        )
    assert 0 < many < 0.02 * few


def test_cross_entropy_is_that_of_scikit_learn_and_is_stable():
    from sklearn.metrics import log_loss

    generator = np.random.default_rng(0)
    signal, background = generator.normal(1.0, 1.0, 50), generator.normal(-1.0, 1.0, 50)
    chances = 1 / (1 + np.exp(-np.r_[signal, background]))
    with float64():
        found = float(binary_cross_entropy(signal, background))
        assert found == pytest.approx(log_loss(np.r_[np.ones(50), np.zeros(50)], chances), rel=1e-12)
        twice = float(binary_cross_entropy(signal, [background, background]))
        assert twice == pytest.approx(found, rel=1e-12)
        assert np.isfinite(float(binary_cross_entropy(np.array([-1e4]), np.array([1e4]))))


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        (
            ("other", "signal", np.ones(1)),
            {},
            "no sample 'signal' in a channel 'other'; it has singlechannel/background",
        ),
        (("singlechannel", "signal", np.ones(2)), {}, "must be 1 numbers, one for each bin"),
        (
            ("singlechannel", "signal", np.ones(1)),
            {"histosys": {"x": (np.ones(1), np.ones(1))}},
            "no histosys 'x'",
        ),
        (("singlechannel", "signal", np.ones(1)), {"staterror": np.ones(1)}, "has no staterror"),
    ],
)
def test_templates_that_are_not_there_are_refused_by_name(arguments, keywords, words):
    with pytest.raises(UsageError, match=words):
        with_templates(SIMPLE, *arguments, **keywords)


def test_factors_may_be_swapped_as_if_they_were_built():
    def built(high, low):
        return build_model(
            workspace(
                {
                    "SR": {
                        "signal": ([5.0], [("normfactor", "mu")]),
                        "background": ([50.0], [("normsys", "other", {"hi": 1.2, "lo": 0.8})]),
                        "more": ([20.0], [("normsys", "scale", {"hi": high, "lo": low}), ("normsys", "other", {"hi": 1.1, "lo": 0.9})]),
                    }
                },
                {"SR": [70.0]},
            )
        )  # fmt: skip

    changed = with_templates(built(1.3, 0.9), "SR", "more", [20.0], normsys={"scale": (1.1, 0.7)})
    wanted = built(1.1, 0.7)
    assert changed.normsys_high.tolist() == wanted.normsys_high.tolist()
    assert changed.normsys_low.tolist() == wanted.normsys_low.tolist()

    def moved(high):
        return interest_std(
            with_templates(built(1.3, 0.9), "SR", "more", np.array([20.0]), normsys={"scale": (high, 0.7)})
        )

    with float64():
        assert float(jax.jit(moved)(1.1)) == pytest.approx(float(interest_std(wanted)), rel=1e-12)
        assert float(jax.jit(jax.grad(moved))(1.1)) > 0  # what is more uncertain measures worse
    with pytest.raises(UsageError, match="sample 'background' of channel 'SR' has no normsys 'scale'"):
        with_templates(wanted, "SR", "background", [50.0], normsys={"scale": (1.1, 0.7)})


def test_observed_counts_may_be_swapped():
    assert with_observed(SIMPLE, np.array([3.0])).observed.tolist() == [3.0]
    with pytest.raises(UsageError, match="observed counts must be 1 numbers"):
        with_observed(SIMPLE, np.array([3.0, 4.0]))
