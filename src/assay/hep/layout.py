"""What of a model is not a number that one may differentiate: which entry acts on which bin, through which parameter.

A *cell* is one bin of one sample of one channel. An *entry* is one variation of one cell (histosys, staterror,
shapesys) or one factor of one sample (normsys). Everything here is fixed when the model is built and is part of the
compiled program; two models with the same layout share their programs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from typing import final

import numpy as np

from assay.hep.parameters import ParameterSet

__all__ = ["Layout"]

Array = np.ndarray


@final
@dataclass(frozen=True, eq=False)
class Layout:
    """The fixed part of a model.

    Arguments:
        channels: (name, number of bins), sorted by name.
        sets: the parameters.
        interest: the place of the parameter of interest.
        histosys_code, normsys_code: the interpolations.
        cell_names: (channel, sample, bin) of each cell.
        cell_bin: (cells,), the bin of all channels that it is summed in.
        factors: (cells, slots), what multiplies a cell: a parameter, or a normsys entry counted from the number of
            parameters on, or the last one, which is 1.
        histosys_cell, histosys_parameter: (entries,).
        normsys_parameter: (entries,).
        staterror_cell, staterror_parameter: (entries,), in the order of the uncertainties.
        shapesys_cell, shapesys_parameter: (entries,).
        auxiliary_parameter: (auxiliary,), the parameters with a constraint, in order.
        auxiliary_is_poisson: (auxiliary,).
        auxiliary_follows: (auxiliary,), True where the auxiliary measurement is fixed by the templates.
        width_follows: (auxiliary,), True where the width is that of the templates.
        lower, upper, start: (parameters,), bounds and where fits begin.
        fixed: (parameters,), True where a fit leaves it as it is.
    """

    channels: tuple[tuple[str, int], ...]
    sets: tuple[ParameterSet, ...]
    interest: int
    histosys_code: str
    normsys_code: str
    cell_names: tuple[tuple[str, str, int], ...]
    cell_bin: Array
    factors: Array
    histosys_cell: Array
    histosys_parameter: Array
    normsys_parameter: Array
    staterror_cell: Array
    staterror_parameter: Array
    shapesys_cell: Array
    shapesys_parameter: Array
    auxiliary_parameter: Array
    auxiliary_is_poisson: Array
    auxiliary_follows: Array
    width_follows: Array
    lower: Array
    upper: Array
    start: Array
    fixed: Array

    @property
    def size(self) -> int:
        """The number of parameters."""
        return len(self.start)

    @property
    def bins(self) -> int:
        """The number of bins of all channels."""
        return sum(bins for _, bins in self.channels)

    @property
    def digest(self) -> str:
        """What tells two layouts apart."""
        found = self.__dict__.get("_digest")
        if found is None:
            text = hashlib.sha256()
            for field in fields(self):
                value = getattr(self, field.name)
                text.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
                text.update(b"|")
            found = text.hexdigest()
            object.__setattr__(self, "_digest", found)
        return found

    @property
    def unnamed(self) -> Layout:
        """The layout without what its samples are called, which nothing computed depends on."""
        found = self.__dict__.get("_unnamed")
        if found is None:
            found = replace(self, cell_names=())
            object.__setattr__(self, "_unnamed", found)
        return found

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.digest == other.digest
