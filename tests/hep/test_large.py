"""A workspace of 200 parameters, read from its JSON, fitted and limited."""

from __future__ import annotations

import json

import numpy as np
import pyhf
import pytest
from benchmarks.hep import synthetic

from assay.hep.build import build_model
from assay.hep.fit import fit
from assay.hep.hypothesis import hypothesis_test
from assay.hep.likelihood import discrepancy
from assay.hep.limits import upper_limits
from assay.hep.workspace import Workspace
from assay.numerics.compile import CompiledFunction, jax_module

jax = jax_module()

_log_density = CompiledFunction(lambda point, model: model.log_density(point, model.observed_data()))
_slope = CompiledFunction(lambda point, model: jax.grad(discrepancy)(point, (model, model.observed_data())))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings(
    "ignore:jsonschema.RefResolver:DeprecationWarning"
)  # pyhf's, until its next release
def test_a_workspace_of_two_hundred_parameters_is_fitted_and_limited(tmp_path):
    place = tmp_path / "workspace.json"
    place.write_text(json.dumps(synthetic()))
    model = build_model(Workspace.read(place))
    assert model.layout.size == 200

    # The score of the likelihood, by automatic differentiation, which no step of the fit used.
    found = fit(model)
    assert found.status == ""
    score = np.asarray(_slope(found.values, model)) * found.uncertainties
    assert np.abs(score[~found.is_held]).max() < 1e-7

    # The same likelihood by another code, here and at points around.
    other = pyhf.Workspace(synthetic(), validate=False).model(validate=False)
    data = pyhf.Workspace(synthetic(), validate=False).data(other)
    generator = np.random.default_rng(0)
    for far in (0.0, 0.5, 2.0):
        point = np.clip(
            found.values + far * found.uncertainties * generator.normal(size=200),
            model.layout.lower,
            model.layout.upper,
        )
        wanted = other.logpdf(point.tolist(), data)[0]
        assert float(_log_density(point, model)) == pytest.approx(wanted, rel=1e-12)
    assert -2 * float(other.logpdf(found.values.tolist(), data)[0]) == pytest.approx(
        found.twice_nll, rel=1e-12
    )

    # A test makes its four fits from other starts than the search for the limits does.
    limits = upper_limits(model)
    observed = hypothesis_test(model, limits.observed)
    assert observed.status == ""
    assert observed.cls == pytest.approx(0.05, abs=1e-9)
    for band in (0, 4):
        tested = hypothesis_test(model, limits.expected[band])
        assert tested.expected[band] == pytest.approx(0.05, abs=1e-9)
