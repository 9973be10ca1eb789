"""What is searched in, and what becomes of what was found: columns and groups in, judged laws out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import final

import numpy as np

from assay.discovery.abstract import Budget
from assay.discovery.allowed import Allowed
from assay.discovery.canonical import number
from assay.discovery.consistency import units_of_constants
from assay.discovery.dimensions import MOST_COLUMNS, Dimensions, Group, power_for, readable_groups
from assay.discovery.forms import Form
from assay.discovery.laws import Law, Laws
from assay.discovery.problem import Feature, Problem
from assay.discovery.recommendation import NATS_PER_NODE, description_length, pareto_front, recommended
from assay.discovery.refinement import Refined, refined
from assay.discovery.table import Table
from assay.discovery.validation import Splits, validated
from assay.errors import ExpressionError, UsageError
from assay.numerics.expressions import compile_numpy
from assay.numerics.random import generator
from assay.space.expressions import Expression
from assay.space.syntax import Binary, Name, Node, Number

__all__ = ["Search"]

Array = np.ndarray

_log = logging.getLogger(__name__)

EXACT = 1e-10  # relative error on rows left out, at which the search is over
ROUNDED = 1e-13  # relative error on all rows, at which an equation leaves nothing to explain
LEAST_FOR_ERRORS = 30  # rows, below which their size cannot be told
LIKELIER = 3.0  # in the logarithm, before errors are taken for relative
FAR_BEHIND = 1.5  # in the mean square of the errors, before the fit
FAR_LONGER = 15.0  # nats, before the fit
JUDGED = 40  # equations that are fitted anew without some rows
APPLICATIONS = 20  # features of own operators, since linear algebra takes powers of all


@final
@dataclass(frozen=True)
class Search:
    """One search: its data in coherent units, what it looks among, and how it judges.

    Arguments:
        table: in coherent units.
        problems: columns, and with units the dimensionless groups, which come first.
        dimensions: where units were given.
        is_relative: whether errors are in proportion to the response.
    """

    table: Table
    problems: tuple[Problem, ...]
    groups: tuple[Group, ...]
    dimensions: Dimensions | None
    allowed: Allowed
    splits: Splits
    is_relative: bool = False

    @staticmethod
    def of(
        table: Table,
        units: Mapping[str, str] | None,
        features: Mapping[str, str],
        functions: Sequence[str],
        allowed: Allowed,
        seed: int,
    ) -> Search:
        """Prepare a search in a checked table.

        Arguments:
            units: of columns.
            features: expressions that a law may hold, by name.
            functions: that no engine has, so that they are features as well, as own operators are.
            seed: of the rows that are left out.
        """
        splits = Splits.of(table.columns, generator(seed, 0, "discovery folds"))
        if units is None:
            extra = _extra(features, table, allowed)
            plain = _of_columns(table, extra, functions, allowed, table.columns)
            return Search(table, (plain,), (), None, allowed, splits)
        names = list(table.columns)
        dimensions = Dimensions.of(units, [*names, table.response_name])
        table = _coherent(table, dimensions)
        extra = _extra(features, table, allowed)
        fractions = [name for name in names if not np.any(dimensions.exponents[name])]
        few = len(names) <= MOST_COLUMNS
        scale = power_for(dimensions, names, dimensions.exponents[table.response_name]) if few else None
        if not few:
            _log.info(
                "no dimensionless groups are searched in, since there are more than %d columns", MOST_COLUMNS
            )
        if few and scale is None and not allowed.dimensional_constants:
            unit = dimensions.unit(dimensions.exponents[table.response_name])
            raise UsageError(
                f"the unit of the response must follow from those of {names} where constants have none, got {unit}"
            )
        groups = tuple(readable_groups(dimensions, names)) if scale is not None else ()
        problems = [_of_columns(table, extra, functions, allowed, fractions)]
        if scale is not None and groups:
            problems.insert(0, _of_groups(table, groups, scale, extra, functions, allowed, fractions))
        return Search(table, tuple(problems), groups, dimensions, allowed, splits)

    def is_exact(self, law: Law) -> bool:
        """Whether a law predicts rows that it has not seen to rounding, and its dimensions are right."""
        size = np.average(self.table.response**2, weights=self.table.weights)
        worst = max(law.validation.inside, law.validation.edge)
        return law.is_consistent and worst <= EXACT**2 * size

    def relative_weights(self, laws: list[Law]) -> Array | None:
        """Weights for errors in proportion to the response, (n,), where the description by some law and such errors is shorter
        than that by any law and equal errors.

        The law that is best with equal errors may be a wrong one that the large responses have bent to their errors.
        """
        able = [law for law in laws if law.is_consistent] or laws
        if len(self.table) < LEAST_FOR_ERRORS or any(map(self.is_exact, able)):
            return None
        floor = ROUNDED**2 * float(np.average(self.table.response**2, weights=self.table.weights))
        equal = min(description_length(law, floor) for law in able)
        sizes = [np.abs(law.form.predict(self.table.columns, law.fit.values)) for law in able]
        lengths = [_relative_length(law, size) for law, size in zip(able, sizes, strict=True)]
        place = int(np.argmin(lengths))
        return 1.0 / sizes[place] ** 2 if equal - lengths[place] > LIKELIER else None

    def reweighted(self, weights: Array) -> Search:
        """The same search with the weights of relative errors."""
        factor = weights / self.table.weights
        problems = tuple(replace(problem, weights=problem.weights * factor) for problem in self.problems)
        return replace(self, table=replace(self.table, weights=weights), problems=problems, is_relative=True)

    def judged(
        self, nodes: Iterable[Node], laws: list[Law], budget: Budget, *, are_fitted: bool = False
    ) -> list[Law]:
        """The laws so far with those that these equations become: fitted, permitted, without duplicates, on the front.

        Arguments:
            are_fitted: whether the constants in the equations are near their best, so that those which are far behind others
                need no fit.
        """
        table, seen = self.table, {law.form.signature for law in laws}
        fresh: list[Refined] = []
        known = [(law.complexity, law.fit.loss) for law in laws]
        for node in nodes:
            if budget.is_spent:
                break
            if are_fitted and not self._is_promising(node, known):
                continue
            for law in refined(node, table.columns, table.response, table.weights):
                if law.form.signature not in seen and self.allowed.permits(
                    law.form.with_values(law.fit.values)
                ):
                    seen.add(law.form.signature)
                    fresh.append(law)
                    known.append((law.form.complexity(law.fit.values), law.fit.loss))
            if fresh and self._is_final(fresh[-1]):
                break
        fresh.sort(key=lambda law: law.form.complexity(law.fit.values))
        found = [*laws, *(self._law(law) for law in _worth_judging(fresh))]
        return pareto_front(found, self.allowed.parsimony)

    def result(self, laws: list[Law]) -> Laws:
        """The answer."""
        laws = sorted(laws, key=lambda law: (law.complexity, law.fit.loss))
        units = {}
        if self.dimensions is not None:
            units = {name: self.dimensions.unit(row) for name, row in self.dimensions.exponents.items()}
        return Laws(
            tuple(laws), recommended(laws, self.table), units, self.groups, self.table.replicate_error
        )

    def _is_promising(self, node: Node, known: list[tuple[int, float]]) -> bool:
        """Whether an equation, as an engine gave it, is not far behind those that are fitted already.

        It is when one that is as simple fits far better, or a simpler one describes the data in far fewer nats.
        """
        table, form = self.table, Form.of(node)
        with np.errstate(all="ignore"):
            error = table.response - form.predict(table.columns, form.start)
            loss = float(np.average(error**2, weights=table.weights))
        if not np.isfinite(loss):
            return False
        complexity = form.complexity(form.start)
        simpler = [entry for entry in known if entry[0] <= complexity]
        least = min((loss for _, loss in simpler), default=np.inf)
        floor = ROUNDED**2 * float(np.average(table.response**2, weights=table.weights))
        shortest = min((self._length(*entry, floor) for entry in simpler), default=np.inf)
        return loss <= FAR_BEHIND * least and self._length(complexity, loss, floor) <= shortest + FAR_LONGER

    def _length(self, complexity: int, loss: float, floor: float) -> float:
        """The nats of a description of the data, up to a constant."""
        return 0.5 * len(self.table) * float(np.log(max(loss, floor))) + NATS_PER_NODE * complexity

    def _is_final(self, law: Refined) -> bool:
        """Whether a law goes through far more rows than it has constants, to rounding, so that there is no better one."""
        size = np.average(self.table.response**2, weights=self.table.weights)
        is_exact = law.fit.loss <= ROUNDED**2 * size and 2 * len(law.form.free) <= len(self.table)
        return is_exact and (self.dimensions is None or self._units(law) is not None)

    def _units(self, law: Refined) -> Array | None:
        """The exponents of the units of its constants, where units are known and can be right."""
        if self.dimensions is None:
            return None
        exponents = self.dimensions.exponents
        plain = not self.allowed.dimensional_constants
        response = exponents[self.table.response_name]
        return units_of_constants(law.form, law.fit.values, exponents, response, plain=plain)

    def _law(self, law: Refined) -> Law:
        table, values = self.table, law.fit.values
        validation = validated(law.form, table.columns, table.response, table.weights, values, self.splits)
        # Of equal errors the mean square, of relative ones that of r / f.
        total = table.weights.sum() if self.is_relative else len(table)
        return Law(
            law.form,
            law.fit,
            validation,
            len(table),
            self.dimensions,
            self._units(law),
            table.response_name,
            ranges={
                name: (float(entries.min()), float(entries.max())) for name, entries in table.columns.items()
            },
            residual_variance=law.fit.loss * float(total) / max(len(table) - len(law.form.free), 1),
            is_relative=self.is_relative,
        )


def _relative_length(law: Law, sizes: Array) -> float:
    """The nats of a description by a law and errors in proportion to what it says, up to the same constant as
    `description_length`; infinite where it says zero."""
    if not (sizes > 0).all() or not np.isfinite(law.validation.rows).all():
        return float("inf")
    squares = float(np.mean(law.validation.rows / sizes**2))
    likelihood = 0.5 * len(sizes) * np.log(max(squares, ROUNDED**2)) + np.log(sizes).sum()
    return float(likelihood) + NATS_PER_NODE * law.complexity


def _worth_judging(laws: list[Refined]) -> list[Refined]:
    """Those that no two simpler ones fit better than, the best first, and not more than some."""
    best: list[float] = []
    kept = []
    for law in laws:
        if len(best) < 2 or law.fit.loss < best[1]:
            kept.append(law)
            best = sorted([*best, law.fit.loss])[:2]
    return kept[-JUDGED:]


def _of_columns(
    table: Table,
    extra: Sequence[Feature],
    functions: Sequence[str],
    allowed: Allowed,
    fractions: Iterable[str],
) -> Problem:
    features = [Feature(Name(name), values) for name, values in table.columns.items()]
    features += _applications(features, functions, table, allowed)
    features += [*extra, *_complements(table, fractions)]
    return Problem(tuple(features), table.response, lambda node: node, table.weights)


def _of_groups(
    table: Table,
    groups: tuple[Group, ...],
    scale: Mapping[str, float],
    extra: Sequence[Feature],
    functions: Sequence[str],
    allowed: Allowed,
    fractions: Iterable[str],
) -> Problem:
    unit_node, unit_values = _product(scale, table)
    features = [Feature(*_product(group.exponents, table)) for group in groups]
    features += _applications(features, functions, table, allowed)
    features += [*extra, *_complements(table, fractions)]
    return Problem(
        tuple(features),
        table.response / unit_values,
        lambda node: _spread(node, unit_node),
        table.weights * unit_values**2,
    )


def _applications(
    features: Sequence[Feature], functions: Sequence[str], table: Table, allowed: Allowed
) -> list[Feature]:
    """What no engine can build: own operators and some functions, of the features."""
    found = []
    for node in allowed.operators.applications(
        [feature.node for feature in features], functions, APPLICATIONS
    ):
        values = compile_numpy(Expression(node)).value(table.columns)
        if values.shape == (len(table),) and np.isfinite(values).all() and np.ptp(values) > 0:
            found.append(Feature(node, values))
    return found


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


def _extra(features: Mapping[str, str], table: Table, allowed: Allowed) -> list[Feature]:
    return [_feature(name, text, table, allowed) for name, text in features.items()]


def _feature(name: str, text: str, table: Table, allowed: Allowed) -> Feature:
    try:
        tree = allowed.operators.parsed(text, list(table.columns), f"the feature {name!r}")
    except ExpressionError as error:
        raise UsageError(str(error)) from None
    values = compile_numpy(Expression(tree)).value(table.columns)
    if not np.isfinite(values).all():
        raise UsageError(
            f"the feature {name!r} must be finite in every row, got {values[~np.isfinite(values)][0]}"
        )
    return Feature(tree, np.broadcast_to(values, len(table)))


def _coherent(table: Table, dimensions: Dimensions) -> Table:
    factors = dimensions.factors
    columns = {name: values * factors[name] for name, values in table.columns.items()}
    factor = factors[table.response_name]
    error = None if table.replicate_error is None else table.replicate_error * factor
    return Table(columns, table.response * factor, table.response_name, table.weights / factor**2, error)
