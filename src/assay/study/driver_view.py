"""What a user asks of a study's driver: its methods, on the study's history as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.drivers.abstract import AbstractDriver, History
from assay.errors import UsageError
from assay.study.ledger import Ledger

__all__ = ["DriverView"]


class DriverView:
    """The driver of a study, together with what it may see. Made by `study.driver`.

    Everything is computed from the journal as it is now. The models are fitted once for each state of the journal.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._belief: tuple[tuple[int, int], Any] | None = None

    @property
    def recipe(self) -> AbstractDriver:
        """The driver by itself: its configuration, without data."""
        return self._ledger.driver

    def configuration(self) -> dict[str, Any]:
        """The driver's configuration as plain data."""
        return self.recipe.configuration()

    @property
    def active_learning_configuration(self) -> dict[str, Any]:
        """The configuration of `ActiveLearning` that a preset stands for.

        Raises:
            UsageError: for a driver without models.
        """
        driver = self.recipe
        return getattr(driver, "active_learning_configuration", None) or driver.configuration()

    def describe(self) -> dict[str, Any]:
        """A nested description {name, text, members}, generated from the schema."""
        return self.recipe.describe()

    @property
    def best_sample(self) -> Mapping[str, Any] | None:
        """The design values of the best point so far; None before the first success."""
        best = self.recipe.best(self._ledger.history)
        return None if best is None else best["values"]

    @property
    def min_objective(self) -> float | None:
        """The objective there."""
        best = self.recipe.best(self._ledger.history)
        return None if best is None else best["objective"]

    def belief(self) -> Any:
        """The models fitted to all that is known, with everything that can be asked of them.

        Raises:
            UsageError: for a driver without models, or before two evaluations succeeded.
        """
        driver, history = self.recipe, self._ledger.history
        believe = getattr(driver, "belief", None)
        if believe is None:
            raise UsageError(
                f"this needs a driver with a model, and study {self._ledger.id!r} has {type(driver).__name__}"
            )
        key = (self._ledger.state.last, id(driver))
        if self._belief is None or self._belief[0] != key:
            self._belief = (key, believe(history))
        return self._belief[1]

    def predict(self, points: Any, *arguments: Any, **keys: Any) -> dict[str, Any]:
        """What a quantity is believed to be at points; see `assay.drivers.belief.Belief.predict`.

        Example:
            >>> import assay
            >>> study = assay.create_study([assay.Continuous("x", (0, 1))])
            >>> study.configure(max_iter=6, deterministic=True)
            >>> study.run(lambda x: (x - 0.3) ** 2)
            >>> study.driver.predict([{"x": 0.3}])["mean"].shape
            (1, 1)
        """
        return self.belief().predict(points, *arguments, **keys)

    def get_observed_values(
        self, object_type: Any = "objective", name: str | None = None, num_samples: int | None = None
    ) -> dict[str, Any]:
        """A quantity where evaluations succeeded, smoothed by the models where observations are noisy."""
        from assay.drivers.analysing import observed_values

        return observed_values(self.belief(), object_type, name, num_samples)

    def get_statistics(
        self, object_type: Any = "objective", name: str | None = None, **keys: Any
    ) -> dict[str, Any]:
        """Mean, variance and quantiles over the parameter distribution; see `assay.drivers.analysing.statistics_of`."""
        from assay.drivers.analysing import statistics_of

        return statistics_of(self.belief(), object_type, name, **keys).to_dict()

    def get_sobol_indices(
        self, object_type: Any = "objective", name: str | None = None, **keys: Any
    ) -> dict[str, Any]:
        """Which parameters cause the variance of a quantity; see `assay.drivers.analysing.sobol_of`."""
        from assay.drivers.analysing import sobol_of

        return sobol_of(self.belief(), object_type, name, **keys).to_dict()

    def run_mcmc(self, name: str | None = None, **keys: Any) -> Any:
        """Draws of the parameters from their posterior; see `assay.drivers.analysing.chains_of`."""
        from assay.drivers.analysing import chains_of

        return chains_of(self.belief(), name, **keys)

    @property
    def uncertainties(self) -> dict[str, float]:
        """The standard deviation of each continuous parameter at the best fit, by name.

        Raises:
            UsageError: for a driver that does not fit a vector.
            StudyError: when too little is known yet.
        """
        return self._of_fit("uncertainties")

    @property
    def covariance(self) -> Any:
        """The covariance of the continuous parameters at the best fit, (parameters, parameters).

        Raises:
            UsageError, StudyError: as `uncertainties`.
        """
        return self._of_fit("covariance")

    def _of_fit(self, name: str) -> Any:
        method = getattr(self.recipe, name, None)
        if method is None:
            raise UsageError(
                f"{name} need a driver that fits a vector, and study {self._ledger.id!r} has {type(self.recipe).__name__}"
            )
        return method(self._ledger.history)

    def observed(self) -> dict[int, float]:
        """The objective by the number of each successful trial, as it follows from what was measured; NaN where it
        does not.

        Raises:
            UsageError: for a driver that does not say.
        """
        return _observed(self.recipe, self._ledger.history)


def _observed(driver: AbstractDriver, history: History) -> dict[int, float]:
    say = getattr(driver, "observed", None)
    if say is not None:
        return say(history)
    from assay.study.objective import observed_objective

    return {
        trial.number: observed_objective(trial) for trial in history.trials if trial.status == "succeeded"
    }
