"""A study's journal as one sees it: the events of the store, folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assay.records import Event
from assay.store.abstract import AbstractStore, StoredEvent
from assay.study.state import StudyState

__all__ = ["Journal"]


class Journal:
    """The folded journal of one study. Not safe for threads by itself: the study holds a lock around it."""

    def __init__(self, store: AbstractStore, study_id: str) -> None:
        self.store = store
        self.study_id = study_id
        self.state = StudyState()
        self.refresh()

    def refresh(self) -> StudyState:
        """Fold in what other processes have written since."""
        return self.state.fold(self.store.read(self.study_id, after=self.state.last))

    def transact(self, decide: Callable[[StudyState], Sequence[Event]]) -> Sequence[Event]:
        """Decide on the newest state, with nobody else writing, and append what `decide` returns.

        `decide` may be called again after a busy store; it must have no other effect.
        """

        def on_unseen(unseen: Sequence[StoredEvent]) -> Sequence[Event]:
            return decide(self.state.fold(unseen))

        _, appended = self.store.transact(self.study_id, self.state.last, on_unseen)
        self.state.fold(appended)
        return [stored.event for stored in appended]

    def state_at(self, prefix: int) -> StudyState:
        """The state after event number `prefix`, folded from the beginning."""
        events = self.store.read(self.study_id)
        return StudyState().fold(stored for stored in events if stored.number <= prefix)
