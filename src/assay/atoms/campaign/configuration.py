"""The configuration of a campaign: one schema for plain data and for objects."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.dynamics.barostat import Barostat
from assay.atoms.potential.fit import PotentialFit
from assay.errors import ConfigurationError
from assay.space.schema import shown
from assay.surrogates.configuration import Entry

__all__ = [
    "BarostatEntry",
    "BiasEntry",
    "CellMovesEntry",
    "DescriptorEntry",
    "DynamicsEntry",
    "FitEntry",
    "HyperactiveLearningConfiguration",
    "SelectionEntry",
    "SwapsEntry",
    "WallEntry",
]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Limit = Annotated[float, Field(gt=0)]
Size = Literal["atom", "sqrt_atom", "structure"]
# A number, or two for a ramp from the first to the last step of a trajectory.
Ramp = float | Annotated[list[float], Field(min_length=2, max_length=2)]


class DescriptorEntry(Entry):
    """What a structure is described by: functions of two, three and four bodies."""

    species: list[str] | None = Field(
        default=None, min_length=1, description="chemical symbols; none given: those of the structures"
    )
    cutoff_A: Positive = Field(default=4.5, description="range of three- and four-body functions")
    pair_cutoff_A: Positive = Field(default=6.0, description="range of pair functions")
    radial_count: int = Field(
        default=BodyOrderedDescriptor.radial_count, ge=1, description="radial functions of the density"
    )
    angular_count: int = Field(
        default=BodyOrderedDescriptor.angular_count,
        ge=1,
        description="angular momenta of the density, from 0 up",
    )
    pair_count: int = Field(default=BodyOrderedDescriptor.pair_count, ge=1, description="pair functions")
    cubic_count: int = Field(
        default=BodyOrderedDescriptor.cubic_count,
        ge=0,
        description="radial functions of four-body functions; 0: none",
    )
    cubic_angular_count: int | None = Field(
        default=None, ge=1, description="angular momenta of four-body functions; none given: all"
    )
    coupled_count: int = Field(
        default=0,
        ge=0,
        description="radial functions of four-body functions that couple three angular momenta; 0: none",
    )


class FitEntry(Entry):
    """How labels become a potential; what is not given is decided by the evidence of the labels."""

    energy_noise_eV: Positive | None = Field(
        default=None, description="standard deviation of an energy, as `energy_noise_of` says"
    )
    force_noise_eV_per_A: Positive | None = Field(
        default=None, description="standard deviation of a component of a force"
    )
    virial_noise_eV: Positive | None = Field(
        default=None, description="standard deviation of a component of a virial, as `virial_noise_of` says"
    )
    energy_noise_of: Size = Field(
        default="atom", description="whether that noise is one per atom, per root of the atoms, or whole"
    )
    virial_noise_of: Size = Field(default="atom", description="the same for virials")
    prior_weight: Positive | None = Field(
        default=None, description="precision of the scaled weights, in 1/eV²"
    )
    smoothness_power: float = Field(
        default=PotentialFit.smoothness_power,
        ge=0,
        description="how much stiffer features that vary fast are; 0: not",
    )
    relevance: Literal["shared", "automatic"] = Field(
        default="shared", description="one prior for all weights, or one for each by automatic relevance"
    )
    reference_energies_eV: dict[str, float] | None = Field(
        default=None, description="energies of lone atoms; none given: those nearest to the labels"
    )
    calibration: Literal["none", "left out"] = Field(
        default="none",
        description="deviations as the evidence has them, or times the factor that lets 68 % of the labels of structures that are "
        "left out in turn lie within one",
    )
    largest_force_eV_per_A: Positive = Field(
        default=50.0,
        description="forces beyond it are not learnt from, nor is the energy of such a structure",
    )


class CellMovesEntry(Entry):
    """Monte Carlo of the cell, at the pressure of the dynamics."""

    interval: int = Field(default=10, ge=1, description="steps between moves")
    step: Positive = Field(default=0.01, description="size of a move, adapted during the burn-in")
    shape: Literal["isotropic", "full"] = Field(
        default="full", description="the volume alone, or all six strains"
    )


class BarostatEntry(Entry):
    """A Langevin piston, at the pressure of the dynamics; the start structures have a cell, the reference a stress."""

    time_fs: Positive = Field(default=Barostat.time_fs, description="how fast the cell responds")
    shape: Literal["isotropic", "full"] = Field(
        default=Barostat.shape, description="the volume alone, or all six strains"
    )
    friction_per_fs: float | None = Field(
        default=None, ge=0, description="of the cell; none given: 2 / time_fs"
    )


class SwapsEntry(Entry):
    """Monte Carlo of unlike atoms' places."""

    interval: int = Field(default=10, ge=1, description="steps between attempts")
    attempts: int = Field(default=1, ge=1, description="attempts each time")


class WallEntry(Entry):
    """What keeps a cluster together: a sphere about the centre of the start, harmonic beyond its radius."""

    radius_A: Positive = Field(description="of the sphere")
    stiffness_eV_per_A2: Positive = Field(default=1.0, description="of the wall beyond it")


class DynamicsEntry(Entry):
    """How a trajectory goes."""

    steps: int = Field(default=1000, ge=1, description="at most, before a structure is taken")
    walkers: int = Field(
        default=1,
        ge=1,
        description="trajectories on one potential, from the start structures in turn; what they find is labelled as a batch, "
        "those first that tell most together",
    )
    timestep_fs: Positive = Field(default=1.0, description="time between steps")
    temperature_K: Ramp = Field(
        default=500.0, description="of the bath; two numbers: from the first to the last step"
    )
    friction_per_fs: float = Field(default=0.01, ge=0, description="coupling to the bath")
    pressure_GPa: Ramp = Field(
        default=0.0,
        description="what the barostat or moves of the cell hold; two numbers: from the first to the last step",
    )
    barostat: BarostatEntry | None = Field(
        default=None,
        description="a Langevin piston; none given, and no moves of the cell: the cell is fixed",
    )
    cell_moves: CellMovesEntry | None = Field(
        default=None, description="Monte Carlo of the cell, in place of the barostat"
    )
    swaps: SwapsEntry | None = Field(default=None, description="Monte Carlo of unlike atoms' places")
    wall: WallEntry | None = Field(default=None, description="for clusters and molecules")
    energy_rise_eV_per_atom: Limit = Field(
        default=math.inf, description="a trajectory ends where its energy rose by more"
    )
    volume_ratio: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(
        default=[0.5, 2.0],
        description="or where its volume, beside that of the start, leaves these limits",
    )


class BiasEntry(Entry):
    """What takes the dynamics to where the potential is unsure."""

    relative: Ramp = Field(
        default=0.25, description="the fraction of the forces that the bias adds; 0: plain dynamics"
    )
    history: int = Field(default=20, ge=1, description="steps that the mean forces remember")
    burn_in: int = Field(default=20, ge=0, description="steps without bias")
    largest_tau: Positive = Field(default=100.0, description="cap of the strength tau")
    height_eV: Positive | None = Field(
        default=None, description="of a bounded bias; none given: the standard deviation itself"
    )
    width_eV: Positive | None = Field(
        default=None, description="of a bounded bias: the deviation, by the root of the atoms, where it bends"
    )
    committee: int = Field(
        default=0, ge=0, description="members whose spread is the bias; 0: the exact deviation"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> BiasEntry:
        if (self.height_eV is None) != (self.width_eV is None):
            raise ConfigurationError(
                f"a bounded bias needs height_eV and width_eV, got {shown(self.height_eV)} and {shown(self.width_eV)}"
            )
        return self


class SelectionEntry(Entry):
    """Which structure of a trajectory is labelled."""

    score: Literal[
        "relative force uncertainty",
        "information gain",
        "atomic energy uncertainty",
        "bias force",
        "softmax bias force",
        "extrapolation grade",
        "descriptor novelty",
    ] = Field(
        default="relative force uncertainty",
        description="how much a structure could teach: the largest uncertainty of a force beside the force; what its labels would "
        "tell of the weights, in nats per atom; the largest uncertainty of an atom's energy in eV; the force of the bias beside the "
        "force, or its softmax, to compare with other programs; how far an atom lies outside those that span the known ones "
        "(D-optimal); how far the most novel atom is from every known one, in scaled features",
    )
    regulariser_eV_per_A: Positive = Field(
        default=0.2, description="what counts as a small force in the score"
    )
    interval: int = Field(default=1, ge=1, description="steps between scores")
    pick: Literal["peak", "crossing"] = Field(
        default="peak", description="where the score falls again, or where it first exceeds the threshold"
    )
    threshold: Positive | Literal["adaptive"] = Field(
        default="adaptive", description="what a score must exceed; adaptive: a multiple of its running mean"
    )
    multiplier: Positive = Field(default=1.2, description="of the running mean of scores")
    mixing: float = Field(default=0.1, gt=0, le=1, description="weight of the newest score in that mean")
    delay: int = Field(
        default=10, ge=0, description="scores before the first selection by an adaptive threshold"
    )
    highest_score: Limit = Field(default=math.inf, description="beyond it a structure is unphysical")
    minimum_distance_A: float = Field(
        default=0.0, ge=0, description="a structure with nearer atoms is passed over"
    )
    covalent_fraction: float = Field(
        default=0.6,
        ge=0,
        description="and one with atoms nearer than so much of the sum of their covalent radii",
    )
    maximum_force_eV_per_A: Limit = Field(
        default=math.inf,
        description="a structure with a larger force, as the potential says, is passed over",
    )
    duplicate_distance: float = Field(
        default=0.0,
        ge=0,
        description="a structure whose mean features are nearer than this to those of one that is known is passed over; 0: none",
    )


class HyperactiveLearningConfiguration(Entry):
    """Learn an interatomic potential from few labels."""

    structures: str = Field(
        default="",
        description="where trajectories begin, as extended XYZ; what carries labels (REF_energy, REF_forces, REF_virial) is "
        "learnt from at once, the others are labelled first; temperature_K, pressure_GPa and relative of a comment line override",
    )
    pool: str | None = Field(
        default=None, description="structures to choose from in place of dynamics, as extended XYZ"
    )
    test: str | None = Field(default=None, description="labelled structures for errors, never learnt from")
    test_fraction: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="the share of the campaign's own labels, by lot, that is for errors and never learnt from",
    )
    target_force_error_eV_per_A: float = Field(
        default=0.0,
        ge=0,
        description="stop when the root mean square error of the forces of the test is this low",
    )
    target_energy_error_eV_per_atom: float = Field(
        default=0.0, ge=0, description="and that of its energies; 0: any"
    )
    descriptor: DescriptorEntry = Field(
        default_factory=DescriptorEntry, description="what a structure is described by"
    )
    fit: FitEntry = Field(default_factory=FitEntry, description="how labels become a potential")
    base: str | None = Field(
        default=None,
        description="module:function of a calculator of ASE that the potential corrects; its labels are learnt beyond it",
    )
    dynamics: DynamicsEntry = Field(default_factory=DynamicsEntry, description="how a trajectory goes")
    bias: BiasEntry = Field(
        default_factory=BiasEntry, description="what takes it to where the potential is unsure"
    )
    selection: SelectionEntry = Field(
        default_factory=SelectionEntry, description="which structure is labelled"
    )

    @model_validator(mode="after")
    def _needs_a_test(self) -> HyperactiveLearningConfiguration:
        has_target = self.target_force_error_eV_per_A or self.target_energy_error_eV_per_atom
        if has_target and self.test is None and not self.test_fraction:
            raise ConfigurationError(
                "a target of errors needs labelled structures as the key 'test', or a test_fraction, got neither"
            )
        return self
