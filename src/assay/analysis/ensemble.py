"""The ensemble sampler of emcee: no gradient, any edges, and jumps between modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, final

import numpy as np

from assay.analysis.local_mixture import local_mixture
from assay.errors import missing_extra

__all__ = ["MANY_WALKERS", "EnsembleSampler"]

Array = np.ndarray

MANY_WALKERS = 128  # from so many on they say how wide the posterior is at each place
MIXTURE_SHARE = 0.8  # of the moves of many walkers
TEMPERED_STEPS = 60  # at each temperature
TEMPERATURES = (16.0, 8.0, 4.0, 2.0, *5 * (1.0,))  # at the last until the flattened density is forgotten


@final
class EnsembleSampler:
    """Walkers that propose moves from one another's positions.

    Half of the moves stretch the line to another walker; the others add the difference of two walkers, one in ten the whole
    difference, as from mode to mode. Many walkers mostly propose from normal densities along one another, and begin with
    a flattened density that rises to the wanted one: so they come to the ends of a bent ridge from outside.

    Arguments:
        function: maps points (p, dimension) to log densities (p,).
        dimension: of a point.
        walkers: even, more than twice the dimension.
        generator: fixes the random numbers.
        settled: whether the walkers were drawn from the density, as where chains are continued.

    Source: D. Foreman-Mackey et al., PASP 125, 306 (2013); C. J. F. ter Braak and J. A. Vrugt, Stat. Comput. 18, 435 (2008).
    """

    def __init__(
        self,
        function: Callable[[Array], Array],
        dimension: int,
        walkers: int,
        generator: np.random.Generator,
        *,
        settled: bool = False,
    ) -> None:
        self._emcee = _emcee()
        library = self._emcee.moves
        # Not the snooker move: that of emcee 3.1 narrows a normal density of five parameters by 15 %.
        moves = [(library.StretchMove(), 0.5), (library.DEMove(), 0.4), (library.DEMove(gamma0=1.0), 0.1)]
        self._settled = settled or walkers < MANY_WALKERS
        if walkers >= MANY_WALKERS:
            along = library.RedBlueMove()
            along.get_proposal = _proposal
            moves = [
                *((move, (1.0 - MIXTURE_SHARE) * share) for move, share in moves),
                (along, MIXTURE_SHARE),
            ]
        self._temperature = 1.0
        self._sampler = self._emcee.EnsembleSampler(
            walkers,
            dimension,
            lambda points: function(points) / self._temperature,
            vectorize=True,
            moves=moves,
        )
        self._random_state = np.random.RandomState(int(generator.integers(2**32))).get_state()

    def advance(self, positions: Array, steps: int) -> tuple[Array, Array, Array]:
        """Walk on: the last positions (walkers, d), the chains (walkers, steps, d) and their log densities (walkers, steps)."""
        if not self._settled:
            self._settled = True
            for self._temperature in TEMPERATURES:
                positions = self._walk(positions, TEMPERED_STEPS)
            self._temperature = 1.0
        last = self._walk(positions, steps)
        return last, self._sampler.get_chain().swapaxes(0, 1), self._sampler.get_log_prob().T

    def _walk(self, positions: Array, steps: int) -> Array:
        self._sampler.reset()
        start = self._emcee.State(positions, random_state=self._random_state, copy=True)
        state = self._sampler.run_mcmc(start, steps, skip_initial_state_check=True)
        self._random_state = state.random_state
        return state.coords


def _proposal(walkers: Array, others: Sequence[Array], random: Any) -> tuple[Array, Array]:
    """New positions of some walkers from a mixture along the others, and the logarithms of their acceptance's factors."""
    mixture = local_mixture(np.concatenate(others), random)
    moved = mixture.draw(len(walkers), random)
    return moved, mixture.log_density(walkers) - mixture.log_density(moved)


def _emcee() -> Any:
    try:
        return import_module("emcee")
    except ImportError:
        raise missing_extra("emcee", "mcmc") from None
