"""What ran: versions of Python, of the libraries, and the processor."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from assay.version import __version__

__all__ = ["processor", "versions"]

PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "gpytorch",
    "botorch",
    "botorch-rust",
    "optuna",
    "tmm",
    "pyoperon",
    "gplearn",
)


def versions() -> dict[str, str]:
    """Name to version, of what is installed."""
    found = {"python": platform.python_version(), "assay": __version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's name, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
