"""The driver that learns an interatomic potential: each suggestion is a structure that a biased trajectory found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from ase import Atoms
from pydantic import ValidationError

from assay.atoms.campaign.configuration import HyperactiveLearningConfiguration
from assay.atoms.campaign.problem import Problem
from assay.atoms.dynamics.limits import Guards
from assay.atoms.dynamics.running import Run, WalkResult, run_walker
from assay.atoms.dynamics.walk import Glance, Walker
from assay.atoms.labels import label_of_measurements
from assay.atoms.potential.design import Design
from assay.atoms.potential.fit import FittedPotential
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from assay.atoms.selection.selector import Frame, SelectorState
from assay.atoms.structures import structure_key, structure_of, structure_text
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
# Trajectories that are tried, each with random numbers of its own, before a shaken start structure is taken.
ATTEMPTS = 4
# The standard deviation of that shaking, in A.
SHAKING_A = 0.1
# The most rows of a trajectory's story that are kept.
TRACE_ROWS = 200


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
            raise refusal(error) from None

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
            _ = problem.walk(start)

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
            return Proposal(
                {PARAMETER: structure_text(problem.unlabelled[request.number])}, None, {"origin": "start"}
            )
        known = self.known(history)
        start = problem.starts[request.number % len(problem.starts)]
        if not known:
            return Proposal(
                {PARAMETER: structure_text(_shaken(start, history.seed, request.number))},
                None,
                {"origin": "shaken start"},
            )
        fitted = self.fitted_to(known)
        potential, looks = fitted.potential, _looks(history)
        for atoms in looks:
            potential = potential.condition(atoms)
        info: dict[str, Any] = {
            "labels": len(known),
            "log_evidence": fitted.log_evidence,
            "noise": list(fitted.potential.noise.values),
        }
        state = self._state(fitted.potential)
        if problem.pool is not None:
            atoms, found = self._from_pool(potential, history)
        else:
            seen = problem.what_is_known([*(one.atoms for one in known), *looks])
            atoms, found = self._from_dynamics(potential, start, seen, history.seed, request.number)
        return Proposal({PARAMETER: structure_text(atoms)}, state, {**info, **state, **found})

    def best(self, history: History) -> Mapping[str, Any] | None:  # noqa: ARG002 (the interface's)
        """None: a potential is learnt everywhere, and no structure is better than another."""
        return None

    def stop_reason(self, history: History) -> str | None:
        target = self.settings.target_force_error_eV_per_A
        error = (history.state or {}).get("force_error_eV_per_A")
        if error is None or error > target:
            return None
        return f"the forces of the test have an error of {error:.3g} eV/A, not above {target:g} eV/A"

    def known(self, history: History) -> list[LabelledStructure]:
        """All labels, in the order of their numbers, beyond those that the configuration brings along."""
        found = [labelled_of_trial(trial) for trial in history.trials if trial.status == "succeeded"]
        return [*self.problem.labelled, *map(self.problem.beyond_base, found)]

    def fitted(self, history: History) -> FittedPotential:
        """The potential of all labels.

        Raises:
            UsageError: before the first label.
        """
        return self.fitted_to(self.known(history))

    def fitted_to(self, known: Sequence[LabelledStructure]) -> FittedPotential:
        """The potential of some labels."""
        fit = self.settings.fit
        design = Design.none(self.problem.descriptor, fit.energy_noise_of, fit.virial_noise_of)
        return self.problem.fit.fit(design.given(known))

    def _state(self, potential: LinearPotential) -> dict[str, Any]:
        """The errors of the mean at the test structures, where there are any."""
        problem = self.problem
        if not problem.test:
            return {}
        calculator = problem.calculator(potential)
        squares, count = 0.0, 0
        for one in problem.test:
            if one.forces is not None:
                difference = calculator.get_property("forces", one.atoms) - one.forces
                squares, count = squares + float((difference**2).sum()), count + difference.size
        return {"force_error_eV_per_A": (squares / count) ** 0.5} if count else {}

    def _from_pool(self, potential: LinearPotential, history: History) -> tuple[Atoms, dict[str, Any]]:
        problem = self.problem
        seen = {
            structure_key(structure_of(str(trial.suggestion.values[PARAMETER]))) for trial in history.trials
        }
        left = [atoms for atoms in problem.pool or () if structure_key(atoms) not in seen]
        if not left:
            raise UsageError("the pool of structures is used up, so no further one can be suggested")
        calculator = problem.calculator(potential)
        scores = [problem.score(atoms, calculator) for atoms in left]
        place = int(np.argmax(scores))
        return left[place], {"origin": "pool", "score": scores[place]}

    def _from_dynamics(
        self, potential: LinearPotential, start: Atoms, seen: SelectorState, seed: int, number: int
    ) -> tuple[Atoms, dict[str, Any]]:
        problem, endings = self.problem, []
        for attempt in range(ATTEMPTS):
            own = int(generator(seed, number, f"trajectory {attempt}").integers(2**31))
            run = Run(start, lambda: problem.calculator(potential), problem.walk(start), own, known=seen)
            best = _Best(problem.guards)
            result = run_walker(run, best.see)
            picked = result.walker.selected
            frame = picked[0] if picked else best.frame
            if frame is not None:
                return frame.atoms(), {"origin": "dynamics", **_story(result, frame, is_picked=bool(picked))}
            endings.append(result.walker.ended)
        return _shaken(start, seed, number), {"origin": "shaken start", "endings": endings}


class _Best:
    """The admissible frame of the highest score: what is labelled where the selector picked none."""

    def __init__(self, guards: Guards) -> None:
        self.frame: Frame | None = None
        self._guards = guards

    def see(self, walker: Walker, glance: Glance) -> None:
        """Look at a step."""
        if not glance.score > (self.frame.score if self.frame is not None else 0.0):
            return
        structure, forces = walker.state.structure, walker.state.evaluation.forces
        if self._guards.refusal(structure, forces) is None:
            self.frame = Frame(glance.step, glance.score, structure, forces)


def labelled_of_trial(trial: Trial) -> LabelledStructure:
    """The label of a trial that succeeded."""
    assert trial.outcome is not None
    atoms = structure_of(str(trial.suggestion.values[PARAMETER]))
    label = label_of_measurements(trial.outcome.measurements, len(atoms))
    return LabelledStructure(atoms, label.energy_eV, label.forces, label.virial)


def _looks(history: History) -> list[Atoms]:
    """The structures whose labels are not known yet."""
    return [
        structure_of(str(trial.suggestion.values[PARAMETER]))
        for trial in history.trials
        if trial.status == "open"
    ]


def _shaken(start: Atoms, seed: int, number: int) -> Atoms:
    draws = generator(seed, number, "shaking").standard_normal((len(start), 3))
    return Atoms(
        numbers=start.numbers, positions=start.positions + SHAKING_A * draws, cell=start.cell, pbc=start.pbc
    )


def _story(result: WalkResult, frame: Frame, *, is_picked: bool) -> dict[str, Any]:
    """What a person wants to see of a trajectory."""
    scored = np.isfinite(result.trace["score"])
    columns = {name: result.trace[name][scored] for name in ("step", "score", "tau", "temperature_K")}
    every = max(1, -(-len(columns["step"]) // TRACE_ROWS))
    trace = {name: [float(entry) for entry in column[::every]] for name, column in columns.items()}
    return {
        "picked": is_picked,
        "step": frame.step,
        "score": frame.score,
        "steps": result.walker.state.step,
        "ended": result.walker.ended,
        "trace": trace,
    }
