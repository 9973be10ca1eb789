"""Study: create, open, ask, tell, run. The only place where records and numbers meet."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.drivers.abstract import History
from assay.errors import NoFreeSlotError, StudyError, UnknownSuggestionError, UsageError
from assay.executors.abstract import AbstractEvaluator
from assay.records import (
    Configured,
    Event,
    Measurement,
    Observation,
    Outcome,
    OutcomeRecorded,
    StateSaved,
    StudyCreated,
    Suggested,
    Suggestion,
    SuggestionCleared,
    Trial,
)
from assay.space.space import Space
from assay.store.abstract import AbstractStore, StoredEvent
from assay.study.catalog import load
from assay.study.configuration import StudyConfiguration
from assay.study.definition import Definition, require_seed, require_study_id
from assay.study.driver_view import DriverView
from assay.study.environment import environment_of_point, measured_in
from assay.study.evaluation import ExecutorChoice
from assay.study.inspecting import look_up, study_tree
from assay.study.journal import Journal
from assay.study.ledger import Ledger
from assay.study.proposing import proposed
from assay.study.state import StudyState
from assay.study.suggesting import timestamp

__all__ = ["Study", "create_study", "open_study"]

POLL_SECONDS = 0.2


def create_study(
    design_space: Sequence[Any],
    environment: Sequence[Any] | None = None,
    constraints: Sequence[Any] | None = None,
    driver: str = "ActiveLearning",
    study_id: str | None = None,
    study_name: str | None = None,
    store: str | Path | AbstractStore | None = None,
    output_precision: float = 1e-10,
    seed: int = 0,
) -> Study:
    """Create a study, or resume the stored one of that id.

    Arguments:
        design_space: the parameters to choose, as objects or plain data: `{"name", "type", "domain"}`.
        environment: parameters that nobody chooses.
        constraints: `{"name", "expression"}` with an expression like "x + y <= 1".
        driver: who suggests; `assay.study.catalog.names("drivers")` lists them.
        study_id: its name in the store, 1 to 100 letters, digits, "_", "-", "."; a fresh one when left out.
        store: a file path, a database URL or a store. Left out: the file `<study_id>.assay.db` in the working
            directory when a `study_id` is given, else memory only.
        output_precision: suggested values are rounded to multiples of this.
        seed: of everything random in the study.

    Raises:
        UsageError: when the id or the seed breaks its rule.
        SpaceError: when the space breaks a rule.
        DefinitionConflictError: when a study of that id is stored with another definition.

    Example:
        >>> study = create_study([{"name": "x", "type": "continuous", "domain": (-1, 1)}], driver="RandomSearch")
        >>> study.configure(max_iter=5)
        >>> study.run(lambda x: x**2)
        >>> len(study.trials)
        5
    """
    require_seed(seed)
    chosen_id = uuid.uuid4().hex[:12] if study_id is None else require_study_id(study_id)
    space = Space.from_data(design_space, environment, constraints, output_precision)
    load("drivers", driver)
    opened, location = _open_store(store, study_id, create=True)
    definition = Definition(space, driver, seed, study_name or chosen_id)
    journal = Journal(opened, chosen_id)
    initial = load("drivers", driver).from_data({})
    initial.check_space(space)

    def decide(state: StudyState) -> Sequence[Event]:
        if state.definition is not None:
            Definition.from_data(state.definition).require_same(chosen_id, definition)
            return []
        settings = {"study": StudyConfiguration().model_dump(), "driver": initial.configuration()}
        return [StudyCreated(definition.to_data()), Configured(settings)]

    journal.transact(decide)
    return Study(Ledger(journal, location))


def open_study(store: str | Path | AbstractStore, study_id: str | None = None) -> Study:
    """Open a stored study; without `study_id`, the only one of the store.

    Raises:
        StoreError: when there is no such store; none is made.
        StudyError: when it holds no such study, or several and none was named.
    """
    opened, location = _open_store(store, study_id, create=False)
    ids = opened.study_ids()
    chosen = study_id or (ids[0] if len(ids) == 1 else None)
    if chosen is None or chosen not in ids:
        found = ", ".join(map(repr, ids)) or "none"
        asked = f"no study {study_id!r}" if study_id else "not exactly one study"
        raise StudyError(f"{location or 'the store'} holds {asked}; its studies are: {found}")
    return Study(Ledger(Journal(opened, chosen), location))


def _open_store(
    store: str | Path | AbstractStore | None, study_id: str | None, *, create: bool
) -> tuple[AbstractStore, str | Path | None]:
    if isinstance(store, AbstractStore):
        return store, getattr(store, "location", None)
    if store is None and study_id is None:
        from assay.store.memory import MemoryStore

        return MemoryStore(), None
    from assay.store.location import open_store  # SQLAlchemy is imported only when a store is opened

    location = store if store is not None else Path(f"{study_id}.assay.db")
    return open_store(location, create=create), location


def _seconds(value: float | None) -> float | None:
    if value is not None and not 0 <= value < math.inf:
        raise UsageError(f"acquisition_time must be finite and not negative, got {value!r}")
    return None if value is None else float(value)


class Study:
    """A space, a driver and a journal: ask it where to look, tell it what was seen, or let it run.

    Made by `create_study` or `open_study`. Several processes may work on one study at once.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._driver_view: DriverView | None = None

    # -- what it is ------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Its name in the store."""
        return self._ledger.id

    @property
    def name(self) -> str:
        """Its name for people."""
        return self._ledger.definition.name

    @property
    def space(self) -> Space:
        """What may be varied."""
        return self._ledger.definition.space

    @property
    def seed(self) -> int:
        """The seed of everything random."""
        return self._ledger.definition.seed

    @property
    def location(self) -> str | Path | None:
        """Where its store lies; None for memory."""
        return self._ledger.location

    @property
    def store(self) -> AbstractStore:
        """The store of its journal."""
        return self._ledger.store

    @property
    def driver(self) -> DriverView:
        """The driver, to be asked about what is known now: predictions, minima, statistics, its state."""
        if self._driver_view is None:
            self._driver_view = DriverView(self._ledger)
        return self._driver_view

    @property
    def settings(self) -> StudyConfiguration:
        """The study's own part of the configuration."""
        return self._ledger.settings

    @property
    def configuration(self) -> dict[str, Any]:
        """The whole configuration, for `configure(**configuration)` of this or another study."""
        stored = self.state.configuration
        return {**stored["study"], **stored["driver"]}

    def configure(self, **keys: Any) -> None:
        """Change the configuration, at any time, also while the study runs in this or another process.

        Keys: those of `StudyConfiguration` (max_iter, max_time, num_parallel, timeout_seconds, retries, …) and
        the driver's. Keys that are left out keep their value.

        Raises:
            ConfigurationError: one sentence with key, rule and what was got; nothing is changed then.
        """
        self._ledger.configure(keys)

    def describe(self) -> dict[str, Any]:
        """A nested description {name, text, members}, generated from the schemas."""
        members = [
            {"name": key, "text": field.description, "value": getattr(self.settings, key), "settable": True}
            for key, field in StudyConfiguration.model_fields.items()
        ]
        return {"name": self.name, "text": "study", "members": [*members, self.driver.describe()]}

    def get_state(self, path: str | None = None) -> Any:
        """What a dot-separated path leads to, as plain data: `driver`, `suggestion` and `observation` (the latest ones),
        `num_finished`, `num_open`; everything for None.

        Example:
            >>> study = create_study([{"name": "x", "domain": (-1, 1)}], driver="RandomSearch")
            >>> study.configure(max_iter=3)
            >>> study.run(lambda x: x**2)
            >>> study.get_state("driver.min_objective") == study.get_state("driver.best_sample.x") ** 2
            True

        Raises:
            UsageError: when the path leads nowhere.
        """
        return look_up(study_tree(self.state, self.driver.tree), path, f"study {self.id!r}")

    def historic_parameter_values(self, path: str) -> list[Any]:
        """What a path led to after each finished evaluation, in their order; see `get_state`."""
        return self._ledger.historic_values(
            lambda state, tree: look_up(study_tree(state, tree), path, f"study {self.id!r}")
        )

    # -- what it knows ---------------------------------------------------------------------------------

    @property
    def state(self) -> StudyState:
        """The folded journal, refreshed."""
        return self._ledger.state

    @property
    def history(self) -> History:
        """What the driver may see now."""
        return self._ledger.history

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every suggestion with what became of it, by number."""
        return self.state.ordered_trials()

    def events(self) -> list[StoredEvent]:
        """The whole journal, as it is stored."""
        return self._ledger.store.read(self.id)

    @property
    def open_suggestions(self) -> tuple[Suggestion, ...]:
        """The suggestions without an outcome."""
        state = self.state
        return tuple(state.trials[number].suggestion for number in sorted(state.open))

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The best point so far, as the driver sees it; None before the first success."""
        return self._ledger.driver.best(self.history)

    def to_dataframe(self) -> Any:
        """All trials as a pandas DataFrame, in the columns of `docs/formats.md`."""
        from assay.study.table import to_dataframe  # pandas is imported only for tables

        return to_dataframe(self.space, self.state)

    def is_done(self) -> bool:
        """Whether a stopping criterion is met and nothing is being evaluated."""
        return self.stop_reason() is not None and not self.state.open - self.state.waiting

    def stop_reason(self) -> str | None:
        """The sentence for the criterion that is met, or None."""
        return self._ledger.stop_reason(self.state)

    def save_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Keep plain data in the journal under a name; `state.saved[name]` gives back the last."""
        self._ledger.transact(lambda _: [StateSaved(name, state)])

    # -- ask -------------------------------------------------------------------------------------------

    def get_suggestion(
        self, environment_value: Mapping[str, float] | None = None, block: bool = False
    ) -> Suggestion:
        """A point to look at. It stays open until it is told or cleared.

        Arguments:
            environment_value: the environment now; what is left out keeps its last known value.
            block: wait for a free slot instead of raising.

        Raises:
            NoFreeSlotError: when `num_parallel` suggestions are open.
            SpaceError: when the environment breaks a rule, or nothing is known yet of a variable parameter of it.
        """
        while True:
            try:
                return self._ledger.suggest(environment_value, lease=False)
            except NoFreeSlotError:
                if not block:
                    raise
                time.sleep(POLL_SECONDS)

    def propose(
        self,
        points: Sequence[Mapping[str, Any]] | int,
        environment_value: Mapping[str, float] | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """Put points into the queue: they are open, and whoever runs the study evaluates them first.

        Use it for a design that was made elsewhere, or for a batch that the driver chooses together. All of them are
        written down in one transaction, and a replay reads them there.

        Arguments:
            points: a value for every parameter that is not fixed, for each point; or how many the driver is to choose.
            environment_value: the environment of all of them; what is left out keeps its last known value.
            info: plain data about them, for people.

        Returns: their numbers.

        Raises:
            SpaceError: when a value breaks its rule, or nothing is known of a variable environment parameter.
            UsageError: when the driver chooses one point at a time only.

        Example:
            >>> study = create_study([{"name": "x", "domain": (-1, 1)}], driver="AdaptiveSampling")
            >>> study.propose([{"x": 0.5}, {"x": -0.5}])
            [0, 1]
            >>> study.propose(3)
            [2, 3, 4]
            >>> study.run(lambda x: x**2, suggest=False)
            >>> [trial.outcome.measurements[0].value for trial in study.trials[:2]]
            [(0.25,), (0.25,)]
        """
        return proposed(self._ledger, points, environment_value or {}, info or {})

    # -- tell ------------------------------------------------------------------------------------------

    def new_observation(self) -> Observation:
        """An empty observation, to be filled by `add`."""
        return Observation()

    def add_observation(
        self,
        observation: Observation | float | Sequence[float],
        suggestion_id: int | None = None,
        design_value: Mapping[str, Any] | None = None,
        environment_value: Mapping[str, float] | None = None,
        acquisition_time: float | None = None,
    ) -> int:
        """Tell what was seen at an open suggestion, or at a point of your own.

        Arguments:
            observation: an `Observation`, or a number or list for the only surrogate.
            suggestion_id: the suggestion that it answers; else give `design_value`.
            environment_value: the environment that was met, if it was not the suggestion's.
            acquisition_time: seconds that the evaluation took.

        Returns: the number of the trial.

        Raises:
            UnknownSuggestionError: when no open suggestion has that number.
            UsageError: when the observation could not be learned from; nothing is stored then.
        """
        outcome = Outcome("succeeded", self._checked(observation), _seconds(acquisition_time))
        if (suggestion_id is None) == (design_value is None):
            raise UsageError("give either suggestion_id or design_value, and not both")
        if suggestion_id is None:
            assert design_value is not None
            return self._add_free([(design_value, environment_value, outcome)])[0]
        return self._tell(suggestion_id, outcome, environment_value)

    def add_failure(self, suggestion_id: int, error: str) -> int:
        """Tell that the evaluation of an open suggestion failed: the model cannot be evaluated there."""
        return self._tell(suggestion_id, Outcome("model_failure", error=error))

    def add_many(
        self,
        observations: Sequence[Observation | float | Sequence[float]],
        design_values: Sequence[Mapping[str, Any]],
        environment_values: Sequence[Mapping[str, float]] | None = None,
        acquisition_times: Sequence[float] | None = None,
    ) -> list[int]:
        """Tell many points of your own at once, in one transaction; the history is that of telling them one by
        one.

        Raises:
            UsageError: when lengths differ or one of them is wrong; nothing is stored then.
        """
        count = len(observations)
        environments = environment_values if environment_values is not None else [None] * count
        times = acquisition_times if acquisition_times is not None else [None] * count
        lengths = {"design_values": len(design_values), "environment_values": len(environments)}
        lengths["acquisition_times"] = len(times)
        for what, length in lengths.items():
            if length != count:
                raise UsageError(
                    f"{what} must have one entry for each of the {count} observations, got {length}"
                )
        rows = [
            (design, place, Outcome("succeeded", self._checked(observation), _seconds(seconds)))
            for observation, design, place, seconds in zip(
                observations, design_values, environments, times, strict=True
            )
        ]
        return self._add_free(rows)

    def add_outcomes(self, outcomes: Mapping[int, Observation | Outcome]) -> None:
        """Tell many open suggestions at once, in one transaction.

        Arguments:
            outcomes: by the number of a suggestion: what was seen, or how its evaluation ended.

        Raises:
            UnknownSuggestionError: when one of them is not open.
            UsageError: when an observation could not be learned from; nothing is stored in either case.
        """
        told = {
            int(number): seen if isinstance(seen, Outcome) else Outcome("succeeded", self._checked(seen))
            for number, seen in outcomes.items()
        }

        def decide(state: StudyState) -> Sequence[Event]:
            for number in told:
                if number not in state.open:
                    raise UnknownSuggestionError(self._unknown(state, number))
            return [
                OutcomeRecorded(number, max(state.trials[number].attempts, 1), outcome)
                for number, outcome in told.items()
            ]

        self._ledger.transact(decide)

    def clear_suggestion(self, suggestion_id: int, message: str = "") -> None:
        """Withdraw an open suggestion."""

        def decide(state: StudyState) -> Sequence[Event]:
            if suggestion_id not in state.open and suggestion_id not in state.claims:
                raise UnknownSuggestionError(self._unknown(state, suggestion_id))
            return [SuggestionCleared(int(suggestion_id), message)]

        self._ledger.transact(decide)

    def clear_all_suggestions(self, message: str = "") -> None:
        """Withdraw every open suggestion."""
        self._ledger.transact(
            lambda state: [
                SuggestionCleared(number, message) for number in sorted({*state.open, *state.claims})
            ]
        )

    def _checked(self, observation: Observation | float | Sequence[float]) -> tuple[Measurement, ...]:
        if not isinstance(observation, Observation):
            plain, observation = observation, Observation()
            observation.add(plain)
        measurements = observation.measurements
        for measurement in measurements:
            if any(value != value or abs(value) == float("inf") for value in measurement.value):
                raise UsageError(
                    f"an observation must be finite, got {list(measurement.value)!r}; "
                    "tell a failed evaluation by add_failure"
                )
        self._ledger.check(measurements)
        return measurements

    def _tell(
        self, suggestion_id: int, outcome: Outcome, environment_value: Mapping[str, float] | None = None
    ) -> int:
        number = int(suggestion_id)  # a number of NumPy's, from a table, is as good

        def decide(state: StudyState) -> Sequence[Event]:
            if number not in state.open:
                raise UnknownSuggestionError(self._unknown(state, number))
            trial, told = state.trials[number], outcome
            if environment_value is not None:
                met = self.space.validate_environment({**trial.suggestion.environment, **environment_value})
                told = replace(outcome, measurements=measured_in(met, outcome.measurements))
            return [OutcomeRecorded(number, max(trial.attempts, 1), told)]

        self._ledger.transact(decide)
        return number

    def _unknown(self, state: StudyState, number: int) -> str:
        known = ", ".join(map(str, sorted(state.open))) or "none"
        status = state.trials[number].status if number in state.trials else "never suggested"
        return f"study {self.id!r} has no open suggestion {number} ({status}); open are: {known}"

    def _add_free(
        self, rows: Sequence[tuple[Mapping[str, Any], Mapping[str, float] | None, Outcome]]
    ) -> list[int]:
        checked = [(self.space.validate_design(design), place, outcome) for design, place, outcome in rows]
        created = timestamp()
        numbers: list[int] = []

        def decide(state: StudyState) -> Sequence[Event]:
            numbers.clear()
            events: list[Event] = []
            last = state.environment
            for number, (design, place, outcome) in enumerate(checked, start=state.next_number):
                environment = environment_of_point(self.space, last, place, outcome.measurements)
                last = environment or last
                suggestion = Suggestion(number, design, environment, created, "user")
                events += [Suggested(suggestion), OutcomeRecorded(number, 1, outcome)]
                numbers.append(number)
            return events

        self._ledger.transact(decide)
        return numbers

    # -- run -------------------------------------------------------------------------------------------

    def run(
        self,
        evaluate: Callable[..., Any] | str | AbstractEvaluator,
        executor: ExecutorChoice = None,
        *,
        stop: Callable[[Any], bool] | None = None,
        observers: Sequence[Callable[[Any], None]] = (),
        suggest: bool = True,
    ) -> None:
        """Suggest and evaluate until a stopping criterion is met; what was proposed comes first.

        Arguments:
            evaluate: `evaluate(**parameters)` returns a number, a list, a dict by surrogate name, or an
                `Observation`; or the text "module:function"; or an evaluator, such as an external command.
            executor: "serial", "local", a function from evaluator to executor such as
                `functools.partial(LocalExecutor, workers=4)`, or any `concurrent.futures.Executor`.
                Left out: this thread, or local processes when `num_parallel` is above 1.
            stop: called with a `Progress` after each evaluation; True ends the run.
            observers: called with the same.
            suggest: False to evaluate what was proposed and nothing else; the run ends when all of it is done.

        Failures of the model are data and the run goes on; lost workers are evaluated again. Ctrl-C waits for
        the open evaluations and stops; a second one leaves at once. Whatever happens, nothing told is lost, and
        running again resumes.

        Raises:
            ConfigurationError: when nothing would ever stop the run.
            TooManyFailuresError: when `max_failures_in_a_row` evaluations in a row failed.
        """
        from assay.study.runner import Runner  # threads and executors are imported only by those who run

        Runner(self._ledger, evaluate, executor, stop, observers, suggest=suggest).run()
