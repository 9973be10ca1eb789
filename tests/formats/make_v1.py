"""Makes `v1.db`, the journal of schema version 1 that every later release must read: `python tests/formats/make_v1.py`.

Run once, with the release that introduced the version; the file is never made again. `EVENTS` is what it
holds.
"""

from __future__ import annotations

from pathlib import Path

from assay.records import (
    Configured,
    Event,
    LeaseTaken,
    Measurement,
    Outcome,
    OutcomeRecorded,
    StateSaved,
    StudyCreated,
    Suggested,
    Suggestion,
    SuggestionClaimed,
    SuggestionCleared,
)
from assay.store.abstract import Lease
from assay.store.location import open_store

FILE = Path(__file__).with_name("v1.db")

LEASE = Lease(number=1, attempt=1, owner="node7-4711", host="node7", expiry=1.8e9)
SNAPSHOT = (3, {"open": [0], "best": float("inf")})

EVENTS: list[Event] = [
    StudyCreated(
        {
            "space": {
                "design_space": [
                    {"type": "continuous", "name": "x", "domain": [-1.0, 1.0]},
                    {"type": "integer", "name": "n", "domain": [1, 4]},
                    {"type": "categorical", "name": "m", "domain": ["a", "ß"]},
                ],
                "environment": [{"type": "variable", "name": "t", "scale": 10.0}],
                "constraints": [{"name": "c", "expression": "x + n <= 4"}],
                "output_precision": 1e-10,
            },
            "driver": "ActiveLearning",
            "seed": 7,
            "name": "every kind of event",
        }
    ),
    Configured(
        {"study": {"max_iter": 60, "max_time": float("inf")}, "driver": {"$note": [True, None, -0.0]}}
    ),
    SuggestionClaimed(number=0, prefix=2, environment={"t": 300.0}, owner="node7-4711"),
    Suggested(
        Suggestion(0, {"x": 0.1, "n": 1, "m": "ß"}, {"t": 300.0}, "2026-11-02T09:30:00.125000+00:00"),
        state={"length_scales": [0.1 + 0.2, 1e-300]},
        info={"seconds": 0.011},
    ),
    LeaseTaken(number=0, attempt=1, owner="node7-4711", host="node7"),
    OutcomeRecorded(0, 1, Outcome("infrastructure_failure", error="worker died: killed by signal 9")),
    LeaseTaken(number=0, attempt=2, owner="node8-12", host="node8"),
    OutcomeRecorded(
        0,
        2,
        Outcome(
            "succeeded",
            (
                Measurement((0.0421,), uncertainty=(0.001,)),
                Measurement((-0.0003,), derivative="x"),
                Measurement((0.9, 0.95), model_name="spectrum", environment_value={"t": 310.0}),
            ),
            seconds=12.5,
        ),
    ),
    OutcomeRecorded(0, 1, Outcome("succeeded", (Measurement((0.05,)),)), accepted=False),
    Suggested(Suggestion(1, {"x": 1.0, "n": 2, "m": "a"}, {}, "2026-11-02T09:31:00+00:00", "user")),
    OutcomeRecorded(
        1, 1, Outcome("model_failure", seconds=0.5, error="exit status 3", details="line 1\nline 2")
    ),
    SuggestionClaimed(number=2, prefix=11, environment={}, owner="node8-12"),
    SuggestionCleared(2, "given up"),
    StateSaved("notes", {"text": "lamp replaced"}),
]


def main() -> None:
    store = open_store(FILE)
    store.append("first", EVENTS)
    store.append("second", EVENTS[:2])
    store.renew_leases("first", [LEASE])
    store.save_snapshot("first", *SNAPSHOT)
    store.close()


if __name__ == "__main__":
    main()
