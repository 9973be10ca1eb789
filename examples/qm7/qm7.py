"""Heats of formation of 7101 molecules (QM7) learned from Coulomb matrices: directly, and as a difference to a cheaper level.

    python examples/qm7/qm7.py [FOLDER]

downloads the source package of qmllib 1.2.0 (MIT licence, 12 MB) into the folder with pip, unless it is there, and prints
how the mean absolute error falls with the number of molecules: for PBE0/def2-TZVP itself, and for what DFTB3 lacks of it,
where DFTB3 is a column of the data that the kernel does not see and the prior mean of the model.

Source: M. Rupp, A. Tkatchenko, K.-R. Müller, O. A. von Lilienfeld, Physical Review Letters 108, 058301 (2012);
R. Ramakrishnan, P. O. Dral, M. Rupp, O. A. von Lilienfeld, Journal of Chemical Theory and Computation 11, 2087 (2015).
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from assay.analysis.learning_curve import LearningCurve, SurrogateModel, learning_curve, random_splits
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.abstract import MappedKernel
from assay.surrogates.kernels.inputs import Columns
from assay.surrogates.kernels.stationary import laplacian
from assay.surrogates.physical_priors import FormulaPriorMean

__all__ = [
    "MODELS",
    "SIZES",
    "TEST_MOLECULES",
    "Molecules",
    "coulomb_matrix",
    "curve",
    "molecules",
    "package",
]

Array = np.ndarray

PACKAGE = "qmllib-1.2.0.tar.gz"
MOST_ATOMS = 23
SIZES = [100, 200, 400, 800, 1600]
TEST_MOLECULES = 1000
CHARGES = {"H": 1, "C": 6, "N": 7, "O": 8, "S": 16}
FEATURES = MOST_ATOMS * (MOST_ATOMS + 1) // 2

_SEEN = Columns(tuple(range(FEATURES)))
_COLUMNS = (*(f"c{place}" for place in range(FEATURES)), "cheap_kcalmol")
_LACKING = FormulaPriorMean("cheap_kcalmol", _COLUMNS)


def model(length_scale: float, *, of_difference: bool) -> SurrogateModel:
    """Kernel ridge regression on the Coulomb matrix, with the cheap level as its prior mean or without."""
    kernel = MappedKernel(laplacian(length_scale), _SEEN)
    prior_mean = _LACKING if of_difference else None
    return SurrogateModel(KernelRidge(kernel, 1e-8, "none", prior_mean=prior_mean))


MODELS = {
    "direct": model(1e4, of_difference=False),
    "difference": model(1e4, of_difference=True),
    "difference, length scale 4000": model(4e3, of_difference=True),
}


@dataclass(frozen=True)
class Molecules:
    """What is learned from, in kcal/mol.

    Arguments:
        points: (molecules, 277), the Coulomb matrices and the cheap level.
        reference: (molecules,), PBE0/def2-TZVP.
    """

    points: Array
    reference: Array

    @property
    def cheap(self) -> Array:
        """(molecules,), DFTB3."""
        return self.points[:, -1]


def package(folder: Path) -> Path:
    """The source package, downloaded into the folder where it is not there."""
    path = folder / PACKAGE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = ["--no-deps", "--no-binary", "qmllib", "qmllib==1.2.0", "--dest", str(folder)]
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
    return path


def molecules(path: Path) -> Molecules:
    """Read the package."""
    energies: dict[str, tuple[float, float]] = {}
    matrices: dict[str, Array] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name
            stream = archive.extractfile(member) if "/tests/assets/" in name else None
            if stream is not None and name.endswith("hof_qm7.txt"):
                energies = _energies(stream)
            elif stream is not None and "/assets/qm7/" in name:
                matrices[Path(name).name] = coulomb_matrix(*_atoms(stream))
    names = sorted(energies)
    points = [np.append(matrices[name], energies[name][1]) for name in names]
    return Molecules(np.array(points), np.array([energies[name][0] for name in names]))


def coulomb_matrix(charges: Array, positions_angstrom: Array) -> Array:
    """The lower triangle of M_ii = Z_i^2.4/2, M_ij = Z_i Z_j/|r_i - r_j|, its rows sorted by their norm: (276,)."""
    distance = np.linalg.norm(positions_angstrom[:, None] - positions_angstrom, axis=-1)
    np.fill_diagonal(distance, 1.0)
    matrix = charges[:, None] * charges / distance
    np.fill_diagonal(matrix, 0.5 * charges**2.4)
    order = np.argsort(-np.linalg.norm(matrix, axis=1), kind="stable")
    padded = np.zeros((MOST_ATOMS, MOST_ATOMS))
    padded[: len(charges), : len(charges)] = matrix[order][:, order]
    return padded[np.tril_indices(MOST_ATOMS)]


def curve(data: Molecules, splits: int = 1, seed: int = 0) -> LearningCurve:
    """The errors of all models on the same random molecules."""
    chosen = random_splits(len(data.reference), SIZES, splits, test_rows=TEST_MOLECULES, seed=seed)
    return learning_curve(MODELS, data.points, data.reference, chosen)


def _energies(stream: IO[bytes]) -> dict[str, tuple[float, float]]:
    """Of each file the reference and the cheap level."""
    lines = (line.split() for line in stream.read().decode().splitlines())
    return {name: (float(reference), float(cheap)) for name, reference, cheap in lines}


def _atoms(stream: IO[bytes]) -> tuple[Array, Array]:
    lines = [line.split() for line in stream.read().decode().splitlines()[2:] if line.strip()]
    charges = np.array([CHARGES[line[0]] for line in lines], dtype=float)
    return charges, np.array([line[1:4] for line in lines], dtype=float)


def main(folder: Path) -> None:
    data = molecules(package(folder))
    print(
        f"{len(data.reference)} molecules; standard deviation of the energy {data.reference.std():.1f} kcal/mol, of the"
    )
    print(
        f"difference {(data.reference - data.cheap).std():.1f} kcal/mol; mean absolute error in kcal/mol for"
    )
    found = curve(data)
    print(f"{'':32}" + "".join(f"{size:>8}" for size in SIZES) + "  exponent")
    for name in MODELS:
        errors = "".join(f"{error:8.2f}" for error in found.mean(name))
        print(f"{name:32}{errors}{found.power_law(name).exponent:10.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "qm7"))
