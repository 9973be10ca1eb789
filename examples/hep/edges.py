"""Edges of bins that are trained for the significance of a discovery, with and without a guard against slivers.

A thousand background events are exponential, smeared by 0.1; a hundred signal events are normal around 2 with width 0.5.
The bins lie between 0 and 8. The significance of simulated events grows without end as the background of a bin goes to
none, so that an unguarded training narrows bins around the gaps of its sample. A guard takes the uncertainty of the
simulated background into the significance, and asks for a least number of its events in each bin. What the bins are
worth is known exactly here: the densities have closed cumulative distributions.

Source: N. Simpson, thesis (2023), chapter 6, for the sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import exponnorm, norm

from assay.hep.binning import edges_of, few_events_penalty, free_of, quantile_edges
from assay.hep.histograms import histogram
from assay.hep.losses import asimov_significance
from assay.hep.training import train
from assay.numerics.compile import float64, jax_module

__all__ = [
    "METHODS",
    "RANGE",
    "draw",
    "edges",
    "exact_significance",
    "exact_yields",
    "published",
    "significance",
]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray
Events = tuple[Array, Array]

RANGE = (0.0, 8.0)
METHODS = ("uniform", "unguarded", "guarded")
FLOOR = 1e-4  # events in each bin
LEAST_EVENTS = 10.0  # of the background, in each bin of a guarded training
SPREAD = 0.1


def draw(seed: int) -> Events:
    """A fresh sample of signal and background events."""
    generator = np.random.default_rng(seed)
    background = generator.exponential(size=1000) + SPREAD * generator.normal(size=1000)
    return generator.normal(2.0, 0.5, size=100), background


def published() -> Events:
    """The published sample, with JAX's older layout of random keys."""
    with jax.threefry_partitionable(False):
        key, own = jax.random.split(jax.random.PRNGKey(0))
        background = jax.random.exponential(own, (1000, 1))
        own = jax.random.split(key)[1]
        background = background + SPREAD * jax.random.normal(own, (1000, 1))
        own = jax.random.split(jax.random.PRNGKey(1))[1]
        signal = jax.random.normal(own, (100, 1)) / 2 + 2
    return np.asarray(signal, dtype=float).ravel(), np.asarray(background, dtype=float).ravel()


def significance(events: Events, walls: Any) -> float:
    """The expected significance of the events' exact histograms."""
    with float64():
        signal, background = (histogram(part, walls).yields + FLOOR for part in events)
        return float(asimov_significance(signal, background))


def exact_yields(walls: Array) -> Events:
    """(bins,) events of signal and background that are expected."""
    background = exponnorm(1 / SPREAD, scale=SPREAD)
    return 100 * np.diff(norm(2.0, 0.5).cdf(walls)), 1000 * np.diff(background.cdf(walls))


def exact_significance(walls: Array) -> float:
    """What the bins are worth."""
    with float64():
        return float(asimov_significance(*exact_yields(walls)))


def edges(method: str, events: Events, bins: int, *, steps: int = 1000, learning_rate: float = 0.03) -> Array:
    """(bins + 1,): uniform, or trained from there and from quantiles of all events, whichever ends at the lower loss.

    Arguments:
        method: one of `METHODS`.
    """
    if method == "uniform":
        return np.linspace(*RANGE, bins + 1)

    def loss(free: Any, done: Any, _: Any) -> Any:
        walls = edges_of(free, *RANGE)
        bandwidth = 0.1 * 0.1**done
        signal, background = (histogram(part, walls, bandwidth) for part in events)
        expected = background.yields + FLOOR
        if method == "unguarded":
            return -jnp.log(asimov_significance(signal.yields + FLOOR, expected))
        worth = asimov_significance(signal.yields + FLOOR, expected, jnp.sqrt(background.square_sums + FLOOR))
        return few_events_penalty(background.yields, LEAST_EVENTS) - jnp.log(worth)

    with float64():
        quantiles = free_of(quantile_edges(np.concatenate(events), bins, *RANGE))
    found = [
        train(loss, begin, steps=steps, learning_rate=learning_rate, look_every=steps)
        for begin in (np.zeros(bins), quantiles)
    ]
    best = min(found, key=lambda training: training.losses[-1])
    with float64():
        return np.asarray(edges_of(best.parameters, *RANGE))
