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

from assay.errors import ConfigurationError, NoFreeSlotError, TooManyFailuresError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor, Task
from assay.executors.outbox import read_outbox, remove_from_outbox
from assay.records import Event, LeaseTaken, Outcome, Suggestion
from assay.store.abstract import Lease
from assay.study.evaluation import (
    ExecutorChoice,
    build_evaluator,
    build_executor,
    evaluation_arguments,
    outbox_of,
)
from assay.study.ledger import Ledger
from assay.study.owner import host_name, this_owner
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
    ) -> None:
        settings = ledger.settings
        if settings.max_iter == float("inf") and settings.max_time == float("inf") and stop is None:
            raise ConfigurationError(
                "nothing would stop this run: configure max_iter or max_time, or give stop (in a study file: "
                "max_evaluations, max_time_seconds or target under [stop])"
            )
        self._ledger = ledger
        self._evaluator = build_evaluator(evaluate)
        self._choice = executor
        self._stop = stop
        self._observers = observers
        self._outbox = outbox_of(ledger.location, ledger.id)
        self._running: dict[Future[Outcome], tuple[int, int]] = {}
        self._leased: set[tuple[int, int]] = set()  # also what a serial executor has not returned yet
        self._interrupts = 0
        self._stopped: str | None = None
        self._began = 0.0
        self._done_here = 0

    def run(self) -> None:
        """Until a stopping criterion is met and nothing is open here.

        Raises:
            TooManyFailuresError: when that was the criterion.
            KeyboardInterrupt: at the second Ctrl-C.
        """
        self._began = time.monotonic()
        executor = build_executor(self._choice, self._evaluator, self._ledger.settings.num_parallel)
        finished = False
        try:
            with self._interruptible(), self._heartbeat():
                self._ingest_outbox()
                self._notify(None)
                self._loop(executor)
                finished = True
        finally:
            executor.shutdown(kill=not finished)
            for number, attempt in self._leased:
                self._renew(number, attempt, seconds=0.0)  # given back, for the next runner to take at once
        state = self._ledger.state
        if state.failures_in_a_row >= self._ledger.settings.max_failures_in_a_row:
            last = max(
                (trial for trial in state.trials.values() if trial.status == "failed"), key=lambda t: t.number
            )
            error = last.outcome.error if last.outcome else ""
            raise TooManyFailuresError(
                f"the last {state.failures_in_a_row} evaluations of study {self._ledger.id!r} failed, the last one "
                f"with: {error}; all are kept, and running again goes on"
            )

    # -- the loop --------------------------------------------------------------------------------------

    def _loop(self, executor: AbstractExecutor) -> None:
        while True:
            numbers = [number for number, _ in self._running.values()]
            step = next_step(
                self._ledger.state,
                self._ledger.settings,
                numbers,
                executor.width(),
                self._leases(),
                self._stop_reason(),
            )
            match step:
                case Ask():
                    self._ask(executor)
                case Evaluate(number=number):
                    self._repeat(executor, number)
                case Finish(reason=reason):
                    logger.info("study %s: %s", self._ledger.id, reason)
                    return
                case _:
                    self._wait()
            self._collect()

    def _ask(self, executor: AbstractExecutor) -> None:
        try:
            suggestion = self._ledger.suggest(None, lease=True)
        except NoFreeSlotError:  # another process was quicker
            return
        lease = self._ledger.state.leases.get(suggestion.number)
        if lease is not None and lease.owner == this_owner():
            self._submit(executor, suggestion, lease.attempt)

    def _repeat(self, executor: AbstractExecutor, number: int) -> None:
        leases = self._leases()

        def decide(state: StudyState) -> Sequence[Event]:
            taken = state.leases.get(number)
            if number not in state.open or taken is None:
                return []
            ended = any(event.attempt == taken.attempt for event in state.set_aside.get(number, []))
            if not ended and not is_abandoned(state, number, leases, time.time()):
                return []  # another runner has taken it
            return [LeaseTaken(number, taken.attempt + 1, this_owner(), host_name())]

        for event in self._ledger.transact(decide):
            if isinstance(event, LeaseTaken):
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
            time.sleep(WAIT_SECONDS / 5)

    def _collect(self) -> None:
        for future in [future for future in self._running if future.done()]:
            number, attempt = self._running[future]
            self._record(number, attempt, future.result())
            del self._running[future]

    def _record(self, number: int, attempt: int, outcome: Outcome) -> None:
        self._ledger.record(number, attempt, outcome)
        self._leased.discard((number, attempt))
        self._ledger.store.release_lease(self._ledger.id, number, attempt)
        if self._outbox is not None:
            remove_from_outbox(self._outbox, number, attempt)
        self._done_here += 1
        self._notify(number)

    def _ingest_outbox(self) -> None:
        """Take in what workers finished for a runner that did not live to hear of it."""
        if self._outbox is None:
            return
        for number, attempt, outcome in read_outbox(self._outbox):
            self._ledger.record(number, attempt, outcome)
            remove_from_outbox(self._outbox, number, attempt)

    # -- stopping --------------------------------------------------------------------------------------

    def _stop_reason(self) -> str | None:
        if self._interrupts:
            return "interrupted"
        if time.monotonic() - self._began >= self._ledger.settings.max_time:
            return f"max_time: {self._ledger.settings.max_time} s have passed"
        return self._stopped or self._ledger.stop_reason()

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
        """The first Ctrl-C asks to stop, the second leaves; only the main thread can hear them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_interrupt(signal_number: int, frame: Any) -> None:  # noqa: ARG001 (the signal module's signature)
            self._interrupts += 1
            if self._interrupts > 1:
                raise KeyboardInterrupt
            logger.warning(
                "stopping: waiting for %d open evaluations; Ctrl-C again to leave at once", len(self._running)
            )

        previous = signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    # -- leases ----------------------------------------------------------------------------------------

    def _leases(self) -> dict[int, Lease]:
        return {lease.number: lease for lease in self._ledger.store.leases(self._ledger.id)}

    def _renew(self, number: int, attempt: int, seconds: float = LEASE_SECONDS) -> None:
        lease = Lease(number, attempt, this_owner(), host_name(), time.time() + seconds)
        self._ledger.store.renew_lease(self._ledger.id, lease)

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        """A thread that renews the leases of what runs here, also while this one computes or waits."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(RENEW_SECONDS):
                for number, attempt in tuple(self._leased):
                    self._renew(number, attempt)

        thread = threading.Thread(target=beat, name=f"assay-leases-{self._ledger.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
