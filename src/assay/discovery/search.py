"""What is searched in, and what becomes of what was found: columns and groups in, judged laws out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import final

import numpy as np

from assay.discovery.canonical import number
from assay.discovery.consistency import units_of_constants
from assay.discovery.deterministic import Feature, Problem, deterministic_laws
from assay.discovery.dimensions import Dimensions, Group, power_for, readable_groups
from assay.discovery.laws import Law, Laws
from assay.discovery.recommendation import pareto_front, recommended
from assay.discovery.refinement import Refined, refined
from assay.discovery.table import Table
from assay.discovery.validation import Splits, validated
from assay.errors import ExpressionError, UsageError
from assay.numerics.expressions import compile_numpy
from assay.numerics.random import generator
from assay.space.expressions import Expression, parse
from assay.space.syntax import Binary, Call, Name, Node, Number, Unary

__all__ = ["Allowed", "Search", "operators"]

Array = np.ndarray

EXACT = 1e-10  # relative error on rows left out, at which the search is over
LEAST_FOR_ERRORS = 30  # rows, below which their size cannot be told
LIKELIER = 3.0  # in the logarithm, before errors are taken for relative
JUDGED = 40  # equations that are fitted anew without some rows


@final
@dataclass(frozen=True)
class Allowed:
    """Which equations may be answers.

    Arguments:
        binary, unary: operators; whole powers are products, and a difference is a sum with a negative constant.
        max_complexity: the most nodes.
        dimensional_constants: whether a constant may have a unit.
    """

    binary: frozenset[str]
    unary: frozenset[str]
    max_complexity: int
    dimensional_constants: bool = True

    def permits(self, law: Refined) -> bool:
        """Whether an equation is one of them."""
        node = law.form.with_values(law.fit.values)
        known = self.binary | self.unary | ({"sqrt"} if "^" in self.binary else set())
        known |= {"-"} if "+" in self.binary else set()
        return operators(node) <= known and law.form.complexity(law.fit.values) <= self.max_complexity


def operators(node: Node) -> set[str]:
    """The operators of an equation, whole powers counted as products.

    Example:
        >>> sorted(operators(parse("x^2 + sin(y)", None).tree))
        ['*', '+', 'sin']
    """
    match node:
        case Unary(operand):
            return operators(operand)
        case Binary("^", base, Number(power)) if power.is_integer():
            return {"*"} | operators(base)
        case Binary(operator, left, right):
            return {operator} | operators(left) | operators(right)
        case Call(function, arguments):
            return {function}.union(*map(operators, arguments))
        case _:
            return set()


@final
@dataclass(frozen=True)
class Search:
    """One search: its data in coherent units, what it looks among, and how it judges.

    Arguments:
        table: in coherent units.
        problems: columns, and with units the dimensionless groups, which come first.
        dimensions: where units were given.
    """

    table: Table
    problems: tuple[Problem, ...]
    groups: tuple[Group, ...]
    dimensions: Dimensions | None
    allowed: Allowed
    splits: Splits

    @staticmethod
    def of(
        table: Table,
        units: Mapping[str, str] | None,
        features: Mapping[str, str] | None,
        allowed: Allowed,
        seed: int,
    ) -> Search:
        """Prepare a search in a checked table."""
        splits = Splits.of(table.columns, generator(seed, 0, "discovery folds"))
        extra = {name: _feature(name, text, table) for name, text in (features or {}).items()}
        if units is None:
            plain = _of_columns(table, extra, table.columns)
            return Search(table, (plain,), (), None, allowed, splits)
        names = list(table.columns)
        dimensions = Dimensions.of(units, [*names, table.response_name])
        table = _coherent(table, dimensions)
        extra = {name: _feature(name, text, table) for name, text in (features or {}).items()}
        fractions = [name for name in names if not np.any(dimensions.exponents[name])]
        scale = power_for(dimensions, names, dimensions.exponents[table.response_name])
        if scale is None and not allowed.dimensional_constants:
            unit = dimensions.unit(dimensions.exponents[table.response_name])
            raise UsageError(
                f"the unit of the response must follow from those of {names} where constants have none, got {unit}"
            )
        groups = tuple(readable_groups(dimensions, names)) if scale is not None else ()
        problems = [_of_columns(table, extra, fractions)]
        if scale is not None and groups:
            problems.insert(0, _of_groups(table, groups, scale, extra, fractions))
        return Search(table, tuple(problems), groups, dimensions, allowed, splits)

    def is_exact(self, law: Law) -> bool:
        """Whether a law predicts rows that it has not seen to rounding, and its dimensions are right."""
        size = np.average(self.table.response**2, weights=self.table.weights)
        worst = max(law.validation.inside, law.validation.edge)
        return law.is_consistent and worst <= EXACT**2 * size

    def deterministic(self, with_functions: bool) -> Iterator[Node]:
        """What linear algebra finds in all problems."""
        for problem in self.problems:
            yield from deterministic_laws(problem, with_functions=with_functions)

    def relative_weights(self, laws: list[Law]) -> Array | None:
        """Weights for errors in proportion to the response, (n,), where the residuals of the best law show such errors."""
        best = recommended(laws, self.table)
        values = np.abs(best.form.predict(self.table.columns, best.fit.values))
        squares = best.validation.rows
        if self.is_exact(best) or len(squares) < LEAST_FOR_ERRORS or not values.min() > 0:
            return None
        # The logarithm of the ratio of the likelihoods of normal errors that are relative and that are equal.
        relative, equal = np.log(np.mean(squares / values**2)), np.log(np.mean(squares))
        gain = 0.5 * len(squares) * (equal - relative) - np.log(values).sum()
        return 1.0 / values**2 if gain > LIKELIER else None

    def reweighted(self, weights: Array) -> Search:
        """The same search with other weights of the rows."""
        factor = weights / self.table.weights
        problems = tuple(replace(problem, weights=problem.weights * factor) for problem in self.problems)
        return replace(self, table=replace(self.table, weights=weights), problems=problems)

    def judged(self, nodes: Iterable[Node], laws: list[Law]) -> list[Law]:
        """The laws so far with those that these equations become: fitted, permitted, without duplicates, on the front."""
        table, seen = self.table, {law.form.signature for law in laws}
        fresh: list[Refined] = []
        for node in nodes:
            for law in refined(node, table.columns, table.response, table.weights):
                if law.form.signature not in seen and self.allowed.permits(law):
                    seen.add(law.form.signature)
                    fresh.append(law)
        fresh.sort(key=lambda law: law.form.complexity(law.fit.values))
        return pareto_front([*laws, *(self._law(law) for law in _worth_judging(fresh))])

    def result(self, laws: list[Law]) -> Laws:
        """The answer."""
        laws = sorted(laws, key=lambda law: (law.complexity, law.fit.loss))
        units = {}
        if self.dimensions is not None:
            units = {name: self.dimensions.unit(row) for name, row in self.dimensions.exponents.items()}
        return Laws(
            tuple(laws), recommended(laws, self.table), units, self.groups, self.table.replicate_error
        )

    def _law(self, law: Refined) -> Law:
        table, values = self.table, law.fit.values
        validation = validated(law.form, table.columns, table.response, table.weights, values, self.splits)
        units = None
        if self.dimensions is not None:
            exponents = self.dimensions.exponents
            plain = not self.allowed.dimensional_constants
            units = units_of_constants(
                law.form, values, exponents, exponents[table.response_name], plain=plain
            )
        return Law(law.form, law.fit, validation, len(table), self.dimensions, units, table.response_name)


def _worth_judging(laws: list[Refined]) -> list[Refined]:
    """Those that no two simpler ones fit better than, the best first, and not more than some."""
    best: list[float] = []
    kept = []
    for law in laws:
        if len(best) < 2 or law.fit.loss < best[1]:
            kept.append(law)
            best = sorted([*best, law.fit.loss])[:2]
    return kept[-JUDGED:]


def _of_columns(table: Table, extra: Mapping[str, Feature], fractions: Iterable[str]) -> Problem:
    features = [Feature(Name(name), values) for name, values in table.columns.items()]
    features += [*extra.values(), *_complements(table, fractions)]
    return Problem(tuple(features), table.response, lambda node: node, table.weights)


def _of_groups(
    table: Table,
    groups: tuple[Group, ...],
    scale: Mapping[str, float],
    extra: Mapping[str, Feature],
    fractions: Iterable[str],
) -> Problem:
    unit_node, unit_values = _product(scale, table)
    features = [Feature(*_product(group.exponents, table)) for group in groups]
    features += [*extra.values(), *_complements(table, fractions)]
    return Problem(
        tuple(features),
        table.response / unit_values,
        lambda node: _spread(node, unit_node),
        table.weights * unit_values**2,
    )


def _spread(node: Node, factor: Node) -> Node:
    """The product, with the factor in each term of a sum."""
    if isinstance(node, Binary) and node.operator == "+":
        return Binary("+", _spread(node.left, factor), _spread(node.right, factor))
    return Binary("*", node, factor)


def _product(exponents: Mapping[str, float], table: Table) -> tuple[Node, Array]:
    nodes: list[Node] = [Binary("^", Name(name), number(power)) for name, power in exponents.items()]
    values = np.ones(len(table))
    for name, power in exponents.items():
        values = values * table.columns[name] ** power
    return reduce(lambda one, other: Binary("*", one, other), nodes, Number(1.0)), values


def _complements(table: Table, names: Iterable[str]) -> list[Feature]:
    """1 - x of each fraction: a part of a whole, such as a porosity, often enters by what is not it."""
    found = []
    for name in names:
        values = table.columns[name]
        if ((values > 0) & (values < 1)).all():
            found.append(Feature(Binary("-", Number(1.0), Name(name)), 1.0 - values, is_complement=True))
    return found


def _feature(name: str, text: str, table: Table) -> Feature:
    try:
        expression: Expression = parse(text, list(table.columns), owner=f"the feature {name!r}")
    except ExpressionError as error:
        raise UsageError(str(error)) from None
    values = compile_numpy(expression).value(table.columns)
    if not np.isfinite(values).all():
        raise UsageError(
            f"the feature {name!r} must be finite in every row, got {values[~np.isfinite(values)][0]}"
        )
    return Feature(expression.tree, np.broadcast_to(values, len(table)))


def _coherent(table: Table, dimensions: Dimensions) -> Table:
    factors = dimensions.factors
    columns = {name: values * factors[name] for name, values in table.columns.items()}
    factor = factors[table.response_name]
    error = None if table.replicate_error is None else table.replicate_error * factor
    return Table(columns, table.response * factor, table.response_name, table.weights / factor**2, error)
