"""Between the outputs' own units and the latent units in which a Gaussian process works.

    u = (y - offset)/scale,   z = (T(u) - latent_offset)/latent_scale

with T an output warping, own numbers for each output. Everything is frozen in the state, so that later data meet the
same units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.surrogates.dataset import Dataset
from assay.surrogates.warping import AbstractWarping

__all__ = ["OutputScaling", "fitted_scaling", "joined_scaling", "latent_moments", "standardisation"]

Array = np.ndarray


@dataclass(frozen=True)
class OutputScaling:
    """The map between an output's own unit and latent units; all arrays have one entry for each output.

    Arguments:
        warping: T.
        offset, scale: (outputs,), the standardisation before T.
        parameters: (outputs, parameters of T).
        latent_offset, latent_scale: (outputs,), the standardisation after T.
    """

    warping: AbstractWarping
    offset: Array
    scale: Array
    parameters: Array
    latent_offset: Array
    latent_scale: Array

    @property
    def is_affine(self) -> bool:
        """Whether a Gaussian stays one."""
        return self.warping.parameter_count == 0

    @property
    def unit(self) -> Array:
        """(outputs,), one latent unit in own units, where the map is affine."""
        return self.scale * self.latent_scale

    def to_latent(self, values: Array) -> Array:
        """(..., outputs) in own units to latent units."""
        return self.to_latent_slope(values)[0]

    def to_latent_slope(self, values: Array) -> tuple[Array, Array]:
        """The same with dz/dy."""
        standardised = (values - self.offset) / self.scale
        if self.is_affine:
            factor = 1.0 / (self.scale * self.latent_scale)
            return (standardised - self.latent_offset) / self.latent_scale, np.broadcast_to(
                factor, values.shape
            )
        columns = [self.warping.forward(standardised[..., k], row) for k, row in enumerate(self.parameters)]
        warped = np.stack([column[0] for column in columns], axis=-1)
        log_slope = np.stack([column[1] for column in columns], axis=-1)
        slope = np.exp(log_slope) / (self.scale * self.latent_scale)
        return (warped - self.latent_offset) / self.latent_scale, slope

    def from_latent(self, latent: Array) -> Array:
        """(..., outputs) in latent units to own units."""
        return self.from_latent_slope(latent)[0]

    def from_latent_slope(self, latent: Array) -> tuple[Array, Array]:
        """The same with dy/dz."""
        warped = self.latent_offset + self.latent_scale * latent
        if self.is_affine:
            return self.offset + self.scale * warped, np.broadcast_to(
                self.scale * self.latent_scale, latent.shape
            )
        columns = [self.warping.inverse(warped[..., k], row) for k, row in enumerate(self.parameters)]
        standardised = np.stack([column[0] for column in columns], axis=-1)
        slope = np.stack([column[1] for column in columns], axis=-1)
        return self.offset + self.scale * standardised, slope * self.scale * self.latent_scale

    def to_state(self) -> dict[str, Any]:
        """Plain data that gives the same map, to the bit."""
        return {
            "offset": self.offset.tolist(),
            "scale": self.scale.tolist(),
            "warping_parameters": self.parameters.tolist(),
            "latent_offset": self.latent_offset.tolist(),
            "latent_scale": self.latent_scale.tolist(),
        }

    @staticmethod
    def of_state(warping: AbstractWarping, state: Mapping[str, Any]) -> OutputScaling:
        """The map that `to_state` wrote."""
        offset = np.array(state["offset"], dtype=float)
        return OutputScaling(
            warping,
            offset,
            np.array(state["scale"], dtype=float),
            np.array(state["warping_parameters"], dtype=float).reshape(len(offset), warping.parameter_count),
            np.array(state["latent_offset"], dtype=float),
            np.array(state["latent_scale"], dtype=float),
        )


def standardisation(data: Dataset, values: Array, *, centred: bool) -> tuple[Array, Array]:
    """Offset and scale that make the values of mean zero and variance one, or the nearest thing that the rows allow.

    Arguments:
        values: (rows, outputs), the data's values, less a prior mean.
        centred: whether an offset may be taken away.
    """
    known = values[data.is_value]
    slopes = values[~data.is_value]
    outputs = values.shape[1]
    offset = known.mean(axis=0) if centred and len(known) else np.zeros(outputs)
    largest = np.abs(values).max(axis=0) if len(values) else np.zeros(outputs)
    # In the order of preference: the spread of values, the size of slopes, the size of the offset, one.
    candidates = [
        _root_mean_square(known - offset),
        _root_mean_square(slopes),
        np.abs(offset),
        np.ones(outputs),
    ]
    scale = np.zeros(outputs)
    for candidate in candidates:
        scale = np.where(scale > 1e-13 * largest, scale, candidate)
    return offset, scale


def latent_moments(warped: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of warped values (rows, outputs); 1 where they do not vary."""
    offset = warped.mean(axis=0)
    spread = np.sqrt(((warped - offset) ** 2).mean(axis=0))
    return offset, np.where(spread > 1e-13, spread, 1.0)


def fitted_scaling(
    warping: AbstractWarping, offset: Array, scale: Array, parameters: Array, standardised: Array
) -> OutputScaling:
    """The scaling that a fit ends with; without warping, latent units are the standardised ones."""
    outputs = len(offset)
    if not warping.parameter_count:
        return OutputScaling(warping, offset, scale, parameters, np.zeros(outputs), np.ones(outputs))
    warped = np.stack(
        [warping.forward(standardised[:, k], row)[0] for k, row in enumerate(parameters)], axis=1
    )
    return OutputScaling(warping, offset, scale, parameters, *latent_moments(warped))


def joined_scaling(parts: Sequence[OutputScaling]) -> OutputScaling:
    """The scalings of single outputs, all with the same warping, as one."""
    return OutputScaling(
        parts[0].warping,
        np.concatenate([part.offset for part in parts]),
        np.concatenate([part.scale for part in parts]),
        np.concatenate([part.parameters for part in parts]),
        np.concatenate([part.latent_offset for part in parts]),
        np.concatenate([part.latent_scale for part in parts]),
    )


def _root_mean_square(values: Array) -> Array:
    """Without overflow for any float."""
    if not len(values):
        return np.zeros(values.shape[1])
    largest = np.abs(values).max(axis=0)
    safe = np.where(largest > 0.0, largest, 1.0)
    return safe * np.sqrt(((values / safe) ** 2).mean(axis=0)) * (largest > 0.0)
