"""Kill a running study, and its worker, again and again; then count what is left.

`python -m tests.flows.crash --kills 50` kills the runner at 50 random moments and the worker at another 50, and compares
what comes out with an uninterrupted run, bit for bit. The tests do the same with fewer kills.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from assay.records import OutcomeRecorded, Suggested
from assay.store.location import open_store

SCRIPT = Path(__file__).with_name("study_process.py")


@dataclass
class Report:
    """What a run with kills left behind.

    Arguments:
        kills: how often the process (or its worker) was killed while it ran.
        starts: how many processes it took.
        acknowledged: the numbers that some runner had been told are in the journal.
        suggestions: number to point, from the journal.
        outcomes: number to how many accepted outcomes it has.
        statuses: number to the status of the accepted outcome.
    """

    kills: int = 0
    starts: int = 0
    acknowledged: set[int] = field(default_factory=set)
    suggestions: dict[int, tuple] = field(default_factory=dict)
    outcomes: Counter[int] = field(default_factory=Counter)
    statuses: dict[int, str] = field(default_factory=dict)


def workers(process_id: int) -> list[int]:
    """The worker processes of a runner."""
    listed = Path(f"/proc/{process_id}/task").glob("*/children")
    found = [int(text) for path in listed for text in path.read_text().split()]
    return [child for child in found if b"executors.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def run_with_kills(
    store: Path, count: int, kills: int, victim: str, seed: int, driver: str, longest_seconds: float = 1.2
) -> Report:
    """Run the study until it is done, killing the victim ("runner", "worker" or "nobody") at random moments."""
    report, moments = Report(), random.Random(seed)
    executor = "local" if victim == "worker" else "serial"
    command = [sys.executable, str(SCRIPT), str(store), str(count), executor, driver]
    while report.starts < 10 * (kills + 1):
        report.starts += 1
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # wait until it has started, so that a kill meets work and not imports
        while report.kills < kills and victim != "nobody" and process.poll() is None:
            time.sleep(moments.uniform(0.0, longest_seconds if victim == "runner" else longest_seconds / 3))
            target = [process.pid] if victim == "runner" else workers(process.pid)
            if process.poll() is None and target:
                os.kill(moments.choice(target), signal.SIGKILL)
                report.kills += 1
            if victim == "runner":
                break
        output, _ = process.communicate()
        told = [line.split()[1] for line in output.splitlines() if line.startswith("told ")]
        report.acknowledged.update(int(number) for number in told)
        if process.returncode == 0:
            break
        # A pool gives up when ten workers in a row were killed while they loaded, as may be on a slow machine.
        if process.returncode != -signal.SIGKILL and victim != "worker":
            raise RuntimeError(f"the study ended by itself with exit status {process.returncode}")
    _read_journal(store, report)
    return report


def _read_journal(store: Path, report: Report) -> None:
    opened = open_store(store)
    for stored in opened.read("crash"):
        match stored.event:
            case Suggested(suggestion=suggestion):
                assert suggestion.number not in report.suggestions, "a suggestion was written twice"
                report.suggestions[suggestion.number] = tuple(sorted(suggestion.values.items()))
            case OutcomeRecorded(number=number, accepted=True, outcome=outcome):
                report.outcomes[number] += 1
                report.statuses[number] = outcome.status
    opened.close()


def complaints(report: Report, expected: Report, count: int) -> list[str]:
    """What is wrong with a run, compared with an uninterrupted one; empty when nothing is."""
    found = []
    if lost := report.acknowledged - set(report.outcomes):
        found.append(f"acknowledged outcomes are lost: {sorted(lost)}")
    if doubled := [number for number, times in report.outcomes.items() if times > 1]:
        found.append(f"outcomes are doubled: {doubled}")
    if len(report.outcomes) != count:
        found.append(f"{len(report.outcomes)} outcomes instead of {count}")
    if report.suggestions != expected.suggestions:
        differing = [n for n, values in expected.suggestions.items() if report.suggestions.get(n) != values]
        found.append(f"suggestions differ from the uninterrupted run at {differing}")
    if report.statuses != expected.statuses:
        found.append("the outcomes differ from the uninterrupted run")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kills", type=int, default=50, help="kills of the runner, and as many of the worker"
    )
    parser.add_argument("--count", type=int, default=40, help="evaluations of each study")
    parser.add_argument("--driver", default="ActiveLearning")
    arguments = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        expected = run_with_kills(
            Path(folder) / "whole.db", arguments.count, 0, "nobody", 0, arguments.driver
        )
        for victim in ("runner", "worker"):
            done, study = 0, 0
            while done < arguments.kills:
                study += 1
                store = Path(folder) / f"{victim}{study}.db"
                report = run_with_kills(
                    store, arguments.count, arguments.kills - done, victim, study, arguments.driver
                )
                if report.kills == 0:
                    continue
                done += report.kills
                wrong = complaints(report, expected, arguments.count)
                bad += len(wrong)
                print(
                    f"{victim} {study}: {report.kills} kills, {report.starts} starts, {len(report.outcomes)} "
                    f"outcomes, {'; '.join(wrong) or 'nothing lost, nothing doubled, same suggestions'}",
                    flush=True,
                )
    print(f"{2 * arguments.kills} kills, {bad} complaints")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
