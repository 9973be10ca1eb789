"""Symbolic regression by PySR, where it and Julia are installed.

Source: M. Cranmer, Interpretable machine learning for science with PySR and SymbolicRegression.jl, arXiv:2305.01582 (2023).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, final

import numpy as np

from assay.discovery.abstract import AbstractEngine, Request, in_columns
from assay.discovery.operators import Operators
from assay.discovery.printing import to_sympy
from assay.discovery.problem import Problem
from assay.errors import MissingExtraError
from assay.space.printing import to_text
from assay.space.syntax import Node

__all__ = ["PySREngine"]

_OWN_KEYWORDS = frozenset(
    [
        *("niterations", "populations", "binary_operators", "unary_operators", "extra_sympy_mappings"),
        *(
            "maxsize",
            "maxdepth",
            "parsimony",
            "constraints",
            "nested_constraints",
            "random_state",
            "timeout_in_seconds",
        ),
    ]
)


@final
@dataclass(frozen=True)
class PySREngine(AbstractEngine):
    """Symbolic regression by PySR: one serial run, which repeats for the same seed unless there is a budget of time."""

    @property
    def name(self) -> str:
        return "pysr"

    def check(self) -> None:
        # Only looked for: its import alone would fetch Julia.
        if find_spec("pysr") is None:
            raise MissingExtraError("PySR is not installed; install it, and Julia, with: pip install pysr")

    def keywords(self) -> frozenset[str]:
        return frozenset(inspect.signature(_regressor()).parameters) - _OWN_KEYWORDS

    def equations(self, problem: Problem, request: Request) -> Iterator[Node]:
        operators, left = request.operators, request.budget.left_seconds
        keywords: dict[str, Any] = {
            "populations": request.populations,
            "niterations": request.niterations,
            "deterministic": True,
            "parallelism": "serial",
            "progress": False,
            "verbosity": 0,
            "temp_equation_file": True,
            **request.options,
        }
        if request.maxdepth is not None:
            keywords["maxdepth"] = request.maxdepth
        if left is not None:
            keywords["timeout_in_seconds"] = max(1.0, left)
        model = _regressor()(
            binary_operators=[*operators.binary, *(text for text, count in _own(operators) if count > 1)],
            unary_operators=[*operators.unary, *(text for text, count in _own(operators) if count == 1)],
            extra_sympy_mappings=_mappings(operators),
            maxsize=max(request.maxsize, 7),
            parsimony=request.parsimony,
            constraints=_of_operators(request.constraints, operators),
            nested_constraints={
                name: _of_operators(inside, operators)
                for name, inside in _of_operators(request.nested_constraints, operators).items()
            },
            random_state=request.seed,
            **keywords,
        )
        inputs = np.column_stack([feature.values for feature in problem.features])
        names = [f"x{index}" for index in range(1, inputs.shape[1] + 1)]
        model.fit(inputs, problem.target, weights=problem.weights, variable_names=names)
        for text in model.equations_["equation"]:
            node = in_columns(text, problem, operators)
            if node is not None:
                yield node


def _regressor() -> Any:
    from pysr import PySRRegressor  # pyright: ignore[reportMissingImports]

    return PySRRegressor


def _own(operators: Operators) -> list[tuple[str, int]]:
    """Own operators in Julia, which reads our language, with the number of their arguments."""
    return [
        (f"{one.name}({', '.join(one.parameters)}) = {to_text(one.body)}", len(one.parameters))
        for one in operators.own
    ]


def _mappings(operators: Operators) -> dict[str, Any]:
    """What own operators are to SymPy, in which PySR holds its equations."""
    if not operators.own:
        return {}
    import sympy

    return {
        one.name: sympy.Lambda(
            tuple(sympy.Symbol(name, real=True) for name in one.parameters), to_sympy(one.body)
        )
        for one in operators.own
    }


def _of_operators(given: Mapping[str, Any], operators: Operators) -> dict[str, Any]:
    """The entries about operators that are there; PySR refuses others."""
    words = {*operators.binary, *operators.unary, "pow", "plus", "mult", "div", "sub"}
    return {name: value for name, value in given.items() if name in words}
