"""`assay doctor`: what a bug report needs."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from assay.version import __version__

__all__ = ["report"]

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def report() -> Iterator[str]:
    """Line by line: the package, the interpreter, what is installed of what it can use, SQLite, threads."""
    yield f"assay {__version__}"
    yield f"Python {platform.python_version()} on {platform.platform()}"
    yield f"SQLite {sqlite3.sqlite_version}"
    yield f"processors {os.cpu_count()}"
    for variable in THREAD_VARIABLES:
        yield f"{variable} {os.environ.get(variable, 'not set')}"
    for extra, names in sorted(_requirements().items()):
        yield f"{extra}: {', '.join(f'{name} {_version(name)}' for name in names)}"


def _requirements() -> dict[str, list[str]]:
    """What the package can use, by extra; the plain install is called "always"."""
    found: dict[str, list[str]] = {}
    for requirement in requires("assay") or ():
        text, _, marker = requirement.partition(";")
        name = text.strip().split("[")[0].rstrip("0123456789.<>=!~, ")
        if name == "assay":
            continue
        extra = marker.partition("==")[2].strip().strip("\"'") or "always"
        found.setdefault(extra, []).append(name)
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
