"""Both engines of the linear algebra against NumPy, and against each other where rounding decides."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import NumericalError
from assay.numerics.compile import float64, jax_module
from assay.numerics.linalg import (
    JITTER_LADDER,
    AbstractLinearAlgebra,
    LapackLinearAlgebra,
    pack_lower,
    unpack_lower,
)
from assay.numerics.linalg_jax import JaxLinearAlgebra, _evidence_gradient

ENGINES = [LapackLinearAlgebra(), JaxLinearAlgebra()]


def positive_definite(size: int, condition: float, seed: int = 0) -> np.ndarray:
    """A random matrix with that condition number."""
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    matrix = (vectors * np.geomspace(1.0, 1.0 / condition, size)) @ vectors.T
    return 0.5 * (matrix + matrix.T)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: type(engine).__name__)
class TestEngine:
    def test_answers_equal_numpys(self, engine: AbstractLinearAlgebra) -> None:
        matrix = positive_definite(12, 1e3)
        right = np.random.default_rng(1).standard_normal((12, 2))
        factor = engine.factorise(matrix)
        assert factor.jitter == 0.0
        np.testing.assert_allclose(factor.lower, np.linalg.cholesky(matrix), atol=1e-14)
        np.testing.assert_allclose(engine.solve(factor, right), np.linalg.solve(matrix, right), rtol=1e-10)
        np.testing.assert_allclose(
            np.asarray(factor.lower) @ engine.solve_triangular(factor, right), right, atol=1e-13
        )
        np.testing.assert_allclose(
            np.asarray(factor.lower) @ engine.inverse_lower(factor), np.eye(12), atol=1e-13
        )
        assert engine.log_determinant(factor) == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-12)

    def test_only_the_lower_triangle_is_read(self, engine: AbstractLinearAlgebra) -> None:
        matrix = positive_definite(6, 10.0)
        factor = engine.factorise(np.tril(matrix))
        np.testing.assert_allclose(factor.lower, np.linalg.cholesky(matrix), atol=1e-14)

    @pytest.mark.parametrize("size", [1, 2, 7, 150])
    def test_evidence_gradient_is_its_definition(self, engine: AbstractLinearAlgebra, size: int) -> None:
        matrix = positive_definite(size, 100.0)
        weights = np.random.default_rng(2).standard_normal((size, 3))
        expected = 0.5 * (weights @ weights.T - 3.0 * np.linalg.inv(matrix))
        packed = engine.evidence_gradient(engine.factorise(matrix), weights, 3.0)
        np.testing.assert_allclose(packed, pack_lower(np.asfortranarray(expected)), rtol=1e-10, atol=1e-12)

    def test_an_extension_equals_a_new_factorisation(self, engine: AbstractLinearAlgebra) -> None:
        matrix = positive_definite(15, 1e4)
        extended = engine.extend(engine.factorise(matrix[:11, :11]), matrix[:11, 11:], matrix[11:, 11:])
        np.testing.assert_allclose(extended.lower, np.linalg.cholesky(matrix), atol=1e-12)

    def test_a_singular_extension_says_what_to_do(self, engine: AbstractLinearAlgebra) -> None:
        matrix = np.eye(3)
        with pytest.raises(NumericalError, match="factorise the whole"):
            engine.extend(engine.factorise(matrix), 2.0 * matrix[:, :1], np.ones((1, 1)))

    def test_a_matrix_that_is_not_a_covariance_says_what_to_do(self, engine: AbstractLinearAlgebra) -> None:
        with pytest.raises(NumericalError, match="let the model fit a noise"):
            engine.factorise(np.array([[1.0, 2.0], [2.0, 1.0]]))

    def test_the_first_rung_that_succeeds_is_recorded(self, engine: AbstractLinearAlgebra) -> None:
        # The least eigenvalue is -1e-7 of the mean diagonal: 1e-8 is too little, 1e-6 enough.
        vector = np.ones((5, 1)) / np.sqrt(5.0)
        matrix = np.eye(5) - (1.0 + 1e-7) * vector @ vector.T
        factor = engine.factorise(matrix)
        assert factor.jitter == 1e-6 * matrix.diagonal().mean()
        assert 1e-6 in JITTER_LADDER
        raised, lower = matrix + factor.jitter * np.eye(5), np.asarray(factor.lower)
        np.testing.assert_allclose(lower @ lower.T, raised, atol=1e-14)


@pytest.mark.parametrize("condition", 10.0 ** np.arange(2, 13, 2))
def test_the_engines_agree_to_the_condition_number(condition: float) -> None:
    matrix = positive_definite(40, condition)
    right = np.random.default_rng(3).standard_normal((40, 1))
    lapack, jax = (engine.factorise(matrix) for engine in ENGINES)
    assert lapack.jitter == jax.jitter == 0.0
    tolerance = 100.0 * np.finfo(float).eps * condition
    answers = [engine.solve(factor, right) for engine, factor in zip(ENGINES, (lapack, jax), strict=True)]
    assert np.abs(answers[0] - answers[1]).max() <= tolerance * np.abs(answers[0]).max()


def test_the_program_of_the_evidence_gradient_holds_no_table_of_a_matrix() -> None:
    lower, weights = np.eye(200), np.ones((200, 1))
    with float64():
        program = jax_module().jit(_evidence_gradient.function).lower(lower, weights, 1.0)
    assert len(program.as_text()) < 20_000  # characters; a table of 20 100 numbers has more


def test_packing_is_undone_by_unpacking() -> None:
    matrix = np.tril(np.arange(16.0).reshape(4, 4))
    np.testing.assert_array_equal(unpack_lower(pack_lower(np.asfortranarray(matrix)), 4), matrix)
    np.testing.assert_array_equal(pack_lower(np.asfortranarray(matrix)), [0, 4, 8, 12, 5, 9, 13, 10, 14, 15])
