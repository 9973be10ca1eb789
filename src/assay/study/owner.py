"""Who holds a claim or a lease, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = ["host_name", "is_known_dead", "this_owner", "working_owner"]

_at_work: set[str] = set()  # the owners of this process that still do what they began


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
    return _with_token(f"{host_name()}/{process_id}/{_start_time(process_id)}")


def _with_token(process: str) -> str:
    return f"{process}/{uuid.uuid4().hex[:8]}"


@contextmanager
def working_owner() -> Iterator[str]:
    """This process as the owner of one piece of work: it counts as dead as soon as the block is left, however that ends.

    So what was begun and given up in a long-lived process (a notebook) does not stay taken by it for ever.

    Example:
        >>> with working_owner() as owner:
        ...     is_known_dead(owner)
        False
        >>> is_known_dead(owner)
        True
    """
    owner = _with_token(this_owner().rpartition("/")[0])
    _at_work.add(owner)
    try:
        yield owner
    finally:
        _at_work.discard(owner)


def is_known_dead(owner: str) -> bool:
    """Whether the owner ran on this host and is gone. False means alive, or elsewhere: then its lease decides."""
    if owner.rpartition("/")[0] == this_owner().rpartition("/")[0]:
        return owner != this_owner() and owner not in _at_work
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
