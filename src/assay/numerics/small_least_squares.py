"""Thousands of small least-squares problems at once, by Levenberg-Marquardt steps inside a box.

Each minimises Σ_i w_i (f_i(θ) - y_i)² over lower <= θ <= upper, all with the same f. Problems stand on the last axis, so
that a step is a few array operations over all of them, and those that have converged are left out of the next.

The first steps are Gauss-Newton's. A problem that has not converged by then has large residuals, where they stall, and
goes on with the whole curvature. A parameter on its bound whose slope points outwards is held for the step (projected
steps keep the others' curvature, where a reparameterisation would bend it).

Source: D. W. Marquardt, J. Soc. Ind. Appl. Math. 11, 431 (1963); C. Kanzow, N. Yamashita, M. Fukushima, J. Comput. Appl.
Math. 172, 375 (2004), for the projection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

__all__ = ["bending", "held_still", "least_squares", "normal_matrix", "solve_each"]

Array = np.ndarray
Model = Callable[[Array], tuple[Array, Sequence[Array]]]

# So many problems at once stay in the processor's cache.
_CHUNK = 4096
# Steps after which those that have not converged are gathered from all chunks.
_ROUND = 8
# Gauss-Newton steps before the whole curvature, which costs as much as 2 M of them, is used.
_PATIENCE = 16
# A problem has converged when the step that is left is this part of a standard deviation, in the metric of the
# parameters' covariance; or when what it would gain is lost in the rounding of the sum.
_PART_OF_DEVIATION, _ROUNDING = 1e-7, 2e-15
# The step of the differences of exact first derivatives that give second ones, as a part of a parameter's scale.
_STEP = 1e-5
_SHRINK, _GROW, _FIRST, _LARGE, _LARGEST = 0.1, 8.0, 1e-3, 1e4, 1e12


def least_squares(
    model: Model, targets: Array, weights: Array, start: Array, bounds: tuple[Array, Array], steps: int = 100
) -> Array:
    """The parameters that minimise each problem, (parameters, problems), from `start`.

    Arguments:
        model: from parameters (M, problems) to values (N, problems) and, for each parameter, their derivative
            (N, problems).
        targets, weights: (N, problems).
        start: (M, problems); it is brought into the bounds.
        bounds: lower and upper, (M,) each.
        steps: the most of each problem.

    Example:
        >>> x = np.array([0.0, 1.0, 2.0])[:, None]
        >>> line = lambda theta: (theta[0] + theta[1] * x, [np.ones_like(x + theta[0]), x + 0.0 * theta[0]])
        >>> free = np.full(2, -np.inf), np.full(2, np.inf)
        >>> y = np.array([[1.0], [3.0], [5.0]])
        >>> np.round(least_squares(line, y, np.ones_like(y), np.zeros((2, 1)), free), 9).ravel().tolist()
        [1.0, 2.0]
    """
    found = np.clip(start, bounds[0][:, None], bounds[1][:, None])
    damping, open_ = np.full(found.shape[1], _FIRST), np.arange(found.shape[1])
    problem = _Problem(model, targets, weights, *(bound[:, None] for bound in bounds))
    for first in range(0, steps, _ROUND):
        parts = np.split(open_, range(_CHUNK, len(open_), _CHUNK))
        open_ = np.concatenate(
            [_climb(problem, found, damping, part, whole=first >= _PATIENCE) for part in parts]
        )
        if not len(open_):
            break
    return found


def normal_matrix(jacobian: Sequence[Array], weights: Array) -> Array:
    """Σ_i w_i J_ia J_ib: (M, M, problems), from derivatives (N, problems) each."""
    size = len(jacobian)
    result = np.empty((size, size, weights.shape[1]))
    for a in range(size):
        weighted = weights * jacobian[a]
        for b in range(a, size):
            result[a, b] = result[b, a] = np.einsum("np,np->p", weighted, jacobian[b])
    return result


def bending(model: Model, theta: Array, weighted: Array, normal: Array) -> Array:
    """Σ_i w_i r_i ∂²f_i: (M, M, problems), what `normal_matrix` lacks of half the second derivative of the sum.

    Arguments:
        theta: (M, problems).
        weighted: w_i r_i, (N, problems), with the residuals r = f - y.
        normal: of `normal_matrix`; the scale of the parameters is taken from it.
    """
    size, count = theta.shape
    diagonal = np.arange(size)
    deviation = 1.0 / np.sqrt(np.maximum(normal[diagonal, diagonal], 1e-300))
    step = _STEP * (np.abs(theta) + np.minimum(deviation, 1.0))
    # All shifted parameters go through the model in one call: most calls are of few problems, and cost their overhead.
    shifted = np.broadcast_to(theta[:, None, None], (size, 2, size, count)).copy()
    shifted[diagonal, 0, diagonal] += step
    shifted[diagonal, 1, diagonal] -= step
    span = shifted[diagonal, 0, diagonal] - shifted[diagonal, 1, diagonal]
    result = np.empty_like(normal)
    for b, column in enumerate(model(shifted.reshape(size, -1))[1]):
        up, down = np.moveaxis(column.reshape(-1, 2, size, count), 1, 0)
        result[:, b] = np.einsum("np,nap->ap", weighted, up - down) / span
    return 0.5 * (result + result.swapaxes(0, 1))


def held_still(matrix: Array, held: Array) -> Array:
    """The matrix (M, M, problems) of the parameters that are not held (M, problems), with ones for those that are."""
    if not held.any():
        return matrix
    free, diagonal = ~held, np.arange(len(held))
    result = matrix * (free[:, None] & free[None])
    result[diagonal, diagonal] += held
    return result


def solve_each(matrix: Array, right: Array) -> tuple[Array, Array]:
    """A⁻¹ b for each positive definite A (M, M, problems) and b (M, problems), by Cholesky; and where that went well."""
    size, lower, solution = len(matrix), np.zeros_like(matrix), np.array(right)
    is_definite = np.ones(matrix.shape[2], dtype=bool)
    for j in range(size):
        pivot = matrix[j, j] - (lower[j, :j] ** 2).sum(axis=0)
        is_definite &= pivot > 1e-14 * matrix[j, j]
        lower[j, j] = np.sqrt(np.where(is_definite, pivot, 1.0))
        for i in range(j + 1, size):
            lower[i, j] = (matrix[i, j] - (lower[i, :j] * lower[j, :j]).sum(axis=0)) / lower[j, j]
    # What is as good as singular may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        for j in range(size):
            solution[j] = (solution[j] - (lower[j, :j] * solution[:j]).sum(axis=0)) / lower[j, j]
        for j in reversed(range(size)):
            solution[j] = (solution[j] - (lower[j + 1 :, j] * solution[j + 1 :]).sum(axis=0)) / lower[j, j]
    return solution, is_definite & np.isfinite(solution).all(axis=0)


@final
@dataclass(frozen=True)
class _Problem:
    model: Model
    targets: Array
    weights: Array
    lower: Array
    upper: Array


def _climb(problem: _Problem, theta: Array, damping: Array, open_: Array, *, whole: bool) -> Array:
    """Some steps of the problems `open_`; `theta` and `damping` are changed. Returns those that have not converged.

    Arguments:
        whole: whether a step uses the whole curvature.
    """
    model, diagonal = problem.model, np.arange(len(theta))
    y, w, at = problem.targets[:, open_], problem.weights[:, open_], theta[:, open_]
    damp = damping[open_]
    values, jacobian = model(at)
    cost = _cost(values, y, w)
    for _ in range(_ROUND):
        weighted = w * (values - y)
        slope = np.stack([np.einsum("np,np->p", weighted, column) for column in jacobian])
        held = ((at <= problem.lower) & (slope > 0.0)) | ((at >= problem.upper) & (slope < 0.0))
        matrix = normal_matrix(jacobian, w)
        curvature = matrix[diagonal, diagonal]
        step, is_solved = _step(matrix, curvature, slope, held, damp)
        if whole:
            bent = matrix + bending(model, at, weighted, matrix)
            better, is_convex = _step(bent, curvature, slope, held, damp)
            step, is_solved = np.where(is_convex, better, step), is_solved | is_convex
        trial = np.clip(at + step, problem.lower, problem.upper)
        new_values, new_jacobian = model(trial)
        new_cost = _cost(new_values, y, w)
        gain = np.abs((slope * (trial - at)).sum(axis=0))
        is_small = gain <= np.maximum(_PART_OF_DEVIATION**2, _ROUNDING * cost)
        done = (is_small & is_solved & (damp <= _LARGE)) | (damp >= _LARGEST)
        is_better = (new_cost <= cost) & is_solved
        damp = np.where(is_better, np.maximum(_SHRINK * damp, 1e-9), _GROW * damp)
        at, cost = np.where(is_better, trial, at), np.where(is_better, new_cost, cost)
        values = np.where(is_better, new_values, values)
        jacobian = [np.where(is_better, new, old) for new, old in zip(new_jacobian, jacobian, strict=True)]
        if done.any():
            theta[:, open_], rest = at, ~done
            open_, damp, cost, at = open_[rest], damp[rest], cost[rest], at[:, rest]
            y, w, values = y[:, rest], w[:, rest], values[:, rest]
            jacobian = [column[:, rest] for column in jacobian]
            if not len(open_):
                break
    theta[:, open_], damping[open_] = at, damp
    return open_


def _step(matrix: Array, curvature: Array, slope: Array, held: Array, damping: Array) -> tuple[Array, Array]:
    """The damped step, and where there is one."""
    diagonal, damped = np.arange(len(slope)), np.array(matrix)
    # A parameter without influence has no curvature; any positive number keeps it where it is.
    damped[diagonal, diagonal] += damping * curvature + np.where(curvature > 0.0, 0.0, 1.0)
    step, is_solved = solve_each(held_still(damped, held), np.where(held, 0.0, -slope))
    return np.where(is_solved, step, 0.0), is_solved


def _cost(values: Array, targets: Array, weights: Array) -> Array:
    cost = np.einsum("np,np->p", weights, (values - targets) ** 2)
    return np.where(np.isfinite(cost), cost, np.inf)
