"""Constants that are dropped, snapped, or left alone."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.feynman_table import drawn, equations

from assay.discovery.refinement import refined
from assay.space.expressions import parse


def test_a_constant_that_does_nothing_is_dropped_even_where_every_constant_is_certain() -> None:
    x = np.linspace(1.0, 2.0, 8)
    columns = {"x": x, "y": x[::-1]}
    node = parse("1.0*x*y*exp(1e-18*x*y)", ("x", "y")).tree
    (law, *_) = refined(node, columns, x * x[::-1], np.ones(8))
    assert law.form.free.tolist() == []
    assert law.form.complexity(law.fit.values) == 3


@pytest.mark.timeout(30)
def test_snapping_ends_where_rewriting_frees_a_constant_again() -> None:
    equation = next(one for one in equations() if one.name == "I.34.14")
    draw = drawn(equation, 0.01, 1)
    node = parse("1.5127156227173946*omega_0*(-log(v/c))^(-0.5)", tuple(draw.columns)).tree
    assert refined(node, draw.columns, draw.response, np.ones(len(draw.response)))
