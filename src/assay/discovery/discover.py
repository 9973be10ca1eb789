"""Look for the law behind data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.discovery.laws import Law, Laws
from assay.discovery.portfolio import Portfolio, searched_laws
from assay.discovery.search import Allowed, Search
from assay.discovery.table import Table
from assay.errors import NumericalError, UsageError

__all__ = ["discover"]

BINARY_OPERATORS = ("+", "-", "*", "/", "^")
UNARY_OPERATORS = ("sqrt", "exp", "log", "sin", "cos", "tanh", "square")
ENGINES = ("deterministic", "operon")


def discover(
    data: Mapping[str, Any],
    response: str | Any,
    *,
    standard_error: Any = None,
    units: Mapping[str, str] | None = None,
    dimensional_constants: bool = True,
    features: Mapping[str, str] | None = None,
    binary_operators: Sequence[str] = BINARY_OPERATORS,
    unary_operators: Sequence[str] = UNARY_OPERATORS,
    max_complexity: int = 50,
    engines: Sequence[str] = ENGINES,
    evaluations: int = 60_000,
    seeds: int = 2,
    seed: int = 0,
) -> Laws:
    """Look for the equation behind data, and say how far it can be trusted.

    First linear algebra: power laws, sums of monomials, exponentials and rational forms, of the columns and, with units, of
    their dimensionless groups. When nothing found so is exact, symbolic regression follows. Every candidate is cleaned, fitted
    in double precision, checked for its dimensions and judged on rows that it was not fitted to.

    Arguments:
        data: a data frame, or a mapping from names to columns of numbers (n,).
        response: the name of a column, or (n,) values.
        standard_error: of the response, one number or (n,); without it all rows count the
            same, unless residuals that grow with the response show that errors are relative.
        units: of columns, as text that pint reads (`kg/m^3`); those not named are plain numbers.
        dimensional_constants: whether a constant may have a unit.
        features: more that may be in the law: name to expression, such as `{"solid": "1 - porosity"}`.
        binary_operators: of + - * / ^.
        unary_operators: of sqrt, exp, log, sin, cos, tanh, square.
        max_complexity: the most nodes of an equation.
        engines: `deterministic`, `operon` (needs pyoperon) or both, in this order.
        evaluations: the budget of each run of symbolic regression.
        seeds: the runs for each set of operators and form of the response.
        seed: of all chance; the same one gives the same laws.

    Raises:
        UsageError: for data, operators, units or features that break a rule.
        MissingExtraError: without pint where units are given, and without pyoperon where only it is asked for.
        NumericalError: when nothing that was tried describes the data.

    Example:
        >>> import numpy as np
        >>> mass, speed = np.linspace(1.0, 3.0, 12), np.linspace(5.0, 2.0, 12) ** 1.5
        >>> laws = discover({"mass": mass, "speed": speed, "energy": 0.5 * mass * speed**2}, "energy")
        >>> laws.recommended.equation
        '0.5*mass*speed^2'
    """
    _check_operators(binary_operators, unary_operators, engines)
    table = Table.of(data, response, standard_error)
    allowed = Allowed(
        frozenset(binary_operators), frozenset(unary_operators), max_complexity, dimensional_constants
    )
    portfolio = Portfolio(
        tuple(binary_operators), tuple(unary_operators), min(max_complexity, 50), evaluations, seeds, seed
    )
    search = Search.of(table, units, features, allowed, seed)
    return _found(search, portfolio, allowed, engines, reweigh=standard_error is None)


def _found(
    search: Search, portfolio: Portfolio, allowed: Allowed, engines: Sequence[str], *, reweigh: bool
) -> Laws:
    """What the engines find, one after the other."""
    with_functions = bool(allowed.unary) or "^" in allowed.binary
    laws: list[Law] = []
    if "deterministic" in engines:
        laws = search.judged(search.deterministic(with_functions), laws)
        if reweigh and laws and (weights := search.relative_weights(laws)) is not None:
            search = search.reweighted(weights)
            laws = search.judged(search.deterministic(with_functions), [])
    if "operon" in engines and not any(search.is_exact(law) for law in laws):
        optional = "deterministic" in engines
        for problem in search.problems:
            laws = search.judged(searched_laws(problem, portfolio, optional=optional), laws)
            if any(search.is_exact(law) for law in laws):
                break
    if not laws:
        raise NumericalError(
            f"no equation of the {len(search.table)} rows was found that beats a constant; allow more operators or evaluations"
        )
    return search.result(laws)


def _check_operators(binary: Sequence[str], unary: Sequence[str], engines: Sequence[str]) -> None:
    for kind, given, known in (
        ("binary operator", binary, BINARY_OPERATORS),
        ("unary operator", unary, UNARY_OPERATORS),
        ("engine", engines, ENGINES),
    ):
        unknown = [name for name in given if name not in known]
        if unknown:
            raise UsageError(f"a {kind} must be one of {' '.join(known)}, got {unknown[0]!r}")
