"""From what a search found to what a person would write: fitted, terms that do nothing dropped, constants snapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.discovery.forms import Fit, Form, fitted
from assay.space.syntax import Node

__all__ = ["Refined", "refined"]

Array = np.ndarray

ROUNDING = 1e-9  # relative, at which two fits to data without noise are one
DENOMINATORS = (1, 2, 3, 4, 5, 10)
LARGEST_SNAPPED = 1000.0


@final
@dataclass(frozen=True)
class Refined:
    """A form with its fit."""

    form: Form
    fit: Fit


def refined(node: Node, columns: Mapping[str, Array], response: Array, weights: Array) -> list[Refined]:
    """What an equation becomes, with its products kept and multiplied out; empty where it has no finite values.

    Arguments:
        node: an equation with numbers for its constants.
        columns, response, weights: the data.
    """
    found = []
    forms = [Form.of(node, multiply_out=multiply_out) for multiply_out in (False, True)]
    for form in forms if forms[0].whole != forms[1].whole else forms[:1]:
        fit = fitted(form, columns, response, weights)
        if (
            fit is not None
            and fit.loss
            < np.average((response - np.average(response, weights=weights)) ** 2, weights=weights) * 1.01
        ):
            pruned = _pruned(Refined(form, fit), columns, response, weights)
            found.append(_snapped(pruned, columns, response, weights))
    return found


def _pruned(law: Refined, columns: Mapping[str, Array], response: Array, weights: Array) -> Refined:
    """Without the constants that are zero as far as the data tell, one after another, the least certain first."""
    while len(law.form.free):
        values, errors = law.fit.values[law.form.free], law.fit.standard_errors
        certainty = np.abs(values) / np.maximum(errors, 1e-30 * np.abs(values) + 1e-300)
        slopes = law.form.jacobian(columns, law.fit.values)[1]
        share = np.abs(values) * np.sqrt(np.average(slopes**2, axis=0, weights=weights))
        small = (certainty < 2.0) | (share < ROUNDING * np.sqrt(np.average(response**2, weights=weights)))
        for place in sorted(np.flatnonzero(small), key=lambda place: certainty[place]):
            shorter = _without(law, int(law.form.free[place]), columns, response, weights)
            if shorter is not None:
                law = shorter
                break
        else:
            return law
    return law


def _without(
    law: Refined, index: int, columns: Mapping[str, Array], response: Array, weights: Array
) -> Refined | None:
    values = law.fit.values.copy()
    values[index] = 0.0
    form = Form.of(law.form.with_values(values))
    if len(form.start) >= len(values):
        return None
    fit = fitted(form, columns, response, weights)
    allowed = law.fit.loss * (1.0 + 4.0 / len(response)) + _floor(response, weights)
    return Refined(form, fit) if fit is not None and fit.loss <= allowed else None


def _floor(response: Array, weights: Array) -> float:
    return ROUNDING**2 * float(np.average(response**2, weights=weights))


def _snapped(law: Refined, columns: Mapping[str, Array], response: Array, weights: Array) -> Refined:
    """With constants held at simple fractions where the data leave no doubt: the most certain first, the others refitted."""
    tried: set[float] = set()
    while len(law.form.free):
        values, errors = law.fit.values[law.form.free], law.fit.standard_errors
        offers = [
            (simple_fraction(value, error), index)
            for value, error, index in zip(values, errors, law.form.free, strict=True)
        ]
        offers = [
            (fraction, index) for fraction, index in offers if fraction is not None and fraction not in tried
        ]
        if not offers:
            return law
        fraction, index = offers[0]
        trial = law.fit.values.copy()
        trial[index] = fraction
        held = (*law.form.held, (int(index), fraction))
        # Whole exponents become part of the form, constants that have become 1 or 0 vanish.
        form = _rewritten(Form(law.form.whole, held), trial)
        fit = fitted(form, columns, response, weights)
        allowed = law.fit.loss * (1.0 + 1.0 / len(response)) + _floor(response, weights)
        # A constant that another of the same value hides is free again when the form is rewritten: then nothing was gained.
        if fit is not None and fit.loss <= allowed and len(form.free) < len(law.form.free):
            law = Refined(form, fit)
        else:
            tried.add(fraction)
    return law


def _rewritten(form: Form, values: Array) -> Form:
    """The form of the equation with these numbers, holding those that were held."""
    fixed = {value for _, value in form.held}
    new = Form.of(form.with_values(values))
    held = tuple(
        (index, value)
        for index, value in enumerate(new.start.tolist())
        if abs(value) in fixed or value in fixed
    )
    return Form(new.whole, held)


def simple_fraction(value: float, error: float) -> float | None:
    """The simplest fraction within two standard errors, when these are small beside the gaps between such fractions.

    Example:
        >>> simple_fraction(0.7998, 0.0008), simple_fraction(0.7998, 0.08)
        (0.8, None)
    """
    if not abs(value) <= LARGEST_SNAPPED:
        return None
    for denominator in DENOMINATORS:
        nearest = round(value * denominator) / denominator
        distance = abs(value - nearest)
        certain = error * denominator < 0.05 and distance <= 2.0 * error
        if nearest != 0 and (distance <= ROUNDING * abs(value) or certain):
            return nearest
    return None
