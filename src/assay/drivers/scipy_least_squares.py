"""SciPy's nonlinear least squares, from many starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
from pydantic import Field

from assay.drivers.abstract import History, Proposal, Request
from assay.drivers.fit_covariance import parameter_covariance
from assay.drivers.local_runs import KnownFunction
from assay.drivers.model_free import AbstractModelFreeDriver, ModelFreeConfiguration, check_start_points
from assay.drivers.multi_start import MultiStart
from assay.drivers.observed import best_of_trials, measured, reached
from assay.drivers.training import check_measurements
from assay.errors import ConfigurationError, StudyError
from assay.records import Measurement, Trial
from assay.space.space import Space

__all__ = ["ScipyLeastSquares", "ScipyLeastSquaresConfiguration"]

Array = np.ndarray

# How hard the constraints push back, in units of the first residual for the whole domain.
CONSTRAINT_WEIGHT = 10.0


class ScipyLeastSquaresConfiguration(ModelFreeConfiguration):
    """Local fits of a vector to a target, from one start after the other."""

    target_vector: list[float] | None = Field(
        default=None, min_length=1, description="what the outputs should be; none given: zeros"
    )
    uncertainty_vector: list[float] | None = Field(
        default=None, min_length=1, description="standard deviation of each target; none given: ones"
    )
    covariance_matrix: list[list[float]] | None = Field(
        default=None,
        min_length=1,
        description="covariance of the targets, in place of `uncertainty_vector`",
    )
    num_starts: int | None = Field(
        default=None, ge=1, description="local fits after which the study is done; none given: no limit"
    )
    start_points: list[dict[str, float | int | str]] = Field(
        default_factory=list, description="where the first ones begin; quasi-random points follow"
    )
    tolerance: float = Field(
        default=1e-8,
        gt=0,
        le=0.1,
        description="a fit ends when a step changes chi-squared or the parameters less than this, relatively",
    )
    finite_difference_step: float = Field(
        default=1e-6,
        gt=0,
        le=0.1,
        description="step of a derivative that was not told, as a fraction of the domain",
    )

    def model_post_init(self, _: Any) -> None:
        if self.uncertainty_vector is not None and self.covariance_matrix is not None:
            raise ConfigurationError(
                "the driver takes one of the keys 'uncertainty_vector' and 'covariance_matrix', got both"
            )
        sizes = {
            key: len(value)
            for key in ("target_vector", "uncertainty_vector", "covariance_matrix")
            if (value := getattr(self, key)) is not None
        }
        if len(set(sizes.values())) > 1:
            words = " and ".join(f"{size} in {key!r}" for key, size in sizes.items())
            raise ConfigurationError(f"the driver's keys need the same number of outputs, got {words}")
        for key in ("target_vector", "uncertainty_vector"):
            if not np.isfinite(getattr(self, key) or []).all():
                raise ConfigurationError(f"the driver's key {key!r} must be finite, got {getattr(self, key)}")
        if self.uncertainty_vector is not None and min(self.uncertainty_vector) <= 0:
            raise ConfigurationError(
                f"the driver's key 'uncertainty_vector' must be positive, got {min(self.uncertainty_vector)!r}"
            )
        if self.covariance_matrix is not None:
            _require_covariance(self.covariance_matrix)

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        given = (self.target_vector, self.uncertainty_vector, self.covariance_matrix)
        return next((len(item) for item in given if item is not None), 1)


def _require_covariance(rows: list[list[float]]) -> None:
    path = "the driver's key 'covariance_matrix' must be"
    if any(len(row) != len(rows) for row in rows):
        raise ConfigurationError(f"{path} square, got rows of {[len(row) for row in rows]} entries")
    matrix = np.array(rows)
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0.0):
        raise ConfigurationError(f"{path} finite and symmetric, got a matrix that is not")
    if np.linalg.eigvalsh(matrix)[0] <= 0:
        raise ConfigurationError(
            f"{path} positive definite, got a smallest eigenvalue of {np.linalg.eigvalsh(matrix)[0]:.3g}"
        )


@final
@dataclass(frozen=True)
class ScipyLeastSquares(AbstractModelFreeDriver[ScipyLeastSquaresConfiguration]):
    """Fit a vector to a target by SciPy's trust-region reflective algorithm, from many starts.

    Use it where an evaluation takes less than a second or tells its derivatives. It minimises

        chi2(p) = (f(p) - t)^T C^-1 (f(p) - t)

    over the continuous parameters; all others stay where a start has them. A derivative that an observation does not hold
    costs one further evaluation, in parallel with those of the other parameters. While a fit waits, free slots work on the
    next start. The study's constraints are kept by every suggestion; they push back like a steep spring. The first start
    is the best point that was told before the first suggestion, if there is one. A point that was withdrawn is asked for
    again; a failure makes the fit shorten its step.

    Reference: Branch, Coleman and Li, SIAM Journal on Scientific Computing 21 (1999) 1.

    Example:
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> driver = ScipyLeastSquares.from_data({"target_vector": [1.0, 2.0], "start_points": [{"x": 0.5}]})
        >>> driver.suggest(History(space, (), seed=0), Request(0)).values
        {'x': 0.5}
    """

    kind = ScipyLeastSquaresConfiguration
    settings: ScipyLeastSquaresConfiguration
    # what was replayed last, so that the next suggestion does not begin anew; it changes no answer
    _replayed: list[MultiStart] = field(default_factory=list, init=False, repr=False, compare=False)

    def check_space(self, space: Space) -> None:
        check_start_points(space, self.settings.start_points)

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        check_measurements(space, measurements, {"loss": self.settings.outputs})

    def suggest(self, history: History, request: Request) -> Proposal:
        runs = self._runs(history)
        proposal = runs.propose(self._solve, request)
        self._replayed.append(runs)
        return proposal

    def best(self, history: History) -> Mapping[str, Any] | None:
        return best_of_trials(history, self._chi_squared)

    def observed(self, history: History) -> dict[int, float]:
        """Chi-squared of what each successful trial measured, by number."""
        pairs = {trial.number: self._chi_squared(trial) for trial in history.trials}
        return {number: value for number, value in pairs.items() if value is not None}

    def covariance(self, history: History) -> Array:
        """The covariance of the continuous parameters about the best point, linearised.

        It is (J^T C^-1 J)^-1, with J the derivatives of the outputs there. Without `uncertainty_vector` and `covariance_matrix`
        the scatter of the residuals stands for the unknown uncertainty: the matrix is multiplied by chi2 / (K - N), of K outputs and N
        parameters, or by chi2 where K <= N.

        Returns:
            (parameters, parameters), in the order of the space and the parameters' own units.

        Raises:
            StudyError: when no derivatives are known at the best point yet, or they leave a parameter undetermined.
        """
        runs = self._runs(history)
        best = best_of_trials(history, self._chi_squared)
        found = None if best is None else runs.known_jacobian(best["values"])
        self._replayed.append(runs)
        if best is None or found is None:
            raise StudyError(
                "the covariance needs the derivatives at the best point, told or by differences, and they are not known yet"
            )
        unknown = self.settings.uncertainty_vector is None and self.settings.covariance_matrix is None
        return parameter_covariance(self._whiten(found), best["objective"] if unknown else None)

    def uncertainties(self, history: History) -> dict[str, float]:
        """The standard deviation of each continuous parameter, by name: the roots of the diagonal of `covariance`.

        Raises:
            StudyError: as `covariance`.
        """
        names = MultiStart(history, (), self.settings.finite_difference_step).moving_names
        deviations = np.sqrt(np.diag(self.covariance(history)))
        return dict(zip(names, map(float, deviations), strict=True))

    def stop_reason(self, history: History) -> str | None:
        sentence = reached(lambda: self.best(history), self.settings.min_val)
        if sentence is not None or self.settings.num_starts is None:
            return sentence
        runs = self._runs(history)
        ended = runs.have_ended(self.settings.num_starts, self._solve)
        self._replayed.append(runs)
        return f"{self.settings.num_starts} local fits have ended" if ended else None

    @cached_property
    def _root(self) -> Array:
        """(outputs, outputs), the lower Cholesky factor of the targets' covariance."""
        if self.settings.covariance_matrix is not None:
            return np.linalg.cholesky(np.array(self.settings.covariance_matrix))
        return np.diag(self.settings.uncertainty_vector or [1.0] * self.settings.outputs)

    def _whiten(self, array: Array) -> Array:
        return np.linalg.solve(self._root, array)

    def _residuals(self, values: Array) -> Array:
        return self._whiten(values - np.array(self.settings.target_vector or [0.0] * len(values)))

    def _chi_squared(self, trial: Trial) -> float | None:
        """Chi-squared of what a trial measured; None where there is nothing."""
        values = measured(trial)
        if values is None:
            return None
        residuals = self._residuals(np.array(values))
        return float(residuals @ residuals)

    def _runs(self, history: History) -> MultiStart:
        settings = self.settings
        return MultiStart.of(
            history,
            self._chi_squared,
            settings.start_points,
            settings.finite_difference_step,
            self._replayed,
        )

    def _solve(self, function: KnownFunction) -> None:
        from scipy.optimize import least_squares

        first = function.values(function.start)
        if first is None or not len(function.moving):
            return
        weight = CONSTRAINT_WEIGHT * float(np.linalg.norm(self._residuals(first)))

        def residuals(place: Array) -> Array:
            values = function.values(place)
            if values is None:  # the algorithm shortens its step
                return np.full(self.settings.outputs + function.feasible.count, np.inf)
            return np.concatenate([self._residuals(values), weight * np.minimum(function.slack(place), 0.0)])

        def jacobian(place: Array) -> Array:
            broken = function.slack(place) < 0
            spring = weight * np.where(broken[:, None], function.slack_gradient(place), 0.0)
            return np.concatenate([self._whiten(function.jacobian(place)), spring])

        tolerance = self.settings.tolerance
        least_squares(
            residuals,
            function.start,
            jac=jacobian,  # pyright: ignore[reportArgumentType] (the stubs know only names)
            bounds=(0.0, 1.0),
            method="trf",
            ftol=tolerance,
            xtol=tolerance,
            gtol=tolerance,
            max_nfev=1_000_000,
        )
