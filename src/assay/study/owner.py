"""Who holds a claim or a lease, and whether that process still lives."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from assay.executors.liveness import is_dead, process_name

__all__ = ["is_known_dead", "this_owner", "working_owner"]

_at_work: set[str] = set()  # the owners of this process that still do what they began


def this_owner() -> str:
    """This process as an owner: host, process number, its start time and a random token."""
    return _owner(process_name())


@cache  # by process, so that a forked child is an owner of its own
def _owner(process: str) -> str:
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
    owner = f"{process_name()}/{uuid.uuid4().hex[:8]}"
    _at_work.add(owner)
    try:
        yield owner
    finally:
        _at_work.discard(owner)


def is_known_dead(owner: str) -> bool:
    """Whether the owner ran on this host and is gone. False means alive, or elsewhere: then its lease decides."""
    process = owner.rpartition("/")[0]
    if process == process_name():
        return owner != this_owner() and owner not in _at_work
    return is_dead(process)
