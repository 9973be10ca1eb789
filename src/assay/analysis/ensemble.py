"""The ensemble sampler of emcee: no gradient, any edges, and jumps between modes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, final

import numpy as np

from assay.errors import missing_extra

__all__ = ["EnsembleSampler"]

Array = np.ndarray


@final
class EnsembleSampler:
    """Walkers that propose moves from one another's positions.

    Half of the moves stretch the line to another walker; the others add the difference of two walkers, one in ten the whole
    difference, as from mode to mode.

    Arguments:
        function: maps points (p, dimension) to log densities (p,).
        dimension: of a point.
        walkers: even, more than twice the dimension.
        generator: fixes the random numbers.

    Source: D. Foreman-Mackey et al., PASP 125, 306 (2013); C. J. F. ter Braak and J. A. Vrugt, Stat. Comput. 18, 435 (2008).
    """

    def __init__(
        self,
        function: Callable[[Array], Array],
        dimension: int,
        walkers: int,
        generator: np.random.Generator,
    ) -> None:
        self._emcee = _emcee()
        library = self._emcee.moves
        # Not the snooker move: that of emcee 3.1 narrows a normal density of five parameters by 15 %.
        moves = [(library.StretchMove(), 0.5), (library.DEMove(), 0.4), (library.DEMove(gamma0=1.0), 0.1)]
        self._sampler = self._emcee.EnsembleSampler(walkers, dimension, function, vectorize=True, moves=moves)
        self._random_state = np.random.RandomState(int(generator.integers(2**32))).get_state()

    def advance(self, positions: Array, steps: int) -> tuple[Array, Array, Array]:
        """Walk on: the last positions (walkers, d), the chains (walkers, steps, d) and their log densities (walkers, steps)."""
        self._sampler.reset()
        start = self._emcee.State(positions, random_state=self._random_state, copy=True)
        state = self._sampler.run_mcmc(start, steps, skip_initial_state_check=True)
        self._random_state = state.random_state
        chain = self._sampler.get_chain().swapaxes(0, 1)
        return state.coords, chain, self._sampler.get_log_prob().T


def _emcee() -> Any:
    try:
        return import_module("emcee")
    except ImportError:
        raise missing_extra("emcee", "mcmc") from None
