"""Choices among the outputs of earlier vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.quantities.abstract import AbstractAffineVariable, Affine, Place

__all__ = ["Selector", "collector", "multi_selector", "single_selector"]

Array = np.ndarray
OutputNames = Mapping[str, Sequence[str]]


@final
@dataclass(frozen=True)
class Selector(AbstractAffineVariable):
    """A vector of entries of others; made by `single_selector`, `multi_selector` or `collector`.

    Arguments:
        input_names: what is read.
        sizes: the number of outputs of each.
        entries: (k, 2), for each output the position of its input and its entry there.
        names: one for each output.
    """

    input_names: tuple[str, ...]
    sizes: tuple[int, ...]
    entries: Array
    names: tuple[str, ...]

    @property
    def output_names(self) -> tuple[str, ...]:
        return self.names

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.input_names

    @property
    def own_normals(self) -> int:
        return 0

    def affine(self, place: Place) -> Affine:  # noqa: ARG002 - the same everywhere
        matrices = [np.zeros((1, len(self.entries), size)) for size in self.sizes]
        for row, (position, entry) in enumerate(self.entries):
            matrices[position][0, row, entry] = 1.0
        return Affine(np.zeros((1, len(self.entries))), tuple(matrices))


def single_selector(name: str, input_name: str, select_by_name: str, names: OutputNames) -> Selector:
    """One output of an earlier vector, by its name.

    Arguments:
        name: of the variable; the output goes by it.
        input_name: what it reads.
        select_by_name: the output.
        names: the output names of every earlier source and variable.

    Raises:
        UsageError: for a name that does not exist.

    Example:
        >>> single_selector("v", "loss", "b", {"loss": ["a", "b"]}).entries.tolist()
        [[0, 1]]
    """
    entry = _positions(name, input_name, [select_by_name], names)
    return _selected(input_name, entry, names, (name,))


def multi_selector(
    name: str,
    input_name: str,
    names: OutputNames,
    *,
    select_range: tuple[int, int] | None = None,
    select_by_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
) -> Selector:
    """Several outputs of an earlier vector, by a range or by their names.

    Arguments:
        name: of the variable.
        input_name: what it reads.
        names: the output names of every earlier source and variable.
        select_range: the first and the last position, counted from zero, both included.
        select_by_names: the outputs, where there is no range.
        output_names: new names; by default the variable's name with a number.

    Raises:
        UsageError: for a name or a position that does not exist.

    Example:
        >>> multi_selector("v", "loss", {"loss": ["a", "b", "c"]}, select_range=(1, 2)).output_names
        ('v0', 'v1')
    """
    if select_range is not None:
        first, last = select_range
        size = len(_outputs(name, input_name, names))
        if not 0 <= first <= last < size:
            raise UsageError(
                f"select_range of the variable {name!r} must satisfy 0 <= first <= last < {size}, got {first}, {last}"
            )
        positions = list(range(first, last + 1))
    else:
        positions = _positions(name, input_name, select_by_names, names)
    return _selected(input_name, positions, names, _names_of(name, len(positions), output_names))


def collector(
    name: str, inputs: Sequence[str], names: OutputNames, output_names: Sequence[str] = ()
) -> Selector:
    """All outputs of several earlier vectors, one after the other.

    Arguments:
        name: of the variable.
        inputs: what it reads.
        names: the output names of every earlier source and variable.
        output_names: new names; by default the variable's name with a number.

    Raises:
        UsageError: for a name that does not exist.

    Example:
        >>> collector("v", ["a", "b"], {"a": ["a0", "a1"], "b": ["b"]}).entries.tolist()
        [[0, 0], [0, 1], [1, 0]]
    """
    sizes = tuple(len(_outputs(name, read, names)) for read in inputs)
    entries = [(position, entry) for position, size in enumerate(sizes) for entry in range(size)]
    return Selector(tuple(inputs), sizes, np.array(entries), _names_of(name, len(entries), output_names))


def _selected(
    input_name: str, positions: Sequence[int], names: OutputNames, outputs: tuple[str, ...]
) -> Selector:
    entries = np.array([(0, position) for position in positions])
    return Selector((input_name,), (len(names[input_name]),), entries, outputs)


def _outputs(name: str, input_name: str, names: OutputNames) -> Sequence[str]:
    if input_name not in names:
        raise UsageError(f"the variable {name!r} may read {', '.join(names)}, got {input_name!r}")
    return names[input_name]


def _positions(name: str, input_name: str, wanted: Sequence[str], names: OutputNames) -> list[int]:
    outputs = list(_outputs(name, input_name, names))
    for entry in wanted:
        if entry not in outputs:
            raise UsageError(
                f"the variable {name!r} selects among the outputs {', '.join(outputs)} of {input_name!r}, got {entry!r}"
            )
    if not wanted:
        raise UsageError(f"the variable {name!r} must select at least one output of {input_name!r}, got none")
    return [outputs.index(entry) for entry in wanted]


def _names_of(name: str, count: int, given: Sequence[str]) -> tuple[str, ...]:
    if given and len(given) != count:
        raise UsageError(f"the variable {name!r} needs {count} output names, got {len(given)}")
    return tuple(given) or tuple(f"{name}{index}" for index in range(count))
