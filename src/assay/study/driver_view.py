"""What a user asks of a study's driver: its methods, on the study's history as it is now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.drivers.abstract import AbstractDriver, History
from assay.errors import UsageError
from assay.records import StateSaved
from assay.study.inspecting import driver_tree, look_up
from assay.study.ledger import Ledger
from assay.study.state import DRIVER_STATE

__all__ = ["DriverView"]


class DriverView:
    """The driver of a study, together with what it may see. Made by `study.driver`.

    Everything is computed from the journal as it is now. The models are fitted once for each state of the journal.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._beliefs: dict[tuple[bool, float], tuple[tuple[int, int], Any]] = {}

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

    def tree(self) -> dict[str, Any]:
        """Everything that `get_state` can be asked for; what takes time is computed when it is called."""
        return driver_tree(self.recipe, self._ledger.history)

    def get_state(self, path: str | None = None) -> Any:
        """What a dot-separated path leads to, as plain data; everything for None. A leading `driver.` is allowed.

        Paths: `best_sample`, `min_objective`, `num_open_suggestions`, `acquisition_function.min_objective`, every key of the
        configuration, and of Gaussian processes `surrogates.0.kernel.design_length_scales`,
        `surrogates.0.kernel.environment_length_scales` and `surrogates.0.noise_variance` (as of the last suggestion).

        Raises:
            UsageError: when the path leads nowhere.
        """
        return look_up(self.tree(), _own(path), "the driver")

    def historic_parameter_values(self, path: str) -> list[Any]:
        """What a path led to after each finished evaluation, in their order; see `get_state`."""
        return self._ledger.historic_values(lambda _, tree: look_up(tree(), _own(path), "the driver"))

    def override_parameter(self, path: str, value: Any) -> None:
        """Hold something at a value until it is cleared by None: a key of the configuration that `describe` marks as
        settable, or a hyperparameter of a Gaussian process.

        It is kept in the configuration, under `overrides`, and counts from the next suggestion on.

        Example:
            >>> import assay
            >>> study = assay.create_study([assay.Continuous("x", (0, 2))])
            >>> study.driver.override_parameter("surrogates.0.kernel.design_length_scales", [0.5])
            >>> study.driver.get_state("surrogates.0.kernel.design_length_scales")
            [0.5]

        Raises:
            ConfigurationError: when the path cannot be overridden, or the value breaks a rule; nothing is changed then.
        """
        plain = (
            value.tolist() if hasattr(value, "tolist") else list(value) if isinstance(value, tuple) else value
        )

        def changed(configuration: Mapping[str, Any]) -> dict[str, Any]:
            if "overrides" not in configuration:
                raise UsageError(
                    f"overrides need a driver with a model, and study {self._ledger.id!r} has {type(self.recipe).__name__}"
                )
            rest = {key: held for key, held in configuration["overrides"].items() if key != _own(path)}
            return {"overrides": rest if plain is None else {**rest, _own(path): plain}}

        self._ledger.configure({}, changed)

    def optimize_hyperparameters(
        self, path: str | None = None, num_samples: int = 1, min_dist: float = 0.0
    ) -> None:
        """Fit the hyperparameters to all data now, from `num_samples` fresh starts and from the last ones; the next
        suggestion begins with them.

        Use it after `add_many`, or where a model looks wrong.

        Arguments:
            path: of a surrogate, such as "surrogates.0"; None: all of them.
            num_samples: fresh starts of each fit, at least 1.
            min_dist: of Gaussian processes, leave out rows that stand closer to others than so many of the length scales so
                far.

        Raises:
            UsageError: for a driver without models, an unknown path, or before two evaluations succeeded.
        """
        if num_samples < 1:
            raise UsageError(f"optimize_hyperparameters needs num_samples of at least 1, got {num_samples}")
        self._train(path, num_samples, min_dist)

    def train(self, path: str | None = None) -> None:
        """Train the surrogates on all data now, from where they were, and keep them for the next suggestion.

        Arguments, Raises: as `optimize_hyperparameters`.
        """
        self._train(path, 0)

    def _train(self, path: str | None, fresh_starts: int, min_dist: float = 0.0) -> None:
        driver, history = self.recipe, self._ledger.history
        trained = getattr(driver, "trained", None)
        if trained is None:
            raise UsageError(
                f"this needs a driver with a model, and study {self._ledger.id!r} has {type(driver).__name__}"
            )
        own = _own(path)
        found = re.fullmatch(r"surrogates\.(\d+)", own) if own is not None else None
        if own is not None and found is None:
            raise UsageError(f"the path of a surrogate is such as 'surrogates.0', got {path!r}")
        state = trained(history, None if found is None else int(found[1]), fresh_starts, min_dist)
        self._ledger.transact(lambda _: [StateSaved(DRIVER_STATE, state)])

    def belief(self, *, as_chosen: bool = False, min_dist: float = 0.0) -> Any:
        """The models fitted to all that is known, with everything that can be asked of them.

        Arguments:
            as_chosen: the models that suggestions are made by, not averaged over their hyperparameters.
            min_dist: Gaussian processes leave out rows that stand closer to others than so many length scales, which costs
                little where rows crowd; 0: what is configured.

        Raises:
            UsageError: for a driver without models, or before two evaluations succeeded.
        """
        key = (self._ledger.state.last, id(self.recipe))
        kind = (as_chosen, min_dist)
        if kind not in self._beliefs or self._beliefs[kind][0] != key:
            asked = {"as_chosen": as_chosen, "min_dist": min_dist}
            self._beliefs[kind] = (
                key,
                self._believed(**{name: value for name, value in asked.items() if value}),
            )
        return self._beliefs[kind][1]

    def _believed(self, **keys: Any) -> Any:
        believe = getattr(self.recipe, "belief", None)
        if believe is None:
            raise UsageError(
                f"this needs a driver with a model, and study {self._ledger.id!r} has {type(self.recipe).__name__}"
            )
        return believe(self._ledger.history, **keys)

    def predict(self, points: Any, *arguments: Any, min_dist: float = 0.0, **keys: Any) -> dict[str, Any]:
        """What a quantity is believed to be at points; see `assay.drivers.belief.Belief.predict`, and `belief` for
        `min_dist`.

        Example:
            >>> import assay
            >>> study = assay.create_study([assay.Continuous("x", (0, 1))])
            >>> study.configure(max_iter=6, deterministic=True)
            >>> study.run(lambda x: (x - 0.3) ** 2)
            >>> study.driver.predict([{"x": 0.3}])["mean"].shape
            (1, 1)
        """
        return self.belief(min_dist=min_dist).predict(points, *arguments, **keys)

    def acquisition(
        self, points: Sequence[Mapping[str, Any]], environment_value: Mapping[str, float] | None = None
    ) -> Any:
        """The logarithm of what a look at each point promises now, (points,); minus infinity where constraints are broken.

        Arguments:
            points: mappings from name to value, of the design.
            environment_value: values of the environment; what is left out keeps its last known value.

        Raises:
            UsageError: for a driver without models, or before two evaluations succeeded.

        Example:
            >>> import assay
            >>> study = assay.create_study([assay.Continuous("x", (0, 1))])
            >>> study.configure(max_iter=5, deterministic=True)
            >>> study.run(lambda x: (x - 0.3) ** 2)
            >>> near, far = study.driver.acquisition([{"x": 0.3}, {"x": 0.9}])
            >>> bool(near > far)
            True
        """
        promises = getattr(self.recipe, "acquisition", None)
        if promises is None:
            raise UsageError(
                f"this needs a driver with a model, and study {self._ledger.id!r} has {type(self.recipe).__name__}"
            )
        return promises(
            self._ledger.history, points, {**self._ledger.state.environment, **(environment_value or {})}
        )

    def front(self) -> Any:
        """The Pareto front so far, with the hypervolume over time; of a driver with a `MultiMinimizer`.

        Raises:
            UsageError: for a driver without models or with one objective, or before two evaluations succeeded.

        Example:
            >>> import assay
            >>> study = assay.create_study([assay.Continuous("x", (0, 1))])
            >>> study.configure(
            ...     surrogates=[{"output_dim": 2}],
            ...     variables=[{"type": "MultiSelector", "output_names": ["cost", "loss"]}],
            ...     objectives=[{"type": "MultiMinimizer", "variables": ["cost", "loss"],
            ...                  "lower_reference": [0, 0], "upper_reference": [1, 1]}],
            ...     deterministic=True, max_iter=6,
            ... )
            >>> study.run(lambda x: [x, (1 - x) ** 2])
            >>> front = study.driver.front()
            >>> front.names, bool(front.hypervolume[-1] > 0.4)
            (('cost', 'loss'), True)
        """
        from assay.drivers.front import front_of

        finished = [trial for trial in self._ledger.history.trials if trial.status == "succeeded"]
        return front_of(self.belief(), finished)

    def get_observed_values(
        self, object_type: Any = "objective", name: str | None = None, num_samples: int | None = None
    ) -> dict[str, Any]:
        """A quantity where evaluations succeeded, smoothed by the models where observations are noisy."""
        from assay.drivers.analysing import observed_values

        return observed_values(self.belief(), object_type, name, num_samples)

    def get_statistics(
        self, object_type: Any = "objective", name: str | None = None, *, min_dist: float = 0.0, **keys: Any
    ) -> dict[str, Any]:
        """Mean, variance and quantiles over the parameter distribution; see `assay.drivers.analysing.statistics_of`, and
        `belief` for `min_dist`."""
        from assay.drivers.analysing import statistics_of

        return statistics_of(self.belief(min_dist=min_dist), object_type, name, **keys).to_dict()

    def get_sobol_indices(
        self, object_type: Any = "objective", name: str | None = None, *, min_dist: float = 0.0, **keys: Any
    ) -> dict[str, Any]:
        """Which parameters cause the variance of a quantity; see `assay.drivers.analysing.sobol_of`, and `belief` for
        `min_dist`."""
        from assay.drivers.analysing import sobol_of

        return sobol_of(self.belief(min_dist=min_dist), object_type, name, **keys).to_dict()

    def get_minima(
        self, object_type: Any = "objective", name: str | None = None, *, min_dist: float = 0.0, **keys: Any
    ) -> dict[str, Any]:
        """The local minima of a quantity inside the constraints, with their widths; see `assay.drivers.minima.minima_of`,
        and `belief` for `min_dist`.

        Example:
            >>> import assay
            >>> study = assay.create_study([assay.Continuous("x", (-2, 2))])
            >>> study.configure(max_iter=16, deterministic=True)
            >>> study.run(lambda x: (x**2 - 1) ** 2 + 0.1 * x)
            >>> [round(place, 1) for place in study.driver.get_minima(num_output=2)["param.x"]]
            [-1.0, 1.0]
        """
        from assay.drivers.minima import minima_of

        return minima_of(self.belief(min_dist=min_dist), object_type, name, **keys).to_dict()

    def run_mcmc(self, name: str | None = None, *, min_dist: float = 0.0, **keys: Any) -> Any:
        """Draws of the parameters from their posterior; see `assay.drivers.analysing.chains_of`, and `belief` for
        `min_dist`."""
        from assay.drivers.analysing import chains_of

        return chains_of(self.belief(as_chosen=True, min_dist=min_dist), name, **keys)

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


def _own(path: str | None) -> Any:
    return None if path is None else path.removeprefix("driver.")


def _observed(driver: AbstractDriver, history: History) -> dict[int, float]:
    say = getattr(driver, "observed", None)
    if say is not None:
        return say(history)
    from assay.study.objective import observed_objective

    return {
        trial.number: observed_objective(trial) for trial in history.trials if trial.status == "succeeded"
    }
