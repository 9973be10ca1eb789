"""`assay export`: the table of all evaluations."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from assay.cli.target import open_target, writing
from assay.errors import UsageError, missing_extra

__all__ = ["export_target"]


def export_target(
    target: str | None, study_id: str | None, table_format: str | None, output: Path | None
) -> None:
    """Write the table, to a file or the terminal.

    Raises:
        UsageError: for Parquet without a file, an ending that says nothing, or a file that cannot be written.
        MissingExtraError: for Parquet without pyarrow.
    """
    chosen = table_format or _by_ending(output)
    if chosen == "parquet" and output is None:
        raise UsageError("parquet is not text, so it needs a file: add --output TABLE.parquet")
    if chosen == "parquet" and find_spec("pyarrow") is None:
        raise missing_extra("pyarrow", "plots")
    table = open_target(target, study_id).to_dataframe()
    if chosen == "parquet":
        assert output is not None
        with writing(output):
            table.to_parquet(output, engine="pyarrow", index=False)
        return
    writers: dict[str, Callable[[Any], str]] = {"csv": _csv, "json": _json}
    text = writers[chosen](table)
    if output is None:
        typer.echo(text, nl=False)
    else:
        with writing(output):
            output.write_text(text, encoding="utf-8")


def _by_ending(output: Path | None) -> str:
    if output is None:
        return "csv"
    ending = output.suffix.removeprefix(".")
    if ending not in ("csv", "parquet", "json"):
        raise UsageError(
            f"--format must be given where the output does not end in .csv, .parquet or .json, got {output}"
        )
    return ending


def _csv(table: Any) -> str:
    return table.to_csv(index=False, lineterminator="\n")


def _json(table: Any) -> str:
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return json.dumps(rows, indent=1, allow_nan=False) + "\n"
