"""Physical priors: what is known of an energy before any data, so that a kernel need only learn the rest.

A formula of the columns with parameters of its own, ready ones for the repulsion between two atoms, a calculator of ASE,
sums of these. Their parameters can be fitted together with the kernel's. What a kernel must take back should be as smooth
as the kernel: a wall with a kink spoils a Gaussian kernel, and `softplus_wall` does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.space.expressions import parse
from assay.surrogates.prior_mean import AbstractFittedPriorMean, AbstractPriorMean

__all__ = [
    "CalculatorPriorMean",
    "FormulaPriorMean",
    "SumPriorMean",
    "inverse_power",
    "linear_wall",
    "softplus_wall",
    "universal_repulsion",
]

Array = np.ndarray
Bounds = Mapping[str, tuple[float, float]]

# e²/(4π ε0), and 0.8854 Bohr radii, over which the universal screening length is counted.
COULOMB_eV_angstrom = 14.399645478
SCREENING_angstrom = 0.88534 * 0.529177210903
# ZBL: weights and decays of the universal screening function.
_SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))

# The cube root of the rounding unit: it balances the two errors of a central difference.
_STEP = 6e-6


@final
@dataclass(frozen=True)
class FormulaPriorMean(AbstractFittedPriorMean):
    """A formula of the columns, whose parameters may be fitted.

    Use it for a law that is nearly right, for a trend, and for learning a difference: with the cheaper result as a column
    of the points that the kernel does not see (`Columns`), the formula `cheap` makes the kernel learn what it lacks.

    Arguments:
        formula: in the language of expressions; a comparison is not allowed.
        columns: the names of the columns of the points, in their order.
        parameters_by_name: the other names of the formula, with their values.
        bounds: the least and the greatest value of each parameter that is fitted; the others keep theirs.

    Raises:
        ExpressionError: when the formula is not in the language, or has a name that is neither column nor parameter.
        UsageError: when bounds belong to no parameter, or a value does not lie within its bounds.

    Example:
        >>> prior = FormulaPriorMean("offset + scale*cheap", ("cheap",), {"offset": 0.0, "scale": 1.0}, {"scale": (0.5, 2.0)})
        >>> prior.value(np.array([[3.0]])).item(), prior.with_parameters([2.0]).value(np.array([[3.0]])).item()
        (3.0, 6.0)
    """

    formula: str
    columns: tuple[str, ...]
    parameters_by_name: Mapping[str, float] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self._compiled
        for name, (low, high) in self.bounds.items():
            value = self.parameters_by_name.get(name)
            if value is None or not -np.inf < low <= value <= high < np.inf or low == high:
                raise UsageError(
                    f"the bounds of parameter {name!r} of a prior mean must be finite, ascend and enclose its value, got "
                    f"{(low, high)!r} around {value!r}"
                )

    @property
    def parameters(self) -> tuple[float, ...]:
        return tuple(self.parameters_by_name[name] for name in self.bounds)

    @property
    def parameter_bounds(self) -> tuple[tuple[float, float], ...]:
        return tuple(self.bounds.values())

    def with_parameters(self, values: Sequence[float]) -> FormulaPriorMean:
        changed = dict(zip(self.bounds, map(float, values), strict=True))
        return replace(self, parameters_by_name={**self.parameters_by_name, **changed})

    def value(self, points: Array) -> Array:
        return self._checked(self._compiled.value(self._values(points)), points)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        value, gradient = self._compiled.value_gradient(self._values(points), self.columns)
        slopes = [np.broadcast_to(gradient[name], len(points)) for name in self.columns]
        return self._checked(value, points), np.stack(slopes, axis=-1)[:, None, :]

    @property
    def _compiled(self) -> CompiledExpression:
        return _compiled(self.formula, (*self.columns, *self.parameters_by_name))

    def _values(self, points: Array) -> dict[str, Array | float]:
        if points.shape[1] != len(self.columns):
            raise UsageError(
                f"the formula of a prior mean names {len(self.columns)} columns, got points with {points.shape[1]}"
            )
        return {**dict(zip(self.columns, points.T, strict=True)), **self.parameters_by_name}

    def _checked(self, values: Array, points: Array) -> Array:
        """(points, 1); a formula without columns is the same everywhere."""
        values = np.broadcast_to(values, len(points))
        if not np.isfinite(values).all():
            place = int(np.flatnonzero(~np.isfinite(values))[0])
            raise UsageError(
                f"the formula {self.formula!r} of a prior mean must be finite, got {values[place]} at "
                f"{points[place].tolist()!r}"
            )
        return values[:, None]


@final
@dataclass(frozen=True)
class CalculatorPriorMean(AbstractPriorMean):
    """The energy that a calculator of ASE gives: a cheaper level of theory, whose difference to a better one is learned.

        d energy/d x_a = -Σ_i F_i · d r_i/d x_a

    with the forces of the calculator; how the atoms move with the columns is found by central differences of `atoms_of`,
    which cost no energy.

    Arguments:
        calculator: of ASE, with "energy" and "forces".
        atoms_of: makes ASE's Atoms of one point (dimension,).

    Example:
        >>> from ase import Atoms
        >>> from ase.calculators.lj import LennardJones
        >>> prior = CalculatorPriorMean(LennardJones(), lambda point: Atoms("Ar2", [[0, 0, 0], [0, 0, point[0]]]))
        >>> round(prior.value(np.array([[2.0 ** (1 / 6)]])).item(), 2)
        -0.99
    """

    calculator: Any
    atoms_of: Callable[[Array], Any]

    def value(self, points: Array) -> Array:
        return np.array([[self._atoms(point).get_potential_energy()] for point in points]).reshape(-1, 1)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        values, slopes = np.empty((len(points), 1)), np.empty((len(points), 1, points.shape[1]))
        for row, point in enumerate(points):
            atoms = self._atoms(point)
            values[row, 0], forces = atoms.get_potential_energy(), atoms.get_forces()
            for column, step in enumerate(_STEP * np.eye(len(point))):
                moved = [self.atoms_of(point + sign * step).get_positions() for sign in (1, -1)]
                slopes[row, 0, column] = -np.vdot(forces, moved[0] - moved[1]) / (2.0 * _STEP)
        return values, slopes

    def _atoms(self, point: Array) -> Any:
        atoms = self.atoms_of(point)
        atoms.calc = self.calculator
        return atoms


@final
@dataclass(frozen=True)
class SumPriorMean(AbstractFittedPriorMean):
    """The sum of prior means; those of its parts that have parameters are fitted.

    Arguments:
        parts: two or more.
    """

    parts: tuple[AbstractPriorMean, ...]

    @property
    def parameters(self) -> tuple[float, ...]:
        return tuple(value for part in self._fitted for value in part.parameters)

    @property
    def parameter_bounds(self) -> tuple[tuple[float, float], ...]:
        return tuple(bounds for part in self._fitted for bounds in part.parameter_bounds)

    def with_parameters(self, values: Sequence[float]) -> SumPriorMean:
        rest, parts = list(values), []
        for part in self.parts:
            if isinstance(part, AbstractFittedPriorMean):
                count = len(part.parameters)
                parts.append(part.with_parameters(rest[:count]))
                rest = rest[count:]
            else:
                parts.append(part)
        return SumPriorMean(tuple(parts))

    def value(self, points: Array) -> Array:
        return np.sum([part.value(points) for part in self.parts], axis=0)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        found = [part.value_gradient(points) for part in self.parts]
        return np.sum([value for value, _ in found], axis=0), np.sum([slope for _, slope in found], axis=0)

    @property
    def _fitted(self) -> list[AbstractFittedPriorMean]:
        return [part for part in self.parts if isinstance(part, AbstractFittedPriorMean)]


def linear_wall(
    slope: float, position: float, *, columns: tuple[str, ...] = ("r",), bounds: Bounds | None = None
) -> FormulaPriorMean:
    """-slope (r - position) where r < position, else 0: a linear repulsion, with a kink.

    Use it with kernels that have a kink of their own, such as a Laplacian.

    Arguments:
        slope: in units of the energy over those of r.
        position: where it begins, in units of r.
        columns: the names of all columns, each a distance; the walls are summed.
        bounds: of "slope" and "position" where they are fitted.

    Example:
        >>> linear_wall(150.0, 0.95).value(np.array([[0.9], [0.95], [1.0]])).ravel().round(9).tolist()
        [7.5, 0.0, 0.0]
    """
    return _summed("slope*max(position - {r}, 0)", columns, {"slope": slope, "position": position}, bounds)


def softplus_wall(
    slope: float,
    position: float,
    width: float,
    *,
    columns: tuple[str, ...] = ("r",),
    bounds: Bounds | None = None,
) -> FormulaPriorMean:
    """slope width log(1 + exp((position - r)/width)): the linear wall with its kink smoothed over a width.

    Arguments:
        slope, position, columns, bounds: as of `linear_wall`; "width" too may be fitted.
        width: in units of r, positive; a narrow one is the linear wall.

    Example:
        >>> narrow = softplus_wall(150.0, 0.95, 1e-4)
        >>> narrow.value(np.array([[0.9], [1.0]])).ravel().round(9).tolist()
        [7.5, 0.0]
    """
    z = "(position - {r})/width"
    text = f"slope*width*(max({z}, 0) + log(1 + exp(-abs({z}))))"
    values = {"slope": slope, "position": position, "width": width}
    return _summed(text, columns, values, bounds)


def inverse_power(
    strength: float, power: int = 12, *, columns: tuple[str, ...] = ("r",), bounds: Bounds | None = None
) -> FormulaPriorMean:
    """strength/r^power: the repulsion of a Lennard-Jones or Born-Mayer-like potential.

    Arguments:
        strength: in units of the energy times those of r to the power; "strength" may be fitted.
        power: a whole number.
        columns: the names of all columns, each a distance; the repulsions are summed.
    """
    return _summed(f"strength/{{r}}^{power}", columns, {"strength": strength}, bounds)


def universal_repulsion(
    first: int,
    second: int,
    scale: float = 1.0,
    *,
    columns: tuple[str, ...] = ("r",),
    bounds: Bounds | None = None,
) -> FormulaPriorMean:
    """The screened Coulomb repulsion of two nuclei after Ziegler, Biersack and Littmark (ZBL), in eV with r in Å.

        scale · 14.3996 Z1 Z2/r · Σ_k c_k exp(-d_k r/a),   a = 0.8853 a0/(Z1^0.23 + Z2^0.23)

    Use it below one ångström, where data are few and energies are large.

    Arguments:
        first, second: the nuclear charges.
        scale: 1, or that of another unit of energy; may be fitted.
        columns: the names of all columns, each a distance; the repulsions are summed.

    Source: J. F. Ziegler, J. P. Biersack, U. Littmark, "The Stopping and Range of Ions in Solids", 1985, chapter 2.
    """
    length = SCREENING_angstrom / (first**0.23 + second**0.23)
    terms = " + ".join(f"{weight!r}*exp(-{decay / length!r}*{{r}})" for weight, decay in _SCREENING)
    text = f"scale*{COULOMB_eV_angstrom * first * second!r}/{{r}}*({terms})"
    return _summed(text, columns, {"scale": scale}, bounds)


def _summed(
    text: str, columns: tuple[str, ...], parameters: Mapping[str, float], bounds: Bounds | None
) -> FormulaPriorMean:
    formula = " + ".join(text.replace("{r}", name) for name in columns)
    return FormulaPriorMean(formula, columns, parameters, bounds or {})


@lru_cache(maxsize=256)
def _compiled(formula: str, names: tuple[str, ...]) -> CompiledExpression:
    return compile_numpy(parse(formula, names, owner="the formula of a prior mean"))
