"""The parameters of MGH17 from data with noise whose size is unknown too.

The model of `examples/mgh17` at the certified parameters, with Gaussian noise of standard deviation sqrt(c1² + (c2 y)²), c1 =
0.005 and c2 = 0.01, where y is the model's value. The five parameters and the two numbers of the noise are inferred from
one such curve of 33 points. All values in the box of the five are equally probable beforehand, and so are those of c1 in
0.0005 to 0.03 and of c2 in 0.0005 to 0.05.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from examples.mgh17.mgh17 import CERTIFIED, S, model

import assay
from assay.analysis.chains import MarkovChains
from assay.analysis.log_density import LogDensity
from assay.analysis.mcmc import run_mcmc
from assay.study.study import Study

__all__ = ["C1", "C2", "CERTIFIED", "ERROR_MODEL", "chains_of_true_function", "measured", "study_of"]

Array = np.ndarray

C1, C2 = 0.005, 0.01
DOMAINS = {"b1": (0.0, 10.0), "b2": (0.1, 4.0), "b3": (-4.0, -0.1), "b4": (0.05, 1.0), "b5": (0.05, 1.0)}
NOISE_DOMAINS = {"c1": (0.0005, 0.03), "c2": (0.0005, 0.05)}
SPACE = [{"name": name, "domain": list(domain)} for name, domain in DOMAINS.items()]
CONSTRAINTS = [{"name": "sum", "expression": "b2 + b3 <= 1"}]
ERROR_MODEL = {
    "expression": "sqrt(c1^2 + (c2*y_model)^2)",
    "parameter_distribution": {
        "distributions": [
            {"type": "uniform", "parameter": name, "domain": list(domain)}
            for name, domain in NOISE_DOMAINS.items()
        ]
    },
    "initial_parameters": [0.01, 0.02],
}


def measured(draw: int) -> Array:
    """The curve with the noise of a draw."""
    exact = model(**CERTIFIED)
    normal = np.random.default_rng(draw).standard_normal(len(exact))
    return exact + normal * np.sqrt(C1**2 + (C2 * exact) ** 2)


def study_of(draw: int, evaluations: int = 40) -> Study:
    """The study of one curve, with all evaluations made."""
    study = assay.create_study(SPACE, constraints=CONSTRAINTS, driver="BayesianReconstruction", seed=draw)
    study.configure(target_vector=measured(draw).tolist(), error_model=ERROR_MODEL, max_iter=evaluations)
    study.run(lambda **point: model(**point).tolist())
    return study


def chains_of_true_function(draw: int) -> MarkovChains:
    """What Markov chains on the model itself say, a million evaluations or so."""
    target, box = measured(draw), np.array([*DOMAINS.values(), *NOISE_DOMAINS.values()]).T

    def log_density(points: Array) -> Array:
        b1, b2, b3, b4, b5, c1, c2 = (points[:, place, None] for place in range(7))
        values = b1 + b2 * np.exp(-b4 * S) + b3 * np.exp(-b5 * S)
        variance = c1**2 + (c2 * values) ** 2
        total = -0.5 * (np.log(variance) + (values - target) ** 2 / variance).sum(axis=1)
        return np.where(points[:, 1] + points[:, 2] <= 1.0, total, -np.inf)

    return run_mcmc(
        LogDensity(value=log_density),
        np.array([[*CERTIFIED.values(), C1, C2]]),
        *box,
        names=[*DOMAINS, *NOISE_DOMAINS],
        sampler="ensemble",
        num_walkers=512,
        generator=np.random.default_rng(draw),
    )


def main(folder: Path) -> None:
    """Fit, sample the posterior, and draw what it says of the noise."""
    from matplotlib.figure import Figure

    chains, reference = study_of(1).driver.run_mcmc(), chains_of_true_function(1)
    truth = {**CERTIFIED, "c1": C1, "c2": C2}
    lower, upper = chains.interval(0.95)
    for name, low, high in zip(chains.names, lower, upper, strict=True):
        sys.stdout.write(f"{name}: {low:.5f} to {high:.5f}, truth {truth[name]:.5f}\n")
    drawing = Figure(figsize=(9.0, 3.5), layout="constrained")
    panels = drawing.subplots(1, 2)
    for place, (axes, name) in enumerate(zip(panels, ("c1", "c2"), strict=True), start=5):
        settings = {"bins": 60, "density": True, "histtype": "step"}
        axes.hist(chains.samples[:, place], label="by the surrogate", **settings)
        axes.hist(reference.samples[:, place], label="by the true function", **settings)
        axes.axvline(truth[name], color="black", linewidth=0.8)
        axes.set(xlabel=name, yticks=[])
    panels[0].legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / "noise.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/mgh17_noise"))
