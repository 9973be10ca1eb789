"""What a store is: an append-only journal of events for each study, with leases beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from assay.records import Event

__all__ = ["AbstractStore", "Lease", "StoredEvent"]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event, its place in the study's journal (from 1, without gaps), its time (seconds since 1970)."""

    number: int
    time: float
    event: Event


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a suggestion: a row that is renewed, not an event."""

    number: int
    attempt: int
    owner: str
    host: str
    expiry: float


class AbstractStore(ABC):
    """A journal. All methods may be called by several processes and threads at once."""

    @abstractmethod
    def study_ids(self) -> list[str]:
        """The studies, oldest first."""

    @abstractmethod
    def last_number(self, study_id: str) -> int:
        """The number of the study's last event; 0 when there is none."""

    @abstractmethod
    def read(self, study_id: str, after: int = 0) -> list[StoredEvent]:
        """The events after that number, in order."""

    @abstractmethod
    def append(self, study_id: str, events: Sequence[Event]) -> int:
        """Append durably, in one transaction; returns the number of the last."""

    @abstractmethod
    def transact(
        self, study_id: str, after: int, decide: Callable[[Sequence[StoredEvent]], Sequence[Event]]
    ) -> tuple[list[StoredEvent], list[StoredEvent]]:
        """Decide under the write lock: `decide` gets the events after `after` that the caller has not seen,
        and returns the events to append; nobody else writes in between.

        Returns the unseen events and the appended ones. An exception in `decide` rolls everything back.
        """

    @abstractmethod
    def renew_lease(self, study_id: str, lease: Lease) -> None:
        """Write or renew a lease."""

    @abstractmethod
    def release_lease(self, study_id: str, number: int, attempt: int) -> None:
        """Remove a lease; no error when there is none."""

    @abstractmethod
    def leases(self, study_id: str) -> list[Lease]:
        """All leases, expired ones included."""

    @abstractmethod
    def save_snapshot(self, study_id: str, number: int, snapshot: dict[str, Any]) -> None:
        """Keep the folded state up to event `number`, so that opening need not replay from the beginning."""

    @abstractmethod
    def load_snapshot(self, study_id: str) -> tuple[int, dict[str, Any]] | None:
        """The newest snapshot, or None."""

    @abstractmethod
    def close(self) -> None:
        """Free everything. May be called twice."""
