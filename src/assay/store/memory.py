"""A journal that lives as long as its process: for tests and throw-away studies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, final

from assay.codec.events import decode_events, encode_event
from assay.codec.plain import decode, encode
from assay.records import Event
from assay.store.abstract import AbstractStore, Lease, StoredEvent

__all__ = ["MemoryStore"]


@final
class MemoryStore(AbstractStore):
    """A journal in memory, safe for threads; every event passes through the codec, as it would on disk.

    Example:
        >>> from assay.records import StudyCreated
        >>> store = MemoryStore()
        >>> store.append("film", [StudyCreated({"seed": 1})])
        1
        >>> store.read("film")[0].event
        StudyCreated(definition={'seed': 1})
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._events: dict[str, list[StoredEvent]] = {}
        self._leases: dict[str, dict[tuple[int, int], Lease]] = {}
        self._snapshots: dict[str, tuple[int, str]] = {}

    def study_ids(self) -> list[str]:
        with self._lock:
            return list(self._events)

    def last_number(self, study_id: str) -> int:
        with self._lock:
            return len(self._events.get(study_id, ()))

    def read(self, study_id: str, after: int = 0) -> list[StoredEvent]:
        with self._lock:
            return self._events.get(study_id, [])[after:]

    def append(self, study_id: str, events: Sequence[Event]) -> int:
        with self._lock:
            self._append(study_id, events)
            return self.last_number(study_id)

    def transact(
        self, study_id: str, after: int, decide: Callable[[Sequence[StoredEvent]], Sequence[Event]]
    ) -> tuple[list[StoredEvent], list[StoredEvent]]:
        with self._lock:
            unseen = self.read(study_id, after)
            return unseen, self._append(study_id, decide(unseen))

    def renew_lease(self, study_id: str, lease: Lease) -> None:
        with self._lock:
            self._leases.setdefault(study_id, {})[lease.number, lease.attempt] = lease

    def release_lease(self, study_id: str, number: int, attempt: int) -> None:
        with self._lock:
            self._leases.get(study_id, {}).pop((number, attempt), None)

    def leases(self, study_id: str) -> list[Lease]:
        with self._lock:
            return [lease for _, lease in sorted(self._leases.get(study_id, {}).items())]

    def save_snapshot(self, study_id: str, number: int, snapshot: dict[str, Any]) -> None:
        payload = encode(snapshot, what="the snapshot")
        with self._lock:
            if number >= self._snapshots.get(study_id, (0, ""))[0]:
                self._snapshots[study_id] = number, payload

    def load_snapshot(self, study_id: str) -> tuple[int, dict[str, Any]] | None:
        with self._lock:
            found = self._snapshots.get(study_id)
        return None if found is None else (found[0], decode(found[1]))

    def close(self) -> None:
        """Nothing to free: the events stay for as long as the store is referred to."""

    def _append(self, study_id: str, events: Sequence[Event]) -> list[StoredEvent]:
        if not events:
            return []
        now = time.time()
        journal = self._events.setdefault(study_id, [])
        as_read_back = decode_events([encode_event(event) for event in events])
        appended = [
            StoredEvent(number, now, event)
            for number, event in enumerate(as_read_back, start=len(journal) + 1)
        ]
        journal.extend(appended)
        return appended
