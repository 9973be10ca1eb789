"""Whether the deviations that potentials of silicon predict are right: by the evidence, widened for misfit, calibrated.

The draws of `atoms_accuracy`: the first structures to learn from, the last 40 to test. "left out" multiplies the deviations
by `left_out_factor`, which asks the learnt structures alone. It was chosen, from that factor and from root mean squares of
the same errors, on draws 100 to 102. The results of each draw are kept, and are not computed again.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.potential.calibration import Calibration, left_out_factor, standardised_errors
from assay.atoms.potential.design import Design
from assay.atoms.potential.fit import PotentialFit
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from benchmarks.atoms_accuracy import TESTED, labelled
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

logger = logging.getLogger(__name__)

SEEDS = range(6)
COUNTS = (4, 8, 15, 30, 60)
KINDS = ("energy", "forces", "virial")
WAYS = ("by the evidence", "widened for misfit", "left out")
WANTED = (0.6, 0.75)


def main(options: argparse.Namespace) -> None:
    raw = options.output / "raw" / "atoms_calibration"
    raw.mkdir(parents=True, exist_ok=True)
    seeds = list(options.seeds or SEEDS)
    draws = [kept(raw / f"{seed}.json", seed) for seed in seeds]
    rows = [
        [str(count), way, *(text([draw[str(count)][way][kind] for draw in draws]) for kind in KINDS)]
        for count in COUNTS
        for way in WAYS
    ]
    told = (
        f"The share of labels of {TESTED} structures within one predicted standard deviation, noise included: 68 % is right. The "
        f"median of the draws {seeds} (least to largest).\n\n"
    )
    told += markdown_table(["structures learnt", "deviations", *KINDS], rows)
    folder = options.output / "atoms_calibration"
    write_report(folder, "Predicted deviations of silicon", told, {"seeds": seeds, "draws": draws})
    draw_plot(folder, draws)


def text(shares: list[dict[str, float]]) -> str:
    found = sorted(100.0 * share["within_one"] for share in shares)
    return f"{np.median(found):.0f} % ({found[0]:.0f}–{found[-1]:.0f})"


def kept(path: Path, seed: int) -> dict[str, Any]:
    """The result of one draw, computed if it is not there."""
    if not path.exists():
        begin = time.process_time()
        result: dict[str, Any] = calibrations(labelled(seed))
        result["cpu_s"] = time.process_time() - begin
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        logger.info("draw %d: %.0f s", seed, result["cpu_s"])
    return json.loads(path.read_text(encoding="utf-8"))


def calibrations(structures: list[LabelledStructure]) -> dict[str, Any]:
    """By the number of structures and the way: of each kind of label the share within one deviation, and the factor."""
    descriptor = BodyOrderedDescriptor(("Si",))

    def fit(known: Sequence[LabelledStructure]) -> LinearPotential:
        return PotentialFit().fit(Design.none(descriptor).given(known)).potential

    found = {}
    for count in COUNTS:
        known = structures[:count]
        potential = fit(known)
        beliefs = (
            potential,
            potential.widened(known),
            potential.calibrated(left_out_factor(potential, known, fit)),
        )
        found[str(count)] = {
            way: {
                errors.kind: _told(errors.z) for errors in standardised_errors(belief, structures[-TESTED:])
            }
            for way, belief in zip(WAYS, beliefs, strict=True)
        }
    return found


def _told(z: Any) -> dict[str, float]:
    found = Calibration.of(z)
    return {"within_one": found.coverage[0.68], "within_two": found.coverage[0.95], "factor": found.factor}


def draw_plot(folder: Path, draws: list[dict[str, Any]]) -> None:
    drawing = figure(9.0, 3.4)
    for axes, kind in zip(drawing.subplots(1, 3, sharey=True), KINDS, strict=True):
        axes.axhspan(*WANTED, color="#DDDDDD", linewidth=0)
        for way, colour in zip(WAYS, (COLOURS["random"], "#E69F00", COLOURS["assay"]), strict=True):
            shares = [[draw[str(count)][way][kind]["within_one"] for draw in draws] for count in COUNTS]
            axes.plot(COUNTS, np.median(shares, axis=1), "o-", color=colour, label=way, markersize=4)
        axes.set(title=kind, xlabel="structures learnt", xscale="log", xticks=COUNTS, xticklabels=COUNTS)
        axes.minorticks_off()
    drawing.axes[0].set(ylabel="share within one deviation", ylim=(0.2, 1.0))
    drawing.axes[0].legend(frameon=False, fontsize="small")
    save_plot(folder, drawing)
