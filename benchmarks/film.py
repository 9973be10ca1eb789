"""The antireflection coating of `examples/film`: the best after 60 and 120 evaluations, over 20 seeds, beside the peers;
and the calibration of our intervals on it."""

from __future__ import annotations

import argparse

from benchmarks.coating import coating_problem
from benchmarks.methods.catalog import METHODS
from benchmarks.runs import run_all

__all__ = ["main"]


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw = options.output / "raw" / "film"
    if not options.summary_only:
        seeds = options.seeds or range(20)
        run_all(options.methods or METHODS, [coating_problem()], seeds, options.evaluations or 120, raw)
