"""Programs that take and give one array: a call from NumPy to NumPy without a passage for each small array.

A program of a few microseconds with ten small arguments and ten small results spends most of its time on handing these
over, one by one. Packed into one vector each way they cost a fifth of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple, final

import numpy as np

from assay.numerics.compile import CompiledFunction, jax_module

__all__ = ["PackedFunction"]

Array = np.ndarray
Kind = tuple[tuple[int, ...], np.dtype[Any]]  # the shape and the type of an array


class _Program(NamedTuple):
    """A compiled program, and of its results the kinds and the structure, known once it is traced."""

    call: CompiledFunction
    results: list[tuple[tuple[Kind, ...], Any]]


@final
@dataclass(frozen=True)
class PackedFunction:
    """A JAX program from NumPy to NumPy in float64, compiled for each new structure, shape and static argument.

    Use it where a call is made of many small arrays; numbers pass as float64, so that whole ones must stay below 2^53.

    Arguments:
        function: traceable; positional arguments only.
        static: the positions of arguments that are part of the program.

    Example:
        >>> double = PackedFunction(lambda given: {name: 2 * value for name, value in given.items()})
        >>> found = double({"one": np.array([1.0, 2.0]), "two": np.array(True)})
        >>> found["one"].tolist(), int(found["two"]), double.compilations
        ([2.0, 4.0], 2, 1)
    """

    function: Callable[..., Any]
    static: tuple[int, ...] = ()
    _programs: dict[Any, _Program] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, *arguments: Any) -> Any:
        """Run it, compiling first where needed."""
        tree = jax_module().tree_util
        leaves, structure = tree.tree_flatten(
            [None if place in self.static else argument for place, argument in enumerate(arguments)]
        )
        arrays = [np.asarray(leaf) for leaf in leaves]
        kinds = tuple((array.shape, array.dtype) for array in arrays)
        fixed = tuple(arguments[place] for place in self.static)
        key = (structure, kinds, fixed)
        if key not in self._programs:
            self._programs[key] = self._program(structure, kinds, fixed)
        program = self._programs[key]
        vector = np.concatenate([array.ravel() for array in arrays], dtype=float)
        packed = np.asarray(program.call(vector))
        result_kinds, result_structure = program.results[0]
        return tree.tree_unflatten(result_structure, _unpacked(packed, result_kinds))

    @property
    def compilations(self) -> int:
        """How often it was compiled so far."""
        return sum(program.call.compilations for program in self._programs.values())

    def _program(self, structure: Any, kinds: tuple[Kind, ...], fixed: tuple[Any, ...]) -> _Program:
        jax = jax_module()
        results: list[tuple[tuple[Kind, ...], Any]] = []

        def program(vector: Any) -> Any:
            arguments = jax.tree_util.tree_unflatten(structure, _unpacked(vector, kinds))
            for place, value in zip(self.static, fixed, strict=True):
                arguments[place] = value
            leaves, shape = jax.tree_util.tree_flatten(self.function(*arguments))
            results[:] = [(tuple((leaf.shape, np.dtype(leaf.dtype)) for leaf in leaves), shape)]
            return jax.numpy.concatenate([leaf.ravel().astype(float) for leaf in leaves])

        return _Program(CompiledFunction(program), results)


def _unpacked(vector: Any, kinds: tuple[Kind, ...]) -> list[Any]:
    """The arrays of some kinds that stand in a vector one after another."""
    found, first = [], 0
    for shape, kind in kinds:
        last = first + prod(shape)
        found.append(vector[first:last].reshape(shape).astype(kind, copy=False))
        first = last
    return found
