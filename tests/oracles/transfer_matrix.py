"""An independent transfer-matrix code for the coating of `examples/film`: characteristic matrices, vectorised.

Each layer of index n and thickness d has, at normal incidence and wavelength w, the matrix
[[cos p, i sin p / n], [i n sin p, cos p]] with the phase p = 2 pi n d / w. Their product M gives B = M00 + M01 n_s and
C = M10 + M11 n_s on a substrate of index n_s, and the reflectance |(n_0 B - C) / (n_0 B + C)|^2.

Source: M. Born and E. Wolf, "Principles of Optics", 7th edition, section 1.6.
"""

from __future__ import annotations

import numpy as np

__all__ = ["mean_reflectance", "mean_reflectance_gradient"]

Array = np.ndarray

WAVELENGTHS_nm = np.linspace(400.0, 700.0, 31)
LAYERS = (1.46, 2.35, 1.46, 2.35)
INCIDENT, SUBSTRATE = 1.0, 1.52


def _layer(index: float, thickness_nm: Array) -> tuple[Array, Array]:
    """The matrix of a layer and its derivative by the thickness: thickness (...) to (..., wavelengths, 2, 2) twice."""
    wavenumber = 2 * np.pi * index / WAVELENGTHS_nm
    phase = thickness_nm[..., None] * wavenumber
    cosine, sine = np.cos(phase), np.sin(phase)
    matrix = np.stack([cosine, 1j * sine / index, 1j * index * sine, cosine], axis=-1)
    slope = np.stack([-sine, 1j * cosine / index, 1j * index * cosine, -sine], axis=-1) * wavenumber[:, None]
    shape = (*phase.shape, 2, 2)
    return matrix.reshape(shape), slope.reshape(shape)


def mean_reflectance_gradient(thicknesses_nm: Array) -> tuple[Array, Array]:
    """The mean reflectance and its gradient by the thicknesses: (..., 4) to (...) and (..., 4)."""
    pairs = [_layer(index, thicknesses_nm[..., place]) for place, index in enumerate(LAYERS)]
    before = [np.broadcast_to(np.eye(2), pairs[0][0].shape)]
    for matrix, _ in pairs:
        before.append(before[-1] @ matrix)
    after = np.broadcast_to(np.array([1.0, SUBSTRATE])[:, None], (*pairs[0][0].shape[:-2], 2, 1))
    total = before[-1] @ after
    sign = np.array([INCIDENT, -1.0])
    numerator = (sign * total[..., 0]).sum(-1)
    denominator = (np.abs(sign) * total[..., 0]).sum(-1)
    amplitude = numerator / denominator
    gradient = np.empty(thicknesses_nm.shape)
    for place in reversed(range(len(LAYERS))):
        matrix, slope = pairs[place]
        change = (before[place] @ slope @ after)[..., 0]
        slope_of_amplitude = ((sign - amplitude[..., None] * np.abs(sign)) * change).sum(-1) / denominator
        gradient[..., place] = np.mean(2 * np.real(np.conj(amplitude) * slope_of_amplitude), axis=-1)
        after = matrix @ after
    return np.mean(np.abs(amplitude) ** 2, axis=-1), gradient


def mean_reflectance(thicknesses_nm: Array) -> Array:
    """The mean reflectance: (..., 4) to (...)."""
    return mean_reflectance_gradient(thicknesses_nm)[0]
