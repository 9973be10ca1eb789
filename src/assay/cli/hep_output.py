"""How the commands of `assay hep` hand out what they found: lines, JSON, pictures, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import Any

import typer

__all__ = ["end", "print_json", "print_lines", "write_picture"]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        typer.echo(line)


def print_json(data: Any) -> None:
    """Print plain data, arrays and numbers of numpy as JSON; what is no number is null."""
    typer.echo(json.dumps(_plain(data), indent=1, allow_nan=False))


def write_picture(figure: Any, plot: Path) -> None:
    """Write a figure."""
    from assay.cli.target import writing

    with writing(plot):
        figure.savefig(plot)


def end(status: str, *, is_failure: bool = True) -> None:
    """Say what there is to say of the fits; where one failed, that is the exit code as well.

    Raises:
        typer.Exit: with 1 after a failure.
    """
    if not status:
        return
    typer.echo(f"assay: {status}", err=True)
    if is_failure:
        raise typer.Exit(1)


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if hasattr(data, "tolist"):  # of numpy
        data = data.tolist()
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data
