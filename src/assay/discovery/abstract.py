"""What an engine is: a function from a problem and what is asked for to equations, one after the other."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from assay.discovery.operators import Operators
from assay.discovery.problem import Problem
from assay.errors import ExpressionError
from assay.space.syntax import Binary, Call, Name, Node, Unary

__all__ = ["AbstractEngine", "Budget", "Request", "in_columns"]


@final
@dataclass(frozen=True)
class Budget:
    """The time that is left.

    Arguments:
        seconds: in all; None without an end.
        clock: seconds since some moment; `time.process_time` counts the processor's, whatever else the machine does.
        start: of the clock; its time when the budget is made.
    """

    seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    start: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.start):
            object.__setattr__(self, "start", self.clock())

    @property
    def left_seconds(self) -> float | None:
        """What is left, not below zero; None without an end."""
        return None if self.seconds is None else max(0.0, self.start + self.seconds - self.clock())

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.left_seconds == 0.0


@final
@dataclass(frozen=True)
class Request:
    """What is asked of an engine. It does what it can of it; what it gives is filtered afterwards.

    Arguments:
        operators: that may be used.
        maxsize: the most nodes.
        maxdepth: the most levels; None for any.
        niterations, populations: how much is tried.
        parsimony: what a node costs.
        constraints, nested_constraints: as the user gave them.
        seeds: how often each search is repeated with other chance.
        seed: of all chance.
        budget: of time; without an end where results must repeat.
        options: for the library behind the engine.
    """

    operators: Operators
    maxsize: int = 50
    maxdepth: int | None = None
    niterations: int = 100
    populations: int = 32
    parsimony: float = 0.0032
    constraints: Mapping[str, Any] = field(default_factory=dict)
    nested_constraints: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    seeds: int = 2
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    options: Mapping[str, Any] = field(default_factory=dict)


class AbstractEngine(ABC):
    """A way to look for equations. What it gives need not be fitted well, nor be simple: that is done afterwards."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As users call it."""

    @abstractmethod
    def check(self) -> None:
        """Nothing, where its library is installed; at once, without loading it.

        Raises:
            MissingExtraError: when it is not.
        """

    @abstractmethod
    def keywords(self) -> frozenset[str]:
        """The further keywords that it hands on to its library."""

    @abstractmethod
    def equations(self, problem: Problem, request: Request) -> Iterator[Node]:
        """Equations for the response, in the columns, with rough numbers for their constants.

        `in_columns` makes one from a text.
        """


def in_columns(text: str, problem: Problem, operators: Operators) -> Node | None:
    """The equation for the response that a text over the features `x1`, `x2`, … stands for.

    Use it in an engine whose library speaks in texts.

    Returns:
        None for a text that is not in the language, such as one with an infinite number.

    Example:
        >>> import numpy as np
        >>> from assay.discovery.problem import Feature
        >>> from assay.space.expressions import Expression
        >>> features = (Feature(Name("mass"), np.ones(2)), Feature(Name("speed"), np.ones(2)))
        >>> problem = Problem(features, np.ones(2), lambda node: node, np.ones(2))
        >>> Expression(in_columns("0.5*x1*square(x2)", problem, Operators.of(["*"], []))).text
        '0.5*mass*speed^2'
    """
    names = {f"x{index}": feature.node for index, feature in enumerate(problem.features, start=1)}
    try:
        return problem.back(_replaced(operators.parsed(text, list(names), "an equation"), names))
    except ExpressionError:
        return None


def _replaced(node: Node, names: Mapping[str, Node]) -> Node:
    match node:
        case Name(name):
            return names[name]
        case Unary(operand):
            return Unary(_replaced(operand, names))
        case Binary(operator, left, right):
            return Binary(operator, _replaced(left, names), _replaced(right, names))
        case Call(function, arguments):
            return Call(function, tuple(_replaced(argument, names) for argument in arguments))
        case _:
            return node
