"""What starting costs: CPU time of fresh processes beyond Python itself, the least of several."""

from __future__ import annotations

import argparse
import logging
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from assay.study.study import create_study
from benchmarks.reporting import markdown_table, write_report

__all__ = ["main"]

logger = logging.getLogger(__name__)

REPEATS = 15
SHOWN = "line.assay.db"


def command(*arguments: str) -> str:
    """Python source that runs the command line."""
    return f"import sys; sys.argv = ['assay', *{arguments}]; from assay.cli.main import main; main()"


# what is started, and the budget in milliseconds beyond Python
CASES: dict[str, tuple[str, float | None]] = {
    "import assay": ("import assay", 50.0),
    "assay --help": (command("--help"), 300.0),
    "assay show": (command("show", SHOWN), None),
    "assay.create_study": ("import assay; assay.create_study", None),
}


def child_ms(source: str, folder: str) -> float:
    """The least CPU time of a fresh interpreter that runs the source, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", source], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1000.0 * min(times)


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        study = create_study(
            [{"name": "x", "domain": [0.0, 1.0]}], study_id="line", store=Path(folder) / SHOWN
        )
        study.add_many([0.5] * 20, [{"x": 0.05 * index} for index in range(20)])
        python = child_ms("pass", folder)
        beyond = {name: child_ms(source, folder) - python for name, (source, _) in CASES.items()}
    rows = []
    for name, (_, budget) in CASES.items():
        rows.append([name, f"{beyond[name]:.0f}", "" if budget is None else f"{budget:.0f}"])
        logger.info("%-20s %6.1f ms beyond Python's %.1f ms", name, beyond[name], python)
    table = markdown_table(["a fresh process that runs", "CPU ms beyond Python", "budget"], rows)
    text = f"Python itself: {python:.0f} ms. The least of {REPEATS} processes each.\n\n{table}"
    write_report(
        options.output / "imports", "Imports", text, {"python_ms": python, "beyond_python_ms": beyond}
    )
