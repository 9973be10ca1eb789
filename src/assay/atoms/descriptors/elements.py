"""The species that a descriptor knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.errors import UsageError

__all__ = ["check_elements", "species_numbers"]


def check_elements(elements: tuple[str, ...]) -> None:
    """Refuse an empty list, and a symbol that comes twice."""
    if not elements or len(set(elements)) < len(elements):
        raise UsageError(f"the elements of a descriptor must be chemical symbols, each once, got {elements}")


def species_numbers(atoms: Any, elements: tuple[str, ...]) -> np.ndarray:
    """The place of each atom's species in `elements`, (atoms,).

    Raises:
        UsageError: the structure has another species.
    """
    symbols = atoms.get_chemical_symbols()
    unknown = sorted(set(symbols) - set(elements))
    if unknown:
        raise UsageError(
            f"the descriptor of {', '.join(elements)} must know every species of a structure;"
            f" {atoms.get_chemical_formula()} has {', '.join(unknown)}"
        )
    return np.array([elements.index(symbol) for symbol in symbols], dtype=np.intp)
