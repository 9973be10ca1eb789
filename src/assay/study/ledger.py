"""The ledger: journal, definition and driver of one study together, safe for threads.

The study is its face for people, the runner its face for evaluations; both ask and tell through it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from assay.drivers.abstract import AbstractDriver, History
from assay.errors import NoFreeSlotError, StudyError, UsageError
from assay.records import Configured, Event, Measurement, Outcome, Suggestion
from assay.study.catalog import load
from assay.study.configuration import StudyConfiguration
from assay.study.definition import Definition
from assay.study.environment import validate_entries
from assay.study.inspecting import driver_tree
from assay.study.journal import Journal
from assay.study.owner import working_owner
from assay.study.pacing import pace
from assay.study.state import StudyState
from assay.study.suggesting import claim, history_of, suggest, suggest_alone
from assay.study.verdicts import Ended, judge

__all__ = ["Ledger"]


class Ledger:
    """The journal of a study with what is needed to ask and to tell."""

    def __init__(self, journal: Journal, location: str | Path | None) -> None:
        if journal.state.definition is None:
            raise StudyError(f"study {journal.study_id!r} has no definition in its store")
        self.location = location
        self.definition = Definition.from_data(journal.state.definition)
        self._journal = journal
        self._lock = threading.RLock()
        self._driver_cache: tuple[Mapping[str, Any], AbstractDriver] | None = None
        self._settings_cache: tuple[Mapping[str, Any], StudyConfiguration] | None = None

    @property
    def id(self) -> str:
        """The study's name in the store."""
        return self._journal.study_id

    @property
    def store(self):
        """The store of the journal."""
        return self._journal.store

    @property
    def state(self) -> StudyState:
        """The folded journal, refreshed."""
        return self.refresh()

    def refresh(self) -> StudyState:
        """Fold in what others have written since."""
        with self._lock:
            return self._journal.refresh()

    @property
    def known(self) -> StudyState:
        """The folded journal as it was last seen: what this process has written, but not what others have since."""
        return self._journal.state

    @property
    def history(self) -> History:
        """What the driver may see now."""
        with self._lock:
            return history_of(self.definition, self.state)

    @property
    def driver(self) -> AbstractDriver:
        """The driver with its present configuration."""
        return self.driver_in(self.state)

    def driver_in(self, state: StudyState) -> AbstractDriver:
        """The driver with its configuration in that state."""
        return self._driver_of(state.configuration["driver"])

    def _driver_of(self, settings: Mapping[str, Any]) -> AbstractDriver:
        if self._driver_cache is None or self._driver_cache[0] is not settings:
            self._driver_cache = (settings, load("drivers", self.definition.driver).from_data(settings))
        return self._driver_cache[1]

    @property
    def settings(self) -> StudyConfiguration:
        """The study's own part of the configuration."""
        return self.settings_in(self.state)

    def settings_in(self, state: StudyState) -> StudyConfiguration:
        """The study's own part of the configuration in that state."""
        data = state.configuration["study"]
        if self._settings_cache is None or self._settings_cache[0] is not data:
            self._settings_cache = (data, StudyConfiguration.of(data))
        return self._settings_cache[1]

    def transact(self, *decisions: Callable[[StudyState], Sequence[Event]]) -> Sequence[Event]:
        """Decide on the newest state with nobody else writing, and append what the decisions return, all or nothing."""
        with self._lock:
            return self._journal.transact(*decisions)

    def configure(
        self,
        keys: Mapping[str, Any],
        further: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> None:
        """Change keys of the study's or the driver's configuration; all or nothing.

        Arguments:
            keys: with their new values.
            further: gives further keys of the driver from its configuration as it is at that moment.
        """
        own = {key: value for key, value in keys.items() if key in StudyConfiguration.model_fields}
        rest = {key: value for key, value in keys.items() if key not in own}

        def decide(state: StudyState) -> Sequence[Event]:
            before = state.configuration
            more = {} if further is None else further(before["driver"])
            study = StudyConfiguration.of({**before["study"], **own}).model_dump()
            driver = load("drivers", self.definition.driver).from_data({**before["driver"], **rest, **more})
            driver.check_space(self.definition.space)
            after = {"study": study, "driver": driver.configuration()}
            return [] if after == before else [Configured(after)]

        self.transact(decide)

    def suggest(
        self, environment: Mapping[str, float] | None, *, lease: bool, in_advance: bool = False
    ) -> Suggestion:
        """One suggestion; with `lease`, evaluated by this process from now on; `in_advance`, to wait for a slot.

        Raises:
            NoFreeSlotError: when `num_parallel` suggestions are open, or one waits in advance already; with `lease` or
                in advance also when those that are open complete `max_iter`.
            SpaceError: when a variable environment parameter has no value yet.
        """

        def admit(state: StudyState, claimed_before: bool) -> None:
            self._admit(state, limited=(lease or in_advance) and not claimed_before, in_advance=in_advance)

        while True:
            with self._lock, working_owner() as owner:
                claimed = claim(
                    self._journal,
                    self.definition,
                    environment,
                    admit,
                    self._effort,
                    owner,
                    in_advance=in_advance,
                )
                # the driver as it was at the claim, so that whoever finishes the work comes to the same point
                driver = self._driver_of(claimed.configuration)
                suggestion = suggest(self._journal, driver, claimed, lease=lease)
            if suggestion is not None:
                return suggestion

    def suggest_many(self, most: int) -> list[Suggestion]:
        """Suggestions that this process evaluates from now on: several from a driver that needs only their numbers.

        Errors are those of `suggest`.
        """
        with self._lock:
            driver = self.driver_in(self.known)
            if not driver.pacing.alone or self.known.claims:
                return [self.suggest(None, lease=True)]
            return suggest_alone(
                self._journal,
                self.definition,
                driver,
                lambda state: self._admit(state, limited=True, in_advance=False),
                most,
                lease=True,
            )

    def _effort(self, state: StudyState) -> float:
        driver = self.driver_in(state)
        return pace(state).effort if driver.pacing.adapts_effort else 1.0

    def _admit(self, state: StudyState, *, limited: bool, in_advance: bool) -> int:
        """How many further suggestions may be open; raises when none."""
        settings = self.settings_in(state)
        room, taken = settings.num_parallel - len(state.taken), state.taken
        left = settings.max_iter - state.finished - state.to_come if limited else float("inf")
        if left < 1:
            raise NoFreeSlotError(
                f"study {self.id!r} allows max_iter = {settings.max_iter:g} evaluations, and they are done or under way"
            )
        if in_advance:
            if limited and (state.waiting or any(event.in_advance for event in state.claims.values())):
                raise NoFreeSlotError(f"study {self.id!r} has a suggestion in advance already")
            return 1
        if room < 1:
            listed = ", ".join(map(str, taken))
            raise NoFreeSlotError(
                f"study {self.id!r} allows num_parallel = {settings.num_parallel} open suggestions and has {len(taken)} "
                f"(numbers {listed}); tell or clear one, or raise num_parallel"
            )
        return int(min(room, left))

    def check(self, measurements: Sequence[Measurement]) -> None:
        """Refuse, with a UsageError, what the driver could not learn from or what breaks a rule of the environment."""
        validate_entries(self.definition.space, measurements)
        self.driver_in(self.known).check(self.definition.space, measurements)

    def record(self, ended: Sequence[Ended]) -> None:
        """Take in outcomes of attempts, in one transaction; the same attempt told twice changes nothing."""
        self.transact(*[partial(self._verdict, self._checked(one)) for one in ended])

    def _checked(self, ended: Ended) -> Ended:
        if ended.outcome.status != "succeeded":
            return ended
        try:
            self.check(ended.outcome.measurements)
        except UsageError as error:
            refused = Outcome("model_failure", seconds=ended.outcome.seconds, error=str(error))
            return replace(ended, outcome=refused)
        return ended

    def _verdict(self, ended: Ended, state: StudyState) -> Sequence[Event]:
        return judge(state, self.settings_in(state), ended)

    def historic_values(
        self, look: Callable[[StudyState, Callable[[], Mapping[str, Any]]], Any]
    ) -> list[Any]:
        """What `look` finds in the state, and the driver's tree, after each evaluation that ended."""
        state, values = StudyState(), []
        for stored in self.store.read(self.id):
            before = state.finished
            state.fold([stored])
            if state.finished > before:
                history = history_of(self.definition, state)
                driver = self._driver_of(state.configuration["driver"])
                values.append(look(state, partial(driver_tree, driver, history)))
        return values

    def failures_in_a_row(self, state: StudyState, forgiven: int = 0) -> int:
        """How many evaluations failed since the last success, without the first `forgiven` failures of the study."""
        return min(state.failures_in_a_row, state.failed - forgiven)

    def stop_reason(self, state: StudyState, forgiven: int = 0) -> str | None:
        """The sentence for the stopping criterion that is met in that state, or None."""
        settings, failures = self.settings_in(state), self.failures_in_a_row(state, forgiven)
        if state.finished >= settings.max_iter:
            return f"max_iter: {state.finished} evaluations are done"
        if failures >= settings.max_failures_in_a_row:
            return f"max_failures_in_a_row: the last {failures} evaluations failed"
        if not state.succeeded:
            return None
        return self.driver_in(state).stop_reason(history_of(self.definition, state))
