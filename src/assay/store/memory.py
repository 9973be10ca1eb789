"""A journal that lives as long as its process: for tests and throw-away studies."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from typing import Any, final

from assay.codec.events import decode_events, encode_event
from assay.codec.plain import decode, encode
from assay.records import Event
from assay.store.abstract import AbstractStore, Decision, Lease, StoredEvent

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
        self.transact(study_id, 0, lambda _: events)
        return self.last_number(study_id)

    def transact(
        self, study_id: str, after: int, *decisions: Decision
    ) -> tuple[list[StoredEvent], list[StoredEvent]]:
        with self._lock:
            now = time.time()
            journal = self._events.get(study_id, [])
            unseen, appended = journal[after:], []
            shown = unseen
            for decide in decisions:
                as_read_back = decode_events([encode_event(event) for event in decide(shown)])
                last = len(journal) + len(appended)
                shown = [
                    StoredEvent(number, now, event)
                    for number, event in enumerate(as_read_back, start=last + 1)
                ]
                appended += shown
            if appended:
                self._events.setdefault(study_id, []).extend(appended)
            return unseen, appended

    def renew_leases(self, study_id: str, leases: Sequence[Lease]) -> None:
        with self._lock:
            held = self._leases.setdefault(study_id, {})
            held.update({(lease.number, lease.attempt): lease for lease in leases})

    def release_leases(self, study_id: str, keys: Collection[tuple[int, int]]) -> None:
        with self._lock:
            held = self._leases.get(study_id, {})
            for key in keys:
                held.pop(key, None)

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
