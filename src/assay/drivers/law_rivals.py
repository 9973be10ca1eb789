"""Laws that explain the same data and say different things elsewhere, and where they do so most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.discovery.laws import Laws
from assay.numerics.coordinates import Coordinates
from assay.numerics.expressions import compile_numpy
from assay.space.expressions import parse

__all__ = ["Rivals", "columns_of_points"]

Array = np.ndarray

ROUNDING = 1e-9  # relative error, below which two laws predict alike


def columns_of_points(coordinates: Coordinates, points: Array) -> dict[str, Array]:
    """What a law may hold of unit points: numbers as they are, of a category whether it has each label but the first.

    Arguments:
        points: (points, dimension).
    """
    natural = coordinates.natural(points)
    columns: dict[str, Array] = {}
    for column in coordinates.columns:
        values = natural[column.name]
        if column.labels is None:
            columns[column.name] = values
        else:
            for place, label in enumerate(column.labels[1:], start=1):
                columns[f"{column.name}_is_{place}"] = (values == label).astype(float)
    return columns


@final
@dataclass(frozen=True)
class Rivals:
    """Some of the laws of a search, the recommended one first, as texts in the units of the data.

    Arguments:
        equations: at least one.
        weights: positive, of sum one: in inverse proportion to the squared error in cross-validation.
        error: of the recommended one on rows that were left out, relative to the response's root mean square.
        rows: so many were searched.
    """

    equations: tuple[str, ...]
    weights: tuple[float, ...]
    error: float
    rows: int

    @staticmethod
    def of(laws: Laws, response: Array, most: int) -> Rivals:
        """The recommended law and those that predict rows left out best, of right dimensions.

        Arguments:
            response: (n,), that was searched.
            most: so many in all.
        """
        dimensions = laws.recommended.dimensions
        factor = 1.0 if dimensions is None else dimensions.factors[laws.recommended.response_name]
        size = factor**2 * float(np.mean(response**2))
        others = [law for law in laws.laws if law is not laws.recommended and law.is_consistent]
        others.sort(key=lambda law: law.validation.inside)
        chosen = [laws.recommended, *others[: most - 1]]
        squares = np.array([law.validation.inside for law in chosen])
        weights = 1.0 / np.maximum(squares, ROUNDING**2 * size)
        weights /= weights.sum()
        worst = max(laws.recommended.validation.inside, laws.recommended.validation.edge)
        return Rivals(
            tuple(law.in_units_of_data for law in chosen),
            tuple(weights.tolist()),
            float(np.sqrt(worst / size)) if size else 0.0,
            len(response),
        )

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Rivals:
        """From what `to_data` gave."""
        return Rivals(tuple(data["equations"]), tuple(data["weights"]), data["error"], data["rows"])

    def to_data(self) -> dict[str, Any]:
        """Plain data, for the journal."""
        return {
            "equations": list(self.equations),
            "weights": list(self.weights),
            "error": self.error,
            "rows": self.rows,
        }

    def recommended(self, columns: Mapping[str, Array]) -> Array:
        """What the recommended law says, (points,)."""
        return _said(self.equations[0], columns)

    def disagreement(
        self,
        columns: Mapping[str, Array],
        looked: Mapping[str, Array],
        limits: tuple[float, float],
        noise_variance: float,
    ) -> Array:
        """The variance of what the laws say, (points,), as if the right one were a draw from them; looks that they have not
        seen take from it what they will tell, whatever that is.

            φᵀ (1 + Φᵀ Φ / s²)⁻¹ φ,   φ_i(x) = sqrt(w_i) (f_i(x) - Σ w_j f_j(x))

        Arguments:
            columns: of the points.
            looked: of points whose observations came after the search, or are still to come.
            limits: that what the laws say is cut at, so that a pole of one of them does not draw every look.
            noise_variance: s², of a look.

        Source: W. G. Hunter, A. M. Reiner, Technometrics 7, 307 (1965); G. E. P. Box, W. J. Hill, Technometrics 9, 57 (1967).
        """
        features, past = self._features(columns, limits), self._features(looked, limits)
        least = (ROUNDING * max(abs(limit) for limit in limits)) ** 2
        told = np.eye(len(self.equations)) + past.T @ past / max(noise_variance, least)
        return np.einsum("ni,ni->n", features, np.linalg.solve(told, features.T).T)

    def _features(self, columns: Mapping[str, Array], limits: tuple[float, float]) -> Array:
        """What each law says beside the mean of all, (points, laws)."""
        low, high = limits
        said = np.stack([_said(text, columns) for text in self.equations], axis=1)
        said = np.clip(np.where(np.isnan(said), high, said), low, high)
        weights = np.array(self.weights)
        return np.sqrt(weights) * (said - (said @ weights)[:, None])


def _said(text: str, columns: Mapping[str, Array]) -> Array:
    rows = len(next(iter(columns.values())))
    return np.broadcast_to(compile_numpy(parse(text, list(columns))).value(columns), (rows,)).copy()
