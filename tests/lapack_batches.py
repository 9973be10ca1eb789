"""The calls of LAPACK in a program of JAX that are for a batch of matrices."""

from __future__ import annotations

import re
from math import prod

from assay.numerics.compile import jax_module

CALL = re.compile(r"custom_call @(lapack_\w+)\(.*?\) *\{.*\} *: \(tensor<([0-9x]*)x?f64>")


def lapack_batches(function, *arguments):
    """The names of the calls whose first operand has more than one matrix, as "lapack_dpotrf_ffi 3x6x6".

    Of the program for a processor, whatever device there is.
    """
    text = jax_module().jit(function).trace(*arguments).lower(lowering_platforms=("cpu",)).as_text()
    calls = CALL.findall(text)
    assert len(calls) == text.count("custom_call @lapack_"), (
        "a call is written in a way that is not read here"
    )
    shapes = [(name, [int(part) for part in shape.rstrip("x").split("x")]) for name, shape in calls]
    return [f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes if prod(shape[:-2]) > 1]
