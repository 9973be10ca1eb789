"""The two engines held equal: LAPACK with analytic gradients, and JAX; and what JAX adds, derivatives of the posterior."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.surrogates.surrogate_cases import CASES, case, function, points_for

from assay.errors import UsageError
from assay.numerics.compile import float64
from assay.numerics.linalg import LapackLinearAlgebra
from assay.numerics.linalg_jax import JaxLinearAlgebra
from assay.surrogates import evidence_jax, posterior_jax
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import EvidenceTable, Hyperparameters, evidence_gradient, evidence_table
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernels.profiles import radial_profile
from assay.surrogates.posterior_jax import as_jax, mean_variance_jax
from assay.surrogates.trend import Trend

CONDITIONS = 10.0 ** np.arange(2, 13, 2)
ROUNDING = 100.0 * np.finfo(float).eps
FAST = ("warped", "derivatives with known noise")
# Each case compiles its programs for about a second.
FAST_AND_SLOW = [
    pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
    for name in CASES
    if name != "prior mean"
]


def ill_conditioned(condition: float) -> tuple[Dataset, float]:
    """Data and the noise-to-signal ratio with which their covariance has about that condition number."""
    points = np.random.default_rng(0).random((30, 3))
    data = Dataset.of(points, function(points))
    prior = GaussianProcess(kernel="squared_exponential", mean="zero")
    member = prior.posterior(data, prior.state(np.full(3, 1.5), 1e-4, 1.0, outputs=2)).blocks[0][1]
    side = (data.points, data.derivative)
    largest = float(np.linalg.eigvalsh(member.prior.covariance(side, side))[-1])
    return data, largest / condition


def relative(mine: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(mine - theirs).max() / np.abs(mine).max())


@pytest.mark.parametrize("condition", CONDITIONS)
def test_posteriors_agree_to_the_condition_number(condition: float) -> None:
    data, noise_ratio = ill_conditioned(condition)
    recipe = GaussianProcess(kernel="squared_exponential", mean="zero")
    state = recipe.state(np.full(3, 1.5), noise_ratio, 1.0, outputs=2)
    points = np.random.default_rng(1).random((20, 3))
    lapack = recipe.posterior(data, state)
    jax_engine = replace(recipe, algebra=JaxLinearAlgebra()).posterior(data, state)
    assert lapack.jitter == jax_engine.jitter == 0.0
    for mine, theirs in zip(
        lapack.mean_variance_gradient(points), jax_engine.mean_variance_gradient(points), strict=True
    ):
        assert relative(mine, theirs) <= ROUNDING * condition
    for mine, theirs in zip(lapack.mean_variance(points), mean_variance_jax(jax_engine, points), strict=True):
        assert relative(mine, theirs) <= ROUNDING * condition


@pytest.mark.parametrize("condition", CONDITIONS)
def test_evidences_and_gradients_agree_to_the_condition_number(condition: float) -> None:
    data, noise_ratio = ill_conditioned(condition)
    profile, trend, labels = (
        radial_profile("squared_exponential"),
        Trend("zero", 1.0, (0, 1, 2)),
        np.zeros(3, bool),
    )
    hyperparameters = Hyperparameters(np.full(3, 1.5**-2), noise_ratio, None)
    table = evidence_table(data, labels, trend, None)
    mine = evidence_gradient(LapackLinearAlgebra(), table, profile, hyperparameters, data.values, 1.0)
    pieces = evidence_gradient(JaxLinearAlgebra(), table, profile, hyperparameters, data.values, 1.0)
    whole, jitter = evidence_jax.evidence_gradient_jax(
        data, labels, trend, profile, hyperparameters, data.values, 1.0
    )
    assert jitter == 0.0
    for theirs in (pieces, whole):
        for name in ("value", "by_weights", "by_noise_ratio", "by_latent", "signal_variance"):
            error = relative(np.asarray(getattr(mine, name)), np.asarray(getattr(theirs, name)))
            assert error <= ROUNDING * condition, name


def test_beyond_rounding_both_record_the_same_jitter() -> None:
    data, _ = ill_conditioned(1e12)
    recipe = GaussianProcess(kernel="squared_exponential", mean="zero")
    state = recipe.state(np.full(3, 40.0), 0.0, 1.0, outputs=2)
    points = np.random.default_rng(1).random((20, 3))
    lapack = recipe.posterior(data, state)
    jax_engine = replace(recipe, algebra=JaxLinearAlgebra()).posterior(data, state)
    assert lapack.jitter == jax_engine.jitter > 0.0
    mine, theirs = lapack.mean_variance(points), jax_engine.mean_variance(points)
    assert np.isfinite(mine).all()
    # With this jitter the condition number is about 3e13, so that half a percent is rounding.
    assert relative(mine[0], theirs[0]) <= 5e-3


@pytest.mark.parametrize("name", FAST_AND_SLOW)
def test_the_evidence_of_every_kind_of_data(name: str) -> None:
    recipe, data = case(name)
    data = Dataset(data.points, data.values, np.zeros_like(data.noise_variance), data.derivative)
    objective = recipe.objective(data)
    table = objective.tables[0][1]
    assert isinstance(table, EvidenceTable)
    labels, trend = np.isin(np.arange(3), recipe.categories), recipe.trend(3)
    for signal in (None, np.array([0.7, 2.0])):
        hyperparameters = Hyperparameters(np.array([2.0, 0.5, 1.2]), 1e-3, signal)
        mine = evidence_gradient(
            LapackLinearAlgebra(), table, objective.profile, hyperparameters, data.values, 1.0
        )
        theirs, _ = evidence_jax.evidence_gradient_jax(
            data, labels, trend, objective.profile, hyperparameters, data.values, 1.0
        )
        for field in (
            "value",
            "by_weights",
            "by_noise_ratio",
            "by_log_signal",
            "by_latent",
            "signal_variance",
        ):
            scale = max(1.0, float(np.abs(getattr(mine, field)).max()))
            np.testing.assert_allclose(
                getattr(theirs, field), getattr(mine, field), rtol=1e-8, atol=1e-9 * scale
            )


@pytest.mark.parametrize("name", FAST_AND_SLOW)
def test_the_posterior_is_also_a_jax_function_with_derivatives(name: str) -> None:
    recipe, data = case(name)
    posterior = recipe.fit(data, None, np.random.default_rng(1)).posterior
    points = points_for(name, 9, np.random.default_rng(5))
    points[0] = data.points[3]  # at a datum, where a square root has no derivative
    mean, variance, by_mean, by_variance = posterior.mean_variance_gradient(points)
    function_of_one = as_jax(posterior)
    with float64():
        program = jax.jit(
            jax.vmap(lambda point: (function_of_one(point), jax.jacfwd(function_of_one)(point)))
        )
        values, slopes = program(jnp.asarray(points))
        for mine, theirs in zip((mean, variance), values, strict=True):
            np.testing.assert_allclose(np.asarray(theirs), mine, rtol=1e-9, atol=1e-9)
        free = [column for column in range(3) if column not in recipe.categories]
        start = 1 if recipe.kernel == "matern12" else 0  # it has a kink at its data
        for mine, theirs in zip((by_mean, by_variance), slopes, strict=True):
            np.testing.assert_allclose(
                np.asarray(theirs)[start:, :, free], mine[start:, :, free], rtol=1e-6, atol=1e-7
            )


def test_second_derivatives_are_exact_at_a_datum() -> None:
    recipe, data = case("values")
    posterior = recipe.fit(data, None, np.random.default_rng(1)).posterior
    point, step = data.points[3], 1e-4
    with float64():
        hessian = np.asarray(jax.jit(jax.hessian(lambda x: as_jax(posterior)(x)[0][0]))(jnp.asarray(point)))
    moved = [posterior.mean_variance_gradient(point + s * step * np.eye(3))[2][:, 0] for s in (1.0, -1.0)]
    np.testing.assert_allclose(
        hessian, (moved[0] - moved[1]) / (2.0 * step), atol=1e-3 * np.abs(hessian).max()
    )


def test_a_second_study_compiles_nothing_new() -> None:
    def study(seed: int, count: int) -> None:
        generator = np.random.default_rng(seed)
        points = generator.random((count, 3))
        data = Dataset.of(points, function(points))
        recipe = GaussianProcess()
        posterior = recipe.fit(data, None, generator).posterior
        mean_variance_jax(posterior, generator.random((7, 3)))
        evidence_jax.evidence_gradient_jax(
            data,
            np.zeros(3, bool),
            recipe.trend(3),
            radial_profile("matern52"),
            Hyperparameters(generator.random(3), 0.1, None),
            data.values,
            1.0,
        )

    study(0, 20)
    before = posterior_jax.compilations(), evidence_jax.compilations()
    study(1, 20)
    study(2, 31)
    assert (posterior_jax.compilations(), evidence_jax.compilations()) == before
    study(3, 40)
    assert posterior_jax.compilations() == before[0] + 1


def test_a_prior_mean_is_refused() -> None:
    recipe, data = case("prior mean")
    posterior = recipe.fit(data, None, np.random.default_rng(1)).posterior
    with pytest.raises(UsageError, match="written in JAX"):
        as_jax(posterior)
