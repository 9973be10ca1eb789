"""Markov chains of MGH17's parameters on the surrogate, beside the posterior by the true function.

A study of `BayesianLeastSquares` makes 60 evaluations; 40 more follow at draws of short chains on its surrogate, where the posterior
is and the minimiser was not; then come the chains that are judged. The true posterior is that of tests/oracles, by quadrature
without Markov chains. What chains on the true function would cost is counted with the same sampler.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from examples.mgh17.mgh17 import CERTIFIED, CERTIFIED_SUM_OF_SQUARES, S, Y, model

import assay
from assay.analysis.chains import MarkovChains
from assay.analysis.log_density import LogDensity
from assay.analysis.mcmc import run_mcmc
from assay.numerics.compile import jax_module
from benchmarks.least_squares import BOX
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(5)
EVALUATIONS, REFINEMENTS = 60, 40
SHORT = 50  # steps of the chains that say where to refine
GRADIENT_STEPS = 5000  # of each of the eight chains of the gradient-based sampler
NOISE = float(np.sqrt(CERTIFIED_SUM_OF_SQUARES / (len(Y) - len(CERTIFIED))))
TRUE_POSTERIOR = Path(__file__).parents[2] / "tests/oracles/mgh17_posterior.json"
LARGEST_SHIFT, LARGEST_CHANGE = (
    0.1,
    0.1,
)  # of a median in standard deviations, and of the width of an interval


def described(chains: MarkovChains, calls: int, seconds: float) -> dict[str, Any]:
    """What is kept of some chains."""
    return {
        "medians": chains.medians.tolist(),
        "lower_uncertainty": chains.lower_uncertainty.tolist(),
        "upper_uncertainty": chains.upper_uncertainty.tolist(),
        "central_95": chains.interval(0.95).tolist(),
        "sampler": chains.sampler,
        "stopped": chains.stopped,
        "largest_rhat": float(chains.rhat.max()),
        "least_ess": float(chains.ess.min()),
        "calls": calls,
        "CPU_seconds": seconds,
    }


def run(seed: int, evaluations: int) -> dict[str, Any]:
    """The chains of one study."""
    begun = time.process_time()
    study = assay.create_study(
        [assay.Continuous(name, domain) for name, domain in BOX.items()],
        constraints=[{"name": "sum", "expression": "b2 + b3 <= 1"}],
        driver="BayesianLeastSquares",
        seed=seed,
    )
    study.configure(target_vector=Y.tolist(), uncertainty_vector=[NOISE] * len(Y), max_iter=evaluations)
    study.run(lambda **point: model(**point).tolist())
    learnt = time.process_time()
    draws = study.driver.run_mcmc(max_iter=SHORT).samples
    for draw in draws[np.random.default_rng(seed).choice(len(draws), REFINEMENTS, replace=False)]:
        point = dict(zip(BOX, draw.tolist(), strict=True))
        study.add_observation(model(**point).tolist(), design_value=point)
    refined = time.process_time()
    chains = study.driver.run_mcmc()
    ended = time.process_time()
    return {
        "seed": seed,
        "suggestions_CPU_seconds": learnt - begun,
        "refinement_CPU_seconds": refined - learnt,
        **described(chains, evaluations + REFINEMENTS, ended - refined),
    }


def run_on_function() -> dict[str, Any]:
    """The same sampler on the true function, with its calls counted."""
    calls = 0

    def log_density(points: Array) -> Array:
        nonlocal calls
        calls += len(points)
        b1, b2, b3, b4, b5 = (points[:, place, None] for place in range(5))
        residuals = b1 + b2 * np.exp(-b4 * S) + b3 * np.exp(-b5 * S) - Y
        inside = points[:, 1] + points[:, 2] <= 1.0
        return np.where(inside, -0.5 * (residuals**2).sum(axis=1) / NOISE**2, -np.inf)

    begun = time.process_time()
    chains = run_mcmc(
        LogDensity(value=log_density),
        np.array([list(CERTIFIED.values())]),
        *np.array(list(BOX.values())).T,
        sampler="ensemble",
        num_walkers=512,
        generator=np.random.default_rng(0),
    )
    return described(chains, calls, time.process_time() - begun)


def run_by_gradient() -> dict[str, Any]:
    """The gradient-based sampler on the true function as a JAX program."""

    def log_density(point: Any) -> Any:
        numpy = jax_module().numpy
        b1, b2, b3, b4, b5 = point
        residuals = b1 + b2 * numpy.exp(-b4 * S) + b3 * numpy.exp(-b5 * S) - Y
        return numpy.where(b2 + b3 <= 1.0, -0.5 * (residuals**2).sum() / NOISE**2, -numpy.inf)

    begun = time.process_time()
    chains = run_mcmc(
        LogDensity(program=log_density),
        np.array([list(CERTIFIED.values())]),
        *np.array(list(BOX.values())).T,
        sampler="nuts",
        max_iter=GRADIENT_STEPS,
        generator=np.random.default_rng(0),
    )
    result = described(chains, 0, time.process_time() - begun)
    steps = chains.num_iterations * chains.chains.shape[0]
    return {**result, "divergent_share": chains.num_divergent / steps}


def deviations(one: dict[str, Any], truth: dict[str, Any]) -> tuple[float, float, float]:
    """The largest shift of a median, in standard deviations, and the largest relative change of the widths of the central
    68 % and 95 % intervals, over the parameters."""

    def widths(chains: dict[str, Any]) -> tuple[Array, Array]:
        inner = np.array(chains["lower_uncertainty"]) + np.array(chains["upper_uncertainty"])
        return inner, np.diff(np.array(chains["central_95"]), axis=0)[0]

    (inner, outer), (true_inner, true_outer) = widths(one), widths(truth)
    shift = np.abs(np.array(one["medians"]) - np.array(truth["medians"])) / (0.5 * true_inner)
    changes = [np.abs(inner / true_inner - 1.0).max(), np.abs(outer / true_outer - 1.0).max()]
    return float(shift.max()), float(changes[0]), float(changes[1])


def draw_intervals(folder: Path, runs: list[dict[str, Any]], truth: dict[str, Any]) -> None:
    drawing = figure(9.0, 3.0)
    for place, (axes, name) in enumerate(zip(drawing.subplots(1, len(BOX)), BOX, strict=True)):
        for row, one in enumerate([truth, *runs]):
            low, high = np.array(one["central_95"])[:, place]
            colour = COLOURS["assay"] if row else "0.4"
            axes.plot([row, row], [low, high], color=colour)
            axes.plot(row, one["medians"][place], "o", color=colour, markersize=3)
        axes.set(title=name, xticks=[0, *range(1, len(runs) + 1)])
        axes.set_xticklabels(["f", *(str(one["seed"]) for one in runs)])
    save_plot(folder, drawing)


def kept(place: Path, work: Any, *, only_read: bool) -> dict[str, Any] | None:
    """What a file holds; made where it is missing."""
    if not place.exists():
        if only_read:
            return None
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(work()) + "\n")
        LOGGER.info("%s", place.stem)
    return json.loads(place.read_text())


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw, folder = options.output / "raw/problems/mgh17_mcmc", options.output / "problems/mgh17_mcmc"
    truth = json.loads(TRUE_POSTERIOR.read_text())
    found = [
        kept(
            raw / f"{seed}.json",
            lambda seed=seed: run(seed, options.evaluations or EVALUATIONS),
            only_read=options.summary_only,
        )
        for seed in options.seeds or SEEDS
    ]
    runs = [one for one in found if one is not None]
    function = kept(raw / "function.json", run_on_function, only_read=options.summary_only)
    gradient = kept(raw / "gradient.json", run_by_gradient, only_read=options.summary_only)
    rows, judged = [], [(f"seed {one['seed']}", one) for one in runs]
    if function is not None:
        judged.append(("none: the true function", function))
    if gradient is not None:
        judged.append(("none: the same by gradients", gradient))
    for name, one in judged:
        shift, inner, outer = deviations(one, truth)
        numbers = [f"{shift:.3f}", f"{inner:.1%}", f"{outer:.1%}", str(one["calls"] or "-")]
        rows.append(
            [name, *numbers, f"{one['CPU_seconds']:.1f}", f"{one['largest_rhat']:.3f}", one["stopped"]]
        )
    head = ["chains on the surrogate of", "shift of a median / σ", "width of 68 %", "width of 95 %"]
    text = markdown_table(
        [*head, "calls of the function", "CPU s of the chains", "R-hat", "stopped by"], rows
    )
    text += (
        "\n\nThe largest deviation of the five parameters from the true posterior by quadrature. Wanted: medians within "
        f"{LARGEST_SHIFT:g} σ, widths within {LARGEST_CHANGE:.0%}, under 1 % of the true function's calls."
    )
    if gradient is not None:
        text += (
            f" Of the trajectories of the gradient-based sampler {gradient['divergent_share']:.1%} diverged; its calls are not "
            "counted."
        )
    results = {"runs": runs, "function": function, "gradient": gradient, "truth": truth}
    write_report(folder, "MGH17 by Markov chains", text, results)
    draw_intervals(folder, runs, truth)
