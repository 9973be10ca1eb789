"""The ensemble sampler of emcee: no gradient, any edges, and jumps between modes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, final

import numpy as np

from assay.analysis.annealing import Reference, next_power, resampled
from assay.analysis.mixture import Mixture, fitted_mixture
from assay.analysis.modes import Mode
from assay.analysis.unconstrained import Unconstrained
from assay.errors import missing_extra

__all__ = ["MANY_WALKERS", "EnsembleSampler"]

Array = np.ndarray

MANY_WALKERS = 128  # from so many on they say where the posterior is
MIXTURE_SHARE = 0.6  # of the moves of many walkers
WIDE_SHARE = 0.2  # of the mixture, from the density before the wanted one
LEARNING_STEPS = 40  # of each walker at each density on the way
FITTED_DRAWS = 10_000  # to which a mixture is fitted
LAST_ROUNDS = 12  # of learning at the wanted density
POOLED = 6  # rounds, to whose draws the mixture is fitted: those of one are few and alike
FREE_SCALE = 100.0  # standard deviations of the maximum, for a coordinate that is not between two bounds


@final
class EnsembleSampler:
    """Walkers that propose moves from one another's positions.

    Half of the moves stretch the line to another walker; the others add the difference of two walkers, one in ten the whole
    difference, as from mode to mode. Many walkers begin all over the box and are annealed. On the way a mixture of
    densities is fitted to them, from which most moves then propose, wherever a walker is; while chains are kept, it
    stays as it is.

    Arguments:
        function: maps points (p, d) without bounds to log densities (p,).
        dimension: d.
        walkers: even, more than twice the dimension.
        generator: fixes the random numbers.
        tuning: of an earlier run, by `tuning`; none given: walkers are settled first.

    Source: D. Foreman-Mackey et al., PASP 125, 306 (2013); C. J. F. ter Braak and J. A. Vrugt, Stat. Comput. 18, 435 (2008);
    of the mixture O. Cappé et al., Stat. Comput. 18, 447 (2008).
    """

    def __init__(
        self,
        function: Callable[[Array], Array],
        dimension: int,
        walkers: int,
        generator: np.random.Generator,
        tuning: dict[str, Array] | None = None,
    ) -> None:
        self._emcee, self._function, self._random = _emcee(), function, generator
        self._walkers = walkers
        self._reference, self._power = Reference(np.zeros(dimension), np.ones(dimension)), 1.0
        self.mixture = Mixture(**tuning) if tuning else None
        self.divergences = 0  # of a sampler without gradients
        library = self._emcee.moves
        # Not the snooker move: that of emcee 3.1 narrows a normal density of five parameters by 15 %.
        moves = [(library.StretchMove(), 0.5), (library.DEMove(), 0.4), (library.DEMove(gamma0=1.0), 0.1)]
        if walkers >= MANY_WALKERS:
            anywhere = library.MHMove(self._proposal)
            moves = [(move, (1.0 - MIXTURE_SHARE) * share) for move, share in moves]
            moves.append((anywhere, MIXTURE_SHARE))
        self._sampler = self._emcee.EnsembleSampler(
            walkers, dimension, self._annealed, vectorize=True, moves=moves
        )
        self._random_state = np.random.RandomState(int(generator.integers(2**32))).get_state()

    @property
    def tuning(self) -> dict[str, Array]:
        """What chains are continued with."""
        return {} if self.mixture is None else dict(vars(self.mixture))

    def settled(self, positions: Array, box: Unconstrained, mode: Mode) -> Array:
        """Where many walkers begin: draws of the density, nearly. Few walkers begin at their positions.

        Arguments:
            positions: (walkers, d), around the modes.
            box: in whose coordinates without bounds the walkers move.
            mode: the highest.
        """
        if self._walkers < MANY_WALKERS:
            return positions
        free = ~(np.isfinite(box.lower) & np.isfinite(box.upper))
        widths = FREE_SCALE * np.sqrt(np.diag(mode.covariance))
        wide = Reference(np.where(free, mode.position, 0.0), np.where(free, widths, 1.0))
        self._reference, draws, values = wide.inside(
            self._function, mode.position, self._walkers * LEARNING_STEPS, self._random
        )
        positions, power, fits = draws[: self._walkers], 0.0, list[Mixture]()
        while power < 1.0:
            gain = values - self._reference.log_density(draws)
            self._power = next_power(gain, power)
            weights, power = (self._power - power) * gain, self._power
            positions = resampled(draws, weights, self._walkers, self._random)
            fits.append(self._fitted(draws, weights))
            positions, draws, values = self._learnt_from(positions, fits[-1].beside(fits[-2:][0], WIDE_SHARE))
        pool = [draws]
        for _ in range(LAST_ROUNDS):
            everything = np.concatenate(pool)
            mixture = self._fitted(everything, np.zeros(len(everything))).beside(fits[-2:][0], WIDE_SHARE)
            positions, draws, _ = self._learnt_from(positions, mixture)
            pool = [*pool, draws][-POOLED:]
        return positions

    def _fitted(self, draws: Array, log_weights: Array) -> Mixture:
        count = min(len(draws), FITTED_DRAWS)
        return fitted_mixture(resampled(draws, log_weights, count, self._random), self._random)

    def _learnt_from(self, positions: Array, mixture: Mixture) -> tuple[Array, Array, Array]:
        """Walk with a mixture: the last positions, and all draws with their log densities by the function."""
        self.mixture = mixture
        positions = self._walk(positions, LEARNING_STEPS)
        draws, values = self._sampler.get_chain(flat=True), self._sampler.get_log_prob(flat=True)
        values = (values - (1.0 - self._power) * self._reference.log_density(draws)) / self._power
        return positions, draws, values

    def advance(self, positions: Array, steps: int) -> tuple[Array, Array, Array]:
        """Walk on: the last positions (walkers, d), the chains (walkers, steps, d) and their log densities (walkers, steps)."""
        last = self._walk(positions, steps)
        return last, self._sampler.get_chain().swapaxes(0, 1), self._sampler.get_log_prob().T

    def _walk(self, positions: Array, steps: int) -> Array:
        self._sampler.reset()
        start = self._emcee.State(positions, random_state=self._random_state, copy=True)
        state = self._sampler.run_mcmc(start, steps, skip_initial_state_check=True)
        self._random_state = state.random_state
        return state.coords

    def _annealed(self, points: Array) -> Array:
        values = self._function(points)
        if self._power == 1.0:
            return values
        return self._power * values + (1.0 - self._power) * self._reference.log_density(points)

    def _proposal(self, walkers: Array, random: Any) -> tuple[Array, Array]:
        """New positions from the mixture, and the logarithms of their acceptance's factors."""
        assert self.mixture is not None
        moved = self.mixture.draw(len(walkers), random)
        return moved, self.mixture.log_density(walkers) - self.mixture.log_density(moved)


def _emcee() -> Any:
    try:
        return import_module("emcee")
    except ImportError:
        raise missing_extra("emcee", "mcmc") from None
