"""How processes share the tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.shares import in_order, share_of


def item(nodeid: str, *markers: str) -> Any:
    return SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda name: name in markers)


def test_files_stay_together_and_so_do_those_of_slurm() -> None:
    assert share_of("tests/a/test_b.py::test_c[d::e]") == share_of("tests/a/test_b.py::test_f")
    assert share_of("tests/a/test_b.py::test_c") != share_of("tests/a/test_g.py::test_c")
    assert share_of("tests/flows/test_slurm.py::test_a") == share_of("tests/flows/test_three_ways.py::test_b")
    assert share_of("tests/test_docs.py::test_a[b.md]") != share_of("tests/test_docs.py::test_a[c.md]")


def test_what_waits_begins_then_what_is_long_then_large_files() -> None:
    small, large = item("tests/test_a.py::test_b"), [item(f"tests/test_z.py::test_{k}") for k in range(3)]
    long = [item("tests/test_y.py::test_b"), item("tests/test_y.py::test_a", "slow")]
    slurm = item("tests/flows/test_slurm.py::test_a", "slow", "slurm")
    assert in_order([small, *large, *long, slurm]) == [slurm, *long, *large, small]


def test_a_test_of_slurm_elsewhere_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match=r"must stand in one of .*test_a\.py::test_b"):
        in_order([item("tests/test_a.py::test_b", "slurm")])
