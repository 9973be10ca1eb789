"""Thicknesses and refractive indices of three layers on silicon, from one noisy reflectance spectrum.

From air: layers of index 1.46, 2.30 and 1.72, thick 95, 60 and 130 nm, on a substrate of index 3.9, at normal incidence. The
reflectance is measured at 80 wavelengths from 400 to 800 nm with Gaussian noise of standard deviation 0.005. All six
numbers are unknown within the bounds of `DOMAINS`, all values in which are equally probable beforehand.

Source: S. J. Byrnes, "Multilayer optical calculations", arXiv:1603.02720, and its package `tmm`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tmm

import assay
from assay.study.study import Study

__all__ = ["DOMAINS", "NOISE", "SPACE", "TRUTH", "WAVELENGTHS_nm", "evaluate", "measured", "study_of"]

WAVELENGTHS_nm = np.linspace(400.0, 800.0, 80)
AIR_INDEX, SUBSTRATE_INDEX = 1.0, 3.9
NOISE = 0.005
TRUTH = {"d1": 95.0, "d2": 60.0, "d3": 130.0, "n1": 1.46, "n2": 2.30, "n3": 1.72}
DOMAINS = {
    "d1": (70.0, 120.0),
    "d2": (40.0, 80.0),
    "d3": (100.0, 160.0),
    "n1": (1.38, 1.55),
    "n2": (2.1, 2.5),
    "n3": (1.6, 1.85),
}
SPACE = [{"name": name, "domain": list(domain)} for name, domain in DOMAINS.items()]


def evaluate(d1: float, d2: float, d3: float, n1: float, n2: float, n3: float) -> list[float]:
    """The reflectance at each wavelength; thicknesses in nm."""
    indices, thicknesses_nm = [AIR_INDEX, n1, n2, n3, SUBSTRATE_INDEX], [np.inf, d1, d2, d3, np.inf]
    return [
        float(tmm.coh_tmm("s", indices, thicknesses_nm, 0.0, wavelength)["R"])
        for wavelength in WAVELENGTHS_nm
    ]


def measured(draw: int) -> np.ndarray:
    """The spectrum with the noise of a draw."""
    noise = np.random.default_rng([draw, len(WAVELENGTHS_nm)]).standard_normal(len(WAVELENGTHS_nm))
    return np.array(evaluate(**TRUTH)) + NOISE * noise


def study_of(draw: int, evaluations: int = 36) -> Study:
    """The study of one measured spectrum, with all evaluations made."""
    study = assay.create_study(SPACE, driver="BayesianLeastSquares", seed=draw)
    study.configure(
        max_iter=evaluations,
        target_vector=measured(draw).tolist(),
        uncertainty_vector=[NOISE] * len(WAVELENGTHS_nm),
    )
    study.run(evaluate)
    return study


def main(folder: Path) -> None:
    """Fit, sample the posterior, and draw both."""
    from matplotlib.figure import Figure

    study = study_of(1)
    chains = study.driver.run_mcmc()
    lower, upper = chains.interval(0.95)
    for name, low, high in zip(chains.names, lower, upper, strict=True):
        sys.stdout.write(f"{name}: {low:.3f} to {high:.3f}, truth {TRUTH[name]}\n")
    drawing = Figure(figsize=(9.0, 3.5), layout="constrained")
    left, right = drawing.subplots(1, 2)
    best = study.driver.best_sample
    assert best is not None
    left.plot(WAVELENGTHS_nm, measured(1), ".", markersize=3, label="measured")
    left.plot(WAVELENGTHS_nm, evaluate(**best), label="best fit")
    left.set(xlabel="wavelength / nm", ylabel="reflectance")
    left.legend(frameon=False)
    places = [chains.names.index(name) for name in ("d2", "d3")]
    right.plot(*chains.samples[:, places].T, ",")
    right.plot(TRUTH["d2"], TRUTH["d3"], "k+", markersize=10)
    right.set(
        xlabel="second thickness / nm", ylabel="third thickness / nm", title="posterior; + is the truth"
    )
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / "fit.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/thin_films"))
