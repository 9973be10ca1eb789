"""One suggestion for any objective: quantities on the models, what a look promises, and the best new look."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.barrier import Barrier
from assay.acquisition.candidates import candidates
from assay.acquisition.configuration import Constrainer, Explorer, Minimizer, MultiMinimizer
from assay.acquisition.product import LogProduct
from assay.acquisition.search import Ranked, Search, search
from assay.drivers.deriving import Derivation, leading
from assay.drivers.promising import (
    DRAWS,
    Aim,
    Entry,
    constraint_factors,
    exploring,
    improving,
    learning,
    selected_outputs,
    spreading,
    spreading_from_draws,
)
from assay.drivers.suggesting import CENTRES, Chosen, Domain, Looks, first_chosen, success_factors
from assay.numerics.designs import sobol
from assay.numerics.hypervolume import non_dominated
from assay.quantities.graph import Graph
from assay.quantities.quantity import Memory, Quantity
from assay.quantities.selector import SelectedOutput
from assay.quantities.source import Source
from assay.surrogates.abstract import AbstractPosterior

__all__ = ["Decision", "decide"]

Array = np.ndarray
Generators = Callable[[str], np.random.Generator]

# A constraint counts as kept where it is likelier than this.
LIKELY = 0.5
# Points of the space at which the typical size of a quantity is measured.
SURVEY = 64
# Points of the space that stand for the whole, where a look is worth what it takes from the variance.
REFERENCES = 256
# The variance at a look, in units of the signal variance, above which its value is not known.
UNKNOWN = 1e-6
# A local search goes where the standard deviation is below this share of the greatest in the space.
KNOWN = 0.3
# The width of smoothed corners and steps, in the spread that draws have at so many promising points.
SMOOTHING = 0.01
PROMISING = 20


def decide(
    derivation: Derivation,
    posteriors: Mapping[str, AbstractPosterior],
    domain: Domain,
    looks: Looks,
    scaling: float,
    generators: Generators,
) -> Chosen:
    """The point that promises most.

    Arguments:
        derivation: the variables, and the driver's settings.
        posteriors: of the surrogates, by name, over all the data.
        domain: where to look.
        looks: what was looked at.
        scaling: multiplies the models' uncertainty.
        generators: purpose to generator.

    Raises:
        NumericalError: when every point that the search finds was looked at already.
    """
    return Decision(derivation, posteriors, domain, looks, scaling, generators).chosen()


@final
@dataclass(frozen=True)
class Decision:
    """The steps of `decide`, each computed when it is asked for; the arguments are the same."""

    derivation: Derivation
    posteriors: Mapping[str, AbstractPosterior]
    domain: Domain
    looks: Looks
    scaling: float
    generators: Generators

    def chosen(self) -> Chosen:
        """The best new look, with figures for people."""
        seen = (self.looks.succeeded, self.looks.failed, self.looks.pending)
        chosen = first_chosen(self._searches(), np.concatenate(seen), self.domain)
        return replace(chosen, info={**chosen.info, **self._figures(chosen.point)})

    @cached_property
    def acquisition(self) -> tuple[str, AbstractAcquisition]:
        """What a look is worth, the probabilities that it counts among it, and what that is called."""
        factors = [
            *constraint_factors(self._bounds, self._bound_aims),
            *success_factors(self.looks, self.domain.coordinates, self.generators),
        ]
        promise = self._promise
        if promise is not None:
            factors += self._surroundings
            return "model", LogProduct((promise, *factors)) if factors else promise
        return ("constraint", LogProduct(tuple(factors))) if factors else ("exploration", self._exploration)

    def _searches(self) -> Iterator[tuple[str, Ranked]]:
        name, worth = self.acquisition
        yield name, self._search(worth, self._starts)
        if worth is not self._exploration:
            yield "exploration", self._search(self._exploration, self._starts)

    @property
    def _promise(self) -> AbstractAcquisition | None:
        """What a look promises; None while no look is known to keep the bounds, which then come first."""
        match self._objective:
            case Minimizer() as objective:
                aim = self._aims[0]
                worth = self._worth
                kept = worth[np.isfinite(worth)]
                return improving(objective, aim, float(kept.min()), self.scaling) if len(kept) else None
            case MultiMinimizer() as objective:
                return self._spread(objective)
            case Explorer() as objective:
                return self._learning(objective)

    def _spread(self, objective: MultiMinimizer) -> AbstractAcquisition | None:
        """What a look promises to the front of the looks that keep the bounds; None while there is none."""
        kept, draws = self._kept, self._selected
        if not kept.any():
            return None
        if draws is not None and self._is_uncertain(draws):
            here = self._here[kept]
            return spreading_from_draws(objective, draws, here, self.scaling, self.generators("fronts"))
        return spreading(objective, self._aims, self._expected[kept], self.scaling)

    def _learning(self, objective: Explorer) -> AbstractAcquisition:
        coordinates = self.domain.coordinates
        references = sobol(
            coordinates,
            self.domain.feasible,
            REFERENCES,
            self.generators("references"),
            self.domain.environment,
        )
        entries = self._entries(self._open_graph, [objective.variable])
        return learning(objective, self._exploration, entries, references, coordinates)

    @cached_property
    def _selected(self) -> list[SelectedOutput] | None:
        """The objectives without the open looks."""
        return selected_outputs(
            self._entries(self.derivation.graph(self.posteriors), self.derivation.objective_names)
        )

    def _entries(self, graph: Graph, names: Sequence[str | None]) -> list[Entry] | None:
        """Variables, or their outputs, as outputs of surrogates; None where one is anything else."""
        found = []
        for name in names:
            owner, column = self.derivation.resolve(name)
            selected = graph.selected(owner)
            if selected is None or self.derivation.is_scanned:
                return None
            source, entries = graph.sources[selected[0]], selected[1]
            if not isinstance(source, Source):
                return None
            counted = entries if column is None else entries[[column]]
            found += [(source.posterior, int(entry)) for entry in counted]
        return found

    def _is_uncertain(self, outputs: Sequence[SelectedOutput]) -> bool:
        """Whether noise, or a change of the environment, leaves the values at looks unknown."""
        known = self._here[: len(self.looks.succeeded)]
        return any(
            output.mean_variance(known)[1].max()
            > UNKNOWN * float(output.posterior.signal_variance[output.column])
            for output in outputs
        )

    @cached_property
    def _surroundings(self) -> list[AbstractAcquisition]:
        """What keeps a local search where the objectives are known already; nothing where they are known nowhere yet."""
        objective = self._objective
        if isinstance(objective, Explorer) or not objective.localize:
            return []
        uncertainties = [self._uncertainty(name) for name in self.derivation.objective_names]
        ceilings = [part.value(self._survey).max() + math.log(KNOWN) for part in uncertainties]
        barriers: list[AbstractAcquisition] = [
            Barrier(*pair) for pair in zip(uncertainties, ceilings, strict=True)
        ]
        inside = np.all([np.isfinite(barrier.value(self._starts)) for barrier in barriers], axis=0)
        return barriers if inside.any() else []

    @cached_property
    def _exploration(self) -> AbstractAcquisition:
        return self._uncertainty(self.derivation.objective_names[0])

    def _uncertainty(self, name: str | None) -> AbstractAcquisition:
        """The logarithm of the variance of a variable, or of an output of it, in units of what it varies."""
        owner, column = self.derivation.resolve(name)
        quantity = self._quantity(owner)
        columns = np.arange(len(quantity.output_names)) if column is None else np.array([column])
        values = self._moments(quantity, self._survey)[0][:, columns]
        spreads = np.maximum(values.std(axis=0), 1e-12 + 1e-6 * np.abs(values).max(axis=0))
        return exploring(quantity, columns, spreads)

    @cached_property
    def _worth(self) -> Array:
        """(looks,), what is expected at each, infinite where bounds or constraints are probably broken."""
        return np.where(self._kept, self._expected[:, 0], np.inf)

    @cached_property
    def _kept(self) -> Array:
        """(looks,), whether a look probably keeps bounds and constraints."""
        kept = self.domain.feasible.contains(self._here)
        for factor in constraint_factors(self._bounds, self._bound_aims):
            kept &= factor.value(self._here) > np.log(LIKELY)
        return kept

    @cached_property
    def _expected(self) -> Array:
        """(looks, objectives), what is expected at the looks so far, open ones included."""
        columns = []
        for name in self.derivation.objective_names:
            owner, column = self.derivation.resolve(name)
            columns.append(self._moments(self._quantity(owner), self._here)[0][:, column or 0])
        return np.stack(columns, axis=1)

    @cached_property
    def _here(self) -> Array:
        """The looks that succeeded and those that are open, in the environment of this suggestion."""
        points = np.concatenate([self.looks.succeeded, self.looks.pending])
        points[:, self.domain.coordinates.design_dimension :] = self.domain.environment
        return points

    @cached_property
    def _starts(self) -> Array:
        optimizer = self.derivation.settings.acquisition_optimizer
        return candidates(
            self.domain.coordinates,
            self.domain.feasible,
            self._centres,
            (optimizer.num_initial_samples, optimizer.num_local_samples),
            self.generators("candidates"),
            self.domain.environment,
        )

    @property
    def _centres(self) -> Array:
        """The best looks so far: more candidates lie around them."""
        match self._objective:
            case Minimizer():
                order = np.argsort(self._worth, kind="stable")[:CENTRES]
                return self._here[order]
            case MultiMinimizer():
                return self._here[non_dominated(self._expected)]
            case Explorer():
                return self._here[:0]

    @cached_property
    def _survey(self) -> Array:
        """Points all over the space, and the looks so far."""
        everywhere = sobol(
            self.domain.coordinates,
            self.domain.feasible,
            SURVEY,
            self.generators("survey"),
            self.domain.environment,
        )
        return np.concatenate([everywhere, self._here])

    def aim(self, name: str | None) -> Aim:
        """The output of a name, as it is once the open looks are done with."""
        aim = self._unresolved(name)
        owner, _ = self.derivation.resolve(name)
        return replace(aim, smoothing=SMOOTHING * self._resolution(self._quantity(owner), aim.column))

    def _unresolved(self, name: str | None) -> Aim:
        """The same with a smoothing as wide as its values: which looks promise most depends on bounds."""
        owner, column = self.derivation.resolve(name)
        quantity, column = self._quantity(owner), column or 0
        values = self._moments(quantity, self._survey)[0][:, column]
        spread = max(float(np.std(values)), 1e-12 * (1.0 + float(np.abs(values).max())))
        return Aim(quantity, column, self._normal, spread, spread)

    def _quantity(self, name: str) -> Quantity:
        """A node once the open looks are done with."""
        return Quantity(self._open_graph, name, self._memory)

    def _moments(self, quantity: Quantity, points: Array) -> tuple[Array, Array]:
        """Mean and variance (p, k); of what only draws know, from those that the acquisitions take too."""
        if not quantity.is_drawn:
            return quantity.mean_variance(points)
        values = quantity.draw(points, self._normal)
        return values.mean(axis=0), values.var(axis=0)

    @cached_property
    def _memory(self) -> Memory:
        return Memory()

    @cached_property
    def _bound_aims(self) -> list[Aim]:
        return [self._unresolved(entry.variable) for entry in self._bounds]

    def _resolution(self, quantity: Quantity, column: int) -> float:
        """How well an output is known where it may be lowest: what a decision about the next look has to resolve."""
        if quantity.is_gaussian:
            return 1.0
        mean, variance = (part[:, column] for part in self._moments(quantity, self._starts))
        spread = np.sqrt(np.maximum(variance, 0.0))
        promising = np.argsort(mean - spread, kind="stable")[:PROMISING]
        return max(float(np.median(spread[promising])), 1e-12 * (1.0 + float(np.abs(mean).min())))

    @cached_property
    def _aims(self) -> list[Aim]:
        return [self.aim(name) for name in self.derivation.objective_names]

    @cached_property
    def _normal(self) -> Array:
        """Common normals of all draws; symmetric, so that means of affine quantities are exact."""
        from scipy.special import ndtri
        from scipy.stats import qmc  # half a second, and only draws need it

        dimension = self._open_graph.normal_dimension
        uniform = qmc.Sobol(max(dimension, 1), rng=self.generators("draws")).random(DRAWS // 2)
        half = ndtri(np.clip(uniform[:, :dimension], 1e-9, 1.0 - 1e-9))
        return np.concatenate([half, -half])

    @cached_property
    def _open_graph(self) -> Graph:
        pending = self.looks.pending
        known = (
            {name: posterior.condition_on_inputs(pending) for name, posterior in self.posteriors.items()}
            if len(pending)
            else self.posteriors
        )
        # A decision can do with fewer draws than what people read.
        return replace(self.derivation.graph(known), samples=DRAWS)

    @property
    def _objective(self) -> Minimizer | MultiMinimizer | Explorer:
        return leading(self.derivation.settings.objectives)

    @property
    def _bounds(self) -> list[Constrainer]:
        return [entry for entry in self.derivation.settings.objectives if isinstance(entry, Constrainer)]

    def _search(self, acquisition: AbstractAcquisition, starts: Array) -> Ranked:
        optimizer = self.derivation.settings.acquisition_optimizer
        settings = Search(starts=optimizer.num_starts, max_rounds=optimizer.max_steps)
        return search(acquisition, self.domain.coordinates, self.domain.feasible, starts, settings)

    def _figures(self, point: Array) -> dict[str, float]:
        aim = self._aims[0]
        mean, variance = aim.quantity.mean_variance(point[None])
        figures = {
            "mean": float(mean[0, aim.column]),
            "std": float(np.sqrt(max(variance[0, aim.column], 0.0))),
        }
        worth = self._worth if isinstance(self._objective, Minimizer) else np.empty(0)
        if np.isfinite(worth).any():
            best = float(worth.min())
            law = aim.quantity.draw(point[None], aim.normal)[:, 0, aim.column]
            figures["PoI"] = float((law < best).mean())
            figures["incumbent"] = int(np.argmin(worth))
        return figures
