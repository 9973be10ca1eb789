"""MGH17 by `BayesianLeastSquares`: how near to the certified sum, after how many evaluations, at what cost of a suggestion.

Beside it the evaluations of least squares with restarts (benchmarks/results/least_squares), and, where BoTorch is
installed, the time of its composite recipe: one Gaussian process for each output, and the expected improvement of the sum
of squares by 128 draws. Both times are taken in one process: of a study's suggestions as they come, and of BoTorch's after
the same evaluations.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from examples.mgh17.mgh17 import CERTIFIED_SUM_OF_SQUARES, Y, model

import assay
from benchmarks.least_squares import BOX, GOAL
from benchmarks.reporting import figure, markdown_table, save_plot, write_report
from benchmarks.versions import versions

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(10)
JUDGED = 5  # of the seeds, for the distance after all evaluations; all for the evaluations to 1 %
EVALUATIONS = 60
TIMED = (30, 40, 50, 59)  # rows at which BoTorch's suggestion is timed


def run(seed: int, evaluations: int) -> dict[str, Any]:
    """One study: the sums of squares, the CPU seconds of each suggestion, and what was looked at."""
    study = assay.create_study(
        [assay.Continuous(name, domain) for name, domain in BOX.items()],
        constraints=[{"name": "sum", "expression": "b2 + b3 <= 1"}],
        driver="BayesianLeastSquares",
        seed=seed,
    )
    study.configure(target_vector=Y.tolist(), max_iter=evaluations)
    points, sums, seconds = [], [], []
    for _ in range(evaluations):
        begun = time.process_time()
        suggestion = study.get_suggestion()
        seconds.append(time.process_time() - begun)
        values = model(**suggestion.kwargs)
        study.add_observation(values.tolist(), suggestion_id=suggestion.id)
        points.append([float(suggestion.kwargs[name]) for name in BOX])
        sums.append(float(np.sum((values - Y) ** 2)))
    return {"points": points, "sums": sums, "suggestion_cpu_s": seconds}


def botorch_seconds(points: Array) -> float:
    """CPU seconds of BoTorch's composite recipe for one suggestion after these evaluations."""
    import torch
    from botorch.acquisition import GenericMCObjective, qLogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf
    from botorch.sampling import SobolQMCNormalSampler
    from gpytorch.mlls import ExactMarginalLogLikelihood

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    lower, upper = np.array(list(BOX.values())).T
    inputs = torch.tensor((points - lower) / (upper - lower))
    outputs = torch.tensor(np.array([model(*row) for row in points]))
    target = torch.tensor(Y)
    begun = time.process_time()
    process = SingleTaskGP(inputs, outputs, outcome_transform=Standardize(m=len(Y)))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(process.likelihood, process))
    acquisition = qLogExpectedImprovement(
        process,
        best_f=-((outputs - target) ** 2).sum(dim=1).min(),
        sampler=SobolQMCNormalSampler(torch.Size([128]), seed=0),
        objective=GenericMCObjective(lambda values, X=None: -((values - target) ** 2).sum(dim=-1)),  # noqa: ARG005
    )
    bounds = torch.stack([torch.zeros(5), torch.ones(5)]).double()
    optimize_acqf(acquisition, bounds=bounds, q=1, num_restarts=4, raw_samples=256)
    return time.process_time() - begun


def timed(place: Path, *, again: bool) -> dict[str, Any] | None:
    """CPU seconds of suggestions, ours and BoTorch's, of one process: measured where BoTorch is installed, else as they
    were; None where they never were."""
    if again and importlib.util.find_spec("botorch") is not None:
        found = run(SEEDS[0], EVALUATIONS)
        seconds = {
            "rows": list(TIMED),
            "assay": [found["suggestion_cpu_s"][rows] for rows in TIMED],
            "botorch": [botorch_seconds(np.array(found["points"][:rows])) for rows in TIMED],
            "versions": versions(),
        }
        place.write_text(json.dumps(seconds) + "\n")
    return json.loads(place.read_text()) if place.exists() else None


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds, raw = options.seeds or list(SEEDS), options.output / "raw" / "mgh17"
    raw.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        place = raw / f"{seed}.json"
        if not options.summary_only and not place.exists():
            place.write_text(json.dumps(run(seed, options.evaluations or EVALUATIONS)) + "\n")
            LOGGER.info("seed %d", seed)
    runs = [json.loads((raw / f"{seed}.json").read_text()) for seed in seeds]
    lowest = np.array([np.minimum.accumulate(found["sums"]) for found in runs])
    above = lowest[:, -1] - CERTIFIED_SUM_OF_SQUARES
    needed = [int(np.argmax(row <= GOAL)) + 1 if row[-1] <= GOAL else None for row in lowest]
    cost = [float(np.mean([found["suggestion_cpu_s"][rows] for rows in TIMED])) for found in runs]
    results: dict[str, Any] = {"seeds": seeds, "above": above.tolist(), "evaluations_to_1_percent": needed}
    results |= {"suggestion_cpu_s": cost, "median_above": float(np.median(above[:JUDGED]))}
    rows = [
        [str(seed), f"{value:.1e}", str(count or f"over {lowest.shape[1]}"), f"{seconds:.2f}"]
        for seed, value, count, seconds in zip(seeds, above, needed, cost, strict=True)
    ]
    counts = [count or np.inf for count in needed]
    text = markdown_table(
        ["seed", "above the certified sum", "evaluations to 1 %", "CPU s of a suggestion"], rows
    )
    text += (
        f"\n\nMedian of the first {JUDGED} seeds: {results['median_above']:.1e} above the certified sum after "
        f"{lowest.shape[1]} evaluations. Median evaluations to within 1 %: {np.median(counts):g}."
    )
    restarts = json.loads((options.output / "least_squares" / "mgh17.json").read_text())
    text += "\n\n" + markdown_table(
        ["least squares with restarts", "median evaluations to 1 %"],
        [[name, f"{np.median(values):g}"] for name, values in restarts.items()],
    )
    together = timed(raw / "suggestion_cpu_s.json", again=not options.summary_only)
    if together is not None:
        results["timed_together"] = together
        ours, theirs = (float(np.mean(together[name])) for name in ("assay", "botorch"))
        text += (
            f"\n\nIn one process, after {', '.join(map(str, TIMED))} evaluations: {ours:.2f} CPU s of a suggestion here, "
            f"{theirs:.2f} of one of BoTorch's composite recipe, {theirs / ours:.0f} times as much."
        )
    folder = options.output / "problems" / "mgh17"
    write_report(folder, "MGH17 by Bayesian least squares", text, results)
    drawing = figure(7.0, 3.4)
    axes = drawing.subplots()
    for row in lowest:
        axes.semilogy(
            np.arange(1, len(row) + 1), row - CERTIFIED_SUM_OF_SQUARES, color="#0072b2", linewidth=0.8
        )
    axes.axhline(GOAL - CERTIFIED_SUM_OF_SQUARES, color="black", linewidth=0.8, linestyle=":")
    axes.set(xlabel="evaluations", ylabel="above the certified sum")
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
