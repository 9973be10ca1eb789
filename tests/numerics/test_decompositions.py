"""Decompositions in mapped programs: what they give, their derivatives, and that no batch of them is made."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tests.lapack_batches import lapack_batches

from assay.numerics.compile import float64, jax_module
from assay.numerics.decompositions import (
    cholesky,
    definite_solution,
    log_determinant,
    lowest_eigenpair,
    symmetric_inverse,
    symmetric_solution,
    triangular_solution,
)

jax = jax_module()
jnp = jax.numpy


def _definite(size, *batch, seed=0):
    root = np.random.default_rng(seed).normal(size=(*batch, size, size))
    return root @ np.swapaxes(root, -1, -2) + 0.1 * np.eye(size)


@pytest.mark.parametrize("size", [1, 2, 4, 5, 9])
def test_a_definite_system_is_solved_alone_and_mapped_and_mapped_twice(size):
    matrices, right = _definite(size, 3, 2), np.arange(1.0, size + 1)

    def solved(matrix):
        return definite_solution(matrix, right, jnp.eye(size), right)

    with float64():
        alone = [[solved(matrix) for matrix in row] for row in matrices]
        twice, is_first = jax.vmap(jax.vmap(solved))(matrices)
    assert is_first.all()
    wanted = np.linalg.solve(matrices, np.broadcast_to(right[:, None], (3, 2, size, 1)))[..., 0]
    pivots = np.diagonal(np.linalg.cholesky(matrices), axis1=2, axis2=3).min(axis=2) ** 2
    np.testing.assert_allclose(twice.solution, wanted, rtol=1e-9)
    np.testing.assert_allclose(twice.length, np.sqrt(wanted @ right), rtol=1e-10)
    np.testing.assert_allclose(twice.pivot, pivots, rtol=1e-10)
    for place in np.ndindex(3, 2):
        found, _ = alone[place[0]][place[1]]
        np.testing.assert_allclose(found.solution, twice.solution[place], rtol=1e-13)


@pytest.mark.parametrize("size", [2, 6])
def test_the_other_system_takes_the_place_of_one_that_is_not_definite_member_by_member(size):
    matrices = np.stack([np.eye(size), -np.eye(size), np.full((size, size), np.nan)])
    right = np.ones(size)
    with float64():
        found, is_first = jax.vmap(
            lambda matrix: definite_solution(matrix, right, 4.0 * jnp.eye(size), 2.0 * right)
        )(matrices)
    assert is_first.tolist() == [True, False, False]
    np.testing.assert_allclose(found.solution, np.array([1.0, 0.5, 0.5])[:, None] * right)
    with float64():
        neither, _ = definite_solution(matrices[1], right, matrices[2], right)
    assert not np.isfinite(neither.length)


def test_the_lowest_eigenpair_is_found_only_where_it_is_wanted():
    matrices = _definite(5, 4) - 2.0 * np.eye(5)
    with float64():
        values, vectors = jax.vmap(lowest_eigenpair)(matrices, np.array([True, False, True, True]))
    wanted = np.linalg.eigvalsh(matrices)[:, 0] * np.array([1, 0, 1, 1])
    np.testing.assert_allclose(values, wanted, atol=1e-12)
    np.testing.assert_allclose(
        np.einsum("bij,bj->bi", matrices, vectors), values[:, None] * vectors, atol=1e-11
    )
    assert np.linalg.norm(vectors, axis=1).round(12).tolist() == [1.0, 0.0, 1.0, 1.0]


PAIRS = {
    "solution": (lambda m, b: symmetric_solution(m, b), jnp.linalg.solve),
    "inverse": (lambda m, b: symmetric_inverse(m) @ b, lambda m, b: jnp.linalg.inv(m) @ b),
    "determinant": (lambda m, b: log_determinant(m) * b, lambda m, b: jnp.linalg.slogdet(m)[1] * b),
    "factor": (lambda m, b: cholesky(m) @ b, lambda m, b: jnp.linalg.cholesky(m) @ b),
    "triangle": (
        lambda m, b: triangular_solution(jnp.tril(m), b),
        lambda m, b: jax.scipy.linalg.solve_triangular(m, b, lower=True),
    ),
    "transposed": (
        lambda m, b: triangular_solution(jnp.tril(m), b, transposed=True),
        lambda m, b: jax.scipy.linalg.solve_triangular(m, b, lower=True, trans=1),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_values_and_first_and_second_derivatives_are_those_of_the_unmapped_library(name):
    own, other = PAIRS[name]
    matrix, right = _definite(4), np.array([1.0, -2.0, 0.5, 3.0])
    direction = _definite(4, seed=1)  # symmetric, as the derivatives are of symmetric matrices

    def along(call):
        return lambda step, scale: jnp.sin(call(matrix + step * direction, scale * right)).sum()

    with float64():
        for function in (lambda f: f, lambda f: jax.grad(f, 1), jax.grad, lambda f: jax.grad(jax.grad(f))):
            np.testing.assert_allclose(
                function(along(own))(0.3, 1.2), function(along(other))(0.3, 1.2), rtol=1e-9
            )
        mapped = jax.vmap(jax.grad(along(own)), (0, None))(np.array([0.3, 0.1]), 1.2)
        np.testing.assert_allclose(mapped[1], jax.grad(along(own))(0.1, 1.2), rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_a_map_makes_no_batch_of_them(name):
    matrices = _definite(6, 3)
    own, other = (jax.vmap(jax.grad(lambda m, c=call: c(m, jnp.ones(6)).sum())) for call in PAIRS[name])
    with float64():
        assert not lapack_batches(own, matrices)
        if name not in ("triangle", "transposed"):  # batches of those are no calls of LAPACK
            assert lapack_batches(other, matrices)


ENDS = """
import numpy as np
from assay.numerics.compile import compiled, jax_module
from assay.numerics.decompositions import cholesky, one_by_one
jax = jax_module()
vectors = one_by_one(lambda matrix: jax.numpy.linalg.eigh(matrix)[1])

@compiled()
def program(matrices):
    def passed(_, given):
        rolled = [jax.numpy.roll(given, (shift, shift), (1, 2)) for shift in range(3)]
        return given + 1e-12 * sum(jax.vmap(cholesky)(some) + jax.vmap(vectors)(some) for some in rolled)
    return jax.lax.fori_loop(0, 100, passed, matrices)

root = np.random.default_rng(0).normal(size=(6, 100, 100))
matrices = root @ root.swapaxes(1, 2) + 100 * np.eye(100)
print(all(np.isfinite(program(matrices)).all() for _ in range(3)))
"""


@pytest.mark.slow
def test_programs_with_many_mapped_decompositions_end():
    # With jaxlib 0.10.2, two processors and the library's own maps it stands still before its third pass, in five runs of five.
    done = subprocess.run(
        [sys.executable, "-c", ENDS], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == "True"
