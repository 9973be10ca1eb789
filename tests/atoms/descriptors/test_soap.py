"""The power spectrum of another library, through the adapter, meets the suite of descriptors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.atoms.descriptors.adapted import AdaptedDescriptor, FeatureDerivatives
from assay.testing.descriptor_suite import DESCRIPTOR_CHECKS

featomic = pytest.importorskip("featomic")

RADIAL, ANGULAR = 3, 2


def soap(atoms: Any) -> FeatureDerivatives:
    """The power spectrum around silicon, summed over the atoms."""
    calculator = featomic.SoapPowerSpectrum(
        cutoff={"radius": 4.0, "smoothing": {"type": "ShiftedCosine", "width": 1.0}},
        density={"type": "Gaussian", "width": 0.4},
        basis={
            "type": "TensorProduct",
            "max_angular": ANGULAR,
            "radial": {"type": "Gto", "max_radial": RADIAL},
            "spline_accuracy": None,
        },
    )
    block = calculator.compute(atoms, gradients=["positions", "strain"])[0]
    values = np.zeros((len(atoms), block.values.shape[1]))
    values[block.samples["atom"]] = block.values
    moved = block.gradient("positions")
    positions = np.zeros((len(atoms), 3, values.shape[1]))
    np.add.at(positions, moved.samples["atom"], moved.values)
    return FeatureDerivatives(values, positions, block.gradient("strain").values.sum(axis=0))


@pytest.mark.parametrize("check", DESCRIPTOR_CHECKS, ids=lambda check: check.__name__)
def test_a_power_spectrum_is_a_descriptor(check: Callable[..., None]) -> None:
    size = (RADIAL + 1) ** 2 * (ANGULAR + 1)
    check(lambda: AdaptedDescriptor(("Si",), size, soap))
