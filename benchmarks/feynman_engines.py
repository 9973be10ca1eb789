"""The engines that look for equations of the Feynman table: each has the same operators, rows and CPU seconds on one core.

pyoperon and gplearn run as they come, on the columns as they are; both go on from their last generation until the time is
over. Of the front of one run of pyoperon three equations are picked, one by each of its criteria.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.feynman_table import Draw

__all__ = ["ENGINES", "Found"]

Array = np.ndarray

BINARY = ("+", "-", "*", "/")
UNARY = ("sqrt", "square", "exp", "log", "sin", "cos", "tanh", "asin")
CRITERIA = ("minimum_description_length", "bayesian_information_criterion", "mean_squared_error")
SEARCHING = 0.85  # of our time: what was found is judged afterwards
SLICE = 5  # generations between two looks at the clock


@dataclass(frozen=True)
class Found:
    """What an engine recommends.

    Arguments:
        text: in our language of expressions.
        predict: columns to values, as the engine itself does it.
    """

    text: str
    predict: Callable[[Mapping[str, Array]], Array]


def assay(draw: Draw, seed: int, seconds: float) -> dict[str, Found]:
    """Ours: the defaults, with these operators and a budget of CPU time."""
    from assay.discovery.abstract import Budget
    from assay.discovery.discover import discover
    from assay.errors import NumericalError

    try:
        laws = discover(
            draw.columns,
            draw.response,
            binary_operators=(*BINARY, "^"),
            unary_operators=UNARY,
            time_budget=Budget(SEARCHING * seconds, clock=time.process_time),
            seed=seed,
        )
    except NumericalError:
        return {}
    return {"assay": Found(laws.recommended.equation, laws.recommended.predict)}


def pyoperon(draw: Draw, seed: int, seconds: float) -> dict[str, Found]:
    """One run, continued until the time is over."""
    from pyoperon.sklearn import SymbolicRegressor

    symbols = "add,sub,mul,div,sqrt,square,exp,log,sin,cos,tanh,asin,constant,variable"
    search = SymbolicRegressor(
        allowed_symbols=symbols, objectives=["r2", "length"], optimizer_iterations=5, max_length=50,
        population_size=500, generations=SLICE, max_evaluations=1_000_000_000, warm_start=True,
    )  # fmt: skip
    names = list(draw.columns)
    inputs = _matrix(draw.columns, names)
    began, step = time.process_time(), 0
    while time.process_time() - began < seconds:
        search.random_state = 1 + 10_000 * seed + step
        search.fit(inputs, draw.response)
        step += 1
    found = {}
    for criterion in CRITERIA:
        best = min(search.pareto_front_, key=lambda model: _or_infinity(model[criterion]))
        text = search.get_model_string(best["tree"], 9, names)

        def predict(columns: Mapping[str, Array], tree: Any = best["tree"]) -> Array:
            return search.evaluate_model(tree, _matrix(columns, names))

        found[f"pyoperon by {criterion.replace('_', ' ')}"] = Found(text, predict)
    return found


def gplearn(draw: Draw, seed: int, seconds: float) -> dict[str, Found]:
    """One run, a generation at a time until the time is over."""
    from gplearn.functions import make_function
    from gplearn.genetic import SymbolicRegressor

    own = [
        make_function(function=function, name=name, arity=1)
        for name, function in (("square", np.square), ("exp", _exp), ("tanh", np.tanh), ("asin", _asin))
    ]
    search = SymbolicRegressor(
        population_size=500, generations=1, function_set=["add", "sub", "mul", "div", "sqrt", "log", "sin", "cos", *own],
        warm_start=True, random_state=seed,
    )  # fmt: skip
    names = list(draw.columns)
    inputs = _matrix(draw.columns, names)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while time.process_time() - began < seconds:
            search.fit(inputs, draw.response)
            search.set_params(generations=search.generations + 1)
    return {
        "gplearn": Found(_infix(str(search._program), names), lambda at: search.predict(_matrix(at, names)))
    }


ENGINES: Mapping[str, Callable[[Draw, int, float], dict[str, Found]]] = {
    "assay": assay,
    "pyoperon": pyoperon,
    "gplearn": gplearn,
}


def _matrix(columns: Mapping[str, Array], names: list[str]) -> Array:
    return np.column_stack([columns[name] for name in names])


def _or_infinity(value: float) -> float:
    return value if np.isfinite(value) else np.inf


def _exp(x: Array) -> Array:
    return np.exp(np.minimum(x, 100.0))


def _asin(x: Array) -> Array:
    return np.arcsin(np.clip(x, -1.0, 1.0))


_TOKEN = re.compile(r"[A-Za-z]\w*|-?[\d.]+(?:e-?\d+)?|[(),]")
_INFIX = {"add": "({} + {})", "sub": "({} - {})", "mul": "({} * {})", "div": "({} / {})", "square": "({})^2"}
_PROTECTED = {"sqrt": "sqrt(abs({}))", "log": "log(abs({}))"}


def _infix(text: str, names: list[str]) -> str:
    """gplearn's text in our language; its protected functions as they are where they are not protected."""
    tokens = _TOKEN.findall(text)

    def read() -> str:
        word = tokens.pop(0)
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            arguments = [read()]
            while tokens.pop(0) == ",":
                arguments.append(read())
            return (_INFIX | _PROTECTED).get(word, f"{word}({{}})").format(*arguments)
        return names[int(word[1:])] if word.startswith("X") else f"({word})"

    return read()
