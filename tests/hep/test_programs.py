"""No program of fits, tests and limits hands a batch of matrices to LAPACK: two such batches can wait for each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.hep.references import model
from tests.lapack_batches import lapack_batches

from assay.hep.asymptotic import asymptotic_test
from assay.hep.likelihood import maximum_likelihood
from assay.hep.limits import six_limits
from assay.hep.losses import gaussianity, generalised_variance, interest_std, log_cls
from assay.numerics.compile import float64, jax_module

jax = jax_module()

PROGRAMS = {
    "fit": lambda model: maximum_likelihood(model, model.observed_data()).point,
    "test": lambda model: asymptotic_test(model, model.observed_data()).log_cls,
    "limits": lambda model: six_limits(model, None, 0.05, "q_tilde").point,
    "slope of a fit": lambda model: jax.grad(
        lambda scale: maximum_likelihood(
            replace(model, nominal=scale * model.nominal), model.observed_data()
        ).point.sum()
    )(1.0),
    "slope of CLs": lambda model: jax.grad(
        lambda scale: log_cls(replace(model, nominal=scale * model.nominal))
    )(1.0),
    "uncertainty": interest_std,
    "generalised variance": generalised_variance,
    "gaussianity": lambda model: gaussianity(model, jax.random.key(0), 10),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_mapped_over_models_no_call_is_for_a_batch(name):
    given = model("kitchen_sink_all_modifiers")
    with float64():
        models = jax.tree_util.tree_map(lambda leaf: np.stack([leaf, leaf]), given)
        assert not lapack_batches(jax.vmap(PROGRAMS[name]), models)
        if name in ("fit", "test", "limits"):  # limits are six at once
            assert not lapack_batches(PROGRAMS[name], given)


def test_the_check_sees_a_batch():
    matrices = np.stack([np.eye(3)] * 2)
    with float64():
        assert lapack_batches(jax.numpy.linalg.cholesky, matrices) == ["lapack_dpotrf_ffi 2x3x3"]
