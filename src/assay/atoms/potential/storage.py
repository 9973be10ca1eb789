"""A linear potential as arrays and plain data, for checkpoints and files; a file holds no pickled object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.atoms.descriptors.abstract import AbstractDescriptor
from assay.atoms.potential.potential import LabelNoise, LinearPotential
from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel

__all__ = ["load_potential", "potential_from_state", "potential_state", "save_potential"]

_FORMAT = 1
_MODELS = ("model", "looked")


def potential_state(potential: LinearPotential) -> dict[str, Any]:
    """The potential without its descriptor: arrays, numbers and text, from which it comes back to the bit."""
    noise = potential.noise
    state: dict[str, Any] = {
        "format": _FORMAT,
        "species": list(potential.descriptor.species),
        "reference_energies_eV": dict(potential.reference_energies_eV),
        "noise": [*noise.values, noise.energy_noise_of, noise.virial_noise_of],
        "looks": potential.looked is not potential.model,
    }
    for name in _MODELS:
        model: LinearModel = getattr(potential, name)
        state[f"{name}_triangle"] = model.triangle
        state[f"{name}_log_normaliser"] = float(model.log_normaliser)
    return state


def potential_from_state(state: Mapping[str, Any], descriptor: AbstractDescriptor) -> LinearPotential:
    """The potential of a `potential_state`.

    Raises:
        UsageError: for a state of a newer format, or of another descriptor.
    """
    if state["format"] > _FORMAT:
        raise UsageError(
            f"the state of a potential has format {state['format']}, this version reads up to {_FORMAT}"
        )
    size = len(state["model_triangle"]) - 1
    if (size, list(state["species"])) != (descriptor.size, list(descriptor.species)):
        raise UsageError(
            f"the state of a potential belongs to a descriptor of {size} features of {', '.join(state['species'])}, "
            f"got one of {descriptor.size} of {', '.join(descriptor.species)}"
        )
    models = [
        LinearModel(
            np.asarray(state[f"{name}_triangle"], dtype=np.float64),
            np.array(state[f"{name}_log_normaliser"]),
            size,
        )
        for name in _MODELS
    ]
    model, looked = (models[0], models[1] if state["looks"] else models[0])
    return LinearPotential(
        descriptor, dict(state["reference_energies_eV"]), LabelNoise(*state["noise"]), model, looked
    )


def save_potential(potential: LinearPotential, path: Path) -> None:
    """Write a potential, without its descriptor, as a compressed `npz` of arrays and one JSON text."""
    state = potential_state(potential)
    arrays: dict[str, Any] = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    arrays["plain"] = np.array(json.dumps({name: state[name] for name in state if name not in arrays}))
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_potential(path: Path, descriptor: AbstractDescriptor) -> LinearPotential:
    """Read a potential.

    Arguments:
        path: written by `save_potential`.
        descriptor: the one that it was fitted with.
    """
    with np.load(path, allow_pickle=False) as file:
        state = json.loads(str(file["plain"]))
        state |= {name: file[name] for name in file.files if name != "plain"}
    return potential_from_state(state, descriptor)
