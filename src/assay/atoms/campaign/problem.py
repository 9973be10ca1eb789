"""What a configuration of a campaign stands for: its structures, its descriptor, its rules, built once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from ase import Atoms

from assay.atoms.biased.bias import AbstractBias, BoundedBias, DeviationBias
from assay.atoms.biased.calculator import BiasedCalculator
from assay.atoms.biased.spread import CommitteeChoice
from assay.atoms.biased.tau import TauControl
from assay.atoms.campaign.configuration import HyperactiveLearningConfiguration
from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.dynamics.barostat import Barostat
from assay.atoms.dynamics.limits import Guards, Limits
from assay.atoms.dynamics.monte_carlo import CellMoves, SwapMoves
from assay.atoms.dynamics.schedule import Schedule
from assay.atoms.dynamics.step import Dynamics
from assay.atoms.dynamics.walk import Walk
from assay.atoms.dynamics.walls import SphericalWall
from assay.atoms.labels import label_with
from assay.atoms.potential.fit import PotentialFit
from assay.atoms.potential.labelled import LabelKeys, LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from assay.atoms.selection.model_scores import AtomicEnergyUncertainty, ExtrapolationGrade, InformationGain
from assay.atoms.selection.scores import (
    BiasForceRatio,
    Novelty,
    RelativeForceUncertainty,
    Score,
)
from assay.atoms.selection.selector import AdaptiveThreshold, Selector, SelectorState
from assay.atoms.structures import bare, structures_of
from assay.errors import ConfigurationError, UsageError
from assay.executors.evaluators import load_function

__all__ = ["Problem"]

Array = np.ndarray

_logger = logging.getLogger(__name__)


@final
@dataclass(frozen=True, eq=False)
class Problem:
    """A configuration, with what it stands for.

    Raises:
        UsageError: when structures cannot be read, or a number breaks a rule of what it configures.
    """

    settings: HyperactiveLearningConfiguration

    @cached_property
    def starts(self) -> list[Atoms]:
        """Where trajectories begin, with their overrides in `info`."""
        return structures_of(self.settings.structures) if self.settings.structures else []

    @cached_property
    def unlabelled(self) -> list[Atoms]:
        """The start structures that are to be labelled first."""
        found = [atoms for atoms in self.starts if not _carries_labels(atoms)]
        unread = sum(atoms.calc is not None for atoms in found)
        if unread:
            _logger.warning(
                "%d of the key 'structures' carry results called energy or forces: labels that are learnt from are called "
                "REF_energy, REF_forces and REF_virial",
                unread,
            )
        return [bare(atoms) for atoms in found]

    @cached_property
    def labelled(self) -> list[LabelledStructure]:
        """What is known from the beginning."""
        carrying = [atoms for atoms in self.starts if _carries_labels(atoms)]
        return [
            self.learnt(one) for one in LabelledStructure.all_of(carrying, "the driver's key 'structures'")
        ]

    @cached_property
    def pool(self) -> list[Atoms] | None:
        """The structures to choose from; None where dynamics finds them."""
        return (
            None
            if self.settings.pool is None
            else [bare(atoms) for atoms in structures_of(self.settings.pool)]
        )

    @cached_property
    def test(self) -> list[LabelledStructure]:
        """The structures for errors."""
        if self.settings.test is None:
            return []
        found = LabelledStructure.all_of(structures_of(self.settings.test), "the driver's key 'test'")
        self.check_species([one.atoms for one in found], "the driver's key 'test'")
        return found

    @cached_property
    def descriptor(self) -> BodyOrderedDescriptor:
        """What structures are described by."""
        given = self.settings.descriptor
        present = {
            symbol for atoms in (*self.starts, *(self.pool or ())) for symbol in atoms.get_chemical_symbols()
        }
        elements = tuple(given.species or sorted(present))
        missing = sorted(present - set(elements))
        if missing:
            raise ConfigurationError(
                f"the driver's key 'descriptor.species' must name all species of the structures; {', '.join(missing)} is missing"
            )
        return BodyOrderedDescriptor(elements, **given.model_dump(exclude={"species"}))

    @cached_property
    def fit(self) -> PotentialFit:
        """How labels become a potential."""
        keys = self.settings.fit.model_dump(
            exclude={"energy_noise_of", "virial_noise_of", "largest_force_eV_per_A", "calibration"}
        )
        return PotentialFit(**keys)

    @cached_property
    def base(self) -> Any:
        """The calculator that the potential corrects, or None."""
        return None if self.settings.base is None else load_function(self.settings.base)()

    def score(self, known: Sequence[Atoms]) -> Score:
        """How much a structure could teach, where some structures are learnt from or looked at."""
        given = self.settings.selection
        if given.score in ("bias force", "softmax bias force"):
            return BiasForceRatio(given.regulariser_eV_per_A, is_softmax=given.score.startswith("softmax"))
        if given.score == "information gain":
            return InformationGain(by_atom=True)
        if given.score == "atomic energy uncertainty":
            return AtomicEnergyUncertainty()
        if given.score == "extrapolation grade":
            return ExtrapolationGrade.beyond(self._atomic_features, known)
        if given.score == "descriptor novelty":
            return Novelty.beyond(self._atomic_features, known)
        return RelativeForceUncertainty(given.regulariser_eV_per_A)

    def check_species(self, structures: Sequence[Atoms], what: str) -> None:
        """Refuse, with a UsageError, structures of species that the descriptor does not know; says which one it was."""
        for number, atoms in enumerate(structures):
            unknown = sorted(set(atoms.get_chemical_symbols()) - set(self.descriptor.species))
            if unknown:
                raise UsageError(
                    f"{what}, structure {number} (from 0): the potential is one of {', '.join(self.descriptor.species)}, and "
                    f"the structure holds {', '.join(unknown)}"
                )

    def _atomic_features(self, atoms: Atoms) -> Array:
        """(atoms, n), the features of each atom."""
        return self.descriptor.evaluate(atoms).atomic_values

    @cached_property
    def guards(self) -> Guards:
        """What makes a structure unphysical."""
        given = self.settings.selection
        return Guards(given.minimum_distance_A, given.covalent_fraction, given.maximum_force_eV_per_A)

    def fingerprint(self, atoms: Atoms) -> Array:
        """(n,), the mean features of a structure's atoms: near those of a structure that says the same."""
        return self.descriptor.evaluate(atoms).values / len(atoms)

    def what_is_known(self, structures: Iterable[Atoms]) -> SelectorState:
        """What a selector knows of structures before a walk, so that it passes over their like."""
        if not self.settings.selection.duplicate_distance:
            return SelectorState()
        return SelectorState(fingerprints=tuple(map(self.fingerprint, structures)))

    def learnt(self, known: LabelledStructure) -> LabelledStructure:
        """What is learnt from labels: what they say beyond the base, without forces that are too large."""
        return self.beyond_base(known.within(self.settings.fit.largest_force_eV_per_A))

    def beyond_base(self, known: LabelledStructure) -> LabelledStructure:
        """What labels say beyond the base."""
        if self.base is None:
            return known
        label = label_with(self.base, known.atoms)
        return known.minus(LabelledStructure(known.atoms, label.energy_eV, label.forces, label.virial))

    def calculator(self, potential: LinearPotential) -> BiasedCalculator:
        """The calculator that a trajectory runs on."""
        given = self.settings.bias
        return BiasedCalculator(
            potential,
            base=self.base,
            control=TauControl(0.0, given.history, given.burn_in, given.largest_tau),
            bias=self._bias,
            committee=CommitteeChoice(given.committee) if given.committee else None,
        )

    def walk(self, start: Atoms, known: Sequence[Atoms]) -> Walk:
        """What the walker that sets out from a start structure does, where some structures are known."""
        given, selection = self.settings.dynamics, self.settings.selection
        relative = start.info.get("relative", self.settings.bias.relative)
        return Walk(
            self._dynamics(start),
            given.steps,
            self.score(known),
            self._selector,
            selection.interval,
            stop_after=1,
            learns_from_inputs=False,
            relative=_schedule(relative, given.steps),
            limits=Limits(
                energy_rise_eV_per_atom=given.energy_rise_eV_per_atom,
                volume_ratio=(given.volume_ratio[0], given.volume_ratio[1]),
            ),
            when_broken="stop",
        )

    @property
    def _bias(self) -> AbstractBias:
        given = self.settings.bias
        if given.height_eV is None or given.width_eV is None:
            return DeviationBias()
        return BoundedBias(given.height_eV, given.width_eV)

    def _dynamics(self, start: Atoms) -> Dynamics:
        given = self.settings.dynamics
        moves, swaps, wall, barostat = given.cell_moves, given.swaps, given.wall, given.barostat
        temperature = start.info.get("temperature_K", given.temperature_K)
        return Dynamics(
            given.timestep_fs,
            _schedule(temperature, given.steps),
            given.friction_per_fs,
            _schedule(start.info.get("pressure_GPa", given.pressure_GPa), given.steps),
            None if moves is None else CellMoves(**moves.model_dump()),
            None if swaps is None else SwapMoves(**swaps.model_dump()),
            () if wall is None else (SphericalWall(wall.radius_A, wall.stiffness_eV_per_A2),),
            at_rest=wall is None,
            barostat=None if barostat is None else Barostat(**barostat.model_dump()),
        )

    @cached_property
    def _selector(self) -> Selector:
        given = self.settings.selection
        threshold = given.threshold
        return Selector(
            AdaptiveThreshold(given.multiplier, given.mixing, given.delay)
            if threshold == "adaptive"
            else threshold,
            given.highest_score,
            given.pick,
            self.guards,
            self.fingerprint if given.duplicate_distance else None,
            given.duplicate_distance,
        )


def _carries_labels(atoms: Atoms) -> bool:
    """Whether a structure has a label of any kind, be it a wrong one."""
    keys = LabelKeys()
    return keys.forces in atoms.arrays or any(
        key in atoms.info for key in (keys.energy, keys.virial, keys.stress)
    )


def _schedule(value: Any, steps: int) -> Schedule:
    """A number, or a ramp along a trajectory."""
    numbers = [float(value)] if not isinstance(value, list | tuple) else [float(entry) for entry in value]
    return (
        Schedule((0,), (numbers[0],)) if len(numbers) == 1 else Schedule((0, steps), (numbers[0], numbers[1]))
    )
