"""A study's journal as one sees it: the events of the store, folded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from assay.errors import StoreError
from assay.records import Event
from assay.store.abstract import AbstractStore, StoredEvent
from assay.study.snapshot import state_from_data, state_to_data
from assay.study.state import StudyState

__all__ = ["Journal"]

logger = logging.getLogger(__name__)

# A snapshot is written when so many events were folded since the last one, and also a quarter of those in it: then
# all snapshots together cost a constant for each event, and opening folds at most a fifth of the journal.
SNAPSHOT_EVENTS = 4000
SNAPSHOT_SHARE = 4


class Journal:
    """The folded journal of one study. Not safe for threads by itself: the study holds a lock around it."""

    def __init__(self, store: AbstractStore, study_id: str) -> None:
        self.store = store
        self.study_id = study_id
        self.state = self._from_snapshot()
        self._saved = self.state.last
        self.refresh()

    def refresh(self) -> StudyState:
        """Fold in what other processes have written since."""
        self.state.fold(self.store.read(self.study_id, after=self.state.last))
        self._save_snapshot()
        return self.state

    def transact(self, *decisions: Callable[[StudyState], Sequence[Event]]) -> Sequence[Event]:
        """Decide on the newest state, with nobody else writing, and append what the decisions return: all or nothing.

        Each decision sees what those before it decided. It must have no other effect.
        """

        def on_unseen(
            decide: Callable[[StudyState], Sequence[Event]], unseen: Sequence[StoredEvent]
        ) -> Sequence[Event]:
            return decide(self.state.fold(unseen))

        asked = [partial(on_unseen, decide) for decide in decisions]
        try:
            _, appended = self.store.transact(self.study_id, self.state.last, *asked)
        except BaseException:
            if len(decisions) > 1:  # what was folded in between has not been written
                self.state = self._from_snapshot()
            raise
        self.state.fold(appended)
        self._save_snapshot()
        return [stored.event for stored in appended]

    def state_at(self, prefix: int) -> StudyState:
        """The state after event number `prefix`, folded from a snapshot before it or from the beginning."""
        state = self._from_snapshot()
        if state.last > prefix:
            state = StudyState()
        events = self.store.read(self.study_id, after=state.last)
        return state.fold(stored for stored in events if stored.number <= prefix)

    # -- snapshots: a cache, without which everything is the same but slower ---------------------------------

    def _from_snapshot(self) -> StudyState:
        try:
            found = self.store.load_snapshot(self.study_id)
            if found is None:
                return StudyState()
            number, data = found
            state = state_from_data(data)
            last = self.store.last_number(self.study_id)
            if not state.last == number <= last:
                raise StoreError(
                    f"the snapshot must be of one of the events 1 to {last}, got {number} holding {state.last!r:.100}"
                )
        except StoreError as error:
            logger.info("the snapshot of study %s is passed by: %s", self.study_id, error)
            return StudyState()
        return state

    def _save_snapshot(self) -> None:
        if self.state.last - self._saved < max(SNAPSHOT_EVENTS, self._saved // SNAPSHOT_SHARE):
            return
        self._saved = self.state.last  # also when it fails: it is tried again after as many events
        try:
            self.store.save_snapshot(self.study_id, self.state.last, state_to_data(self.state))
        except StoreError as error:
            logger.info("no snapshot of study %s was written: %s", self.study_id, error)
