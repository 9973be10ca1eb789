"""The Lennard-Jones energy of two atoms, in reduced units, and the wall that is believed before any data.

    E(r) = 4 (r⁻¹² - r⁻⁶),   wall(r) = -150 (r - 0.95) where r < 0.95

    python examples/lennard_jones_kernel/lennard_jones.py [FOLDER]

learns E from some of 50 distances by a Laplacian kernel, with the wall as prior and without, on 100 random splits at ten
ratios, prints both errors and power laws, and draws them where a folder is given.

Source: T. Bereau, "Kernel learning with physical priors" (notes, 28 March 2023).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from assay.analysis.learning_curve import LearningCurve, Model, Split, SurrogateModel, learning_curve
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.stationary import laplacian
from assay.surrogates.physical_priors import linear_wall

__all__ = [
    "DISTANCES",
    "ENERGIES",
    "MODELS",
    "RATIOS",
    "curve",
    "energy",
    "energy_slope",
    "study_splits",
    "wall",
]

Array = np.ndarray

SLOPE, WALL = 150.0, 0.95


def energy(distance: Array) -> Array:
    """E(r)."""
    return 4.0 * (distance**-12 - distance**-6)


def energy_slope(distance: Array) -> Array:
    """dE/dr."""
    return 4.0 * (-12.0 * distance**-13 + 6.0 * distance**-7)


def wall(distance: Array) -> Array:
    """The linear repulsion."""
    return np.where(distance < WALL, -SLOPE * (distance - WALL), 0.0)


DISTANCES = np.linspace(0.9, 2.0, 50)[:, None]
ENERGIES = energy(DISTANCES[:, 0])
RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
MODELS: dict[str, Model] = {
    "no prior": SurrogateModel(KernelRidge(laplacian(0.1), 1e-9, "none")),
    "wall": SurrogateModel(KernelRidge(laplacian(0.1), 1e-9, "none", prior_mean=linear_wall(SLOPE, WALL))),
}


def study_splits(place: int, numbers: range) -> list[Split]:
    """Random splits at one of the ratios; the i-th at the k-th ratio has the seed 100000 k + i, for all models."""
    from sklearn.model_selection import train_test_split

    rows, splits = np.arange(len(DISTANCES)), []
    for number in numbers:
        seed = 100_000 * place + number
        train, test = train_test_split(rows, train_size=RATIOS[place], random_state=seed)
        splits.append((np.asarray(train), np.asarray(test)))
    return splits


def curve(splits: int) -> LearningCurve:
    """Both models at all ratios."""
    chosen = [study_splits(place, range(splits)) for place in range(len(RATIOS))]
    return learning_curve(MODELS, DISTANCES, ENERGIES, chosen)


def main(folder: Path | None) -> None:
    found = curve(100)
    print("rows  no prior    wall   ratio (95 %)")
    ratio, (low, high) = found.ratio("wall", "no prior")
    for place, size in enumerate(found.sizes):
        errors = "".join(f"{found.mean(name)[place]:9.4f}" for name in MODELS)
        print(f"{size:4}{errors}{ratio[place]:8.2f} ({low[place]:.2f} to {high[place]:.2f})")
    laws = {name: found.power_law(name) for name in MODELS}
    for name, law in laws.items():
        low, high = law.exponent_interval
        print(f"{name}: {law.scale:.2f} N^{law.exponent:.2f}, exponent {low:.2f} to {high:.2f}")
    if folder is not None:
        from assay.plots.learning_curve import learning_curves
        from assay.plots.style import new_figure

        figure = new_figure(5.6, 4.6)
        learning_curves(found, laws=laws, ax=figure.subplots())
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "learning_curve.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
