"""The frozen problems: optima against an independent search, definitions against published values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import qmc

from assay.errors import UsageError
from assay.testing.functions import ackley, branin, levy, rastrigin, rosenbrock
from assay.testing.problems import PROBLEMS, Problem, problem

EACH = pytest.mark.parametrize("chosen", PROBLEMS.values(), ids=PROBLEMS.keys())


def searched_minimum(chosen: Problem, starts: int = 40) -> float:
    """The least value that SLSQP finds, within box and constraint, from the best of 2^14 Sobol' points."""
    sobol = qmc.Sobol(chosen.dimension, scramble=False).random(2**14)
    raw = qmc.scale(sobol, chosen.lower, chosen.upper)
    raw = raw[chosen.feasible(raw)]
    first = raw[np.argsort(chosen.truth(raw))[:starts]]
    conditions = [{"type": "ineq", "fun": chosen.slack}] if chosen.constraint else []
    found = []
    for start in first:
        result = minimize(
            lambda x: float(chosen.truth(x)),
            start,
            method="SLSQP",
            bounds=list(zip(chosen.lower, chosen.upper, strict=True)),
            constraints=conditions,
            options={"ftol": 1e-14, "maxiter": 300},
        )
        if chosen.feasible(result.x, 1e-9):
            found.append(float(result.fun))
    return min(found)


@EACH
def test_the_minimum_is_reached_at_each_minimiser(chosen: Problem) -> None:
    minimisers = np.array(chosen.minimisers)
    assert np.allclose(chosen.truth(minimisers), chosen.minimum, rtol=0, atol=1e-9)
    assert chosen.feasible(minimisers, 1e-12).all()


@EACH
def test_no_independent_search_goes_below_the_minimum(chosen: Problem) -> None:
    found = searched_minimum(chosen)
    assert found >= chosen.minimum - 1e-8
    # Ackley, Rastrigin and Levy have thousands of local minima; there the search only bounds from below
    if chosen.name not in {"ackley5", "rastrigin4", "levy8"}:
        assert found <= chosen.minimum + 1e-6


@pytest.mark.parametrize("name", ["ackley5", "rastrigin4", "levy8"])
def test_a_local_search_near_a_shifted_minimiser_ends_on_it(name: str) -> None:
    chosen = problem(name)
    minimiser = np.array(chosen.minimisers[0])
    start = minimiser + np.random.default_rng(3).uniform(-0.02, 0.02, chosen.dimension)
    result = minimize(
        lambda x: float(chosen.truth(x)),
        start,
        method="Nelder-Mead",
        options={"maxfev": 20000, "xatol": 1e-9, "fatol": 1e-14, "adaptive": True},
    )
    assert result.fun < 1e-5
    assert np.allclose(result.x, minimiser, atol=1e-2)


@EACH
def test_no_minimiser_lies_at_the_centre_or_outside_the_box(chosen: Problem) -> None:
    lower, upper = np.array(chosen.lower), np.array(chosen.upper)
    unit = (np.array(chosen.minimisers) - lower) / (upper - lower)
    assert ((unit >= 0) & (unit <= 1)).all()
    assert (np.sqrt(np.mean((unit - 0.5) ** 2, axis=1)) > 0.09).all()
    if chosen.shift:
        assert (np.abs(unit - 0.5) >= 0.15).all()


def test_published_values() -> None:
    assert branin(np.array([0.0, 0.0])) == pytest.approx(55.602112642270262, rel=1e-14)
    assert rosenbrock(np.zeros(5)) == 4.0
    assert rastrigin(np.ones(4)) == pytest.approx(4.0, abs=1e-12)
    assert ackley(np.ones(5)) == pytest.approx(20 - 20 * np.exp(-0.2), rel=1e-14)
    assert levy(np.full(8, 5.0)) == pytest.approx(np.sum([1 + 10 * np.sin(1) ** 2] * 7) + 1, rel=1e-12)


@EACH
def test_values_do_not_depend_on_the_batch(chosen: Problem) -> None:
    points = np.random.default_rng(1).uniform(chosen.lower, chosen.upper, (6, chosen.dimension))
    one_by_one = [chosen.evaluate(dict(zip(chosen.names, point, strict=True))) for point in points]
    assert np.allclose(chosen.truth(points.reshape(2, 3, -1)).ravel(), one_by_one, rtol=1e-14)


def test_only_the_noisy_problem_has_noise() -> None:
    values = {"x1": 1.0, "x2": 2.0}
    noisy, exact = problem("branin_noisy"), problem("branin")
    draws = np.array([noisy.observe(values, np.random.default_rng(seed)) for seed in range(400)])
    assert exact.observe(values, np.random.default_rng(0)) == exact.evaluate(values)
    assert [name for name, entry in PROBLEMS.items() if not entry.deterministic] == ["branin_noisy"]
    assert abs(draws.mean() - noisy.evaluate(values)) < 4 / np.sqrt(400)
    assert 0.85 < draws.std() < 1.15


def test_the_regret_of_an_infeasible_point_is_infinite() -> None:
    mystery = problem("mystery")
    assert mystery.truth(np.array([3.8, 1.3])) < 0
    assert mystery.regret({"x1": 3.8, "x2": 1.3}) == np.inf
    at_optimum = dict(zip(mystery.names, mystery.minimisers[0], strict=True))
    assert mystery.regret(at_optimum) == pytest.approx(0, abs=1e-12)


def test_the_constraint_binds_and_leaves_half_of_the_box() -> None:
    mystery = problem("mystery")
    points = np.random.default_rng(5).uniform(0, 5, (200_000, 2))
    assert mystery.feasible(points).mean() == pytest.approx(0.481, abs=0.005)
    assert mystery.truth(points).min() < mystery.minimum - 0.2
    assert abs(mystery.slack(np.array(mystery.minimisers[0]))) < 1e-9


def test_an_unknown_name_and_a_missing_value_are_refused() -> None:
    with pytest.raises(UsageError, match="one of branin"):
        problem("bramin")
    with pytest.raises(UsageError, match="x2"):
        problem("branin").evaluate({"x1": 1.0})
