"""Regret in closed loops on the nine problems of `assay.testing.problems`.

The rule, the same for all methods: after each evaluation the method names the point that it calls the best, and its
regret is the true value there, without noise, less the known minimum. For a deterministic problem that is the best
observation; for the noisy one it is the method's own choice (BoTorch and assay: by the posterior mean over the
observed points; Optuna: `study.best_trial`, which goes by the observation; random: the best observation). A point
that breaks the constraint counts as an evaluation and is never a recommendation.
"""

from __future__ import annotations

import argparse

from assay.testing.problems import PROBLEMS
from benchmarks.methods.catalog import METHODS
from benchmarks.runs import run_all

__all__ = ["main"]


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw = options.output / "raw" / "regret"
    if not options.summary_only:
        problems = [PROBLEMS[name] for name in options.problems or PROBLEMS]
        run_all(
            options.methods or METHODS, problems, options.seeds or range(10), options.evaluations or 60, raw
        )
