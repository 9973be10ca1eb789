"""Markov chains of parameters, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import numpy as np

from assay.errors import UsageError, missing_extra

__all__ = ["Continuation", "MarkovChains", "SamplerName", "StoppedChains"]

Array = np.ndarray
SamplerName = Literal["nuts", "ensemble"]
StoppedChains = Literal["rel_error", "max_iter", "max_time"]

CENTRAL = (0.16, 0.5, 0.84)


@final
@dataclass(frozen=True)
class Continuation:
    """What `append` goes on from; in the coordinates without bounds of the sampler.

    Arguments:
        chains, log_density: everything since the warm-up: (chains, draws, d), (chains, draws).
        lower, upper: (d,), the box in which was sampled.
        tuning: of the gradient-based sampler: centre, factor and step_size; empty for the other.
    """

    chains: Array
    log_density: Array
    lower: Array
    upper: Array
    tuning: dict[str, Array]


@final
@dataclass(frozen=True)
class MarkovChains:
    """Draws from a posterior, with what tells whether they can be trusted.

    Arguments:
        names: (parameters,).
        chains: (chains, draws, parameters), without burn-in and thinned.
        log_density: (chains, draws), up to a constant.
        tau: (parameters,), the autocorrelation time in steps.
        rhat: (parameters,), near 1 when the chains agree; above 1.02 do not trust them.
        ess: (parameters,), the number of independent draws that the chains are worth.
        sampler: which one.
        num_iterations: steps of each chain so far, without warm-up.
        burn_in: steps that were dropped at the beginning of each chain.
        thin: every so many steps are kept.
        num_divergent: trajectories of the gradient-based sampler that left the support or a steep place.
        stopped: "rel_error" where the wanted one was met, else the budget that ran out.
        continuation: to go on from; None for chains that were mapped.
    """

    names: tuple[str, ...]
    chains: Array
    log_density: Array
    tau: Array
    rhat: Array
    ess: Array
    sampler: SamplerName
    num_iterations: int
    burn_in: int
    thin: int
    num_divergent: int
    stopped: StoppedChains
    continuation: Continuation | None = None

    @property
    def samples(self) -> Array:
        """All chains as one list, (samples, parameters)."""
        return self.chains.reshape(-1, self.chains.shape[2])

    @property
    def medians(self) -> Array:
        """(parameters,)."""
        return self._central[1]

    @property
    def lower_uncertainty(self) -> Array:
        """(parameters,), from the quantile at 16 % up to the median."""
        return self._central[1] - self._central[0]

    @property
    def upper_uncertainty(self) -> Array:
        """(parameters,), from the median up to the quantile at 84 %."""
        return self._central[2] - self._central[1]

    def interval(self, probability: float) -> Array:
        """The central interval of each parameter, (2, parameters)."""
        return np.quantile(self.samples, [0.5 - probability / 2, 0.5 + probability / 2], axis=0)

    def mapped(self, function: Callable[[Array], Array], names: Sequence[str] | None = None) -> MarkovChains:
        """The chains in other coordinates, such as natural units.

        R-hat, tau and the effective sample size stay those of the sampler's parameters; they do not change under a rising map
        of each parameter.

        Arguments:
            function: maps (samples, parameters) to (samples, other parameters).
            names: of the other parameters; None: they keep their names.
        """
        values = np.asarray(function(self.samples), dtype=float)
        other = tuple(self.names if names is None else names)
        if values.shape != (len(self.samples), len(other)):
            raise UsageError(
                f"the map of {len(self.samples)} samples to {len(other)} parameters must give that shape, got {values.shape}"
            )
        return replace(
            self, names=other, chains=values.reshape(*self.chains.shape[:2], -1), continuation=None
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data: name to list or number."""
        arrays = ("samples", "medians", "lower_uncertainty", "upper_uncertainty", "tau", "rhat", "ess")
        plain = ("sampler", "num_iterations", "burn_in", "thin", "num_divergent", "stopped")
        return {
            "names": list(self.names),
            **{name: getattr(self, name).tolist() for name in arrays},
            **{name: getattr(self, name) for name in plain},
        }

    def to_arviz(self) -> Any:
        """As ArviZ's InferenceData, with one variable for each parameter.

        Raises:
            MissingExtraError: without ArviZ.
        """
        try:
            import arviz
        except ImportError:
            raise missing_extra("ArviZ", "mcmc") from None
        posterior = {name: self.chains[:, :, index] for index, name in enumerate(self.names)}
        return arviz.from_dict(posterior=posterior, sample_stats={"lp": self.log_density})

    @property
    def _central(self) -> Array:
        return np.quantile(self.samples, CENTRAL, axis=0)
