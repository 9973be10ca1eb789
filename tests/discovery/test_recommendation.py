"""The recommended law is the one that the data can tell from simpler ones, not the one that fits best."""

from __future__ import annotations

import numpy as np

from assay.discovery.discover import discover

Array = np.ndarray


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
