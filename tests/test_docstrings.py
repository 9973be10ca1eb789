"""What is public is documented, and the examples in docstrings run."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import assay

SOURCE = Path(__file__).parents[1] / "src"


def public_objects() -> Iterator[tuple[str, object]]:
    """Every module, and every class and function that a module lists in `__all__` and defines."""
    for found in pkgutil.walk_packages(assay.__path__, "assay."):
        module = importlib.import_module(found.name)
        yield found.name, module
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == found.name:
                yield f"{found.name}.{name}", value


def test_everything_public_begins_with_a_sentence() -> None:
    missing = []
    for name, value in public_objects():
        first = (inspect.getdoc(value) or "").split("\n\n")[0]
        if not first.rstrip("`)").endswith((".", ":")) and not name.endswith("__init__"):
            missing.append(name)
    assert missing == []


def test_the_names_at_the_top_show_how_they_are_used() -> None:
    excused = {
        "__version__",
        "open_study",
        "Study",
        "AssayError",
        "Suggestion",
        "Outcome",
    }  # the manual shows them
    without = [name for name in assay.__all__ if ">>>" not in (inspect.getdoc(getattr(assay, name)) or "")]
    assert set(without) - excused == set()


def test_examples_in_docstrings_run() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--doctest-modules",
        "-q",
        "-p",
        "no:cacheprovider",
        str(SOURCE),
    ]
    result = subprocess.run(command, cwd=SOURCE.parent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
