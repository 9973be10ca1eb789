"""The driver that learns an interatomic potential: each suggestion is a structure that a biased trajectory found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, final

from ase import Atoms
from pydantic import ValidationError

from assay.atoms.campaign.configuration import HyperactiveLearningConfiguration
from assay.atoms.campaign.problem import Problem
from assay.atoms.campaign.search import Found, from_dynamics, from_pool, shaken
from assay.atoms.labels import label_of_measurements
from assay.atoms.potential.calibration import left_out_factor
from assay.atoms.potential.design import Design
from assay.atoms.potential.error_table import ALL, ErrorRow, error_table
from assay.atoms.potential.fit import FittedPotential
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from assay.atoms.structures import structure_of, structure_text
from assay.drivers.abstract import AbstractDriver, History, Pacing, Proposal, Request
from assay.drivers.configuration import refusal
from assay.drivers.describing import describe
from assay.errors import ConfigurationError, UsageError
from assay.numerics.random import generator
from assay.records import Measurement, Trial
from assay.space.parameters import Text
from assay.space.space import Space

__all__ = ["PARAMETER", "HyperactiveLearning", "labelled_of_trial"]

PARAMETER = "structure"
# The keys of what a target is compared with, by kind of label.
_TARGETED = {"forces": "force_error_eV_per_A", "energy": "energy_error_eV_per_atom"}


@final
@dataclass(frozen=True)
class HyperactiveLearning(AbstractDriver):
    """Learn an interatomic potential from as few labels as possible.

    The belief is a potential that is linear in features of a structure. A suggestion is a structure that dynamics on
    E - tau sigma found, with sigma the standard deviation of the energy; suggestions that are not labelled yet are taken
    as looked at, which makes the belief surer there and leaves its mean. The labels (energy, forces and where there is one
    virial) are what an evaluation of the study returns: `assay.atoms.labels.ReferenceLabels` makes them with any calculator
    of ASE.

    Use it on a space of one text, the structure. A suggestion depends on the labels before it and on its number, so that a
    run that was killed goes on with the same structures, bit by bit.

    Example:
        >>> from ase.build import bulk
        >>> space = Space.from_data([{"name": "structure", "type": "text"}])
        >>> driver = HyperactiveLearning.from_data({"structures": structure_text(bulk("Cu"))})
        >>> print(driver.suggest(History(space, (), seed=0), Request(0)).values["structure"].splitlines()[-1])
        Cu 0.0 0.0 0.0

    Source: C. van der Oord, M. Sachs, D. Kovács, C. Ortner and G. Csányi, npj Comput. Mater. 9, 168 (2023).
    """

    settings: HyperactiveLearningConfiguration

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> HyperactiveLearning:
        """The driver of a configuration.

        Raises:
            ConfigurationError: one sentence with the path of the key, the rule, and what was got.
        """
        try:
            return HyperactiveLearning(HyperactiveLearningConfiguration.model_validate(dict(data)))
        except ValidationError as error:
            raise refusal(error, HyperactiveLearningConfiguration) from None

    @cached_property
    def problem(self) -> Problem:
        """What the configuration stands for."""
        return Problem(self.settings)

    def configuration(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def describe(self) -> dict[str, Any]:
        return describe("driver", self.settings)

    def check_space(self, space: Space) -> None:
        if [type(item) for item in space.design] != [Text] or space.design_names != (PARAMETER,):
            raise ConfigurationError(
                f"HyperactiveLearning needs a space of one text named {PARAMETER!r}, got {', '.join(space.names)}"
            )
        problem = self.problem
        if not problem.starts:  # a study is made before it is configured
            return
        _ = problem.descriptor, problem.fit, problem.labelled, problem.test, problem.pool, problem.base
        for start in problem.starts:
            _ = problem.walk(start, problem.starts)

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:  # noqa: ARG002 (the interface's)
        forces = [one for one in measurements if one.model_name == "forces"]
        atoms, rest = divmod(len(forces[0].value) if forces else 0, 3)
        if rest:
            raise UsageError(
                f"the forces of a label must hold three numbers for each atom, got {len(forces[0].value)}"
            )
        label_of_measurements(measurements, atoms)

    @property
    def pacing(self) -> Pacing:
        return Pacing(in_advance=True)

    def suggest(self, history: History, request: Request) -> Proposal:
        problem = self.problem
        if not problem.starts:
            raise ConfigurationError(
                "the driver's key 'structures' must hold one structure or more, where trajectories begin, got none"
            )
        if request.number < len(problem.unlabelled):
            return _proposed(Found(problem.unlabelled[request.number], {"origin": "start"}), None)
        known = self.known(history)
        if not known:
            start = problem.starts[request.number % len(problem.starts)]
            return _proposed(
                Found(shaken(start, history.seed, request.number), {"origin": "shaken start"}), None
            )
        waiting = (history.state or {}).get("batch", ())
        if waiting:
            return self._next_of_batch(history, waiting)
        fitted = self.fitted_to(known)
        potential, looks = fitted.potential, self._looks(history)
        for atoms in looks:
            potential = potential.condition(atoms)
        table = self._errors(fitted.potential, history)
        state = {_TARGETED[row.kind]: row.root_mean_square for row in table if row.kind in _TARGETED}
        told = {
            "labels": len(known),
            "log_evidence": fitted.log_evidence,
            "noise": list(fitted.potential.noise.values),
            "errors": [asdict(row) for row in table],
            **state,
        }
        seen = [*(one.atoms for one in known), *looks]
        if problem.pool is not None:
            suggested = [_structure(trial) for trial in history.trials]
            return _proposed(from_pool(problem, potential, seen, suggested), state, told)
        first, *rest = from_dynamics(problem, potential, seen, history.seed, request.number)
        batch = [{"structure": structure_text(one.atoms), "story": dict(one.story)} for one in rest]
        return _proposed(first, {**state, "batch": batch} if batch else state, told)

    def _next_of_batch(self, history: History, waiting: Sequence[Mapping[str, Any]]) -> Proposal:
        """What another walker of the same batch found."""
        first, *rest = waiting
        state = {**(history.state or {}), "batch": rest}
        return Proposal({PARAMETER: first["structure"]}, state, first["story"])

    def best(self, history: History) -> Mapping[str, Any] | None:  # noqa: ARG002 (the interface's)
        """None: a potential is learnt everywhere, and no structure is better than another."""
        return None

    def stop_reason(self, history: History) -> str | None:
        settings, state = self.settings, history.state or {}
        reached = []
        for kind, unit, target in (
            ("force", "eV/A", settings.target_force_error_eV_per_A),
            ("energy", "eV/atom", settings.target_energy_error_eV_per_atom),
        ):
            error = state.get(f"{kind}_error_{unit.replace('/', '_per_')}")
            if not target:
                continue
            if error is None or error > target:
                return None
            reached.append(f"{error:.3g} {unit}, not above {target:g} {unit}")
        return f"the test has an error of {' and of '.join(reached)}" if reached else None

    def is_held_out(self, seed: int, number: int) -> bool:
        """Whether the label of a suggestion is for errors alone: one by lot of each run of 1 / test_fraction, never the first."""
        share = self.settings.test_fraction
        if not share or not number:
            return False
        run = math.floor(number * share)
        first, last = max(1, math.ceil(run / share)), math.ceil((run + 1) / share) - 1
        return number == int(generator(seed, run, "test split").integers(first, last + 1))

    def known(self, history: History) -> list[LabelledStructure]:
        """All labels that are learnt from, in the order of their numbers, beyond those that the configuration brings along."""
        found = [
            labelled_of_trial(trial)
            for trial in history.trials
            if trial.status == "succeeded" and not self.is_held_out(history.seed, trial.number)
        ]
        return [*self.problem.labelled, *map(self.problem.learnt, found)]

    def test(self, history: History) -> list[LabelledStructure]:
        """The labels that are for errors: those of the configuration, and those held out of the campaign's own."""
        held = [
            labelled_of_trial(trial)
            for trial in history.trials
            if trial.status == "succeeded" and self.is_held_out(history.seed, trial.number)
        ]
        return [*self.problem.test, *held]

    def fitted(self, history: History) -> FittedPotential:
        """The potential of all labels.

        Raises:
            UsageError: before the first label.
        """
        return self.fitted_to(self.known(history))

    def fitted_to(self, known: Sequence[LabelledStructure]) -> FittedPotential:
        """The potential of some labels, calibrated where the configuration says so."""
        fitted = self._as_the_evidence_says(known)
        if self.settings.fit.calibration == "none":
            return fitted
        factor = left_out_factor(
            fitted.potential, known, lambda rest: self._as_the_evidence_says(rest).potential
        )
        return replace(fitted, potential=fitted.potential.calibrated(factor))

    def _as_the_evidence_says(self, known: Sequence[LabelledStructure]) -> FittedPotential:
        fit = self.settings.fit
        design = Design.none(self.problem.descriptor, fit.energy_noise_of, fit.virial_noise_of)
        return self.problem.fit.fit(design.given(known))

    def _errors(self, potential: LinearPotential, history: History) -> list[ErrorRow]:
        """The errors of the mean at all test structures, a row for each kind of label."""
        test = [self.problem.beyond_base(one) for one in self.test(history)]
        return [row for row in error_table(potential.prediction, test) if row.group == ALL]

    def _looks(self, history: History) -> list[Atoms]:
        """The structures whose labels are not known yet, and will be learnt from."""
        return [
            _structure(trial)
            for trial in history.trials
            if trial.status == "open" and not self.is_held_out(history.seed, trial.number)
        ]


def labelled_of_trial(trial: Trial) -> LabelledStructure:
    """The label of a trial that succeeded."""
    assert trial.outcome is not None
    atoms = _structure(trial)
    label = label_of_measurements(trial.outcome.measurements, len(atoms))
    return LabelledStructure(atoms, label.energy_eV, label.forces, label.virial)


def _structure(trial: Trial) -> Atoms:
    return structure_of(str(trial.suggestion.values[PARAMETER]))


def _proposed(
    found: Found, state: Mapping[str, Any] | None, told: Mapping[str, Any] | None = None
) -> Proposal:
    return Proposal({PARAMETER: structure_text(found.atoms)}, state, {**(told or {}), **found.story})
