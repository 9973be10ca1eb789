"""Programs that take and give one array: the same as the plain ones, whatever passes through."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from assay.numerics.compile import CompiledFunction, jax_module
from assay.numerics.packing import PackedFunction

jax = jax_module()
jnp = jax.numpy


class _Result(NamedTuple):
    total: object
    parts: dict
    number: object
    is_large: object


def _function(given, scale, kind):
    parts = {"product": given["matrix"] @ given["vector"], "none": jnp.zeros((0, 3))}
    total = scale * (jnp.sum if kind == "sum" else jnp.max)(given["vector"])
    return _Result(total, parts, given["number"] + 1, given["vector"] > scale)


GIVEN = {
    "matrix": np.arange(6.0).reshape(3, 2) / 7,
    "vector": np.array([1e-300, np.nan]),
    "number": np.array(2**53 - 2),
    "flags": np.array([True, False]),
}


@pytest.mark.parametrize("kind", ["sum", "max"])
def test_results_have_the_values_types_shapes_and_structure_of_the_plain_program(kind):
    found = PackedFunction(_function, static=(2,))(GIVEN, 0.5, kind)
    wanted = CompiledFunction(_function, static=(2,))(GIVEN, 0.5, kind)
    assert jax.tree_util.tree_structure(found) == jax.tree_util.tree_structure(wanted)
    for one, two in zip(jax.tree_util.tree_leaves(found), jax.tree_util.tree_leaves(wanted), strict=True):
        assert isinstance(one, np.ndarray)
        assert (one.dtype, one.shape) == (two.dtype, two.shape)
        np.testing.assert_array_equal(one, two)


def test_it_compiles_for_each_shape_structure_and_static_argument_and_for_no_other_number():
    program = PackedFunction(_function, static=(2,))
    program(GIVEN, 0.5, "sum")
    program({**GIVEN, "matrix": GIVEN["matrix"] + 1}, 7.5, "sum")
    assert program.compilations == 1
    program(GIVEN, 0.5, "max")
    program({**GIVEN, "matrix": np.ones((5, 2))}, 0.5, "max")
    assert program.compilations == 3
    assert program({**GIVEN, "matrix": np.ones((5, 2))}, 0.5, "sum").parts["product"].shape == (5,)


def test_arguments_may_be_absent():
    program = PackedFunction(lambda value, other: value if other is None else value + other)
    assert float(program(np.array(2.0), None)) == 2.0
    assert float(program(np.array(2.0), np.array(3.0))) == 5.0
