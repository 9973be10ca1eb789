"""The shell around the loop: it carries out the steps, renews leases, and obeys Ctrl-C."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
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
from assay.executors.outbox import read_outbox, remove_from_outbox
from assay.executors.serial import SerialExecutor
from assay.records import Event, LeaseTaken, Outcome, Suggestion, SuggestionCleared
from assay.space.parameters import EnvironmentVariable
from assay.store.abstract import Lease
from assay.study.configuration import StudyConfiguration
from assay.study.evaluation import (
    ExecutorChoice,
    build_evaluator,
    build_executor,
    evaluation_arguments,
    outbox_of,
)
from assay.study.ledger import Ledger
from assay.study.owner import host_name, this_owner
from assay.study.pacing import pace
from assay.study.progress import Progress
from assay.study.state import StudyState
from assay.study.steps import LEASE_SECONDS, Ask, Evaluate, Finish, is_abandoned, next_step

__all__ = ["Runner"]

logger = logging.getLogger(__name__)

RENEW_SECONDS = 10.0
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
        self._leased: set[tuple[int, int]] = set()  # also what a serial executor has not returned yet
        self._interrupts = 0
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
        finished = False
        try:
            with self._interruptible(), self._heartbeat():
                self._go_on()
                finished = True
        finally:
            for executor in self._executors:
                executor.shutdown(kill=not finished)
            for number, attempt in self._leased:
                self._try_to_renew(
                    number, attempt, seconds=0.0
                )  # given back, for the next runner to take at once
        self._raise_if_all_failed()

    def _go_on(self) -> None:
        try:
            self._ingest_outbox()
            self._notify(None)
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
        limit = self._ledger.settings.max_failures_in_a_row
        failures, state = self._ledger.failures_in_a_row(self._forgiven), self._ledger.state
        if self._given_up >= limit:
            raise TooManyFailuresError(
                f"the last {self._given_up} suggestions of study {self._ledger.id!r} were given up, since every attempt "
                f"was lost: {self._last_message()}; all are kept, and running again goes on"
            )
        if failures >= limit:
            last = max(number for number, trial in tuple(state.trials.items()) if trial.status == "failed")
            outcome = state.trials[last].outcome
            raise TooManyFailuresError(
                f"the last {failures} evaluations of study {self._ledger.id!r} failed, the last one with: "
                f"{outcome.error if outcome else ''}; all are kept, and running again goes on"
            )

    def _last_message(self) -> str:
        cleared = [trial for trial in self._ledger.state.ordered_trials() if trial.status == "cleared"]
        return (cleared[-1].message or "") if cleared else ""

    # -- the loop --------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            executor = self._widest()
            numbers = [number for number, _ in self._running.values()]
            step = next_step(
                self._ledger.state,
                self._ledger.settings,
                numbers,
                executor.width(),
                self._leases(),
                self._stop_reason(),
                in_advance=self._suggest and self._looks_ahead(),
                suggest=self._suggest,
            )
            match step:
                case Ask(in_advance=True):
                    self._ask_in_advance()
                case Ask():
                    self._ask(executor)
                case Evaluate(number=number):
                    self._repeat(executor, number)
                case Finish(reason=reason):
                    logger.info("study %s: %s", self._ledger.id, reason)
                    self._withdraw_what_waits()
                    return
                case _:
                    self._wait()
            for number in self._keep_finished():
                self._notify(number)

    def _widest(self) -> AbstractExecutor:
        """The executor; a wider one from now on where the study has come to allow more, and the choice is ours."""
        executor, wanted = self._executors[-1], self._ledger.settings.num_parallel
        if self._choice not in (None, "local") or wanted <= max(executor.width(), self._refused_width):
            return executor
        try:
            self._executors.append(build_executor(self._choice, self._evaluator, wanted))
        except AssayError as error:  # as it was, it works
            self._refused_width = wanted
            logger.warning("the run goes on with %d at once: %s", executor.width(), error)
        return self._executors[-1]

    def _ask(self, executor: AbstractExecutor) -> None:
        try:
            suggestion = self._ledger.suggest(None, lease=True)
        except NoFreeSlotError:  # another process was quicker
            return
        lease = self._ledger.state.leases.get(suggestion.number)
        if lease is not None and lease.owner == this_owner():
            self._submit(executor, suggestion, lease.attempt)

    def _looks_ahead(self) -> bool:
        """Whether the next suggestion is worth computing while evaluations run here."""
        if not self._running or not self._ledger.driver.pacing.in_advance:
            return False
        if any(isinstance(met, EnvironmentVariable) for met in self._ledger.definition.space.environment):
            return False  # what comes next depends on the environment at that time
        state = self._ledger.state
        return state.finished != self._asked_in_vain and pace(state).in_advance

    def _ask_in_advance(self) -> None:
        """Write down what the next free slot evaluates; the evaluations here go on meanwhile."""
        try:
            self._ledger.suggest(None, lease=False, in_advance=True)
        except NoFreeSlotError:  # another process was quicker
            return
        except NumericalError as error:  # the open evaluations may end the run before it matters
            self._asked_in_vain = self._ledger.state.finished
            logger.info("nothing was suggested in advance: %s", error)

    def _withdraw_what_waits(self) -> None:
        """What was made in advance; what was proposed stays in the queue."""
        if not self._ledger.state.waiting:
            return
        self._ledger.transact(
            lambda state: [
                SuggestionCleared(number, "made in advance, and not needed")
                for number in sorted(state.waiting.difference(state.queue))
            ]
        )

    def _repeat(self, executor: AbstractExecutor, number: int) -> None:
        leases = self._leases()

        def decide(state: StudyState) -> Sequence[Event]:
            taken = state.leases.get(number)
            slots = StudyConfiguration.of(state.configuration["study"]).num_parallel
            if number in state.waiting and len(state.taken) < slots:
                return [LeaseTaken(number, 1, this_owner(), host_name())]
            if number not in state.open or taken is None:
                return []
            ended = any(event.attempt == taken.attempt for event in state.set_aside.get(number, []))
            if not ended and not is_abandoned(state, number, leases, time.time()):
                return []  # another runner has taken it
            return [LeaseTaken(number, taken.attempt + 1, this_owner(), host_name())]

        for event in self._ledger.transact(decide):
            if isinstance(event, LeaseTaken):
                if event.attempt > 1:
                    self._ledger.store.release_leases(self._ledger.id, [(number, event.attempt - 1)])
                self._submit(executor, self._ledger.state.trials[number].suggestion, event.attempt)

    def _submit(self, executor: AbstractExecutor, suggestion: Suggestion, attempt: int) -> None:
        timeout = self._ledger.settings.timeout_seconds
        kwargs = evaluation_arguments(self._evaluator, self._ledger.definition.space, suggestion.kwargs)
        task = Task(
            self._ledger.id,
            suggestion.number,
            attempt,
            kwargs,
            None if timeout == float("inf") else timeout,
            self._outbox,
        )
        self._leased.add((suggestion.number, attempt))
        self._renew(suggestion.number, attempt)
        future = executor.submit(task)
        self._running[future] = (suggestion.number, attempt)

    def _wait(self) -> None:
        if self._running:
            wait(list(self._running), timeout=WAIT_SECONDS, return_when=FIRST_COMPLETED)
        else:
            self._warn_of_what_is_handed_out()
            time.sleep(WAIT_SECONDS / 5)

    def _warn_of_what_is_handed_out(self) -> None:
        state = self._ledger.state
        held = [str(number) for number in sorted(state.open) if number not in state.leases]
        if held and not self._warned:
            self._warned = True
            logger.warning(
                "waiting for suggestions that were handed out to be evaluated elsewhere (numbers %s): tell or clear "
                "them, or raise num_parallel",
                ", ".join(held),
            )

    def _keep_finished(self) -> list[int]:
        """Record what has ended; its numbers."""
        ended = [future for future in self._running if future.done()]
        numbers = [self._running[future][0] for future in ended]
        for future in ended:
            self._record(*self._running[future], future.result())
            del self._running[future]
        return numbers

    def _record(self, number: int, attempt: int, outcome: Outcome) -> None:
        if self._interrupts and outcome.status == "model_failure" and self._hears_the_terminal():
            # Ctrl-C reached the programs that the model started too: this says nothing about the model
            outcome = Outcome("infrastructure_failure", outcome.measurements, outcome.seconds, outcome.error)
        self._ledger.record(number, attempt, outcome)
        status = self._ledger.state.trials[number].status
        if status != "open":
            given_up = status == "cleared" and outcome.status == "infrastructure_failure"
            self._given_up = self._given_up + 1 if given_up else 0
        self._leased.discard((number, attempt))
        self._ledger.store.release_leases(self._ledger.id, [(number, attempt)])
        if self._outbox is not None:
            remove_from_outbox(self._outbox, number, attempt)
        self._done_here += 1

    def _hears_the_terminal(self) -> bool:
        return isinstance(self._executors[-1], SerialExecutor) and isinstance(
            self._evaluator, PythonEvaluator
        )

    def _ingest_outbox(self) -> None:
        """Take in what workers finished for a runner that did not live to hear of it."""
        if self._outbox is None:
            return
        for number, attempt, outcome in read_outbox(self._outbox):
            trial = self._ledger.state.trials.get(number)
            if trial is not None and attempt <= trial.attempts:
                self._ledger.record(number, attempt, outcome)
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

    def _stop_reason(self) -> str | None:
        if self._interrupts:
            return "interrupted"
        if time.monotonic() - self._began >= self._ledger.settings.max_time:
            return f"max_time: {self._ledger.settings.max_time} s have passed"
        if self._given_up >= self._ledger.settings.max_failures_in_a_row:
            return f"max_failures_in_a_row: the last {self._given_up} suggestions were given up"
        return self._stopped or self._ledger.stop_reason(self._forgiven)

    def _notify(self, number: int | None) -> None:
        if not self._observers and self._stop is None:
            return
        state = self._ledger.state
        progress = Progress(
            finished=state.finished,
            succeeded=state.succeeded,
            failed=state.failed,
            running=len(self._running),
            total=self._ledger.settings.max_iter,
            best=self._ledger.driver.best(self._ledger.history) if state.succeeded else None,
            trial=None if number is None else state.trials[number],
            seconds=time.monotonic() - self._began,
            done_here=self._done_here,
        )
        for observer in self._observers:
            observer(progress)
        if number is not None and self._stop is not None and self._stop(progress):
            self._stopped = "the user's stopping rule"

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C asks to stop, the second leaves; so does a closed terminal or a batch system that ends the job,
        so that no command goes on without its runner. Only the main thread can hear them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_interrupt(signal_number: int, frame: Any) -> None:  # noqa: ARG001 (the signal module's signature)
            self._interrupts += 1
            if self._interrupts > 1:
                raise KeyboardInterrupt
            logger.warning(
                "stopping: waiting for %d open evaluations; Ctrl-C again to leave at once", len(self._leased)
            )

        def on_end(signal_number: int, frame: Any) -> None:  # noqa: ARG001
            raise KeyboardInterrupt

        ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # what the program handles or ignores by itself (nohup) stays as it is
        ends = [number for number in ends if signal.getsignal(number) is signal.SIG_DFL]
        previous = signal.signal(signal.SIGINT, on_interrupt)
        for number in ends:
            signal.signal(number, on_end)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)
            for number in ends:
                signal.signal(number, signal.SIG_DFL)

    # -- leases ----------------------------------------------------------------------------------------

    def _leases(self) -> dict[int, Lease]:
        return {lease.number: lease for lease in self._ledger.store.leases(self._ledger.id)}

    def _renew(self, number: int, attempt: int, seconds: float = LEASE_SECONDS) -> None:
        lease = Lease(number, attempt, this_owner(), host_name(), time.time() + seconds)
        self._ledger.store.renew_leases(self._ledger.id, [lease])

    def _try_to_renew(self, number: int, attempt: int, seconds: float = LEASE_SECONDS) -> None:
        try:
            self._renew(number, attempt, seconds)
        except StoreError as error:  # a busy store may be free the next time; a broken one is said by others
            logger.warning("the lease of suggestion %d could not be renewed: %s", number, error)

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        """A thread that renews the leases of what runs here, also while this one computes or waits."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(RENEW_SECONDS):
                for number, attempt in tuple(self._leased):
                    self._try_to_renew(number, attempt)

        thread = threading.Thread(target=beat, name=f"assay-leases-{self._ledger.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
