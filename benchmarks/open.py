"""How long opening a study with a long journal takes: from its snapshot, and folded from the first event."""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from assay.records import (
    Event,
    LeaseTaken,
    Measurement,
    Outcome,
    OutcomeRecorded,
    Suggested,
    Suggestion,
    SuggestionClaimed,
)
from assay.store.location import open_store
from assay.study.journal import Journal
from assay.study.state import StudyState
from assay.study.study import create_study, open_study

logger = logging.getLogger(__name__)

EVENTS = 100_000
STUDY = "long"
NAMES = [f"thickness_{index}_nm" for index in range(6)]
REPEATS = 3


def history(count: int) -> Iterator[Event]:
    """As many events as a driver and a runner write: four for each evaluation."""
    for number in range(count // 4):
        values = {
            name: 5.0 + (number * 0.61803398875 * (index + 1)) % 195.0 for index, name in enumerate(NAMES)
        }
        state = {"length_scales": [0.1 + 1.0 / (number + 1)] * len(NAMES), "amplitude": 1.5, "noise": 1e-6}
        info = {"seconds": 0.0123, "acquisition": 0.1 / (number + 1), "evidence": -120.0 - number}
        yield SuggestionClaimed(number, 2 + 4 * number, {}, "node7/4711/88123/a1b2c3d4")
        yield Suggested(Suggestion(number, values, {}, "2026-11-02T09:30:00.125+00:00"), state, info)
        yield LeaseTaken(number, 1, "node7/4711/88123/a1b2c3d4", "node7")
        measured = Measurement((1.0 / (number + 1),), uncertainty=(0.001,))
        yield OutcomeRecorded(number, 1, Outcome("succeeded", (measured,), seconds=12.5))


def seconds_of(work: Callable[[], object]) -> float:
    """The least of several processor times: the machine may be shared."""
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def main(options: argparse.Namespace) -> None:  # noqa: ARG001 (the interface of all measurements)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "store.db"
        space = [{"name": name, "domain": [5.0, 200.0]} for name in NAMES]
        create_study(space, study_id=STUDY, store=place)
        store = open_store(place)
        store.append(STUDY, list(history(EVENTS)))
        folding = seconds_of(lambda: StudyState().fold(store.read(STUDY)))
        began = time.process_time()
        Journal(store, STUDY)
        writing = time.process_time() - began - folding
        opening = seconds_of(lambda: open_study(place, STUDY).state)
        store.append(STUDY, list(history(EVENTS // 5)))
        longest = seconds_of(lambda: Journal(store, STUDY))
        store.close()
    logger.info("%d events, %d evaluations of %d parameters", EVENTS, EVENTS // 4, len(NAMES))
    logger.info("folded from the first event:           %5.2f s", folding)
    logger.info("a study opened from its snapshot:      %5.2f s", opening)
    logger.info("the same with a fifth of events newer: %5.2f s", longest)
    logger.info("writing the snapshot, once:            %5.2f s", writing)
