"""Decompositions inside programs of JAX, which a map over many problems makes one after another on a processor.

Mapped as they are, LAPACK's calls become calls for a whole batch. jaxlib (seen with 0.10.2) hands the matrices of such a
batch to XLA's threads, and waits for them on one of these threads: with two processors, two batches at the same time wait
for each other for ever. One matrix at a time is decomposed where it is met, for a microsecond more; matrices of up to
four rows are written out in numbers, which takes a map without any call.

On other devices the batches stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from assay.numerics.compile import jax_module

__all__ = [
    "DefiniteSolution",
    "cholesky",
    "definite_solution",
    "log_determinant",
    "lowest_eigenpair",
    "one_by_one",
    "symmetric_inverse",
    "symmetric_solution",
    "triangular_solution",
]

WRITTEN_OUT = 4  # rows; beyond, compiling the numbers takes longer than all that they save


class DefiniteSolution(NamedTuple):
    """What a Cholesky factor L of a matrix M says about M x = b.

    Arguments:
        solution: (dimension,), x; NaN where M is not positive definite.
        length: the root of b^T M^-1 b.
        pivot: the least square of L's diagonal.
    """

    solution: Any
    length: Any
    pivot: Any


def one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays that a map applies to one member after another, on a processor; not differentiable.

    Example:
        >>> import numpy as np
        >>> from assay.numerics.compile import float64
        >>> root = one_by_one(lambda matrix: jax_module().numpy.linalg.cholesky(matrix))
        >>> with float64():
        ...     jax_module().vmap(root)(np.array([[[4.0]], [[9.0]]])).ravel().tolist()
        [2.0, 3.0]
    """
    jax = jax_module()

    @jax.custom_batching.custom_vmap
    def applied(*arguments: Any) -> Any:
        return function(*arguments)

    @applied.def_vmap
    def mapped(_: int, is_mapped: Any, *arguments: Any) -> Any:
        leaves, structure = jax.tree_util.tree_flatten(arguments)
        moves = jax.tree_util.tree_leaves(is_mapped)

        def of(one: Callable[..., Any]) -> Callable[[Any], Any]:
            def member(parts: Any) -> Any:
                given = iter(parts)
                filled = [next(given) if moved else leaf for leaf, moved in zip(leaves, moves, strict=True)]
                return one(*jax.tree_util.tree_unflatten(structure, filled))

            return member

        batched = [leaf for leaf, moved in zip(leaves, moves, strict=True) if moved]
        results = jax.lax.platform_dependent(
            batched,
            cpu=lambda parts: jax.lax.map(of(one_by_one(function)), parts),  # itself perhaps mapped again
            default=jax.vmap(of(function)),
        )
        return results, jax.tree_util.tree_map(lambda _: True, results)

    return applied


def definite_solution(
    matrix: Any, right: Any, other_matrix: Any, other_right: Any
) -> tuple[DefiniteSolution, Any]:
    """The solution of M x = b, or of another such system where M is not positive definite; and True where it is M's.

    Arguments:
        matrix, other_matrix: (dimension, dimension), symmetric.
        right, other_right: (dimension,).

    Example:
        >>> import numpy as np
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     found, is_first = definite_solution(-np.eye(2), np.ones(2), 4.0 * np.eye(2), np.ones(2))
        >>> found.solution.tolist(), float(found.length), bool(is_first)
        ([0.25, 0.25], 0.7071067811865476, False)
    """
    jax = jax_module()
    jnp = jax.numpy

    def solved(matrix: Any, right: Any) -> DefiniteSolution:
        root = jnp.linalg.cholesky(matrix)
        half = jax.scipy.linalg.solve_triangular(root, right, lower=True)
        solution = jax.scipy.linalg.solve_triangular(root, half, lower=True, trans=1)
        return DefiniteSolution(solution, jnp.sqrt((half**2).sum()), jnp.diagonal(root).min() ** 2)

    if len(right) <= WRITTEN_OUT:
        first, second = _written_out(matrix, right), _written_out(other_matrix, other_right)
        is_first = jnp.isfinite(first.pivot)
        chosen = jax.tree_util.tree_map(lambda one, two: jnp.where(is_first, one, two), first, second)
        return chosen, is_first

    def either(matrix: Any, right: Any, other_matrix: Any, other_right: Any) -> Any:
        first = solved(matrix, right)
        is_first = jnp.isfinite(first.pivot)
        return jax.lax.cond(is_first, lambda: first, lambda: solved(other_matrix, other_right)), is_first

    return one_by_one(either)(matrix, right, other_matrix, other_right)


def lowest_eigenpair(matrix: Any, is_wanted: Any) -> tuple[Any, Any]:
    """The lowest eigenvalue of a symmetric matrix, (), and its eigenvector, (dimension,); zeros where they are not wanted."""
    jax = jax_module()
    jnp = jax.numpy

    def pair(matrix: Any) -> tuple[Any, Any]:
        values, vectors = jnp.linalg.eigh(matrix)
        return values[0], vectors[:, 0]

    def either(matrix: Any, is_wanted: Any) -> tuple[Any, Any]:
        return jax.lax.cond(
            is_wanted, pair, lambda matrix: (jnp.zeros_like(matrix[0, 0]), jnp.zeros_like(matrix[0])), matrix
        )

    return one_by_one(either)(matrix, is_wanted)


def symmetric_solution(matrix: Any, right: Any) -> Any:
    """M^-1 b of a symmetric matrix that need not be definite, differentiable in both.

    Arguments:
        matrix: (dimension, dimension).
        right: (dimension,) or (dimension, columns).

    Example:
        >>> import numpy as np
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     symmetric_solution(np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([1.0, 3.0])).tolist()
        [1.5, 0.5]
    """
    jax = jax_module()
    jnp = jax.numpy
    matrix = jnp.asarray(matrix)
    solved = one_by_one(jnp.linalg.solve)
    return jax.lax.custom_linear_solve(
        lambda vector: matrix @ vector,
        jnp.asarray(right),
        lambda _, vector: solved(matrix, vector),
        symmetric=True,
    )


def symmetric_inverse(matrix: Any) -> Any:
    """The inverse of a symmetric matrix, (dimension, dimension), differentiable."""
    return symmetric_solution(matrix, jax_module().numpy.eye(len(matrix)))


def log_determinant(matrix: Any) -> Any:
    """log det M of a positive definite matrix, differentiable; NaN for others.

    Example:
        >>> import numpy as np
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     slope = jax_module().grad(log_determinant)(np.diag([2.0, 4.0]))
        >>> np.diagonal(slope).tolist()
        [0.5, 0.25]
    """
    jax = jax_module()
    jnp = jax.numpy

    @jax.custom_jvp
    def determined(matrix: Any) -> Any:
        return 2.0 * jnp.log(jnp.diagonal(cholesky(matrix))).sum()

    @determined.defjvp
    def slope(primals: Any, tangents: Any) -> tuple[Any, Any]:
        return determined(*primals), (symmetric_inverse(primals[0]) * tangents[0]).sum()

    return determined(jnp.asarray(matrix))


def cholesky(matrix: Any) -> Any:
    """The lower Cholesky factor L of a symmetric matrix, differentiable; NaN where there is none.

        dL = L low(L^-1 dM L^-T),    low: the lower triangle with half of the diagonal

    Source: S. P. Smith, J. Comput. Graph. Stat. 4, 134 (1995).
    """
    jax = jax_module()
    jnp = jax.numpy

    @jax.custom_jvp
    def factor(matrix: Any) -> Any:
        return one_by_one(jnp.linalg.cholesky)(matrix)

    @factor.defjvp
    def slope(primals: Any, tangents: Any) -> tuple[Any, Any]:
        lower = factor(*primals)
        half = triangular_solution(lower, tangents[0])
        change = jnp.tril(triangular_solution(lower, half.T).T)
        return lower, lower @ (change - 0.5 * jnp.diag(jnp.diagonal(change)))

    return factor(jnp.asarray(matrix))


def triangular_solution(lower: Any, right: Any, *, transposed: bool = False) -> Any:
    """L^-1 b, or L^-T b, of a lower triangular matrix, differentiable in both.

    Arguments:
        lower: (dimension, dimension).
        right: (dimension,) or (dimension, columns).
    """
    jax = jax_module()

    def solve(trans: bool) -> Callable[[Any, Any], Any]:
        call = one_by_one(
            lambda low, b: jax.scipy.linalg.solve_triangular(low, b, lower=True, trans=int(trans))
        )
        return lambda _, vector: call(lower, vector)

    return jax.lax.custom_linear_solve(
        lambda vector: (lower.T if transposed else lower) @ vector,
        jax.numpy.asarray(right),
        solve(transposed),
        solve(not transposed),
    )


def _written_out(matrix: Any, right: Any) -> DefiniteSolution:
    """The same as LAPACK's factor and two triangular solutions, in numbers rather than arrays."""
    jnp = jax_module().numpy
    size = len(right)
    root = [[matrix[0, 0]] * size for _ in range(size)]
    half, solution = [right[0]] * size, [right[0]] * size
    for column in range(size):
        square = matrix[column, column] - sum(root[column][k] ** 2 for k in range(column))
        root[column][column] = jnp.sqrt(jnp.where(square > 0, square, jnp.nan))
        for row in range(column + 1, size):
            product = sum(root[row][k] * root[column][k] for k in range(column))
            root[row][column] = (matrix[row, column] - product) / root[column][column]
        product = sum(root[column][k] * half[k] for k in range(column))
        half[column] = (right[column] - product) / root[column][column]
    for row in reversed(range(size)):
        product = sum(root[k][row] * solution[k] for k in range(row + 1, size))
        solution[row] = (half[row] - product) / root[row][row]
    pivots = jnp.stack([root[k][k] for k in range(size)])
    return DefiniteSolution(jnp.stack(solution), jnp.sqrt((jnp.stack(half) ** 2).sum()), pivots.min() ** 2)
