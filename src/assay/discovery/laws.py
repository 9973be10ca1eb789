"""Laws that were found: predictions with intervals, constants with units, and the table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from assay.discovery.canonical import canonical, number, rebuilt
from assay.discovery.dimensions import Dimensions, Group
from assay.discovery.forms import Fit, Form
from assay.discovery.printing import rounded, to_c, to_jax, to_numpy, to_sympy
from assay.discovery.validation import Validation
from assay.errors import UsageError
from assay.space.expressions import Expression
from assay.space.syntax import Binary, Call, Name, Node, Unary

__all__ = ["FittedConstant", "Law", "Laws", "table_of"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class FittedConstant:
    """A constant of a law, in the order in which the equation shows them.

    Arguments:
        value: in the unit.
        standard_error: zero where the constant is held at a simple fraction.
        unit: `1` for a plain number; None where no units were given.
        freedom: the number of rows beyond that of the fitted constants.
    """

    value: float
    standard_error: float
    unit: str | None
    freedom: int

    def interval(self, probability: float = 0.95) -> tuple[float, float]:
        """The limits between which it is, as far as the form is right and the residuals are normal: Student's t for few rows.

        Example:
            >>> low, high = FittedConstant(2.0, 0.1, None, freedom=10).interval(0.95)
            >>> round(low, 3), round(high, 3)
            (1.777, 2.223)
        """
        width = _quantile(probability, self.freedom) * self.standard_error
        return self.value - width, self.value + width


@final
@dataclass(frozen=True)
class Law:
    """An equation for the response, fitted.

    Its columns are in the coherent system of units of the `Laws` that it belongs to; `predict` takes and gives the units
    of the data.

    Arguments:
        form, fit: the equation and its constants.
        validation: its errors on rows that were left out.
        rows: the number that it was fitted to.
        dimensions: of the columns and the response, where units were given.
        constant_units: (constants, bases), the exponents of the units of its constants; None for an equation that no units
            make right, or without units.
        response_name: the response's.
        ranges: of each column, (least, largest), in the rows that it was fitted to and in the coherent units.
        residual_variance: of the residuals, unbiased; of the relative ones where errors are relative.
        is_relative: whether errors are in proportion to the response.
    """

    form: Form
    fit: Fit
    validation: Validation
    rows: int
    dimensions: Dimensions | None
    constant_units: Array | None
    response_name: str
    ranges: Mapping[str, tuple[float, float]]
    residual_variance: float
    is_relative: bool = False

    @cached_property
    def expression(self) -> Expression:
        """The equation as a parsed expression, its constants to ten digits."""
        return Expression(rounded(self.form.with_values(self.fit.values)))

    @property
    def equation(self) -> str:
        """Its text, in the language of expressions."""
        return self.expression.text

    @property
    def in_units_of_data(self) -> str:
        """Its text, with all digits, for columns and a response in the units of the data: a prior mean of a surrogate."""
        return Expression(self._for_data).text

    @property
    def latex(self) -> str:
        """LaTeX for the mathematical mode."""
        return self.expression.latex()

    @property
    def sympy(self) -> Any:
        """It as an expression of SymPy.

        Raises:
            MissingExtraError: without SymPy.
        """
        return to_sympy(self.form.with_values(self.fit.values))

    @property
    def numpy(self) -> str:
        """Its source for NumPy, with `np` and the names of the columns free, which are in the units of the data."""
        return to_numpy(self._for_data)

    @property
    def jax(self) -> str:
        """Its source for JAX, with `jnp` and the names of the columns free, which are in the units of the data."""
        return to_jax(self._for_data)

    @property
    def c(self) -> str:
        """A function in C99, `law_` and the name of the response, of the columns in alphabetical order; it takes and gives the
        units of the data, which stand above it where they are known.

        Raises:
            UsageError: for a name that C keeps for itself.
        """
        names = self.expression.names
        source = to_c(self._for_data, f"law_{self.response_name}", names)
        if self.dimensions is None:
            return source
        given = self.dimensions.given
        units = ", ".join(f"{name} in {given[name]}" for name in (*names, self.response_name))
        return f"/* {units} */\n{source}"

    @property
    def complexity(self) -> int:
        """The number of nodes of the equation."""
        return self.form.complexity(self.fit.values)

    @property
    def is_consistent(self) -> bool:
        """Whether its dimensions are right, for some units of its constants; True where no units are known."""
        return self.dimensions is None or self.constant_units is not None

    @property
    def constants(self) -> tuple[FittedConstant, ...]:
        """Its constants with their uncertainties and units; those that are exactly 1 and left out of the text as well."""
        errors = np.zeros(len(self.fit.values))
        errors[self.form.free] = self.fit.standard_errors
        units: list[str | None] = [None] * len(errors)
        if self.dimensions is not None and self.constant_units is not None:
            units = [self.dimensions.unit(exponents) for exponents in self.constant_units]
        triples = zip(self.fit.values.tolist(), errors.tolist(), units, strict=True)
        return tuple(FittedConstant(*triple, freedom=self._freedom) for triple in triples)

    def predict(self, data: Mapping[str, Any]) -> Array:
        """The response at other inputs, in the units of the data that the law was found in.

        Arguments:
            data: each column of the equation, (n,).
        """
        return self.form.predict(self._coherent(data), self.fit.values) / self._response_factor

    def predict_interval(self, data: Mapping[str, Any], probability: float = 0.95) -> tuple[Array, Array]:
        """The limits between which a new observation is.

            f ± t_{n - p} sqrt(s² + J C Jᵀ)

        with the residual variance s², or s² f² where errors are relative, and the covariance C of the constants. They hold when
        the form is right and the residuals are normal.

        Arguments:
            data: each column of the equation, (n,).
            probability: between 0 and 1.
        """
        columns = self._coherent(data)
        value, slopes = self.form.jacobian(columns, self.fit.values)
        noise = self.residual_variance * (value**2 if self.is_relative else 1.0)
        variance = noise + np.einsum("ni,ij,nj->n", slopes, self.fit.covariance, slopes)
        width = _quantile(probability, self._freedom) * np.sqrt(variance)
        return (value - width) / self._response_factor, (value + width) / self._response_factor

    def extrapolates(self, data: Mapping[str, Any]) -> Array:
        """Whether a prediction would go beyond the data: of each row, if a column of the equation is outside its range there.

        Arguments:
            data: each column of the equation, (n,).
        """
        columns = self._coherent(data)
        outside = np.zeros(len(next(iter(columns.values()))), dtype=bool)
        for name in self.expression.names:
            low, high = self.ranges[name]
            outside |= (columns[name] < low) | (columns[name] > high)
        return outside

    @property
    def ranges_of_data(self) -> dict[str, tuple[float, float]]:
        """The least and the largest value of each column that it was fitted to, in the units of the data."""
        factors = {} if self.dimensions is None else self.dimensions.factors
        return {
            name: (low / factors.get(name, 1.0), high / factors.get(name, 1.0))
            for name, (low, high) in self.ranges.items()
        }

    def __str__(self) -> str:
        return f"{self.response_name} = {self.equation}"

    @property
    def _freedom(self) -> int:
        return max(self.rows - len(self.form.free), 1)

    @property
    def _for_data(self) -> Node:
        """The tree, with all digits, for columns and a response in the units of the data."""
        tree = self.form.with_values(self.fit.values)
        if self.dimensions is None:
            return tree
        factors = self.dimensions.factors
        whole = _scaled_names(tree, factors)
        return rebuilt(canonical(Binary("*", number(1.0 / factors[self.response_name]), whole)), number)

    @property
    def _response_factor(self) -> float:
        return 1.0 if self.dimensions is None else self.dimensions.factors[self.response_name]

    def _coherent(self, data: Mapping[str, Any]) -> dict[str, Array]:
        missing = [name for name in self.expression.names if name not in data]
        if missing:
            raise UsageError(f"the equation needs the column {missing[0]!r}, got {sorted(map(str, data))}")
        factors = {} if self.dimensions is None else self.dimensions.factors
        names = self.expression.names or tuple(data)[:1]
        return {name: np.atleast_1d(np.asarray(data[name], float)) * factors.get(name, 1.0) for name in names}


@final
@dataclass(frozen=True)
class Laws:
    """What `discover` found: the laws that no other is both simpler and better than, the simplest first.

    Arguments:
        laws: at least one.
        recommended: the one to take.
        units: the coherent units that equations are in, by column; empty where none were given.
        groups: the dimensionless groups that were searched in.
        replicate_error: the standard deviation of repeated rows; None without such rows.
    """

    laws: tuple[Law, ...]
    recommended: Law
    units: Mapping[str, str]
    groups: tuple[Group, ...]
    replicate_error: float | None

    @property
    def table(self) -> Any:
        """A data frame with a row for each law: complexity, loss, score, cross_validation, extrapolation, consistent,
        recommended, equation.

        The loss is the weighted mean square of the residuals, the score the fall of its logarithm for each unit of complexity
        since the row above, and cross_validation and extrapolation are root mean squares of errors on rows that were left out:
        by turns, and those at the edge of the data.
        """
        return table_of(self.laws, self.recommended)

    def to_data(self) -> dict[str, Any]:
        """Everything as plain data, for JSON: infinite and undefined numbers are None."""
        rows = self.table.replace([np.inf, -np.inf], np.nan).astype(object)
        records = rows.where(rows.notna(), None).to_dict("records")
        for record, law in zip(records, self.laws, strict=True):
            record["constants"] = [
                {"value": one.value, "standard_error": one.standard_error, "unit": one.unit}
                for one in law.constants
            ]
        return {
            "response": self.recommended.response_name,
            "recommended": self.recommended.equation,
            "laws": records,
            "units": dict(self.units),
            "ranges": self.recommended.ranges_of_data,
            "groups": [{"name": group.name, "exponents": dict(group.exponents)} for group in self.groups],
            "replicate_error": self.replicate_error,
        }

    def __str__(self) -> str:
        return self.table.to_string(index=False)


def _quantile(probability: float, freedom: int) -> float:
    """How many standard errors there are from the middle of an interval to its limits."""
    if not 0 < probability < 1:
        raise UsageError(f"probability must be between 0 and 1, got {probability}")
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + probability / 2))


def _scaled_names(node: Node, factors: Mapping[str, float]) -> Node:
    """The tree with each name times its factor."""
    match node:
        case Name(name) if factors[name] != 1.0:
            return Binary("*", number(factors[name]), node)
        case Unary(operand):
            return Unary(_scaled_names(operand, factors))
        case Binary(operator, left, right):
            return Binary(operator, _scaled_names(left, factors), _scaled_names(right, factors))
        case Call(function, arguments):
            return Call(function, tuple(_scaled_names(argument, factors) for argument in arguments))
        case _:
            return node


def table_of(laws: Sequence[Law], recommended: Law | None) -> Any:
    """The data frame of `Laws.table`; without the column `recommended` where none is yet."""
    import pandas as pd

    rows, previous = [], None
    for law in sorted(laws, key=lambda law: (law.complexity, law.fit.loss)):
        loss = max(law.fit.loss, 1e-300)
        score = 0.0
        if previous is not None:
            score = float(np.log(previous[1] / loss) / max(law.complexity - previous[0], 1))
        previous = law.complexity, loss
        rows.append(
            {
                "complexity": law.complexity,
                "loss": law.fit.loss,
                "score": score,
                "cross_validation": float(np.sqrt(law.validation.inside)),
                "extrapolation": float(np.sqrt(law.validation.edge)),
                "consistent": law.is_consistent,
                "recommended": law is recommended,
                "equation": law.equation,
            }
        )
    table = pd.DataFrame(rows)
    return table if recommended is not None else table.drop(columns="recommended")
