"""What there is to see of a campaign: its labels, its potential, its errors, its walks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from ase import Atoms

from assay.atoms.campaign.driver import HyperactiveLearning, labelled_of_trial
from assay.atoms.labels import label_of_measurements, label_with
from assay.atoms.potential.calibration import Calibration, Standardised, standardised_errors
from assay.atoms.potential.error_table import ErrorRow, error_table
from assay.atoms.potential.fit import FittedPotential
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from assay.atoms.structures import structure_text
from assay.errors import StudyError, UsageError
from assay.records import Suggested
from assay.study.study import Study

__all__ = ["CampaignReport", "dimer_curve"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class CampaignReport:
    """A campaign as it is now.

    Arguments:
        study: with the driver HyperactiveLearning.

    Raises:
        UsageError: when it has another driver.
    """

    study: Study

    def __post_init__(self) -> None:
        if not isinstance(self.study.driver.recipe, HyperactiveLearning):
            raise UsageError(
                f"study {self.study.id!r} is no campaign: its driver is {type(self.study.driver.recipe).__name__}"
            )

    @property
    def driver(self) -> HyperactiveLearning:
        """The driver."""
        recipe = self.study.driver.recipe
        assert isinstance(recipe, HyperactiveLearning)
        return recipe

    def labelled(self) -> list[LabelledStructure]:
        """What the reference said, in the order of the suggestions."""
        return [labelled_of_trial(trial) for trial in self.study.trials if trial.status == "succeeded"]

    def fitted(self) -> FittedPotential:
        """The potential of all labels.

        Raises:
            StudyError: before the first label.
        """
        if not self.driver.known(self.study.history):
            raise StudyError(f"study {self.study.id!r} has no label yet, so there is no potential")
        return self.driver.fitted(self.study.history)

    def test_structures(self, given: Sequence[Atoms] | None = None) -> list[LabelledStructure]:
        """The structures for errors: those given, else those of the configuration.

        Raises:
            UsageError: when there are none.
        """
        if given is None:
            found = self.driver.test(self.study.history)
        else:
            found = LabelledStructure.all_of(given, "the test")
            self.driver.problem.check_species(given, "the test")
        if not found:
            raise UsageError(
                "errors need labelled structures that nothing was learnt from: give a file, or the driver's key 'test' or "
                "'test_fraction' before the run"
            )
        return [self.driver.problem.beyond_base(one) for one in found]

    def errors(self, given: Sequence[Atoms] | None = None) -> tuple[ErrorRow, ...]:
        """The errors at the test structures, by kind of label and by `config_type`."""
        return error_table(self.fitted().potential.prediction, self.test_structures(given))

    def standardised(self, given: Sequence[Atoms] | None = None) -> tuple[Standardised, ...]:
        """Errors at the test structures with their predicted deviations."""
        return standardised_errors(self.fitted().potential, self.test_structures(given))

    def calibration(self, given: Sequence[Atoms] | None = None) -> dict[str, Calibration]:
        """Whether the predicted deviations are right, by kind of label."""
        return {one.kind: Calibration.of(one.z) for one in self.standardised(given) if len(one.z) > 1}

    def learning_curve(self) -> tuple[Array, Array]:
        """The number of labels, and the root mean square error of the forces of the test, as suggestions were made."""
        found = [
            (info["labels"], info["force_error_eV_per_A"])
            for _, info in self.stories()
            if "force_error_eV_per_A" in info
        ]
        table = np.array(found, dtype=float).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def pairs(self) -> set[tuple[str, str]]:
        """The pairs of species, in the order of the descriptor, that a structure with a label holds."""
        species = self.driver.problem.descriptor.species
        found = set()
        for one in self.driver.known(self.study.history):
            symbols = one.atoms.get_chemical_symbols()
            for place, first in enumerate(species):
                for second in species[place:]:
                    if first in symbols and symbols.count(second) > (first == second):
                        found.add((first, second))
        return found

    def stories(self) -> list[tuple[int, dict[str, Any]]]:
        """What is known of each suggestion: its number, and how it came about."""
        events = [entry.event for entry in self.study.events()]
        return [
            (event.suggestion.number, dict(event.info)) for event in events if isinstance(event, Suggested)
        ]

    def text(self) -> str:
        """All labelled structures as extended XYZ."""
        texts = []
        for trial in self.study.trials:
            if trial.status == "succeeded" and trial.outcome is not None:
                atoms = labelled_of_trial(trial).atoms
                label = label_of_measurements(trial.outcome.measurements, len(atoms))
                texts.append(structure_text(atoms, label, suggestion=trial.number))
        return "".join(texts)


def dimer_curve(
    potential: LinearPotential, pair: tuple[str, str], distances_A: Array, base: Any = None
) -> tuple[Array, Array]:
    """The energy of two atoms over their distance, less that of lone atoms, and its standard deviation, in eV.

    Use it to see holes in a potential: where nothing was learnt the deviation must be large.

    Arguments:
        potential: the belief.
        pair: two chemical symbols.
        distances_A: (points,).
        base: the calculator that the potential corrects, or None.

    Returns:
        (points,) energies and (points,) deviations.
    """
    energies, deviations = [], []
    for distance in distances_A:
        atoms = Atoms(list(pair), [[0.0, 0.0, 0.0], [float(distance), 0.0, 0.0]])
        evaluation = potential.descriptor.evaluate(atoms)
        energy = float(evaluation.values @ potential.weights)
        if base is not None:
            lone = sum(label_with(base, Atoms(symbol)).energy_eV for symbol in pair)
            energy += label_with(base, atoms).energy_eV - lone
        energies.append(energy)
        deviations.append(potential.energy_uncertainty_eV(evaluation.values))
    return np.array(energies), np.array(deviations)
