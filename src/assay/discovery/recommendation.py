"""Which laws to show, and which one to take: by errors on rows that were left out, never by the fit alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.discovery.laws import Law
from assay.discovery.table import Table

__all__ = ["NATS_PER_NODE", "description_length", "pareto_front", "recommended"]

ROUNDING = 1e-9  # relative errors below this are rounding
EDGE_FACTOR = 2.0
NATS_PER_NODE = 1.5


def pareto_front(laws: Sequence[Law], parsimony: float = 0.0) -> list[Law]:
    """The laws than which none that is simpler, or as simple, has a smaller loss; and those that a front of the laws with
    right dimensions alone would hold.

    Arguments:
        laws: any.
        parsimony: by how much the logarithm of the loss must fall for each further node.
    """
    kept: list[Law] = []
    for some in (laws, [law for law in laws if law.is_consistent]):
        best, complexity = np.inf, 0
        for law in sorted(some, key=lambda law: (law.complexity, law.fit.loss)):
            factor = np.exp(-parsimony * (law.complexity - complexity)) if np.isfinite(best) else 1.0
            if law.fit.loss < factor * best:
                best, complexity = law.fit.loss, law.complexity
                if law not in kept:
                    kept.append(law)
    return kept


def recommended(laws: Sequence[Law], table: Table) -> Law:
    """The simplest law that predicts as well as the best one, as far as the data can tell them apart.

    The best one has the shortest description: of n rows by their errors in cross-validation, and of the equation itself,

        n/2 log(mean squared error) + 1.5 · nodes,

    since among the many equations that were tried some fit by chance, on rows that were left out as well. A simpler one is as
    good when its errors in cross-validation exceed the best one's by less than one standard error of their difference, row by
    row, and its error at the edge is at most twice that of the best. Laws with wrong dimensions are left out while there
    are others.

    Source: L. Breiman et al., Classification and Regression Trees, 1984, section 3.4.3, for the one-standard-error rule;
    D. J. Bartlett, H. Desmond, P. G. Ferreira, IEEE Trans. Evol. Comput. 28, 950 (2024), for the length of an equation.
    """
    able = [law for law in laws if law.is_consistent] or list(laws)
    floor = ROUNDING**2 * float(np.average(table.response**2, weights=table.weights))
    best = min(able, key=lambda law: (description_length(law, floor), law.complexity))
    for law in sorted(able, key=lambda law: (law.complexity, law.fit.loss)):
        with np.errstate(invalid="ignore"):
            difference = np.maximum(law.validation.rows, floor) - np.maximum(best.validation.rows, floor)
        if not np.isfinite(difference).all():
            continue
        error = float(difference.std(ddof=1)) / np.sqrt(len(difference))
        near = law.validation.edge <= max(EDGE_FACTOR**2 * best.validation.edge, floor)
        if near and difference.mean() <= error:
            return law
    return best


def description_length(law: Law, floor: float) -> float:
    """The nats that the rows and the equation take, up to a constant.

    Arguments:
        floor: the mean squared error that is rounding.
    """
    rows = len(law.validation.rows)
    return rows / 2 * float(np.log(max(law.validation.inside, floor))) + NATS_PER_NODE * law.complexity
