"""The command line of the measurements."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from pathlib import Path

# before NumPy and torch are imported: they read these once
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

COMMANDS = {
    "designs": "discrepancy and time of first designs by the default sampler, beside those of other makers",
    "exploration_sampling": "what adaptive sampling gains over a Latin hypercube of the same size, on three functions",
    "suggest": "time of a whole suggestion, warm and cold, beside the peers",
    "regret": "regret after 60 evaluations on nine problems with known optima",
    "film": "the antireflection coating of examples/film, and the calibration of our intervals on it",
    "imports": "CPU time of `import assay`, `assay --help` and `assay show` in fresh processes",
    "fronts": "the hypervolume of Deb's front after 50 evaluations, beside BoTorch",
    "open": "time of opening a study with 1e5 events, from its snapshot and without",
    "problem": "one problem of the manual, or one promise of the driver, at its seeds; `--help` of it names them",
    "dask": "a thousand trivial evaluations through Dask, beside `distributed` alone",
    "hep": "hypothesis tests of workspaces, beside pyhf and NextStat",
    "hep_training": "networks and bins that are trained on the result of a measurement, beside those that are not",
    "device": "what a GPU gives to the programs of JAX, beside all processors of its machine",
    "hep_reference": "the worst deviation of each kind from the reference numbers of workspaces",
    "feynman": "forty equations of the Feynman table found again, beside pyoperon and gplearn",
    "lennard_jones_kernel": "the Lennard-Jones energy from few distances: with a wall as prior, without, and better",
    "qm7": "heats of formation of QM7 from Coulomb matrices, directly and as a difference to a cheaper level",
    "kernel_size": "time and memory of kernel ridge regression with ten thousand rows, and through few",
    "concept": "hyperactive learning of a quartic in one dimension, over a hundred random starts",
    "silicon": "fifteen labels of silicon, chosen by biased dynamics, plain dynamics, plain ASE and a person",
    "atoms_accuracy": "errors of potentials of silicon, by the size of their descriptor",
    "atoms_calibration": "whether the deviations that potentials of silicon predict are right",
    "atoms_descriptor": "CPU time of a biased step and of design rows of silicon",
    "laws": "nine laws of the handbook by the defaults of `discover`: exactness and times",
    "law_search": "five laws in noisy data, looked for where laws disagree and in a Latin hypercube",
    "gp_size": "fit and predict with thousands of rows, beside GPyTorch",
}
PROBLEM_NAMES = sorted(
    path.stem for path in (Path(__file__).parent / "problems").glob("*.py") if not path.stem.startswith("_")
)


def seeds_of(text: str) -> list[int]:
    """`0-9`, `3` or `0,2,5` as a list."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def names_of(text: str) -> list[str]:
    return text.split(",")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--methods", type=names_of, help="names, separated by commas; default: all")
        command.add_argument(
            "--output", type=Path, default=Path("benchmarks/results"), help="the folder of results"
        )
        command.add_argument(
            "--summary-only", action="store_true", help="run nothing, summarise what is there"
        )
        if name == "problem":
            command.add_argument("problem", choices=PROBLEM_NAMES)
        if name == "regret":
            command.add_argument(
                "--problems", type=names_of, help="names, separated by commas; default: all nine"
            )
        if name != "suggest":
            command.add_argument("--seeds", type=seeds_of, help="such as 0-9 or 3,5")
            command.add_argument("--evaluations", type=int, help="of each run")
    return top


def main(arguments: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    options = parser().parse_args(arguments)
    name = f"problems.{options.problem}" if options.command == "problem" else options.command
    importlib.import_module(f"benchmarks.{name}").main(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
