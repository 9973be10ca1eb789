"""Hyperactive learning in one dimension over a hundred random starts, beside the numbers of a first study of it.

The schemes are those of `examples/concept_1d`. Relative strengths above 0.5 were tried on seeds 100 to 199.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from examples.concept_1d.concept_1d import SCHEMES, best_error, outcome

from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

# Median, quartiles and mean range covered of an earlier study with other random numbers, where it had the scheme.
EARLIER: dict[str, tuple[float, ...]] = {
    "dynamics, every hundredth step": (6.11, 5.75, 6.43, 2.48),
    "dynamics, greedy": (5.79, 2.48),
    "biased, tau 0.5, greedy": (5.94, 4.99, 6.61, 2.87),
    "biased, tau 1, greedy": (6.03, 2.66),
    "biased, relative tau 0.5, greedy": (5.66, 4.55, 6.24, 3.27),
    "anywhere": (4.29, 3.15, 5.45),
    "greedy on a grid": (2.56, 2.51, 2.61),
}


def main(options: argparse.Namespace) -> None:
    """Run all schemes, which takes seconds, and write the report."""
    seeds = options.seeds or list(range(100))
    block = range(seeds[0], seeds[-1] + 1)
    found: dict[str, dict[str, Any]] = {}
    for name in options.methods or SCHEMES:
        reached = outcome(name, block)
        found[name] = {
            "errors": reached.error.round(6).tolist(),
            "mean_range_covered": round(float(reached.covered.mean()), 4),
        }
    rows = []
    for name, entry in found.items():
        low, median, high = np.percentile(entry["errors"], [25, 50, 75])
        earlier = EARLIER.get(name, ())
        before = "" if not earlier else f"{earlier[0]:.2f}"
        rows.append(
            [name, f"{median:.2f}", f"{low:.2f} to {high:.2f}", f"{entry['mean_range_covered']:.2f}", before]
        )
    head = ["scheme", "median error", "quartiles", "range covered", "median of the earlier study"]
    text = (
        f"Root mean square error on [-3, 2.5] after eleven labels beside the first three, {len(block)} random "
        f"starts; the least that any weights have is {best_error():.3f}.\n\n{markdown_table(head, rows)}"
    )
    folder = options.output / "concept"
    write_report(
        folder,
        "Hyperactive learning in one dimension",
        text,
        {"seeds": [block.start, block.stop - 1], "best_error": best_error(), "schemes": found},
    )
    drawing = figure(7.0, 3.6)
    axes = drawing.subplots()
    axes.boxplot([entry["errors"] for entry in found.values()], orientation="horizontal", showfliers=False)
    axes.set_yticks(range(1, len(found) + 1), list(found))
    axes.axvline(best_error(), color="0.6", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("root mean square error")
    save_plot(folder, drawing)
