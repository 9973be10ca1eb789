"""Sources and the variables on top of them, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.quantities.abstract import (
    AbstractAffineVariable,
    AbstractQuadraticVariable,
    AbstractSource,
    AbstractVariable,
)
from assay.quantities.parameters import Parameters
from assay.quantities.selectors import Selector

__all__ = ["Graph"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Graph:
    """Named sources, and named variables that read earlier names.

    Use it to ask for any of them: `Quantity(graph, name)`.

    Arguments:
        sources: surrogates as random vectors.
        variables: in an order in which each reads only earlier ones.
        parameters: what names of parameters stand for.
        samples: the number of draws that moments and quantiles come from where there is no closed form; even.

    Raises:
        UsageError: when a variable reads a name that is not before it, a name is used twice, or `samples` is odd.
    """

    sources: Mapping[str, AbstractSource]
    variables: Mapping[str, AbstractVariable]
    parameters: Parameters
    samples: int = 512

    def __post_init__(self) -> None:
        if self.samples < 2 or self.samples % 2:
            raise UsageError(
                f"the number of samples of a graph must be even and at least 2, got {self.samples}"
            )
        known = list(self.sources)
        for name, variable in self.variables.items():
            if name in known:
                raise UsageError(f"surrogates and variables need different names, got {name!r} twice")
            for read in variable.inputs:
                if read not in known:
                    raise UsageError(
                        f"the variable {name!r} may read what stands before it ({', '.join(known)}), got {read!r}"
                    )
            known.append(name)

    def with_sources(self, sources: Mapping[str, AbstractSource]) -> Graph:
        """The same variables on other sources, such as those after conditioning."""
        return replace(self, sources={**self.sources, **sources})

    def output_names(self, name: str) -> tuple[str, ...]:
        """The names of a node's outputs."""
        return self.node(name).output_names

    def node(self, name: str) -> AbstractSource | AbstractVariable:
        """A source or a variable.

        Raises:
            UsageError: for an unknown name.
        """
        if name in self.sources:
            return self.sources[name]
        if name in self.variables:
            return self.variables[name]
        raise UsageError(f"a quantity is one of {', '.join([*self.sources, *self.variables])}, got {name!r}")

    def is_gaussian(self, name: str) -> bool:
        """Whether a node is jointly Gaussian at a point."""
        if name in self.sources:
            return self.sources[name].is_gaussian
        variable = self.variables[name]
        return isinstance(variable, AbstractAffineVariable) and all(map(self.is_gaussian, variable.inputs))

    def has_quadratic_law(self, name: str) -> bool:
        """Whether a node is a sum of squares of a Gaussian vector."""
        variable = self.variables.get(name)
        return isinstance(variable, AbstractQuadraticVariable) and self.is_gaussian(variable.inputs[0])

    def selected(self, name: str) -> tuple[str, Array] | None:
        """The source, and which of its values a node consists of; None for any other node.

        Such a node has the source's own moments and quantiles, whether it is Gaussian or not.
        """
        if name in self.sources:
            return name, np.arange(len(self.sources[name].output_names))
        variable = self.variables[name]
        if not isinstance(variable, Selector) or len(variable.inputs) != 1:
            return None
        below = self.selected(variable.inputs[0])
        return None if below is None else (below[0], below[1][variable.entries[:, 1]])

    @cached_property
    def normal_columns(self) -> dict[str, slice]:
        """Which of a draw's normals belong to each source and each noisy variable."""
        columns, start = {}, 0
        sizes = {name: source.normal_dimension for name, source in self.sources.items()}
        sizes |= {name: variable.own_normals for name, variable in self.variables.items()}
        for name, size in sizes.items():
            columns[name] = slice(start, start + size)
            start += size
        return columns

    @property
    def normal_dimension(self) -> int:
        """The number of normals of a draw."""
        return sum(part.stop - part.start for part in self.normal_columns.values())

    @cached_property
    def fixed_normal(self) -> Array:
        """(samples, normal_dimension): scrambled Sobol' normals and their mirror images, always the same."""
        from scipy.special import ndtri
        from scipy.stats import qmc  # half a second; only what is drawn needs it

        rng = np.random.default_rng(20240229)
        half = qmc.Sobol(max(self.normal_dimension, 1), scramble=True, rng=rng)
        uniform = half.random_base2(max(self.samples // 2 - 1, 0).bit_length())[: self.samples // 2]
        normal = ndtri(np.clip(uniform, 1e-12, 1.0 - 1e-12))[:, : self.normal_dimension]
        return np.concatenate([normal, -normal])
