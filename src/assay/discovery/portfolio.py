"""Symbolic regression by pyoperon: several sets of operators, forms of the response and seeds, each with a budget of
evaluations, so that the same seed gives the same equations on any machine and any number of threads.

pyoperon works in single precision and knows no scale; columns and response are given to it with a typical size of 1, and
its equations come back in the columns, to be fitted anew.

Source: B. Burlacu, G. Kronberger, M. Kommenda, Operon C++, GECCO 2020 companion, 1562.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from assay.discovery.abstract import Budget
from assay.discovery.canonical import number
from assay.discovery.problem import Back, Problem
from assay.errors import ExpressionError
from assay.space.expressions import parse
from assay.space.syntax import Binary, Call, Name, Node, Number, Unary

__all__ = ["OWN_KEYWORDS", "SEARCHED", "Portfolio", "searched_laws"]

Array = np.ndarray

OWN_KEYWORDS = frozenset(
    {"allowed_symbols", "max_length", "max_depth", "max_time", "objectives", "random_state"}
)
"""What is set from our own arguments, so that nobody else may."""

SEARCHED = frozenset(
    [
        *("sqrt", "square", "cube", "exp", "log", "log10", "abs", "neg", "inv"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
    ]
)
"""The functions that it has, or has a way to write."""

_BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow"}
_LADDER: tuple[tuple[str, ...], ...] = (
    (),
    ("sqrt", "square", "exp", "log", "^"),
    ("sin", "cos", "tanh", "exp"),
)
_WORDS: Mapping[str, str] = {**_BINARY, "cube": "square", "log10": "log", "inv": "div", "neg": "sub"}
_VARIABLE = re.compile(r"X(\d+)")


@final
@dataclass(frozen=True)
class Portfolio:
    """What is tried.

    Arguments:
        binary, unary: the operators that may be used.
        max_length: the most nodes of an equation.
        max_depth: the most levels.
        population: so many equations at a time.
        evaluations: the budget of each run.
        seeds: runs for each set of operators and form of the response.
        seed: of the first run.
        budget: of time, for all runs.
        options: further keywords of pyoperon's regressor.
    """

    binary: tuple[str, ...]
    unary: tuple[str, ...]
    max_length: int
    max_depth: int
    population: int
    evaluations: int
    seeds: int
    seed: int
    budget: Budget = field(default_factory=Budget)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ladder(self) -> list[str]:
        """The sets of operators in pyoperon's words, few ones first."""
        arithmetic = [_BINARY[name] for name in self.binary if name != "^"]
        sets: dict[str, None] = {}
        usual = {name for step in _LADDER for name in step}
        unusual = tuple(name for name in self.unary if name not in usual and name in SEARCHED)
        for step in (*_LADDER, unusual):
            allowed = [name for name in step if name in self.unary or name in self.binary]
            words = dict.fromkeys(_WORDS.get(name, name) for name in (*arithmetic, *allowed))
            sets[",".join([*words, "constant", "variable"])] = None
        return list(sets)


def searched_laws(problem: Problem, portfolio: Portfolio) -> Iterator[Node]:
    """Equations for the response, with rough numbers for their constants; pyoperon must be installed."""
    from pyoperon.sklearn import SymbolicRegressor

    sizes = [float(np.sqrt(np.mean(feature.values**2))) for feature in problem.features]
    inputs = np.column_stack(
        [feature.values / size for feature, size in zip(problem.features, sizes, strict=True)]
    )
    scaled: list[Node] = [
        Binary("*", feature.node, number(1.0 / size))
        for feature, size in zip(problem.features, sizes, strict=True)
    ]
    for target, back in _targets(problem, portfolio):
        size = float(np.sqrt(np.mean(target**2)))
        for symbols in portfolio.ladder:
            for run in range(portfolio.seeds):
                if portfolio.budget.is_spent:
                    return
                for text in _front(SymbolicRegressor, inputs, target / size, symbols, portfolio, run):
                    node = _parsed(text, scaled)
                    if node is not None:
                        yield back(Binary("*", number(size), node))


def _targets(problem: Problem, portfolio: Portfolio) -> Iterator[tuple[Array, Back]]:
    """The response, its logarithm and its inverse square."""
    target, back = problem.target, problem.back
    yield target, back
    if not (target > 0).all():
        return
    if "exp" in portfolio.unary:
        yield np.log(target), lambda node: back(Call("exp", (node,)))
    if "sqrt" in portfolio.unary or "^" in portfolio.binary:
        yield target**-2, lambda node: back(Binary("/", Number(1.0), Call("sqrt", (node,))))


def _front(
    regressor: Any, inputs: Array, target: Array, symbols: str, portfolio: Portfolio, run: int
) -> list[str]:
    """The equations of one run."""
    if not np.isfinite(inputs).all() or not np.isfinite(target).all() or np.ptp(target) == 0:
        return []
    left = portfolio.budget.left_seconds
    keywords = {
        "optimizer_iterations": 5,
        "max_evaluations": portfolio.evaluations,
        "generations": 10_000,
        "population_size": portfolio.population,
        "pool_size": portfolio.population,
        "n_threads": 1,
        "model_selection_criterion": "mean_squared_error",
        **portfolio.options,
    }
    search = regressor(
        allowed_symbols=symbols,
        objectives=["r2", "length"],
        max_length=max(portfolio.max_length, 5),
        max_depth=portfolio.max_depth,
        max_time=None if left is None else max(1, round(left)),
        random_state=portfolio.seed + run + 1,
        **keywords,
    )
    search.fit(inputs, target)
    return [model["model"] for model in search.pareto_front_]


def _parsed(text: str, features: list[Node]) -> Node | None:
    """The tree of pyoperon's text in the features; None for text beyond our language, such as an infinite number."""
    try:
        return _replaced(parse(text, None).tree, features)
    except ExpressionError:
        return None


def _replaced(node: Node, features: list[Node]) -> Node:
    match node:
        case Name(name) if (found := _VARIABLE.fullmatch(name)) is not None:
            return features[int(found.group(1)) - 1]
        case Unary(operand):
            return Unary(_replaced(operand, features))
        case Binary(operator, left, right):
            return Binary(operator, _replaced(left, features), _replaced(right, features))
        case Call(function, arguments):
            return Call(function, tuple(_replaced(argument, features) for argument in arguments))
        case _:
            return node
