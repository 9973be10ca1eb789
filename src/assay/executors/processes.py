"""What the operating system offers to keep processes in bounds; thin, and the same face on every system."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

from assay.errors import UsageError

__all__ = [
    "address_space_bytes",
    "describe_exit",
    "die_with",
    "is_killed_from_outside",
    "kill_group",
    "kill_session",
    "limit_address_space",
]

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5
_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")


def describe_exit(returncode: int) -> str:
    """How a process ended, in words.

    Example:
        >>> describe_exit(3)
        'exit status 3'
        >>> describe_exit(-11)
        'killed by signal 11 (SIGSEGV)'
    """
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        name = f" ({signal.Signals(-returncode).name})"
    except ValueError:
        name = ""
    return f"killed by signal {-returncode}{name}"


def is_killed_from_outside(returncode: int) -> bool:
    """Whether a process ended by a signal that others send, rather than by one that its own doing raises."""
    return any(-returncode == getattr(signal, name, None) for name in _FROM_OUTSIDE)


def kill_group(leader: int) -> None:
    """Kill a process that leads its group, with what it started in that group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(leader, signal.SIGKILL)
        else:
            os.kill(leader, signal.SIGTERM)  # TerminateProcess


def kill_session(leader: int) -> None:
    """Kill a process that leads its session, with all that it started (process groups of their own included)."""
    for member in _members(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)
    kill_group(leader)


def _members(session: int) -> list[int]:
    """The processes of a session, where /proc tells."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append(int(entry.parent.name))
    return found


def die_with(parent: int) -> None:
    """See to it that this process does not outlive its parent, however that one ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    kill_group(os.getpid())  # a worker leads its group: this is the end of it and of what it started
    os._exit(1)


def limit_address_space(limit_bytes: int) -> None:
    """Let allocations beyond a limit fail, here and in every process started from here.

    Raises:
        UsageError: where the system has no such limit.
    """
    try:
        import resource
    except ImportError:
        raise UsageError(
            f"memory_limit_MB cannot be set on {sys.platform}, which has no resource limits"
        ) from None
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


def address_space_bytes() -> int | None:
    """The address space in use by this process, where /proc tells; None elsewhere."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
