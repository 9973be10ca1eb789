"""The shell around the loop: it carries out the steps, renews leases, and obeys Ctrl-C."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import partial
from typing import Any

from assay.errors import (
    AssayError,
    ConfigurationError,
    NoFreeSlotError,
    NumericalError,
    StoreError,
    TooManyFailuresError,
)
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor, Task
from assay.executors.evaluators import PythonEvaluator
from assay.executors.liveness import host_name
from assay.executors.outbox import read_from_outbox, read_outbox, remove_from_outbox
from assay.executors.pulse import still_running
from assay.executors.serial import SerialExecutor
from assay.records import Event, LeaseTaken, Outcome, Suggestion, SuggestionCleared
from assay.space.parameters import EnvironmentVariable
from assay.store.abstract import Lease
from assay.study.evaluation import (
    ExecutorChoice,
    build_evaluator,
    build_executor,
    evaluation_arguments,
    outbox_of,
)
from assay.study.interrupts import Interrupts
from assay.study.leases import LeaseKeeper
from assay.study.ledger import Ledger
from assay.study.owner import this_owner
from assay.study.pacing import pace
from assay.study.progress import Progress
from assay.study.state import StudyState
from assay.study.steps import Ask, Evaluate, Finish, Step, is_abandoned, next_step
from assay.study.suggesting import history_of
from assay.study.verdicts import Ended

__all__ = ["Runner"]

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1.0  # how soon a runner without work notices what other processes did


class Runner:
    """Runs a study until it is done: suggestions go out as evaluations come in.

    Its only state is which evaluations it has open; everything else is in the journal, so it may be killed at
    any moment, and another one goes on.
    """

    def __init__(
        self,
        ledger: Ledger,
        evaluate: Callable[..., Any] | str | AbstractEvaluator,
        executor: ExecutorChoice = None,
        stop: Callable[[Progress], bool] | None = None,
        observers: Sequence[Callable[[Progress], None]] = (),
        *,
        suggest: bool = True,
    ) -> None:
        settings = ledger.settings
        is_endless = settings.max_iter == float("inf") and settings.max_time == float("inf")
        if is_endless and stop is None and suggest:
            raise ConfigurationError(
                "nothing would stop this run: configure max_iter or max_time, or give stop (in a study file: "
                "max_evaluations, max_time_seconds or target under [stop])"
            )
        self._ledger = ledger
        self._evaluator = build_evaluator(evaluate)
        self._choice = executor
        self._stop = stop
        self._observers = observers
        self._suggest = suggest
        self._outbox = outbox_of(ledger.location, ledger.id)
        self._running: dict[Future[Outcome], tuple[int, int]] = {}
        self._executors: list[
            AbstractExecutor
        ] = []  # the last one is used, those before end what they have begun
        self._leases = LeaseKeeper(ledger.store, ledger.id)  # also of what a serial executor has not returned
        self._interrupts = Interrupts(lambda: len(self._leases))
        self._stopped: str | None = None
        self._forgiven = 0  # failures before this run, where they had met the limit: running again goes on
        self._refused_width = 0  # a num_parallel that no executor could be made for
        self._given_up = 0  # suggestions in a row of which every attempt was lost
        self._warned = False
        self._asked_in_vain = -1  # how many evaluations had ended when nothing could be suggested in advance
        self._began = 0.0
        self._done_here = 0

    def run(self) -> None:
        """Until a stopping criterion is met and nothing is open here.

        Raises:
            TooManyFailuresError: when that was the criterion.
            KeyboardInterrupt: at the second Ctrl-C.
        """
        self._began = time.monotonic()
        settings, state = self._ledger.settings, self._ledger.state
        if state.failures_in_a_row >= settings.max_failures_in_a_row:
            self._forgiven = state.failed
        self._executors.append(build_executor(self._choice, self._evaluator, settings.num_parallel))
        with self._leases.renewing():  # given back last, when nothing runs any more
            finished = False
            try:
                with self._interrupts.heard():
                    self._go_on()
                    finished = True
            finally:
                for executor in self._executors:
                    executor.shutdown(kill=not finished)
        self._raise_if_all_failed()

    def _go_on(self) -> None:
        try:
            self._ingest_outbox()
            self._notify([None])
            self._loop()
        except StoreError:
            raise  # what runs could not be written down: its outbox is the place for it
        except Exception as error:  # of a driver, an observer, a rule: foreign code
            if self._running:
                logger.warning(
                    "the run ends with %s: %s; waiting for %d open evaluations, Ctrl-C twice to leave at once",
                    type(error).__name__,
                    error,
                    len(self._running),
                )
            while self._running:
                self._wait()
                self._keep_finished()
            raise

    def _raise_if_all_failed(self) -> None:
        state = self._ledger.state
        limit = self._ledger.settings_in(state).max_failures_in_a_row
        failures = self._ledger.failures_in_a_row(state, self._forgiven)
        if self._given_up >= limit:
            raise TooManyFailuresError(
                f"the last {self._given_up} suggestions of study {self._ledger.id!r} were given up, since every attempt "
                f"was lost: {_last_message(state)}; all are kept, and running again goes on"
            )
        if failures >= limit:
            last = max(number for number, trial in tuple(state.trials.items()) if trial.status == "failed")
            outcome = state.trials[last].outcome
            raise TooManyFailuresError(
                f"the last {failures} evaluations of study {self._ledger.id!r} failed, the last one with: "
                f"{outcome.error if outcome else ''}; all are kept, and running again goes on"
            )

    # -- the loop --------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            executor = self._widest()
            match self._next_step(executor):
                case Ask(in_advance=True):
                    self._ask_in_advance()
                case Ask():
                    self._ask(executor)
                case Evaluate(numbers=numbers):
                    self._evaluate(executor, numbers)
                case Finish(reason=reason):
                    logger.info("study %s: %s", self._ledger.id, reason)
                    self._withdraw_what_waits()
                    return
                case _:
                    self._wait()
            self._notify(self._keep_finished())

    def _next_step(self, executor: AbstractExecutor) -> Step:
        numbers = {number for number, _ in self._running.values()}
        others = self._ledger.known.leases.keys() - numbers
        rows = self._rows() if others else {}
        going_on = self._look_after(others, rows)
        state = self._ledger.known
        return next_step(
            state,
            self._ledger.settings_in(state),
            numbers,
            executor.width(),
            rows,
            self._stop_reason(state),
            going_on=going_on,
            in_advance=self._suggest and self._looks_ahead(state),
            suggest=self._suggest,
        )

    def _look_after(self, numbers: Iterable[int], rows: Mapping[int, Lease]) -> set[tuple[int, int]]:
        """Of attempts that were begun elsewhere by runners that are gone: take in what has ended, and say what goes on."""
        state, now = self._ledger.known, time.time()
        lost = [number for number in numbers if is_abandoned(state, number, rows, now)]
        if self._outbox is None or not lost:
            return set()
        going_on = still_running(
            self._outbox
        )  # before looking for outcomes: what ends in between has left one
        for number in lost:
            attempt = state.leases[number].attempt
            outcome = read_from_outbox(self._outbox, number, attempt)
            if outcome is not None:
                self._ledger.record([Ended(number, attempt, outcome)])
                remove_from_outbox(self._outbox, number, attempt)
        return going_on

    def _widest(self) -> AbstractExecutor:
        """The executor; a wider one from now on where the study has come to allow more, and the choice is ours."""
        executor = self._executors[-1]
        wanted = self._ledger.settings_in(self._ledger.known).num_parallel
        if self._choice not in (None, "local") or wanted <= max(executor.width(), self._refused_width):
            return executor
        try:
            self._executors.append(build_executor(self._choice, self._evaluator, wanted))
        except AssayError as error:  # as it was, it works
            self._refused_width = wanted
            logger.warning("the run goes on with %d at once: %s", executor.width(), error)
        return self._executors[-1]

    def _ask(self, executor: AbstractExecutor) -> None:
        free = executor.width() - len(self._running)
        try:
            suggestions = self._ledger.suggest_many(free)
        except NoFreeSlotError:  # another process was quicker
            return
        for suggestion in suggestions:
            self._submit(executor, suggestion, 1)

    def _looks_ahead(self, state: StudyState) -> bool:
        """Whether the next suggestion is worth computing while evaluations run here."""
        if not self._running or not self._ledger.driver_in(state).pacing.in_advance:
            return False
        if any(isinstance(met, EnvironmentVariable) for met in self._ledger.definition.space.environment):
            return False  # what comes next depends on the environment at that time
        return state.finished != self._asked_in_vain and pace(state).in_advance

    def _ask_in_advance(self) -> None:
        """Write down what the next free slot evaluates; the evaluations here go on meanwhile."""
        try:
            self._ledger.suggest(None, lease=False, in_advance=True)
        except NoFreeSlotError:  # another process was quicker
            return
        except NumericalError as error:  # the open evaluations may end the run before it matters
            self._asked_in_vain = self._ledger.known.finished
            logger.info("nothing was suggested in advance: %s", error)

    def _withdraw_what_waits(self) -> None:
        """What was made in advance; what was proposed stays in the queue."""
        if not self._ledger.known.waiting:
            return
        self._ledger.transact(
            lambda state: [
                SuggestionCleared(number, "made in advance, and not needed")
                for number in sorted(state.waiting.difference(state.queue))
            ]
        )

    def _evaluate(self, executor: AbstractExecutor, numbers: Sequence[int]) -> None:
        """Begin the next attempts at suggestions that there are, in one transaction."""
        rows = self._rows() if self._ledger.known.leases.keys() & set(numbers) else {}

        def decide(number: int, state: StudyState) -> Sequence[Event]:
            taken = state.leases.get(number)
            slots = self._ledger.settings_in(state).num_parallel
            if number in state.waiting and len(state.taken) < slots:
                return [LeaseTaken(number, 1, this_owner(), host_name())]
            if number not in state.open or taken is None:
                return []
            ended = any(event.attempt == taken.attempt for event in state.set_aside.get(number, []))
            if not ended and not is_abandoned(state, number, rows, time.time()):
                return []  # another runner has taken it
            return [LeaseTaken(number, taken.attempt + 1, this_owner(), host_name())]

        for event in self._ledger.transact(*[partial(decide, number) for number in numbers]):
            if isinstance(event, LeaseTaken):
                self._submit(executor, self._ledger.known.trials[event.number].suggestion, event.attempt)

    def _submit(self, executor: AbstractExecutor, suggestion: Suggestion, attempt: int) -> None:
        timeout = self._ledger.settings_in(self._ledger.known).timeout_seconds
        kwargs = evaluation_arguments(self._evaluator, self._ledger.definition.space, suggestion.kwargs)
        task = Task(
            self._ledger.id,
            suggestion.number,
            attempt,
            kwargs,
            None if timeout == float("inf") else timeout,
            self._outbox,
        )
        self._leases.hold(suggestion.number, attempt)
        future = executor.submit(task)
        self._running[future] = (suggestion.number, attempt)

    def _wait(self) -> None:
        if self._running:
            ended, _ = wait(list(self._running), timeout=WAIT_SECONDS, return_when=FIRST_COMPLETED)
            if ended:
                return
        else:
            self._warn_of_what_is_handed_out()
            time.sleep(WAIT_SECONDS / 5)
        self._ledger.refresh()  # others may have gone on

    def _rows(self) -> dict[int, Lease]:
        return {lease.number: lease for lease in self._ledger.store.leases(self._ledger.id)}

    def _warn_of_what_is_handed_out(self) -> None:
        state = self._ledger.known
        held = [str(number) for number in sorted(state.open) if number not in state.leases]
        if held and not self._warned:
            self._warned = True
            logger.warning(
                "waiting for suggestions that were handed out to be evaluated elsewhere (numbers %s): tell or clear "
                "them, or raise num_parallel",
                ", ".join(held),
            )

    def _keep_finished(self) -> list[int]:
        """Record what has ended, all of it in one transaction; its numbers."""
        futures = [future for future in self._running if future.done()]
        if not futures:
            return []
        ended = [self._as_meant(Ended(*self._running[future], future.result())) for future in futures]
        self._ledger.record(ended)
        for future, one in zip(futures, ended, strict=True):
            del self._running[future]
            self._count(one)
            self._leases.drop(one.number, one.attempt)
            if self._outbox is not None:
                remove_from_outbox(self._outbox, one.number, one.attempt)
        return [one.number for one in ended]

    def _as_meant(self, ended: Ended) -> Ended:
        outcome = ended.outcome
        if self._interrupts.count and outcome.status == "model_failure" and self._hears_the_terminal():
            # Ctrl-C reached the programs that the model started too: this says nothing about the model
            return replace(ended, outcome=replace(outcome, status="infrastructure_failure", details=None))
        return ended

    def _count(self, ended: Ended) -> None:
        self._done_here += 1
        status = self._ledger.known.trials[ended.number].status
        if status != "open":
            given_up = status == "cleared" and ended.outcome.status == "infrastructure_failure"
            self._given_up = self._given_up + 1 if given_up else 0

    def _hears_the_terminal(self) -> bool:
        return isinstance(self._executors[-1], SerialExecutor) and isinstance(
            self._evaluator, PythonEvaluator
        )

    def _ingest_outbox(self) -> None:
        """Take in what workers finished for a runner that did not live to hear of it."""
        if self._outbox is None:
            return
        for number, attempt, outcome in read_outbox(self._outbox):
            trial = self._ledger.known.trials.get(number)
            if trial is not None and attempt <= trial.attempts:
                self._ledger.record([Ended(number, attempt, outcome)])
            else:
                logger.warning(
                    "the outbox of study %s held attempt %d at suggestion %d, which this study never began: it is left "
                    "from a store that is gone, and is removed",
                    self._ledger.id,
                    attempt,
                    number,
                )
            remove_from_outbox(self._outbox, number, attempt)

    # -- stopping --------------------------------------------------------------------------------------

    def _stop_reason(self, state: StudyState) -> str | None:
        settings = self._ledger.settings_in(state)
        if self._interrupts.count:
            return "interrupted"
        if time.monotonic() - self._began >= settings.max_time:
            return f"max_time: {settings.max_time} s have passed"
        if self._given_up >= settings.max_failures_in_a_row:
            return f"max_failures_in_a_row: the last {self._given_up} suggestions were given up"
        return self._stopped or self._ledger.stop_reason(state, self._forgiven)

    def _notify(self, numbers: Sequence[int | None]) -> None:
        """Tell the observers of the evaluations that ended, and ask the user's rule; None tells of the beginning."""
        if not numbers or (not self._observers and self._stop is None):
            return
        state = self._ledger.known
        history = history_of(self._ledger.definition, state)
        progress = Progress(
            finished=state.finished,
            succeeded=state.succeeded,
            failed=state.failed,
            running=len(self._running),
            total=self._ledger.settings_in(state).max_iter,
            best=self._ledger.driver_in(state).best(history) if state.succeeded else None,
            trial=None,
            seconds=time.monotonic() - self._began,
            done_here=self._done_here,
        )
        for number in numbers:
            told = progress if number is None else replace(progress, trial=state.trials[number])
            for observer in self._observers:
                observer(told)
            if number is not None and self._stop is not None and self._stop(told):
                self._stopped = "the user's stopping rule"


def _last_message(state: StudyState) -> str:
    cleared = [trial for trial in state.ordered_trials() if trial.status == "cleared"]
    return (cleared[-1].message or "") if cleared else ""
