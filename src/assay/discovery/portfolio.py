"""Symbolic regression by pyoperon: several sets of operators, forms of the response and seeds, each with a budget of
evaluations, so that the same seed gives the same equations on any machine and any number of threads.

pyoperon works in single precision and knows no scale; columns and response are given to it with a typical size of 1, and
its equations come back in the columns, to be fitted anew.

Source: B. Burlacu, G. Kronberger, M. Kommenda, Operon C++, GECCO 2020 companion, 1562.
"""

from __future__ import annotations

import itertools
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
    {
        *("allowed_symbols", "max_length", "max_depth", "max_time", "objectives", "random_state"),
        *("generations", "max_evaluations", "warm_start"),
    }
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
TURN = 5  # generations
PATIENCE = 60  # turns
MOST_EVALUATIONS = 1_000_000_000  # of a turn: none, since generations are counted
NATS_PER_NODE = 1.5
SINGLE_PRECISION = 1e-6  # relative error, below which pyoperon sees none
_NUMBER = re.compile(r"\d+\.\d+(?:e[+-]?\d+)?")
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
        """The sets of operators in pyoperon's words: all of them, then few ones first."""
        arithmetic = [_BINARY[name] for name in self.binary if name != "^"]
        usual = {name for step in _LADDER for name in step}
        unusual = tuple(name for name in self.unary if name not in usual and name in SEARCHED)
        every = (*dict.fromkeys(name for step in _LADDER for name in step if name != "^"), *unusual)
        sets: dict[str, None] = {}
        for step in (every, *_LADDER, unusual):
            allowed = [name for name in step if name in self.unary or name in self.binary]
            words = dict.fromkeys(_WORDS.get(name, name) for name in (*arithmetic, *allowed))
            sets[",".join([*words, "constant", "variable"])] = None
        return list(sets)


def searched_laws(problem: Problem, portfolio: Portfolio) -> Iterator[Node]:
    """Equations for the response, with rough numbers for their constants; pyoperon must be installed.

    The runs take turns, a few generations at a time: every other turn is the first run's, every other one of the rest the
    second's, and so on; a run that has had its evaluations leaves its turns to the next ones. The search ends when all have,
    or when no run has found a shorter description of the data for long.
    """
    sizes = [float(np.sqrt(np.mean(feature.values**2))) for feature in problem.features]
    inputs = np.column_stack(
        [feature.values / size for feature, size in zip(problem.features, sizes, strict=True)]
    )
    if not np.isfinite(inputs).all():
        return
    scaled: list[Node] = [
        Binary("*", feature.node, number(1.0 / size))
        for feature, size in zip(problem.features, sizes, strict=True)
    ]
    runs = _runs(problem, inputs, portfolio)
    best, idle, turn = np.inf, 0, 0
    while runs and idle < PATIENCE and not portfolio.budget.is_spent:
        turn += 1
        run = runs[min((turn & -turn).bit_length(), len(runs)) - 1]
        texts, length = run.went_on()
        for text in texts:
            node = _parsed(text, scaled)
            if node is not None:
                yield run.back(Binary("*", number(run.size), node))
        idle = 0 if length < best - 1.0 else idle + 1
        best = min(best, length)
        runs = [one for one in runs if not one.is_over]


@final
class _Run:
    """One search by pyoperon for one form of the response, that goes on where it stopped."""

    def __init__(
        self, search: Any, inputs: Array, target: Array, back: Back, portfolio: Portfolio, seed: int
    ) -> None:
        self.size = float(np.sqrt(np.mean(target**2)))
        self.back = back
        self._search, self._inputs, self._target = search, inputs, target / self.size
        self._seed, self._turns = seed, 0
        self._most = portfolio.evaluations / (TURN * portfolio.population)
        self._known: set[str] = set()

    @property
    def is_over(self) -> bool:
        return self._turns >= self._most

    def went_on(self) -> tuple[list[str], float]:
        """A few generations more: equations of a form that is new, and the shortest description of the data."""
        self._search.random_state = self._seed + self._turns
        self._turns += 1
        self._search.fit(self._inputs, self._target)
        front = self._search.pareto_front_
        texts = []
        for model in front:
            form = _NUMBER.sub("", model["model"])
            if form not in self._known:
                self._known.add(form)
                texts.append(model["model"])
        floor = SINGLE_PRECISION**2
        lengths = [
            0.5 * len(self._target) * np.log(max(model["mean_squared_error"], floor))
            + NATS_PER_NODE * model["length"]
            for model in front
            if np.isfinite(model["mean_squared_error"])
        ]
        return texts, float(min(lengths, default=np.inf))


def _runs(problem: Problem, inputs: Array, portfolio: Portfolio) -> list[_Run]:
    """For each seed, set of operators and form of the response, the plainest first."""
    from pyoperon.sklearn import SymbolicRegressor

    targets = [
        (target, back)
        for target, back in _targets(problem, portfolio)
        if np.isfinite(target).all() and np.ptp(target) > 0
    ]
    places = sorted(itertools.product(range(len(portfolio.ladder)), range(len(targets))), key=sum)
    found = []
    for _ in range(portfolio.seeds):
        for step, form in places:
            keywords = {
                "optimizer_iterations": 5,
                "generations": TURN,
                "max_evaluations": MOST_EVALUATIONS,
                "population_size": portfolio.population,
                "pool_size": portfolio.population,
                "n_threads": 1,
                "model_selection_criterion": "mean_squared_error",
                **portfolio.options,
            }
            search = SymbolicRegressor(
                allowed_symbols=portfolio.ladder[step],
                objectives=["r2", "length"],
                max_length=max(portfolio.max_length, 5),
                max_depth=portfolio.max_depth,
                warm_start=True,
                **keywords,
            )
            number_of_run = 1 + 1000 * (portfolio.seed + len(found))
            found.append(_Run(search, inputs, *targets[form], portfolio, number_of_run))
    return found


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
