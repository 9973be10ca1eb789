"""Look for the law behind data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.discovery.abstract import AbstractEngine, Budget, Request
from assay.discovery.allowed import Allowed, Constraints
from assay.discovery.data import columns_of
from assay.discovery.engines import DeterministicEngine, OperonEngine, chosen_engines
from assay.discovery.laws import Law, Laws
from assay.discovery.operators import BINARY_OPERATORS, UNARY_OPERATORS, Operators
from assay.discovery.portfolio import SEARCHED
from assay.discovery.preparing import prepared
from assay.discovery.search import Search
from assay.discovery.table import Table
from assay.discovery.watching import Watch
from assay.errors import NumericalError, UsageError

__all__ = ["discover"]


def discover(
    data: Any,
    response: str | int | Any,
    *,
    standard_error: Any = None,
    units: Mapping[str, str] | None = None,
    dimensional_constants: bool = True,
    extra_features: Mapping[str, str] | None = None,
    select_k_features: int | None = None,
    denoise: bool = False,
    binary_operators: Sequence[str] = BINARY_OPERATORS,
    unary_operators: Sequence[str] = UNARY_OPERATORS,
    maxsize: int = 50,
    maxdepth: int | None = None,
    constraints: Mapping[str, Any] | None = None,
    nested_constraints: Mapping[str, Mapping[str, int]] | None = None,
    parsimony: float = 0.0032,
    niterations: int = 100,
    populations: int = 32,
    seeds: int = 2,
    seed: int = 0,
    time_budget: float | Budget | None = None,
    engines: Sequence[str | AbstractEngine] = ("deterministic", "operon"),
    equation_file: str | Path | None = None,
    progress: bool | Callable[[str], None] = False,
    **options: Any,
) -> Laws:
    """Look for the equation behind data, and say how far it can be trusted.

    First linear algebra: power laws, sums of monomials, exponentials and rational forms, of the columns and, with units, of
    their dimensionless groups. When nothing found so is exact, symbolic regression follows. Every candidate is cleaned, fitted
    in double precision, checked for its dimensions and judged on rows that it was not fitted to.

    What an engine cannot be told is done for it: equations that break a limit are left out, own operators and functions that
    it does not have are offered to it as features.

    Arguments:
        data: a data frame, a mapping from names to columns of numbers (n,), an array (n, columns), a list of records, or the
            path of a CSV file.
        response: the name or the number of a column, or (n,) values.
        standard_error: of the response, one number or (n,); without it all rows count the
            same, unless residuals that grow with the response show that errors are relative.
        units: of columns, as text that pint reads (`kg/m^3`); those not named are plain numbers.
        dimensional_constants: whether a constant may have a unit.
        extra_features: more that may be in the law: name to expression, such as `{"solid": "1 - porosity"}`.
        select_k_features: only so many columns are searched, those that a Gaussian process finds to matter most.
        denoise: whether the response is replaced by the mean of a Gaussian process.
        binary_operators: of + - * / ^, and definitions of own ones, such as `f(x, y) = x^2*y`.
        unary_operators: functions of the language of expressions, square, cube, inv, neg, and definitions of own ones.
        maxsize: the most nodes of an equation.
        maxdepth: the most levels of an equation; a sum counts as a tree that is as flat as can be.
        constraints: the most nodes of each argument of an operator, such as `{"pow": (-1, 2), "sin": 5}`; -1 for any.
        nested_constraints: how often an operator may stand inside another, such as `{"sin": {"cos": 0}}`.
        parsimony: by how much the logarithm of the loss must fall for each further node.
        niterations: the generations of a run of symbolic regression.
        populations: of 16 equations each, in such a run.
        seeds: the runs for each set of operators and form of the response.
        seed: of all chance; the same one gives the same laws, as long as time_budget does not end the search.
        time_budget: in seconds, after which what was found is given back; or a Budget, for a clock of one's own.
        engines: in their order: `deterministic`, `operon` (needs pyoperon), `pysr` (needs PySR and Julia), and instances of
            AbstractEngine.
        equation_file: a CSV file that holds the laws found so far, while the search goes on.
        progress: True writes a line to the standard error for each step; a function takes the line.
        options: further keywords of the library behind an engine, such as `tournament_size=7`.

    Raises:
        UsageError: for data, operators, units, features, limits or keywords that break a rule.
        MissingExtraError: without pint where units are given, and where no engine is installed.
        NumericalError: when nothing that was tried describes the data.

    Example:
        >>> import numpy as np
        >>> mass, speed = np.linspace(1.0, 3.0, 12), np.linspace(5.0, 2.0, 12) ** 1.5
        >>> laws = discover({"mass": mass, "speed": speed, "energy": 0.5 * mass * speed**2}, "energy")
        >>> laws.recommended.equation
        '0.5*mass*speed^2'
    """
    budget = time_budget if isinstance(time_budget, Budget) else Budget(_seconds(time_budget))
    operators = Operators.of(binary_operators, unary_operators)
    limits = Constraints.of(constraints, nested_constraints)
    allowed = Allowed(operators, maxsize, maxdepth, limits, dimensional_constants, parsimony)
    for name, value in (("niterations", niterations), ("populations", populations), ("seeds", seeds)):
        _check_count(name, value)
    for name, given in (("units", units), ("extra_features", extra_features)):
        _check_texts(name, given)
    chosen = chosen_engines(engines, options)
    watch = Watch.of(progress, equation_file)
    table = prepared(
        Table.of(columns_of(data), response, standard_error),
        denoise=denoise,
        most_columns=select_k_features,
        seed=seed,
    )
    request = Request(
        operators, maxsize, maxdepth, niterations, populations, parsimony, constraints or {}, nested_constraints or {},
        seeds, seed, budget,
    )  # fmt: skip
    units = (
        units if units is None else {name: unit for name, unit in units.items() if name not in table.left_out}
    )
    functions = [name for name in operators.unary if name not in SEARCHED]
    search = Search.of(table, units, extra_features or {}, functions, allowed, seed)
    return _found(search, chosen, request, watch, reweigh=standard_error is None)


def _found(
    search: Search,
    engines: Sequence[tuple[AbstractEngine, Mapping[str, Any]]],
    request: Request,
    watch: Watch,
    *,
    reweigh: bool,
) -> Laws:
    """What the engines find, one after the other, until a law is exact or the time is over."""
    laws: list[Law] = []
    for engine, options in engines:
        asked = replace(request, options=options)
        laws = _searched(search, engine, asked, laws, watch)
        if reweigh and laws and (weights := search.relative_weights(laws)) is not None:
            search, reweigh = search.reweighted(weights), False
            laws = search.judged([law.form.with_values(law.fit.values) for law in laws], [], Budget())
            # Linear algebra chooses its terms by the weights.
            if isinstance(engine, DeterministicEngine):
                laws = _searched(search, engine, asked, laws, watch)
        if any(map(search.is_exact, laws)):
            break
    if not laws:
        raise NumericalError(
            f"no equation of the {len(search.table)} rows was found that beats a constant; allow more operators, iterations or"
            " time"
        )
    if not any(law.is_consistent for law in laws):
        raise NumericalError(
            f"no equation whose dimensions are right was found, the best other is {laws[-1].equation}; allow constants with"
            " units, more columns, operators or time"
        )
    return search.result(laws)


def _searched(
    search: Search, engine: AbstractEngine, request: Request, laws: list[Law], watch: Watch
) -> list[Law]:
    are_fitted = isinstance(engine, (DeterministicEngine, OperonEngine))
    for problem in search.problems:
        if request.budget.is_spent and laws:
            break
        equations = watch.counted(engine.name, engine.equations(problem, request))
        laws = search.judged(equations, laws, request.budget, are_fitted=are_fitted)
        watch.seen(engine.name, laws)
        if any(map(search.is_exact, laws)):
            break
    return laws


def _seconds(time_budget: float | None) -> float | None:
    if time_budget is None:
        return None
    if isinstance(time_budget, bool) or not isinstance(time_budget, (int, float)) or not time_budget > 0:
        raise UsageError(f"time_budget must be a positive number of seconds, got {time_budget!r}")
    return float(time_budget)


def _check_texts(name: str, given: Mapping[str, str] | None) -> None:
    if given is not None and not (
        isinstance(given, Mapping) and all(isinstance(text, str) for pair in given.items() for text in pair)
    ):
        raise UsageError(f"{name} must be a mapping from names to texts, got {given!r:.60}")


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name} must be a whole number from 1 on, got {value!r}")
