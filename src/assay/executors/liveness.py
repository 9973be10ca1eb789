"""Which process something belongs to, and whether that process still lives."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

__all__ = ["host_name", "is_dead", "process_name"]


def host_name() -> str:
    """The name of this host."""
    return socket.gethostname()


def process_name() -> str:
    """This process: host, number and the kernel's start time, by which a reused number is told apart.

    Example:
        >>> is_dead(process_name())
        False
    """
    return _name(os.getpid())


@cache  # by process number, so that a forked child has a name of its own
def _name(process_id: int) -> str:
    return f"{host_name()}/{process_id}/{_start_time(process_id)}"


def is_dead(name: str) -> bool:
    """Whether the process of that name ran on this host and is gone. False means alive, or elsewhere.

    Example:
        >>> is_dead(f"{host_name()}/{2**22 + 1}/1")
        True
    """
    host, process_id, start_time = name.rsplit("/", 2)
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


def _start_time(process_id: int) -> str:
    fields = _fields(process_id)
    return fields[19] if fields else ""


def _is_zombie(process_id: int) -> bool:
    fields = _fields(process_id)
    return bool(fields) and fields[0] == "Z"


def _fields(process_id: int) -> list[str]:
    """What the kernel says after the name of a process; empty where it does not."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return []
    return stat.rpartition(")")[2].split()
