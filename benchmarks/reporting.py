"""What every measurement leaves: `summary.json`, `table.md` and `plot.png` in a folder of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.versions import processor, versions

__all__ = ["COLOURS", "LABELS", "figure", "markdown_table", "save_plot", "write_report"]

LABELS = {
    "assay": "assay",
    "assay_two_starts": "assay, two starts",
    "assay_driver": "assay, the driver's defaults",
    "botorch": "BoTorch",
    "botorch_rust": "botorch-rust",
    "optuna_gp": "Optuna GP",
    "random": "random",
}
COLOURS = {
    "assay": "#0072b2",
    "assay_two_starts": "#004d80",
    "assay_driver": "#56b4e9",
    "botorch": "#d55e00",
    "botorch_rust": "#cc79a7",
    "optuna_gp": "#009e73",
    "random": "#7f7f7f",
}


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as text."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figure(width: float, height: float) -> Figure:
    """An empty figure, drawn without any global state of matplotlib."""
    return Figure(figsize=(width, height), layout="constrained", dpi=130)


def save_plot(folder: Path, drawing: Figure, name: str = "plot.png") -> None:
    """Write it beside the table."""
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / name)


def write_report(folder: Path, title: str, text: str, results: dict[str, Any]) -> None:
    """Write the table, and the results with what they came from.

    Arguments:
        text: the body of `table.md`.
        results: plain data, without NaN or infinity.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(f"# {title}\n\n{text}\n")
    summary = {
        "title": title,
        # What measures it all from nothing, also where this call only summed up what was there.
        "command": " ".join(
            ["python -m benchmarks", *(word for word in sys.argv[1:] if word != "--summary-only")]
        ),
        "written": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "versions": versions(),
        **results,
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n")
