"""What every test gets: one BLAS thread, no network, reproducible examples."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from tests.shares import Shares, in_order

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is imported: it reads them once
os.environ.setdefault("MPLBACKEND", "Agg")

# no deadline, since machines are shared; derandomised, so that a failure belongs to the change that caused it
hypothesis.settings.register_profile("assay", deadline=None, derandomize=True)
hypothesis.settings.load_profile("assay")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: some test always waits for a clock."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares:
    config.option.loadscopereorder = False  # or files would be ordered by the number of their tests
    return Shares(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items[:] = in_order(items)


def _is_here(address: Any) -> bool:
    """Whether a socket address is on this machine."""
    if not isinstance(address, tuple):
        return True
    host = address[0]
    return (
        host in ("", "localhost")
        or (host[0].isdigit() and ipaddress.ip_address(host).is_loopback)
        or host == "::1"
    )


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another machine fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if not _is_here(address):
            raise RuntimeError(f"a test must not use the network, it tried to reach {address!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """Where a test may put a store."""
    return tmp_path / "study.assay.db"
