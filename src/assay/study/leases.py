"""The leases of what a runner evaluates, renewed while it computes or waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from assay.errors import StoreError
from assay.executors.liveness import host_name
from assay.store.abstract import AbstractStore, Lease
from assay.study.owner import this_owner
from assay.study.steps import LEASE_SECONDS

__all__ = ["LeaseKeeper"]

logger = logging.getLogger(__name__)

RENEW_SECONDS = 10.0

Key = tuple[int, int]  # number and attempt


@final
class LeaseKeeper:
    """Writes the rows that say which attempts this process works on, all of them at once and every few seconds.

    An attempt needs none at first: the event that began it counts as its lease for as long as a row would. So short
    evaluations cost none at all.

    Arguments:
        store, study_id: where the rows are.
    """

    def __init__(self, store: AbstractStore, study_id: str) -> None:
        self._store = store
        self._study_id = study_id
        self._lock = threading.Lock()
        self._held: set[Key] = set()
        self._written: set[Key] = set()  # that the store may have a row of

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, number: int, attempt: int) -> None:
        """This process works on the attempt from now on."""
        with self._lock:
            self._held.add((number, attempt))
            if attempt > 1:
                self._written.add((number, attempt - 1))  # whoever had that one is gone

    def drop(self, number: int, attempt: int) -> None:
        """The attempt has ended."""
        with self._lock:
            self._held.discard((number, attempt))

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """A thread renews what is held; at the end it is given back, for the next runner to take at once."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(RENEW_SECONDS):
                self._write(LEASE_SECONDS)

        thread = threading.Thread(target=beat, name=f"assay-leases-{self._study_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._write(0.0)

    def _write(self, seconds: float) -> None:
        with self._lock:
            held, gone = frozenset(self._held), frozenset(self._written - self._held)
            self._written |= held
        expiry = time.time() + seconds
        rows = [Lease(number, attempt, this_owner(), host_name(), expiry) for number, attempt in sorted(held)]
        try:
            if gone:
                self._store.release_leases(self._study_id, gone)
            if rows:
                self._store.renew_leases(self._study_id, rows)
        except StoreError as error:  # a busy store may be free the next time; a broken one is said by others
            logger.warning("%d leases could not be renewed: %s", len(rows), error)
            return
        with self._lock:
            self._written -= gone
