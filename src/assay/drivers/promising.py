"""From objectives and quantities to acquisitions: what a look promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.configuration import Constrainer, Explorer, Minimizer, MultiMinimizer
from assay.acquisition.exploration import LogInside, LogTotalUncertainty, LogVarianceReduction
from assay.acquisition.hypervolume import (
    LogExpectedHypervolumeImprovement,
    LogNoisyHypervolumeImprovement,
    LogSampledHypervolumeImprovement,
)
from assay.acquisition.hypervolume_gain import BoxStack
from assay.acquisition.improvement import (
    LogConfidenceBound,
    LogExpectedImprovement,
    LogProbabilityBelow,
)
from assay.acquisition.product import LogProduct
from assay.acquisition.sampled import (
    SampledConfidenceBound,
    SampledImprovement,
    SampledProbabilityBelow,
    SampledProbabilityInside,
)
from assay.acquisition.surprise import LogSurprise
from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.hypervolume import non_dominated_boxes
from assay.quantities.abstract import AbstractQuantity, AbstractScalarQuantity
from assay.quantities.one_output import NegativeScalar, OneOutput
from assay.quantities.quantity import GaussianScalar
from assay.quantities.selector import SelectedOutput
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.feature_posterior import FeaturePosterior
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.variance_reduction import VarianceReduction

__all__ = [
    "Aim",
    "constraint_factors",
    "exploring",
    "improving",
    "learning",
    "selected_outputs",
    "spreading",
    "spreading_from_draws",
]

Array = np.ndarray
# A surrogate's posterior, and one of its outputs.
Entry = tuple[AbstractPosterior, int]

# Draws of a quantity that is not Gaussian, for one acquisition.
DRAWS = 64
# Draws of a front that is not known.
FRONTS = 32
# The neighbourhood of a look, in box widths, that should lie inside the box.
NEIGHBOURHOOD = 0.1
# The width of the smoothed front, in distances of the references.
SMOOTHING = 1e-3
# The standard deviations of a confidence bound; `scaling` multiplies them.
CONFIDENCE = 2.0
# So many times a constraint must hold: expected improvements differ by powers of ten, and a single probability would
# hardly weigh beside them.
CAUTION = 3.0
# The share of what was seen that an improvement must be for its probability to count.
IMPROVEMENT_MARGIN = 0.05
# The width of the soft edges of a band, in its own width; of a single bound, in what the variable varies.
EDGE = 0.02


@final
@dataclass(frozen=True)
class Aim:
    """One output of a quantity, and how to draw it.

    Arguments:
        quantity: the random vector.
        column: its output that counts.
        normal: (DRAWS, normal_dimension), of its draws.
        spread: a typical difference between its values at different points, positive.
        smoothing: the width of smoothed corners and steps, positive; only draws need it.
    """

    quantity: AbstractQuantity
    column: int
    normal: Array
    spread: float
    smoothing: float

    @property
    def scalar(self) -> AbstractScalarQuantity | None:
        """As a Gaussian number, where it is one."""
        return GaussianScalar(self.quantity, self.column) if self.quantity.is_gaussian else None

    def mean(self, points: Array) -> Array:
        """(points,), what is expected there."""
        return self.quantity.mean_variance(points)[0][:, self.column]


def improving(objective: Minimizer, aim: Aim, incumbent: float, scaling: float) -> AbstractAcquisition:
    """What a look promises to someone who wants less than the incumbent."""
    scalar, margin = aim.scalar, IMPROVEMENT_MARGIN * aim.spread * scaling
    if scalar is not None:
        match objective.strategy:
            case "EI":
                return LogExpectedImprovement(scalar, incumbent, scaling)
            case "LCB":
                return LogConfidenceBound(scalar, incumbent, CONFIDENCE * scaling)
            case "PoI":
                return LogProbabilityBelow(scalar, incumbent - margin, scaling)
    normal = scaling * aim.normal
    match objective.strategy:
        case "EI":
            return SampledImprovement(aim.quantity, incumbent, normal, aim.smoothing, aim.column)
        case "LCB":
            return SampledConfidenceBound(
                aim.quantity, incumbent, aim.normal, aim.smoothing, CONFIDENCE * scaling, aim.column
            )
        case "PoI":
            return SampledProbabilityBelow(
                aim.quantity, incumbent - margin, normal, aim.smoothing, column=aim.column
            )


def spreading(
    objective: MultiMinimizer, aims: Sequence[Aim], values: Array, scaling: float
) -> AbstractAcquisition:
    """What a look promises to someone who wants the Pareto front.

    Arguments:
        objective: with the references.
        aims: one for each of its variables.
        values: (looks, objectives), seen or expected at the looks so far, open ones included.
        scaling: multiplies the uncertainty.
    """
    lower, upper = np.array(objective.lower_reference), np.array(objective.upper_reference)
    scalars = [aim.scalar for aim in aims]
    gaussian = [scalar for scalar in scalars if scalar is not None]
    if len(gaussian) == len(aims):
        return LogExpectedHypervolumeImprovement.of(gaussian, values, lower, upper, scaling)
    boxes = BoxStack.of([non_dominated_boxes(values, lower, upper)])
    smoothing = SMOOTHING * (upper - lower)
    columns = tuple(OneOutput(aim.quantity, aim.column) for aim in aims)
    return LogSampledHypervolumeImprovement(columns, scaling * aims[0].normal, boxes, smoothing)


def spreading_from_draws(
    objective: MultiMinimizer,
    outputs: Sequence[SelectedOutput],
    points: Array,
    scaling: float,
    generator: np.random.Generator,
) -> AbstractAcquisition:
    """The same where noise, or open looks, leave the front uncertain.

    Arguments:
        outputs: one for each of the objective's variables, without the open looks.
        points: (looks, dimension), observed and open ones.
    """
    lower, upper = np.array(objective.lower_reference), np.array(objective.upper_reference)
    return LogNoisyHypervolumeImprovement.of(outputs, points, lower, upper, FRONTS, generator, scaling)


def learning(
    objective: Explorer,
    uncertainty: AbstractAcquisition,
    entries: Sequence[Entry] | None,
    references: Array,
    coordinates: Coordinates,
) -> AbstractAcquisition:
    """What a look promises to someone who wants to know a variable everywhere, by his strategy.

    Arguments:
        objective: with the strategy.
        uncertainty: how little is known at a point.
        entries: the outputs of one surrogate that the variable consists of; None where it is anything else.
        references: (references, dimension), points that stand for the whole space.
        coordinates: of the space.

    Raises:
        UsageError: when the strategy needs outputs of another kind of surrogate.
    """
    promise = uncertainty
    match objective.strategy:
        case "integrated variance":
            outputs = selected_outputs(entries)
            if outputs is None:
                raise _refused(objective, "GP")
            promise = _reduction(outputs, references)
        case "surprise":
            posteriors = [posterior for posterior, _ in entries or ()]
            if not posteriors or not isinstance(posteriors[0], FeaturePosterior) or posteriors[0].members < 2:
                raise _refused(objective, "NN")
            promise = LogSurprise(posteriors[0], np.array([column for _, column in entries or ()]))
        case "uncertainty":
            pass
    penalised = objective.penalize_boundaries
    if not (objective.strategy == "uncertainty" if penalised is None else penalised):
        return promise
    columns = np.flatnonzero(coordinates.continuous[: coordinates.design_dimension])
    return LogProduct((promise, LogInside(np.full(len(columns), NEIGHBOURHOOD), columns)))


def selected_outputs(entries: Sequence[Entry] | None) -> list[SelectedOutput] | None:
    """Outputs of Gaussian processes; None where one is anything else."""
    found = []
    for posterior, column in entries or ():
        if not isinstance(posterior, GaussianProcessPosterior):
            return None
        found.append(SelectedOutput(posterior, column))
    return found or None


def _refused(objective: Explorer, surrogate: str) -> UsageError:
    return UsageError(
        f"strategy {objective.strategy!r} of objective {objective.name!r} needs a variable that selects outputs of one "
        f"{surrogate} without a transformation; for {objective.variable!r} take 'uncertainty'"
    )


def _reduction(outputs: Sequence[SelectedOutput], references: Array) -> LogVarianceReduction:
    """In latent units, in which all outputs have about the same size."""
    posterior = outputs[0].posterior
    wanted = np.array([output.column for output in outputs])
    parts, weights = [], []
    for block, member in posterior.blocks:
        counted = np.intersect1d(block, wanted)
        if len(counted):
            parts.append(VarianceReduction.of(member, references))
            weights.append(posterior.signal_variance[counted].sum())
    return LogVarianceReduction(tuple(parts), np.array(weights))


def exploring(quantity: AbstractQuantity, columns: Array, spreads: Array) -> AbstractAcquisition:
    """What a look promises to someone who wants to know a quantity everywhere."""
    return LogTotalUncertainty(quantity, columns, spreads**-2)


def constraint_factors(objectives: Sequence[Constrainer], aims: Sequence[Aim]) -> list[AbstractAcquisition]:
    """The probabilities that bounds are kept."""
    factors: list[AbstractAcquisition] = []
    for objective, aim in zip(objectives, aims, strict=True):
        if aim.scalar is None:
            factors.append(_inside(objective, aim))
            continue
        for bound, sign in ((objective.upper_bound, 1.0), (objective.lower_bound, -1.0)):
            if bound is not None:
                scalar = aim.scalar if sign > 0 else NegativeScalar(aim.scalar)
                factors.append(LogProbabilityBelow(scalar, sign * bound, power=CAUTION))
    return factors


def _inside(objective: Constrainer, aim: Aim) -> AbstractAcquisition:
    """The probability that draws lie between the bounds, with edges that are soft as compared with the band."""
    lower = -math.inf if objective.lower_bound is None else objective.lower_bound
    upper = math.inf if objective.upper_bound is None else objective.upper_bound
    width = min(upper - lower, aim.spread)
    return SampledProbabilityInside(
        aim.quantity, (lower, upper), aim.normal, EDGE * width, CAUTION, aim.column
    )
