"""The filter: its spectrum against tmm and known values, its derivatives as limits of differences, and what it wants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from examples.filter import filter as example
from examples.filter.filter import DOMAINS, LEAST_PASSED, WAVELENGTHS_nm, bands, evaluate, transmittance

REFERENCE = json.loads(Path(example.__file__).with_name("reference.json").read_text(encoding="utf-8"))
LOWER, UPPER = np.array(list(DOMAINS.values())).T


def random_thicknesses(count: int) -> np.ndarray:
    return LOWER + (UPPER - LOWER) * np.random.default_rng(0).random((count, len(DOMAINS)))


def test_indices_are_those_of_tables() -> None:
    assert example.index_of_silica(np.array([587.56]))[0] == pytest.approx(1.45846, abs=1e-5)
    # Rows of the table of this model at refractiveindex.info (Ag, Rakić 1998, LD), which gives five digits.
    silver = example.index_of_silver(np.array([838.93, 1243.0, 1702.5]))
    np.testing.assert_allclose(silver, [0.18140 + 5.3000j, 0.28978 + 8.0929j, 0.46289 + 11.199j], rtol=1e-4)


def test_the_spectrum_is_that_of_tmm() -> None:
    tmm = pytest.importorskip("tmm")
    index = example.indices()
    for thicknesses in random_thicknesses(3):
        expected = [
            tmm.coh_tmm("s", [1.0, *index[:, place], 1.0], [np.inf, *thicknesses, np.inf], 0.0, wavelength)[
                "T"
            ]
            for place, wavelength in enumerate(WAVELENGTHS_nm)
        ]
        np.testing.assert_allclose(transmittance(thicknesses)[0], expected, rtol=1e-9)


def test_derivatives_are_limits_of_differences() -> None:
    points, step_nm = random_thicknesses(4), 1e-4
    _, derivatives = transmittance(points)
    for layer in range(len(DOMAINS)):
        shift = step_nm * np.eye(len(DOMAINS))[layer]
        difference = (transmittance(points + shift)[0] - transmittance(points - shift)[0]) / (2.0 * step_nm)
        scale = np.abs(derivatives[:, layer]).max()
        np.testing.assert_allclose(derivatives[:, layer], difference, atol=1e-7 * scale)


def test_light_passes_as_much_from_behind() -> None:
    """Reciprocity, which holds with absorption too."""
    points = random_thicknesses(5)
    np.testing.assert_allclose(transmittance(points)[0], transmittance(points[:, ::-1])[0], rtol=1e-9)


def test_an_observation_holds_the_spectrum_and_nine_derivatives() -> None:
    point = random_thicknesses(1)[0]
    measurements = evaluate(**dict(zip(DOMAINS, point.tolist(), strict=True))).measurements
    assert [entry.derivative for entry in measurements] == [None, *DOMAINS]
    values, derivatives = transmittance(point)
    np.testing.assert_array_equal([entry.value for entry in measurements], [values, *derivatives])
    passed, stopped = bands(values)
    assert passed + stopped == pytest.approx(2.0 * values.mean())


def test_the_frozen_optimum_is_allowed_and_none_nearby_is_better() -> None:
    best = np.array([REFERENCE["thicknesses_nm"][name] for name in DOMAINS])
    passed, stopped = bands(transmittance(best)[0])
    assert passed == pytest.approx(LEAST_PASSED, abs=1e-4)
    assert stopped == pytest.approx(REFERENCE["stopped"], rel=1e-3)
    around = best + np.random.default_rng(1).normal(size=(2000, len(DOMAINS)))
    passed, stopped = bands(transmittance(np.clip(around, LOWER, UPPER))[0])
    allowed = passed >= LEAST_PASSED
    assert allowed.sum() > 200
    assert stopped[allowed].min() > 0.999 * REFERENCE["stopped"]
