"""Any descriptor that comes with derivatives, given as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.atoms.descriptors.abstract import (
    AbstractDescriptor,
    AbstractEvaluation,
    Contraction,
    DescriptorRows,
)
from assay.atoms.descriptors.elements import check_elements, species_numbers
from assay.errors import UsageError

__all__ = ["AdaptedDescriptor", "AdaptedEvaluation", "FeatureDerivatives"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class FeatureDerivatives:
    """What a function gives for one structure.

    Arguments:
        values: the features of the structure, (n,), or of each atom's environment, (atoms, n), to be summed.
        positions: the derivatives of the structure's features by the positions, (atoms, 3, n), per angstrom.
        strain: by the strain e, with every position and cell vector r going to (1 + e) r, (3, 3, n); may be None,
            where structures have no periodic direction: there it follows from `positions`.
    """

    values: Array
    positions: Array
    strain: Array | None = None


@final
@dataclass(frozen=True)
class AdaptedDescriptor(AbstractDescriptor):
    """A descriptor of another library, or of your own, per structure or per atom.

    For features that a library differentiates, such as SOAP, or the last layer of a neural network. The function must be
    smooth and invariant; nothing here can make it so, and `assay.testing.descriptor_suite` tells whether it is.

    Arguments:
        elements: the chemical symbols that it knows.
        feature_count: n.
        function: from an ASE `Atoms` to `FeatureDerivatives`.
        roughness: the smoothness prior, (n,) numbers of at least 1; None takes all features as equally smooth.

    Raises:
        UsageError: an argument breaks its rule; later, when the function gives other shapes.

    Example:
        >>> from ase import Atoms
        >>> def inverse_distance(atoms):
        ...     vector = atoms.positions[1] - atoms.positions[0]
        ...     value = 1 / np.linalg.norm(vector)
        ...     slope = -(value**3) * vector
        ...     return FeatureDerivatives(np.array([value]), np.array([-slope, slope])[:, :, None])
        >>> descriptor = AdaptedDescriptor(("H",), 1, inverse_distance)
        >>> descriptor.rows(Atoms("H2", [[0, 0, 0], [0, 0, 2]])).forces[:, 2, 0]
        array([-0.25,  0.25])
    """

    elements: tuple[str, ...]
    feature_count: int
    function: Callable[[Any], FeatureDerivatives]
    roughness: Array | None = None

    def __post_init__(self) -> None:
        check_elements(self.elements)
        if self.feature_count < 1:
            raise UsageError(
                f"the feature_count of a descriptor must be at least 1, got {self.feature_count}"
            )
        if self.roughness is not None and (
            np.shape(self.roughness) != (self.feature_count,) or not (np.asarray(self.roughness) >= 1.0).all()
        ):
            raise UsageError(
                f"the roughness of a descriptor must be {self.feature_count} numbers of at least 1"
            )

    @property
    def size(self) -> int:
        return self.feature_count

    @property
    def species(self) -> tuple[str, ...]:
        return self.elements

    @property
    def smoothness(self) -> Array:
        return (
            np.ones(self.feature_count) if self.roughness is None else np.asarray(self.roughness, dtype=float)
        )

    def evaluate(self, atoms: Any) -> AdaptedEvaluation:
        species_numbers(atoms, self.elements)
        found = self.function(atoms)
        values = np.asarray(found.values, dtype=np.float64)
        positions = np.asarray(found.positions, dtype=np.float64)
        if found.strain is not None:
            strain = np.asarray(found.strain, dtype=np.float64)
        elif not atoms.pbc.any():
            strain = np.einsum("iak,ib->abk", positions, atoms.positions)
        else:
            raise UsageError(
                "a descriptor of periodic structures must give the derivatives by the strain, got strain=None"
            )
        self._check_shapes(len(atoms), values, positions, strain)
        rows = DescriptorRows(
            values if values.ndim == 1 else values.sum(axis=0),
            -positions,
            -0.5 * (strain + strain.transpose(1, 0, 2)),
        )
        return AdaptedEvaluation(rows, values if values.ndim == 2 else None)

    def rows(self, atoms: Any) -> DescriptorRows:
        return self.evaluate(atoms).rows

    def _check_shapes(self, atom_count: int, values: Array, positions: Array, strain: Array) -> None:
        n = self.feature_count
        expected = {
            "values": (values.shape, [(n,), (atom_count, n)]),
            "positions": (positions.shape, [(atom_count, 3, n)]),
            "strain": (strain.shape, [(3, 3, n)]),
        }
        for name, (shape, allowed) in expected.items():
            if shape not in allowed:
                choices = " or ".join(str(entry) for entry in allowed)
                raise UsageError(f"the {name} of the function of a descriptor must be {choices}, got {shape}")


@final
@dataclass(frozen=True)
class AdaptedEvaluation(AbstractEvaluation):
    """The features that a function gave for one structure.

    Arguments:
        rows: of the structure.
        of_atoms: the features of each atom's environment, or None, if the function knows the structure alone.
    """

    rows: DescriptorRows
    of_atoms: Array | None

    @property
    def values(self) -> Array:
        return self.rows.energy

    @property
    def atomic_values(self) -> Array:
        if self.of_atoms is None:
            raise UsageError("the function of this descriptor gives no features of single atoms")
        return self.of_atoms

    def contracted(self, weights: Array) -> Contraction:
        return Contraction(self.rows.energy @ weights, self.rows.forces @ weights, self.rows.virial @ weights)

    def contracted_many(self, weights: Array) -> Contraction:
        return Contraction(
            weights @ self.rows.energy,
            np.einsum("iak,wk->wia", self.rows.forces, weights),
            np.einsum("abk,wk->wab", self.rows.virial, weights),
        )
