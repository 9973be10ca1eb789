"""Labels of given structures: a study without a driver's suggestions, on any executor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from assay.atoms.campaign.driver import PARAMETER
from assay.atoms.labels import ReferenceLabels, label_of_measurements
from assay.atoms.structures import Label, structure_text
from assay.executors.evaluators import load_function
from assay.study.study import create_study

__all__ = ["label_structures"]


def label_structures(
    structures: Sequence[Atoms],
    calculator: str | Callable[[], Any],
    cache: str | Path | None = None,
    workers: int = 1,
    observers: Sequence[Callable[[Any], None]] = (),
) -> tuple[list[Label | None], dict[int, str]]:
    """Label structures by a calculator.

    Arguments:
        structures: of ASE.
        calculator: makes a calculator of ASE; or its path, "module:function".
        cache: a folder of labels that are paid for; it grows.
        workers: labels at once, in processes of their own where there are several.
        observers: called with the progress after each label.

    Returns:
        The labels in the order of the structures, None where there is none; and for those the error, by position.

    Raises:
        UsageError: when the path cannot be imported.

    Example:
        >>> from ase.build import bulk
        >>> from ase.calculators.emt import EMT
        >>> (label,), failures = label_structures([bulk("Cu")], EMT)
        >>> round(label.energy_eV, 3), failures
        (-0.006, {})
    """
    name = calculator if isinstance(calculator, str) else getattr(calculator, "__name__", "the calculator")
    make = load_function(calculator) if isinstance(calculator, str) else calculator
    study = create_study([{"name": PARAMETER, "type": "text"}], driver="HyperactiveLearning")
    study.configure(num_parallel=workers, max_failures_in_a_row=float("inf"))
    study.propose([{PARAMETER: structure_text(atoms)} for atoms in structures])
    study.run(ReferenceLabels(make, name, cache), observers=observers, suggest=False)
    labels: list[Label | None] = []
    failures = {}
    for number, (atoms, trial) in enumerate(zip(structures, study.trials, strict=True)):
        outcome = trial.outcome
        if trial.status == "succeeded" and outcome is not None:
            labels.append(label_of_measurements(outcome.measurements, len(atoms)))
        else:
            labels.append(None)
            failures[number] = (outcome.error if outcome is not None else None) or "it was given up"
    return labels, failures
