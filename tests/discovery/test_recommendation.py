"""The recommended law is the one that the data can tell from simpler ones, not the one that fits best."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.discovery.discover import discover

Array = np.ndarray
FAST: dict[str, Any] = {"engines": ["deterministic"], "unary_operators": []}


def test_of_many_terms_that_fit_by_chance_none_is_taken() -> None:
    generator = np.random.default_rng(100)
    data = {name: generator.uniform(1.0, 5.0, 100) for name in ("a", "b", "c")}
    truth = data["a"] * data["b"] / data["c"]
    data["y"] = truth + 0.05 * np.sqrt(np.mean(truth**2)) * generator.standard_normal(100)
    laws = discover(data, "y", engines=["deterministic"])
    assert set(laws.recommended.expression.names) == {"a", "b", "c"}
    assert laws.recommended.complexity <= 7
    assert min(law.fit.loss for law in laws.laws) <= laws.recommended.fit.loss


def test_a_small_term_is_taken_where_the_data_show_it() -> None:
    generator = np.random.default_rng(100)
    x = generator.uniform(1.0, 5.0, 200)
    y = 2.0 * x + 0.02 * x**3 + 0.01 * generator.standard_normal(200)
    laws = discover({"x": x, "y": y}, "y", engines=["deterministic"], unary_operators=[])
    new = np.linspace(1.0, 6.0, 50)
    truth = 2.0 * new + 0.02 * new**3
    assert np.abs(laws.recommended.predict({"x": new}) - truth).max() < 0.05


def test_errors_that_grow_are_seen_by_the_law_they_belong_to() -> None:
    # With equal errors a form that saturates is best here, since it bends to the errors of the largest responses.
    generator = np.random.default_rng(0)
    data = {"Re": generator.uniform(1e4, 1e5, 100), "Pr": generator.uniform(0.7, 100.0, 100)}
    noise = 1 + 0.05 * np.random.default_rng([0, 1]).standard_normal(100)
    truth = 0.023 * data["Re"] ** 0.8 * data["Pr"] ** 0.4
    law = discover({**data, "Nu": truth * noise}, "Nu", engines=["deterministic"]).recommended
    assert law.is_relative
    assert law.expression.names == ("Pr", "Re")
    assert np.abs(law.predict(data) / truth - 1.0).max() < 0.02


def test_equal_errors_are_not_taken_for_relative_ones() -> None:
    found = []
    for seed in range(4):
        generator = np.random.default_rng(seed)
        a, b = generator.uniform(1.0, 5.0, (2, 60))
        y = a * b + generator.standard_normal(60)
        found.append(discover({"a": a, "b": b, "y": y}, "y", binary_operators=["+", "*"], **FAST))
    assert sum(laws.recommended.is_relative for laws in found) == 0
