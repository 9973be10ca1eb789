"""Units of columns: one coherent system for all of them, and the dimensionless groups that they form.

Source: E. Buckingham, Phys. Rev. 4, 345 (1914).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError, missing_extra

__all__ = ["MOST_COLUMNS", "Dimensions", "Group", "name_of_group", "power_for", "readable_groups"]

Array = np.ndarray
Exponents = dict[str, float]

_SI = {
    "[length]": "m",
    "[mass]": "kg",
    "[time]": "s",
    "[temperature]": "K",
    "[current]": "A",
    "[substance]": "mol",
    "[luminosity]": "cd",
}
_LARGEST_SEARCH = 300_000
MOST_COLUMNS = 11
"""Among which groups are searched for: of each, exponents from -1 to 1 at least."""

# The kinds of quantity that known groups are made of, by exponents of mass, length, time, temperature.
_KINDS: Mapping[tuple[int, ...], str] = {
    (1, -3, 0, 0): "density",
    (0, 1, -1, 0): "velocity",
    (0, 1, 0, 0): "length",
    (1, -1, -1, 0): "viscosity",
    (0, 2, -1, 0): "diffusivity",
    (0, 1, -2, 0): "acceleration",
    (1, -1, -2, 0): "pressure",
    (1, -2, -2, 0): "pressure_gradient",
    (1, 0, -2, 0): "surface_tension",
    (0, 0, -1, 0): "frequency",
    (0, 0, 1, 0): "time",
    (0, 2, -2, -1): "heat_capacity",
    (1, 1, -3, -1): "conductivity",
    (1, 0, -3, -1): "heat_transfer",
    (1, 1, -2, 0): "force",
    (1, 2, -3, 0): "power",
    (0, 3, -1, 0): "flow_rate",
    (0, 0, 0, -1): "expansion",
    (0, 0, 0, 1): "temperature",
}
_GROUPS: Mapping[str, tuple[dict[str, int], ...]] = {
    "Reynolds": (
        {"density": 1, "velocity": 1, "length": 1, "viscosity": -1},
        {"velocity": 1, "length": 1, "diffusivity": -1},
    ),
    "Prandtl": ({"heat_capacity": 1, "viscosity": 1, "conductivity": -1},),
    "Schmidt": ({"viscosity": 1, "density": -1, "diffusivity": -1},),
    "Nusselt": ({"heat_transfer": 1, "length": 1, "conductivity": -1},),
    "Stanton": ({"heat_transfer": 1, "density": -1, "velocity": -1, "heat_capacity": -1},),
    "Weber": ({"density": 1, "velocity": 2, "length": 1, "surface_tension": -1},),
    "capillary": ({"viscosity": 1, "velocity": 1, "surface_tension": -1},),
    "Laplace": ({"surface_tension": 1, "density": 1, "length": 1, "viscosity": -2},),
    "Bond": ({"density": 1, "acceleration": 1, "length": 2, "surface_tension": -1},),
    "Euler": ({"pressure": 1, "density": -1, "velocity": -2},),
    "friction factor": ({"pressure_gradient": 1, "length": 1, "density": -1, "velocity": -2},),
    "Froude": ({"velocity": 2, "acceleration": -1, "length": -1},),
    "Strouhal": ({"frequency": 1, "length": 1, "velocity": -1},),
    "Fourier": ({"diffusivity": 1, "time": 1, "length": -2},),
    "Galileo": ({"acceleration": 1, "length": 3, "density": 2, "viscosity": -2},),
    "Grashof": (
        {"acceleration": 1, "expansion": 1, "temperature": 1, "length": 3, "density": 2, "viscosity": -2},
    ),
    "drag coefficient": ({"force": 1, "density": -1, "velocity": -2, "length": -2},),
    "power number": ({"power": 1, "density": -1, "frequency": -3, "length": -5},),
    "flow number": ({"flow_rate": 1, "frequency": -1, "length": -3},),
}


@final
@dataclass(frozen=True)
class Dimensions:
    """The dimensions of columns in one coherent system of units.

    Arguments:
        bases: the base dimensions that occur.
        units: the unit of each base dimension.
        exponents: of each column, (bases,).
        factors: what a column is multiplied by to be in that system.
        given: the unit that each column came in, as text.
    """

    bases: tuple[str, ...]
    units: tuple[str, ...]
    exponents: Mapping[str, Array]
    factors: Mapping[str, float]
    given: Mapping[str, str]

    @staticmethod
    def of(units: Mapping[str, str], columns: Sequence[str]) -> Dimensions:
        """From the unit of each column, as text that pint reads; a column that is not named is a plain number.

        A base unit that a column is given in alone, such as `year`, is kept; the others are those of the SI.

        Raises:
            MissingExtraError: without pint.
            UsageError: for a unit that is not known or has a zero of its own, such as degrees Celsius, and for a column
                that is not there.
        """
        registry = _registry()
        unknown = sorted(set(units) - set(columns))
        if unknown:
            raise UsageError(f"units must be those of columns {sorted(columns)}, got one for {unknown[0]!r}")
        quantities = {name: _quantity(registry, name, units.get(name, "")) for name in columns}
        found: dict[str, tuple[str, float]] = {}
        for name, quantity in quantities.items():
            signature = dict(quantity.dimensionality)
            if len(signature) == 1 and next(iter(signature.values())) == 1:
                found.setdefault(next(iter(signature)), (units.get(name, ""), _si_factor(quantity)))
        bases = tuple(sorted({base for quantity in quantities.values() for base in quantity.dimensionality}))
        scale = np.array([found.get(base, ("", 1.0))[1] for base in bases])
        exponents = {
            name: np.array([float(quantity.dimensionality.get(base, 0)) for base in bases])
            for name, quantity in quantities.items()
        }
        factors = {
            name: float(_si_factor(quantity) / np.prod(scale ** exponents[name]))
            for name, quantity in quantities.items()
        }
        names = tuple(found.get(base, (_SI.get(base) or base.strip("[]"), 1.0))[0] for base in bases)
        return Dimensions(
            bases, names, exponents, factors, {name: units.get(name, "") or "1" for name in columns}
        )

    def unit(self, exponents: Array) -> str:
        """The unit of some exponents as text, such as `kg/m^3`; `1` for a plain number.

        Example:
            >>> Dimensions.of({"v": "m/s"}, ["v"]).unit(np.array([1.0, -2.0]))
            'm/s^2'
        """
        pairs = [(unit, float(power)) for unit, power in zip(self.units, exponents, strict=True)]
        above = [_raised(unit, power) for unit, power in pairs if power > 1e-9]
        below = [_raised(unit, -power) for unit, power in pairs if power < -1e-9]
        under = f"/({' '.join(below)})" if len(below) > 1 else f"/{below[0]}" if below else ""
        return f"{' '.join(above) or '1'}{under}"


@final
@dataclass(frozen=True)
class Group:
    """A dimensionless product of powers of columns, with the name by which it is known, if it is."""

    exponents: Mapping[str, float]
    name: str | None


def readable_groups(dimensions: Dimensions, columns: Sequence[str]) -> list[Group]:
    """A complete set of independent dimensionless groups of the columns, known ones and small exponents first.

    Example:
        >>> units = {"rho": "kg/m^3", "v": "m/s", "d": "m", "mu": "Pa*s"}
        >>> (group,) = readable_groups(Dimensions.of(units, list(units)), list(units))
        >>> group.name, {name: int(power) for name, power in group.exponents.items()}
        ('Reynolds', {'rho': 1, 'v': 1, 'd': 1, 'mu': -1})
    """
    matrix = np.array([dimensions.exponents[name] for name in columns]).reshape(len(columns), -1)
    wanted = len(columns) - (np.linalg.matrix_rank(matrix) if matrix.size else 0)
    candidates = _whole_solutions(matrix, np.zeros(matrix.shape[1]))
    ranked = []
    for row in candidates:
        nonzero = row[row != 0]
        if not nonzero.size or np.gcd.reduce(np.abs(nonzero)) != 1:
            continue
        exponents = {name: float(power) for name, power in zip(columns, row, strict=True) if power}
        name = name_of_group(dimensions, exponents)
        cost = (name is None, int(np.abs(row).sum()), int((row < 0).sum()), tuple(-row))
        ranked.append((cost, row, Group(exponents, name)))
    ranked.sort(key=lambda entry: entry[0])
    chosen: list[Array] = []
    groups: list[Group] = []
    for _, row, group in ranked:
        if len(groups) == wanted:
            break
        if np.linalg.matrix_rank(np.array([*chosen, row])) > len(chosen):
            chosen.append(row)
            groups.append(group)
    return groups


def power_for(dimensions: Dimensions, columns: Sequence[str], wanted: Array) -> Exponents | None:
    """A product of powers of the columns with the wanted dimension, the simplest one; None when there is none."""
    matrix = np.array([dimensions.exponents[name] for name in columns]).reshape(len(columns), -1)
    for denominator in (1, 2, 3):
        solutions = _whole_solutions(matrix, denominator * wanted)
        if len(solutions):
            best = min(solutions.tolist(), key=lambda row: (sum(map(abs, row)), [-entry for entry in row]))
            return {name: power / denominator for name, power in zip(columns, best, strict=True) if power}
    return None


def name_of_group(dimensions: Dimensions, exponents: Mapping[str, float]) -> str | None:
    """The name by which a dimensionless group is known, recognised by the kinds of its columns."""
    order = ("[mass]", "[length]", "[time]", "[temperature]")
    kinds: dict[str, float] = {}
    for column, power in exponents.items():
        signature = dict(zip(dimensions.bases, dimensions.exponents[column], strict=True))
        if any(signature[base] for base in signature.keys() - set(order)):
            return None
        kind = _KINDS.get(tuple(int(signature.get(base, 0)) for base in order))
        if kind is None:
            return None
        kinds[kind] = kinds.get(kind, 0) + power
    for name, patterns in _GROUPS.items():
        if kinds in patterns and len(kinds) == len(exponents):
            return name
    return None


def _whole_solutions(matrix: Array, wanted: Array) -> Array:
    """Small whole exponents e with eᵀ matrix = wanted, from a list that grows less wide with the number of columns."""
    count = len(matrix)
    reach = next((reach for reach in (3, 2, 1) if (2 * reach + 1) ** count <= _LARGEST_SEARCH), 1)
    if count > MOST_COLUMNS:
        raise UsageError(
            f"dimensionless groups can be searched for among {MOST_COLUMNS} columns at most, got {count}"
        )
    rows = np.array(list(itertools.product(range(-reach, reach + 1), repeat=count)), dtype=int).reshape(
        -1, count
    )
    return rows[np.abs(rows @ matrix - wanted).max(axis=1, initial=0.0) < 1e-9]


def _raised(unit: str, power: float) -> str:
    return unit if abs(power - 1) < 1e-9 else f"{unit}^{power:.6g}"


def _registry() -> Any:
    try:
        import pint
    except ImportError:
        raise missing_extra("pint", "discovery") from None
    return pint.get_application_registry()


def _quantity(registry: Any, name: str, unit: str) -> Any:
    import pint

    try:
        quantity = registry.Quantity(1.0, unit or "dimensionless")
        double = registry.Quantity(2.0, unit or "dimensionless")
        multiplicative = np.isclose(_si_factor(double), 2.0 * _si_factor(quantity), rtol=1e-12)
    except (pint.errors.PintError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"the unit of column {name!r} must be one that is known, got {unit!r}: {error}"
        ) from None
    if not multiplicative:
        raise UsageError(
            f"the unit of column {name!r} must have the zero of its dimension (kelvin), got {unit!r}"
        )
    return quantity


def _si_factor(quantity: Any) -> float:
    return float(quantity.to_base_units().magnitude)
