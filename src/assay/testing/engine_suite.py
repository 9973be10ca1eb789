"""What every engine of discovery must do, on a small problem with a known law."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.discovery.abstract import AbstractEngine, Request
from assay.discovery.operators import Operators
from assay.discovery.problem import Feature, Problem
from assay.space.expressions import Expression
from assay.space.syntax import Name

__all__ = ["ENGINE_CHECKS", "example_problem"]

MakeEngine = Callable[[], AbstractEngine]


def example_problem() -> Problem:
    """energy = 0.5 mass speed², without noise."""
    generator = np.random.default_rng(0)
    mass, speed = generator.uniform(1.0, 3.0, (2, 40))
    features = (Feature(Name("mass"), mass), Feature(Name("speed"), speed))
    return Problem(features, 0.5 * mass * speed**2, lambda node: node, np.ones(40))


def _texts(engine: AbstractEngine) -> list[str]:
    request = Request(Operators.of(["+", "*"], []), niterations=3, populations=4, seeds=1)
    return [Expression(node).text for node in engine.equations(example_problem(), request)]


def check_it_has_a_name(make: MakeEngine) -> None:
    """The name is a word, and its keywords are words that are not already arguments of the search."""
    engine = make()
    assert engine.name.isidentifier()
    assert not engine.keywords() & {"niterations", "populations", "maxsize", "maxdepth", "parsimony"}


def check_equations_hold_the_features(make: MakeEngine) -> None:
    """There are equations, and what they hold are the features."""
    texts = _texts(make())
    assert texts
    for text in texts:
        assert not {"x1", "x2", "X1", "X2"} & set(_words(text)), text
    assert any("mass" in text and "speed" in text for text in texts)


def check_results_repeat(make: MakeEngine) -> None:
    """The same request gives the same equations, in the same order."""
    assert _texts(make()) == _texts(make())


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text).split()


ENGINE_CHECKS = (check_it_has_a_name, check_equations_hold_the_features, check_results_repeat)
"""Each takes a factory of engines."""
