"""Which tests run in a row in one process, and which of them begin, where several processes share the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = ["Shares", "in_order", "share_of"]

MANUAL = "tests/test_docs.py"
SLURM = ("flows/test_slurm.py", "flows/test_exploration_slurm.py", "flows/test_three_ways.py")


def share_of(nodeid: str) -> str:
    """The name of what one process runs in a row: mostly a file, since its tests share fixtures and compiled programs.

    Pages of the manual share nothing; and one SLURM, on the ports that its script gives it, serves one file at a time.
    """
    file = nodeid.partition("::")[0]
    if file.endswith(SLURM):
        return "SLURM"
    return nodeid if file == MANUAL else file


class Shares(LoadScopeScheduling):
    """A process that is done gets the next share in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def in_order(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """SLURM first, since its tests mostly wait; then what holds a test that may take long; then the largest files."""
    items = list(items)
    tests = Counter(share_of(item.nodeid) for item in items)
    long = {share_of(item.nodeid) for item in items if any(map(item.get_closest_marker, ("slow", "timeout")))}
    for item in items:
        if item.get_closest_marker("slurm") and share_of(item.nodeid) != "SLURM":
            raise pytest.UsageError(f"a test of SLURM must stand in one of {SLURM}, got {item.nodeid}")

    def place(item: pytest.Item) -> tuple[bool, bool, int, str]:
        share = share_of(item.nodeid)
        return share != "SLURM", share not in long, -tests[share], share

    return sorted(items, key=place)
