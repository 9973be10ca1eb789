"""Fits for people: uncertainties against Minuit on pyhf's likelihood, impacts against refits, rates of pulls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2
from tests.hep.references import model as reference
from tests.hep.references import workspaces

from assay.errors import UsageError
from assay.hep.build import build_model
from assay.hep.fit import fit, impacts
from assay.hep.simple import uncorrelated_background, workspace


def _model(observed=(60.0, 65.0)):
    return build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], list(observed)))


@pytest.mark.filterwarnings(
    "ignore:jsonschema.RefResolver:DeprecationWarning"
)  # pyhf's, until its next release
def test_values_uncertainties_and_correlations_are_those_of_minuit_on_another_likelihood():
    import pyhf
    from pyhf.infer import mle

    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6))
    workspace = pyhf.Workspace(
        uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [60.0, 65.0]).to_data(),
        validate=False,
    )
    other = workspace.model(validate=False)
    far = [(-1e3, 1e3)] * 3  # Minuit bends its uncertainties near a bound
    result, correlation = mle.fit(
        workspace.data(other), other, par_bounds=far, return_uncertainties=True, return_correlations=True
    )
    found = fit(_model())
    # Minuit finds its Hessian by differences.
    np.testing.assert_allclose(found.values, result[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.uncertainties, result[:, 1], rtol=2e-4)
    np.testing.assert_allclose(found.correlation, correlation, atol=5e-4)
    assert found.status == ""


def test_goodness_of_fit_is_twice_the_distance_to_the_saturated_likelihood():
    found = fit(_model())
    gammas = found.values[1:]
    tau = np.array([50.0 / 3.0, 52.0 / 7.0]) ** 2
    count, rate = (
        np.array([60.0, 65.0]),
        found.values[0] * np.array([12.0, 11.0]) + gammas * np.array([50.0, 52.0]),
    )
    terms = [(count, rate), (tau, tau * gammas)]
    wanted = sum(
        float((2 * (expected - seen + seen * np.log(seen / expected))).sum()) for seen, expected in terms
    )
    assert found.goodness == pytest.approx(wanted, rel=1e-10)
    assert found.degrees_of_freedom == 1
    assert found.p_value == pytest.approx(chi2.sf(found.goodness, 1), rel=1e-12)
    assert np.isnan(fit(build_model(uncorrelated_background([5.0], [50.0], [7.0], [55.0]))).p_value)


def test_what_is_held_stands_still_and_has_no_uncertainty():
    found = fit(_model(), held={"mu": 0.5})
    assert found.value("mu") == (0.5, 0.0)
    assert found.is_held.tolist() == [True, False, False]


def test_impacts_are_those_of_refits_one_by_one():
    model = _model()
    best, shifts = fit(model), impacts(model)
    assert shifts.names == ("uncorr_bkguncrt[1]", "uncorr_bkguncrt[0]")
    for name, up, down in zip(shifts.names, shifts.up, shifts.down, strict=True):
        value, std = best.value(name)
        assert up == pytest.approx(
            fit(model, held={name: value + std}).value("mu")[0] - best.value("mu")[0], abs=1e-9
        )
        assert down == pytest.approx(
            fit(model, held={name: value - std}).value("mu")[0] - best.value("mu")[0], abs=1e-9
        )
    np.testing.assert_allclose(shifts.linear, 0.5 * (shifts.up - shifts.down), rtol=0.01)


def test_impacts_in_several_calls_are_those_of_one_and_say_how_far_they_are(monkeypatch):
    from assay.hep import fit as module

    given = reference("kitchen_sink_all_modifiers")
    whole = impacts(given)
    assert not whole.status
    steps = []
    monkeypatch.setattr(module, "CHUNK", 5)  # the last call is filled up
    parts = impacts(given, progress=lambda done, total: steps.append((done, total)))
    assert parts.names == whole.names
    np.testing.assert_allclose(parts.up, whole.up, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(parts.down, whole.down, rtol=1e-9, atol=1e-12)
    assert steps[-1] == (2 * len(whole.names), 2 * len(whole.names))
    assert [done for done, _ in steps[:2]] == [5, 10]


def test_pulls_of_toys_have_the_spread_that_the_uncertainties_say():
    """Of 200 toys, the strength over its uncertainty is off by one standard deviation as a normal number is."""
    truth = _model()
    generator = np.random.default_rng(0)
    tau = np.array([50.0 / 3.0, 52.0 / 7.0]) ** 2
    distances = []
    for _ in range(200):
        counts = generator.poisson([62.0, 63.0])
        auxiliary = generator.poisson(tau)
        found = fit(replace(truth, observed=counts.astype(float)), data=_data(counts, auxiliary))
        value, std = found.value("mu")
        if std > 0:
            distances.append((value - 1.0) / std)
    assert abs(np.mean(distances)) < 0.25
    assert 0.85 < np.std(distances) < 1.15


def _data(counts, auxiliary):
    from assay.hep.model import Data

    return Data(counts.astype(float), auxiliary.astype(float))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"held": {"nu": 1.0}}, "no parameter 'nu'; it has mu"),
        ({"held": {"mu": 11.0}}, "'mu' must lie within its bounds 0.0 to 10.0, got 11.0"),
        ({"start": {"mu": float("nan")}}, "'mu' must lie within its bounds"),
    ],
)
def test_wrong_use_is_refused_by_name(arguments, words):
    with pytest.raises(UsageError, match=words):
        fit(_model(), **arguments)


def test_a_saddle_between_two_valleys_is_left():
    """Variations to the same side: at alpha = 0 every naive fit is stuck."""
    from assay.hep.hypothesis import hypothesis_test
    from assay.hep.simple import correlated_background

    def cls(up, down):
        workspace = correlated_background(
            [5.0, 11.0], [50.0, 50.0], [50.0 + up, 50.0 - up], [50.0 + down, 50.0 - down], [50.0, 50.0]
        )
        tested = hypothesis_test(build_model(workspace), 1.0)
        assert tested.status == ""
        return tested.cls

    wanted = {
        (0, 0): 0.107956,
        (5, 5): 0.110296,
        (10, 10): 0.116714,
        (-10, -10): 0.107956,
        (10, -10): 0.122635,
    }
    assert {key: round(cls(*key), 6) for key in wanted} == wanted


def test_every_workspace_survives_being_written_and_read():
    from assay.hep.workspace import Workspace

    for whole in workspaces().values():
        assert Workspace.from_data(whole.to_data()) == whole


def test_parameters_that_the_data_cannot_tell_apart_are_named():
    """Two free factors of one sample: only their product is known."""
    scales = [("normfactor", "mu"), ("normfactor", "other")]
    rate = [("normsys", "rate", {"hi": 1.1, "lo": 0.9})]
    found = fit(
        build_model(
            workspace(
                {"SR": {"signal": ([5.0, 9.0], scales), "background": ([50.0, 40.0], rate)}},
                {"SR": [58.0, 47.0]},
            )
        )
    )
    assert found.status.startswith("the data cannot tell mu, other apart")
    assert np.isnan(found.uncertainties[:2]).all()
    assert 0.9 < found.value("rate")[1] < 1.0
