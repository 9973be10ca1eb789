"""How a linear potential is fitted: the prior of its weights, and the noises of its labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np

from assay.atoms.potential.design import Design
from assay.atoms.potential.potential import LabelNoise, LinearPotential
from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel
from assay.numerics.normal_equations import NormalEquations
from assay.numerics.threads import single_threaded_blas
from assay.surrogates.fit import climb
from assay.surrogates.linear_evidence import LOG_NOISE_BOUNDS, LOG_PRECISION_BOUNDS, LinearEvidence, NoisyRows

__all__ = ["FittedPotential", "PotentialFit"]

Array = np.ndarray

# The standard deviation of the normal prior of the logarithm of a prior weight: it bounds what the labels leave open.
_PRIOR_WIDTH = 5.0
# Of the noises in units of the labels' root mean square, where the climb begins.
_FIRST_LOG_VARIANCE = math.log(1e-4)


@final
@dataclass(frozen=True)
class FittedPotential:
    """A potential, and how its fit came about.

    Arguments:
        potential: the belief.
        log_evidence: of all labels at its prior and its noises.
        prior_weight: (1,), or (features,) with automatic relevance: the precision of the scaled weights, 1/eV².
        evaluations: of the evidence.
    """

    potential: LinearPotential
    log_evidence: float
    prior_weight: Array
    evaluations: int


@final
@dataclass(frozen=True)
class PotentialFit:
    """A recipe: how labels become a linear potential.

        label = Σ_j φ_j w_j + noise,   w_j s_j q_j^p ~ N(0, 1/a)

    with s_j the root mean square of the rows of feature j, q_j the descriptor's smoothness, and a noise for each kind of
    label. What is None is decided by the evidence of the labels, all kinds together.

    Use it after `Design.given`; each evaluation of the evidence costs a decomposition of at most three times as many rows as
    there are features, however many structures there are.

    Arguments:
        energy_noise_eV: the standard deviation of an energy, per atom unless the design says otherwise.
        force_noise_eV_per_A: that of a component of a force.
        virial_noise_eV: that of a component of a virial, per atom unless the design says otherwise.
        prior_weight: a, the precision of the scaled weights in 1/eV²; a larger one is stiffer.
        smoothness_power: p; 0 for the same prior of all. A half had the largest evidence on average over 4 to 60 structures of
            silicon and two descriptors; 0 and 1 came near, 2 did not.
        relevance: "shared": one a; "automatic": an a for each feature, by the evidence.
        reference_energies_eV: the energy of a lone atom of each species; None: those nearest to the labelled energies.
        solver: "rows": by a decomposition of rows; "sums": by that of sums over rows, faster, with half the digits.
        steps: the most steps of the climb of the evidence.

    Raises:
        UsageError: for a noise or a prior weight that is not positive.
    """

    energy_noise_eV: float | None = None
    force_noise_eV_per_A: float | None = None
    virial_noise_eV: float | None = None
    prior_weight: float | None = None
    smoothness_power: float = 0.5
    relevance: Literal["shared", "automatic"] = "shared"
    reference_energies_eV: Mapping[str, float] | None = None
    solver: Literal["rows", "sums"] = "rows"
    steps: int = 100

    def __post_init__(self) -> None:
        for name in ("energy_noise_eV", "force_noise_eV_per_A", "virial_noise_eV", "prior_weight"):
            value = getattr(self, name)
            if value is not None and not (value > 0.0 and math.isfinite(value)):
                raise UsageError(f"{name} of a potential's fit must be positive and finite, got {value}")

    def fit(self, design: Design, start: FittedPotential | None = None) -> FittedPotential:
        """The potential of the labels of a design.

        Arguments:
            design: with at least one label.
            start: an earlier fit, from whose prior and noises the climb of the evidence starts as well.

        Raises:
            UsageError: for a design without labels; `LinearPotential.prior` needs none.
        """
        if not sum(design.counts):
            raise UsageError("a potential is fitted to at least one label, got none")
        with single_threaded_blas():
            reference = self._reference_energies(design)
            rows = design.rows(reference)
            present = [place for place in range(3) if design.counts[place]]
            kinds = tuple(rows[place] for place in present)
            scale = design.column_scale() * design.descriptor.smoothness**self.smoothness_power
            weight, variance, evaluations = self._most_probable(kinds, present, scale, start)
            model = self._model(kinds, weight * scale**2, variance)
            log_evidence = LinearEvidence(kinds, np.zeros(1), None, math.inf).log_evidence(model, variance)
        deviations = dict(zip(present, np.sqrt(variance).tolist(), strict=True))
        energy, force, virial = (deviations.get(place) for place in range(3))
        noise = LabelNoise(energy, force, virial, design.energy_noise_of, design.virial_noise_of)
        species = design.descriptor.species
        energies = dict(zip(species, reference.tolist(), strict=True))
        potential = LinearPotential(design.descriptor, energies, noise, model, model)
        return FittedPotential(potential, log_evidence, weight, evaluations)

    def _reference_energies(self, design: Design) -> Array:
        if self.reference_energies_eV is None:
            return design.reference_energies()
        species = design.descriptor.species
        missing = [name for name in species if name not in self.reference_energies_eV]
        if missing:
            raise UsageError(
                f"the reference energies of a fit must cover its descriptor's species, {', '.join(missing)} lacks"
            )
        return np.array([self.reference_energies_eV[name] for name in species])

    def _most_probable(
        self,
        kinds: tuple[NoisyRows, ...],
        present: list[int],
        scale: Array,
        start: FittedPotential | None,
    ) -> tuple[Array, Array, int]:
        """The prior weights, the variances of the noises of the present kinds, and the number of evaluations."""
        squares = sum(float((rows.target**2).sum()) for rows in kinds)
        unit2 = squares / sum(len(rows.target) + rows.left_out for rows in kinds) or 1.0
        scaled = tuple(
            replace(rows, design=rows.design / scale, target=rows.target / math.sqrt(unit2)) for rows in kinds
        )
        group = np.arange(len(scale)) if self.relevance == "automatic" else np.zeros(len(scale), dtype=int)
        evidence = LinearEvidence(scaled, group, None, _PRIOR_WIDTH)
        groups = evidence.group_count
        given = (self.energy_noise_eV, self.force_noise_eV_per_A, self.virial_noise_eV)
        bounds = [_bounds(self.prior_weight, unit2, LOG_PRECISION_BOUNDS)] * groups
        for place in present:
            noise = given[place]
            bounds.append(_bounds(None if noise is None else noise**2, 1.0 / unit2, LOG_NOISE_BOUNDS))
        starts = [np.concatenate([np.zeros(groups), np.full(len(kinds), _FIRST_LOG_VARIANCE)])]
        if start is not None and len(start.prior_weight) == groups:
            earlier = start.potential.noise.values
            noises = [earlier[place] or math.sqrt(unit2) for place in present]
            starts.insert(0, np.log(np.concatenate([start.prior_weight * unit2, np.square(noises) / unit2])))
        if all(low == high for low, high in bounds):
            best, evaluations = np.array(bounds)[:, 0], 0
        else:
            climbed = climb(evidence, bounds, starts, self.steps)
            best, evaluations = climbed.vector, climbed.evaluations
        weight, variance = evidence.parts(best)
        return weight / unit2, variance * unit2, evaluations

    def _model(self, kinds: tuple[NoisyRows, ...], precision: Array, variance: Array) -> LinearModel:
        design = np.concatenate([rows.design for rows in kinds])
        target = np.concatenate([rows.target for rows in kinds])
        row_precision = np.concatenate(
            [np.full(len(rows.target), 1.0 / v) for rows, v in zip(kinds, variance, strict=True)]
        )
        if self.solver == "sums":
            sums = NormalEquations.none(design.shape[1]).given(design, target, row_precision)
            return sums.model(precision)
        return LinearModel.prior(precision).given(design, target, row_precision)


def _bounds(value: float | None, factor: float, otherwise: tuple[float, float]) -> tuple[float, float]:
    """Of the logarithm of a value that is given, or not."""
    if value is None:
        return otherwise
    logarithm = math.log(value * factor)
    return logarithm, logarithm
