"""What a store is: an append-only journal of events for each study, with leases beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from assay.records import Event

__all__ = ["AbstractStore", "Decision", "Lease", "StoredEvent"]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event, its place in the study's journal (from 1, without gaps), its time (seconds since 1970)."""

    number: int
    time: float
    event: Event


Decision = Callable[[Sequence[StoredEvent]], Sequence[Event]]
"""From the events that the decider has not seen to the events to append."""


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
        self, study_id: str, after: int, *decisions: Decision
    ) -> tuple[list[StoredEvent], list[StoredEvent]]:
        """Decide under the write lock, and append durably in one transaction; nobody else writes in between.

        The first decision gets the events after `after`, which the caller has not seen; each further one what the one
        before it appended, as it will be read back.

        Returns the unseen events and the appended ones. An exception in a decision rolls everything back.
        """

    @abstractmethod
    def renew_leases(self, study_id: str, leases: Sequence[Lease]) -> None:
        """Write or renew leases, in one transaction."""

    @abstractmethod
    def release_leases(self, study_id: str, keys: Collection[tuple[int, int]]) -> None:
        """Remove the leases of these (number, attempt); no error when there are none."""

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
