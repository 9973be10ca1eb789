"""One suggestion by a model, in unit coordinates: fit, weigh, search, refuse repetitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.candidates import candidates, within
from assay.acquisition.configuration import AcquisitionOptimizer, Minimizer
from assay.acquisition.improvement import (
    LogConfidenceBound,
    LogExpectedImprovement,
    LogProbabilityBelow,
    LogUncertainty,
)
from assay.acquisition.niches import niches
from assay.acquisition.product import LogProduct
from assay.acquisition.search import Ranked, Search, search
from assay.drivers.surrogates import feasibility_surrogate
from assay.errors import NumericalError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.quantities.abstract import AbstractScalarQuantity
from assay.quantities.selector import SelectedOutput
from assay.surrogates.dataset import Dataset

__all__ = [
    "CENTRES",
    "Chosen",
    "Domain",
    "Looks",
    "first_chosen",
    "ranking",
    "success_factors",
    "suggest_unit",
]

Array = np.ndarray
Generators = Callable[[str], np.random.Generator]

# Two points closer than this, in box widths, are the same look.
SAME_POINT = 1e-9
# The search also begins around so many of the best points.
CENTRES = 4
# The log acquisition, in standard deviations of the data, below which a search has no hope; and the number of other
# basins that are then looked into.
HOPELESS = -5.0
# The log acquisition below which even the best basin is exhausted, and one look in two explores.
EXHAUSTED = -9.0
# How much less sure than it says the model is taken to be where it sees no hope: few data leave its scales uncertain.
DOUBT = 2.0
# The share of the box's width, at each end, where looks are wary: the model knows least there, and has most to be
# wrong about. They go there only within so many box widths of the best point.
RIM, REACH = 0.1, 0.15
NICHES = 3
# The standard deviations of the confidence bound; `scaling` multiplies them.
CONFIDENCE = 2.0
# So many successes in a row must be likely where an evaluation might fail: expected improvements differ by powers of
# ten, and the probability of a single success would hardly weigh beside them.
CAUTION = 10.0
# The improvement, in standard deviations of the data, whose probability counts: any improvement, however small, is
# likeliest right beside the best point.
IMPROVEMENT_MARGIN = 0.05


@dataclass(frozen=True)
class Domain:
    """Where to look: the columns, the constraints, and the environment of this suggestion in unit coordinates."""

    coordinates: Coordinates
    feasible: FeasibleSet
    environment: Array


@dataclass(frozen=True)
class Looks:
    """What was looked at: points (count, dimension) whose evaluations succeeded, failed, or are open."""

    succeeded: Array
    failed: Array
    pending: Array


@dataclass(frozen=True)
class Chosen:
    """The point (dimension,), as unit coordinates and as exact values, and the figures a person wants to see."""

    point: Array
    values: Mapping[str, Any]
    info: Mapping[str, Any]


def ranking(quantity: AbstractScalarQuantity, domain: Domain, points: Array, observed: Array | None) -> Array:
    """How good each point is, in working units, lower being better: (count,); infinite where constraints are broken.

    Arguments:
        quantity: what is minimised.
        domain: whose constraints and environment count.
        points: (count, dimension), where something was observed.
        observed: (count,), the values there if they are exact; None for noisy ones, which the posterior mean
            replaces: the best observation of many noisy ones is mostly the luckiest.
    """
    here = points.copy()
    here[:, domain.coordinates.design_dimension :] = domain.environment
    worth = quantity.mean_variance(here)[0] if observed is None else quantity.to_working(observed)
    allowed = domain.feasible.contains(here)
    return np.where(allowed, worth, np.inf) if allowed.any() else worth


def suggest_unit(
    quantity: SelectedOutput,
    domain: Domain,
    looks: Looks,
    observed: Array | None,
    objective: Minimizer,
    optimizer: AcquisitionOptimizer,
    scaling: float,
    generators: Generators,
    margin: float | None = None,
) -> Chosen:
    """The point that promises most.

    Arguments:
        quantity: what is minimised, over all the data.
        domain: where to look.
        looks: what was looked at.
        observed: the exact values at `looks.succeeded`, or None for noisy ones.
        objective, optimizer, scaling: settings.
        generators: purpose to generator.
        margin: the improvement, in standard deviations of the data, below which nothing counts as one. With zero the
            search is wary of the rim of the box; with more, and no hope for it, it goes on in other basins than the
            best. None searches the whole box for any improvement.

    Raises:
        NumericalError: when every point that the search finds was looked at already.
    """
    worth = ranking(quantity, domain, looks.succeeded, observed)
    best = int(np.argmin(worth))
    target = float(worth[best])
    if len(looks.pending):
        # An open look's expected value may already be better than what was seen.
        target = min(target, float(quantity.mean_variance(looks.pending)[0].min()))
        quantity = SelectedOutput(quantity.posterior.condition_on_inputs(looks.pending), quantity.column)
    starts = candidates(
        domain.coordinates,
        domain.feasible,
        looks.succeeded[np.argsort(worth, kind="stable")[:CENTRES]],
        (optimizer.num_initial_samples, optimizer.num_local_samples),
        generators("candidates"),
        domain.environment,
    )
    hunt = _Hunt(
        quantity,
        domain,
        objective,
        scaling,
        success_factors(looks, domain.coordinates, generators),
        starts,
        Search(starts=optimizer.num_starts, max_rounds=optimizer.max_steps),
    )
    searches = hunt.searches(target, margin, looks.succeeded, worth, generators("niches"))
    chosen = first_chosen(searches, np.concatenate([looks.succeeded, looks.failed, looks.pending]), domain)
    return replace(
        chosen, info={**chosen.info, "incumbent": best, **_figures(quantity, target, chosen.point)}
    )


def first_chosen(searches: Iterable[tuple[str, Ranked]], known: Array, domain: Domain) -> Chosen:
    """The best point that is new, of the first search that finds any."""
    for origin, ranked in searches:
        found = _first_new(ranked.points, known, domain)
        if found is not None:
            index, point, values = found
            return Chosen(point, values, {"origin": origin, "acquisition": float(ranked.values[index])})
    raise NumericalError(
        f"every point of the space that the search found was looked at already, all {len(known)}; "
        "end the study, or widen the space"
    )


@dataclass(frozen=True)
class _Hunt:
    """The searches for one suggestion.

    Arguments:
        quantity, domain, objective, scaling: as for `suggest_unit`.
        success: the probability that an evaluation succeeds; empty where nothing failed.
        starts: (count, dimension), where searches of the whole box begin.
        settings: of every search.
    """

    quantity: SelectedOutput
    domain: Domain
    objective: Minimizer
    scaling: float
    success: Sequence[AbstractAcquisition]
    starts: Array
    settings: Search

    def searches(
        self, target: float, margin: float | None, points: Array, worth: Array, generator: np.random.Generator
    ) -> Iterator[tuple[str, Ranked]]:
        """What was found, with its origin, in the order of preference; each is computed when it is asked for."""
        if margin is not None and margin > 0.0:
            yield from self._bold(target, margin, points, worth, generator)
        elif margin is not None:
            yield "model", self._wary(target, points[np.argmin(worth)])
        yield "model", self._search(self._promise(target), self.starts)
        yield "exploration", self._search(LogUncertainty(self.quantity), self.starts)

    def _wary(self, target: float, centre: Array) -> Ranked:
        """The better of what is found far from the rim and around a point."""
        coordinates = self.domain.coordinates
        reach = np.where(coordinates.continuous, REACH, math.inf)
        near = np.clip(np.stack([centre - reach, centre + reach]), *coordinates.limits)
        found = [
            self._search(self._promise(target), self._allowed(np.clip(self.starts, *box)), box)
            for box in (_inner_box(coordinates), near)
        ]
        return max(found, key=_top)

    def _bold(
        self, best: float, margin: float, points: Array, worth: Array, generator: np.random.Generator
    ) -> Iterator[tuple[str, Ranked]]:
        """Far from the rim, the less sure the fewer hopes; then in other basins; else in the best basin, and at last where least is known."""
        inner = _inner_box(self.domain.coordinates)
        starts = self._allowed(np.clip(self.starts, *inner))
        for doubt in (1.0, DOUBT):
            ranked = self._search(self._promise(best - margin, doubt), starts, inner)
            if _top(ranked) >= HOPELESS:
                yield "model", ranked
        scales, limits = self.quantity.posterior.length_scales, self.domain.coordinates.limits
        for niche in niches(points, worth, scales, limits, self._mean, NICHES):
            local = self._allowed(within(niche, points, self.domain.coordinates, generator))
            box = np.stack([niche.lower, niche.upper])
            ranked = self._search(self._promise(float(worth[niche.centre])), local, box)
            if _top(ranked) >= HOPELESS:
                yield "niche", ranked
        polished = self._search(self._promise(best), self.starts)
        if _top(polished) >= EXHAUSTED:
            yield "model", polished
        yield "exploration", self._search(LogUncertainty(self.quantity), starts, inner)

    def _search(self, promise: AbstractAcquisition, starts: Array, limits: Array | None = None) -> Ranked:
        if not len(starts):
            return Ranked(starts, np.empty(0))
        whole = LogProduct((promise, *self.success)) if self.success else promise
        return search(whole, self.domain.coordinates, self.domain.feasible, starts, self.settings, limits)

    def _promise(self, target: float, doubt: float = 1.0) -> AbstractAcquisition:
        scaling = doubt * self.scaling
        match self.objective.strategy:
            case "EI":
                return LogExpectedImprovement(self.quantity, target, scaling)
            case "LCB":
                return LogConfidenceBound(self.quantity, target, CONFIDENCE * scaling)
            case "PoI":
                return LogProbabilityBelow(self.quantity, target - IMPROVEMENT_MARGIN * scaling, scaling)

    def _mean(self, points: Array) -> Array:
        return self.quantity.mean_variance(points)[0]

    def _allowed(self, points: Array) -> Array:
        """Snapped, in this environment, and only where constraints hold."""
        points[:, self.domain.coordinates.design_dimension :] = self.domain.environment
        points = self.domain.coordinates.snap(points)
        return points[self.domain.feasible.contains(points)]


def _top(ranked: Ranked) -> float:
    return float(ranked.values[0]) if len(ranked.values) else -math.inf


def _inner_box(coordinates: Coordinates) -> Array:
    """The box without its rim: a look on the rim is far from all others and says little about the inside."""
    lower, upper = coordinates.limits
    has_rim = coordinates.continuous & (np.arange(coordinates.dimension) < coordinates.design_dimension)
    rim = np.where(has_rim, RIM, 0.0)
    return np.stack([lower + rim, upper - rim])


def success_factors(
    looks: Looks, coordinates: Coordinates, generators: Generators
) -> list[AbstractAcquisition]:
    """The probability that an evaluation succeeds, learnt from labels: -1 for success, +1 for failure."""
    if not len(looks.failed):
        return []
    points = np.concatenate([looks.succeeded, looks.failed])
    labels = np.concatenate([np.full(len(looks.succeeded), -1.0), np.full(len(looks.failed), 1.0)])
    fitted = feasibility_surrogate(coordinates).fit(
        Dataset.of(points, labels), None, generators("feasibility")
    )
    quantity = SelectedOutput(fitted.posterior)
    noise = float(fitted.posterior.latent_noise_variance[0])
    middle = float(quantity.to_working(np.zeros(1))[0])
    return [LogProbabilityBelow(quantity, middle, noise_variance=noise, power=CAUTION)]


def _first_new(points: Array, known: Array, domain: Domain) -> tuple[int, Array, dict[str, Any]] | None:
    """The first point, exactly feasible after rounding, that nobody has looked at."""
    coordinates = domain.coordinates
    for index, point in enumerate(points):
        exact = domain.feasible.project(point)
        if exact is None:
            continue
        values = coordinates.decode(exact)
        if not len(known) or np.abs(known - exact).max(axis=1).min() > SAME_POINT:
            return index, exact, values
    return None


def _figures(quantity: SelectedOutput, target: float, point: Array) -> dict[str, float]:
    improvement = LogProbabilityBelow(quantity, target).value(point[None])[0]
    mean, variance = quantity.posterior.mean_variance(point[None])
    return {
        "mean": float(mean[0, quantity.column]),
        "std": float(np.sqrt(variance[0, quantity.column])),
        "PoI": float(np.exp(improvement)),
    }
