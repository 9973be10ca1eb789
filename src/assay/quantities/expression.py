"""A formula of earlier outputs and of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.quantities.abstract import AbstractSampledVariable, Incoming, Place, Pushed
from assay.space.expressions import Expression

__all__ = ["ExpressionVariable", "expression_variable"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class ExpressionVariable(AbstractSampledVariable):
    """A formula, evaluated draw by draw; made by `expression_variable`.

    Arguments:
        name: of the variable and of its output.
        expression: its names are keys of `entries`, or parameters.
        input_names: what is read.
        entries: name to the position of its input and its entry there.
    """

    name: str
    expression: Expression
    input_names: tuple[str, ...]
    entries: Mapping[str, tuple[int, int]]

    @property
    def output_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.input_names

    @property
    def own_normals(self) -> int:
        return 0

    @property
    def reads_moments(self) -> bool:
        return False

    def push(self, inputs: Sequence[Incoming], place: Place, normal: Array) -> Pushed:
        shape = (len(normal), len(place.points))
        columns: dict[str, Array | float] = {
            name: place.parameters[name] for name in self.expression.names if name not in self.entries
        }
        for name, (position, entry) in self.entries.items():
            columns[name] = inputs[position].values[:, :, entry]
        varying = [name for name in columns if name not in self.entries and place.varies(name)]
        value, slopes = self._compiled.value_gradient(columns, [*self.entries, *varying])

        def pullback(bar: Array) -> tuple[list[tuple[Array | None, None, None]], Array]:
            own = bar[:, :, 0]
            bars = [np.zeros_like(incoming.values) for incoming in inputs]
            for name, (position, entry) in self.entries.items():
                bars[position][:, :, entry] += own * slopes[name]
            by_parameter = {name: (own * slopes[name]).sum(axis=0) for name in varying}
            return [(part, None, None) for part in bars], place.points_bar(by_parameter)

        return Pushed(np.broadcast_to(value, shape)[:, :, None], pullback)

    @cached_property
    def _compiled(self) -> CompiledExpression:
        return compile_numpy(self.expression)


def expression_variable(
    name: str, expression: Expression, names: Mapping[str, Sequence[str]], parameters: Sequence[str]
) -> ExpressionVariable:
    """A formula of variables and surrogates with one output, of single outputs, and of parameters.

    Arguments:
        name: of the variable.
        expression: the formula.
        names: the output names of every earlier source and variable.
        parameters: the names of parameters; `log_prob` among them where it is defined.

    Raises:
        UsageError: for a name that stands for nothing, or for several things.

    Example:
        >>> from assay.space.expressions import parse
        >>> names = {"loss": ["a", "b"], "v": ["v"]}
        >>> variable = expression_variable("w", parse("a*v + x", None), names, ["x"])
        >>> variable.inputs, variable.entries
        (('loss', 'v'), {'a': (0, 0), 'v': (1, 0)})
    """
    inputs: list[str] = []
    entries: dict[str, tuple[int, int]] = {}
    for wanted in expression.names:
        found = [
            (vector, entry)
            for vector, outputs in names.items()
            for entry, output in enumerate(outputs)
            if output == wanted or (vector == wanted and len(outputs) == 1)
        ]
        meanings = len(found) + (wanted in parameters)
        if meanings != 1:
            what = "nothing has" if meanings == 0 else f"{meanings} things have"
            raise UsageError(
                f"each name in the expression of the variable {name!r} must be a parameter, one output, or a variable "
                f"of one output, got {wanted!r}, which {what}"
            )
        for vector, entry in found:
            if vector not in inputs:
                inputs.append(vector)
            entries[wanted] = (inputs.index(vector), entry)
    return ExpressionVariable(name, expression, tuple(inputs), entries)
