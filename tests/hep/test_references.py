"""Every number of the references: likelihoods, fits, CLs, bands, p0, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from tests.hep.references import NUMBERS, SMALL, model

from assay.hep.asymptotic import Statistic
from assay.hep.build import build_model
from assay.hep.hypothesis import hypothesis_test
from assay.hep.likelihood import maximum_likelihood
from assay.hep.limits import upper_limits
from assay.hep.parameters import parameter_names
from assay.hep.simple import uncorrelated_background
from assay.hep.workspace import Workspace
from assay.numerics.compile import compiled, float64

# A limit or a test of all modifiers compiles for ten seconds.
SMALL_FAST = [pytest.param(name, marks=pytest.mark.slow) if "kitchen" in name else name for name in SMALL]


@compiled()
def _fit(given, start, free):
    return maximum_likelihood(given, given.observed_data(), start=start, free=free).value


@pytest.mark.parametrize("name", SMALL)
def test_the_parameters_have_the_names_order_and_starts_of_the_reference(name):
    layout = model(name).layout
    assert list(parameter_names(layout.sets)) == NUMBERS[name]["par_order"]
    np.testing.assert_allclose(layout.start, NUMBERS[name]["init"])


@pytest.mark.parametrize("name", SMALL)
def test_the_likelihood_equals_the_reference_to_rounding(name):
    given, wanted = model(name), NUMBERS[name]
    with float64():
        data = given.observed_data()
        np.testing.assert_allclose(data.auxiliary, wanted["auxdata"], rtol=1e-14)
        for point in wanted["points"]:
            parameters = np.array(point["pars"])
            np.testing.assert_allclose(given.log_density(parameters, data), point["logpdf"], rtol=1e-12)
            np.testing.assert_allclose(given.expected_main(parameters), point["expected_actual"], rtol=1e-12)


@pytest.mark.parametrize("name", SMALL_FAST)
def test_no_fit_of_the_reference_lies_lower(name):
    given, wanted = model(name), NUMBERS[name]
    layout = given.layout
    with float64():
        saturated = float(given.saturated_log_density(given.observed_data()))
    for key, value in (("mle_twice_nll", None), ("fixed_mu1_twice_nll", 1.0), ("fixed_mu0_twice_nll", 0.0)):
        start, free = layout.start.copy(), ~layout.fixed
        if value is not None:
            start[layout.interest], free[layout.interest] = value, False
        found = 2 * (float(_fit(given, start, free)) - saturated)
        best = min(wanted[optimiser][key] for optimiser in ("scipy", "minuit"))
        assert found <= best + 1e-9
        assert found >= best - 1e-8  # far lower would be another likelihood


@pytest.mark.parametrize("name", SMALL_FAST)
def test_cls_bands_and_p0_are_those_of_the_reference(name):
    given, wanted = model(name), NUMBERS[name]["minuit"]
    tested = hypothesis_test(given, 1.0)
    assert tested.status == ""
    # The reference's two optimisers differ by 1.6e-8 themselves.
    assert tested.cls == pytest.approx(wanted["qtilde"]["CLs_obs"], abs=5e-8)
    np.testing.assert_allclose(tested.expected, wanted["qtilde"]["CLs_exp"], rtol=0, atol=5e-8)
    plain = hypothesis_test(given, 1.0, statistic="q")
    assert plain.cls == pytest.approx(wanted["q"]["CLs_obs"], abs=5e-8)
    discovery = hypothesis_test(given, statistic="q0")
    assert discovery.p == pytest.approx(wanted["q0"]["p0_obs"], abs=5e-8)


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
@pytest.mark.parametrize("value", [0.1, 1.0, 3.0])
def test_two_sided_statistics_are_those_of_pyhf(value):
    """An excess: the best strength is 0.95, so that values lie on both sides of it."""
    import pyhf
    from pyhf.infer import test_statistics

    given = ([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [60.0, 65.0])
    data = uncorrelated_background(*given).to_data()
    data["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[-3.0, 10.0]]}]
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6, strategy=2))
    theirs = pyhf.Workspace(data, validate=False)
    other = theirs.model(validate=False)
    config = other.config
    kinds: list[tuple[Statistic, str, float]] = [("t", "tmu", -3.0), ("t_tilde", "tmu_tilde", 0.0)]
    for statistic, function, lower in kinds:
        bounds = [(lower, 10.0), *config.suggested_bounds()[1:]]
        wanted = getattr(test_statistics, function)(
            value, theirs.data(other), other, config.suggested_init(), bounds, config.suggested_fixed()
        )
        tested = hypothesis_test(build_model(Workspace.from_data(data)), value, statistic=statistic)
        assert tested.observed == pytest.approx(float(wanted), abs=1e-7)
        if statistic == "t":
            assert tested.p == pytest.approx(2 * norm.sf(tested.observed**0.5), rel=1e-12)


def test_the_two_sided_statistic_at_its_bound_is_the_limit_from_above():
    model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [60.0, 65.0]))
    at, above = (hypothesis_test(model, value, statistic="t_tilde") for value in (0.0, 1e-7))
    assert at.p == pytest.approx(above.p, rel=1e-5)
    # With one tail only: a fluctuation downwards ends at the bound.
    assert at.p == pytest.approx(float(norm.sf(at.observed**0.5)), rel=1e-12)
    np.testing.assert_allclose(at.expected, above.expected, rtol=2e-3)
    wanted = np.array([0.5, 0.5, 0.5, 0.0, 0.0]) + norm.sf([2.0, 1.0, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(at.expected, wanted, rtol=1e-7)


@pytest.mark.parametrize("name", SMALL_FAST)
def test_limits_are_those_of_the_reference(name):
    wanted = NUMBERS[name]["minuit"].get("ul95")
    if wanted is None:
        pytest.fail(f"the reference has no limit of {name}")
    limits = upper_limits(model(name))
    assert limits.observed == pytest.approx(wanted["obs"], rel=1e-6)
    np.testing.assert_allclose(limits.expected, wanted["exp"], rtol=1e-6)


@pytest.mark.slow
def test_the_model_of_twenty_parameters_is_fitted_tested_and_limited_beyond_its_bound():
    name = "big_10bins_5samples_20np"
    tested = hypothesis_test(model(name), 1.0)
    assert tested.status == ""
    wanted = NUMBERS[name]["jax_scipy_tol1e-12"]
    assert tested.cls == pytest.approx(wanted["CLs"], abs=5e-8)
    np.testing.assert_allclose(tested.expected, wanted["CLs_exp"], rtol=0, atol=5e-8)
    limits = upper_limits(model(name))
    assert limits.expected[-1] > 10.0  # the bound of the parameter of interest, where the reference gives up
    beyond = hypothesis_test(model(name), limits.expected[-1])
    assert beyond.expected[-1] == pytest.approx(0.05, abs=1e-9)
