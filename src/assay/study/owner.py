"""Who holds a claim or a lease, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import uuid
from functools import cache
from pathlib import Path

__all__ = ["host_name", "is_known_dead", "this_owner"]


def host_name() -> str:
    """The name of this host."""
    return socket.gethostname()


def _start_time(process_id: int) -> str:
    """The kernel's start time of a process: with it a reused process number is told apart; "" where unknown."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def this_owner() -> str:
    """This process as an owner: host, process number, its start time and a random token."""
    return _owner(os.getpid())


@cache  # by process number, so that a forked child is an owner of its own
def _owner(process_id: int) -> str:
    return f"{host_name()}/{process_id}/{_start_time(process_id)}/{uuid.uuid4().hex[:8]}"


def is_known_dead(owner: str) -> bool:
    """Whether the owner ran on this host and is gone. False means alive, or elsewhere: then its lease decides."""
    host, process_id, start_time, _ = owner.rsplit("/", 3)
    if host != host_name():
        return False
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    now = _start_time(int(process_id))
    if start_time and now and now != start_time:
        return True
    return _is_zombie(int(process_id))


def _is_zombie(process_id: int) -> bool:
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"
