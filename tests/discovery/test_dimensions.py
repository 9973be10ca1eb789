"""Units become one coherent system, and columns become dimensionless groups that people know."""

from __future__ import annotations

import numpy as np
import pytest

from assay.discovery.dimensions import Dimensions, name_of_group, power_for, readable_groups
from assay.errors import UsageError

pytest.importorskip("pint")

UNITS = {
    "rho": "kg/m^3",
    "v": "m/s",
    "d": "mm",
    "mu": "Pa*s",
    "k": "W/(m*K)",
    "cp": "J/(kg*K)",
    "h": "W/(m^2*K)",
    "sigma": "N/m",
    "g": "m/s^2",
    "D": "m^2/s",
    "f": "Hz",
    "p": "Pa",
    "slope": "Pa/m",
    "t": "minute",
    "F": "N",
    "P": "W",
    "Q": "l/s",
    "beta": "1/K",
    "dT": "K",
}


def dimensions(*names: str) -> Dimensions:
    return Dimensions.of({name: UNITS[name] for name in names}, names)


@pytest.mark.parametrize(
    ("name", "exponents"),
    [
        ("Reynolds", {"rho": 1, "v": 1, "d": 1, "mu": -1}),
        ("Prandtl", {"cp": 1, "mu": 1, "k": -1}),
        ("Schmidt", {"mu": 1, "rho": -1, "D": -1}),
        ("Nusselt", {"h": 1, "d": 1, "k": -1}),
        ("Stanton", {"h": 1, "rho": -1, "v": -1, "cp": -1}),
        ("Weber", {"rho": 1, "v": 2, "d": 1, "sigma": -1}),
        ("capillary", {"mu": 1, "v": 1, "sigma": -1}),
        ("Laplace", {"sigma": 1, "rho": 1, "d": 1, "mu": -2}),
        ("Bond", {"rho": 1, "g": 1, "d": 2, "sigma": -1}),
        ("Euler", {"p": 1, "rho": -1, "v": -2}),
        ("friction factor", {"slope": 1, "d": 1, "rho": -1, "v": -2}),
        ("Froude", {"v": 2, "g": -1, "d": -1}),
        ("Strouhal", {"f": 1, "d": 1, "v": -1}),
        ("Fourier", {"D": 1, "t": 1, "d": -2}),
        ("Galileo", {"g": 1, "d": 3, "rho": 2, "mu": -2}),
        ("Grashof", {"g": 1, "beta": 1, "dT": 1, "d": 3, "rho": 2, "mu": -2}),
        ("drag coefficient", {"F": 1, "rho": -1, "v": -2, "d": -2}),
        ("power number", {"P": 1, "rho": -1, "f": -3, "d": -5}),
        ("flow number", {"Q": 1, "f": -1, "d": -3}),
        (None, {"rho": 2, "v": 2, "d": 2, "mu": -2}),
    ],
)
def test_known_groups_have_their_names(name: str | None, exponents: dict[str, float]) -> None:
    found = dimensions(*exponents)
    total = sum(power * found.exponents[column] for column, power in exponents.items())
    np.testing.assert_array_equal(total, 0.0)  # what is named is dimensionless
    assert name_of_group(found, exponents) == name


def test_a_complete_set_of_groups_has_known_ones_first() -> None:
    names = ("rho", "v", "d", "mu", "g")
    groups = readable_groups(dimensions(*names), names)
    assert {group.name for group in groups} == {"Reynolds", "Froude"}


@pytest.mark.parametrize(
    "names", [("rho", "v", "d", "mu", "g", "sigma"), ("h", "d", "k", "mu", "cp", "v", "rho")]
)
def test_groups_are_independent_dimensionless_and_as_many_as_the_theorem_says(names: tuple[str, ...]) -> None:
    found = dimensions(*names)
    matrix = np.array([found.exponents[name] for name in names])
    groups = readable_groups(found, names)
    powers = np.array([[group.exponents.get(name, 0.0) for name in names] for group in groups])
    np.testing.assert_array_equal(powers @ matrix, 0.0)
    assert len(groups) == np.linalg.matrix_rank(powers) == len(names) - np.linalg.matrix_rank(matrix)


def test_a_product_with_a_wanted_dimension_may_need_roots() -> None:
    names = ("d", "g")
    found = dimensions(*names, "t")
    assert power_for(found, names, found.exponents["t"]) == {"d": 0.5, "g": -0.5}
    assert power_for(found, ("g",), found.exponents["t"]) is None


def test_a_base_unit_that_a_column_has_alone_is_kept() -> None:
    found = dimensions("d", "t", "v", "p")
    assert dict(zip(found.bases, found.units, strict=True)) == {
        "[length]": "mm",
        "[mass]": "kg",
        "[time]": "minute",
    }
    assert found.factors["v"] == pytest.approx(1e3 * 60)
    assert found.unit(found.exponents["p"]) == "kg/(mm minute^2)"
    assert found.unit(np.zeros(3)) == "1"


def test_too_many_columns_for_groups_are_refused() -> None:
    names = tuple(f"x{index}" for index in range(12))
    found = Dimensions.of(dict.fromkeys(names, "m"), names)
    with pytest.raises(UsageError, match="among 11 columns at most, got 12"):
        readable_groups(found, names)
