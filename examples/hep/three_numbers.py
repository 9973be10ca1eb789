"""A mixture of events of three numbers with nuisance parameters: what INFERNO was shown on, and what no summary can beat.

Signal events are normal around (0, 0) with unit covariance, and exponential with rate 2 in the third number. Background
events are normal around (2 + r, 0) with variances 5 and 9, and exponential with rate lambda. Of the signal 50 events are
expected, of the background 1000; r is 0 and lambda 3. How well is the number of signal events known where r, lambda and
the number of background events are not?

A network gives each event a share in each of ten bins. The nuisance parameters act through weights of the events, the
ratio of the density with them to that without, so that hard bins have derivatives in them too.

Source: P. de Castro, T. Dorigo, Comput. Phys. Commun. 244, 170 (2019), section 5.1, with the density of its program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import equinox
import numpy as np

from assay.hep.histograms import softmax_histogram
from assay.hep.losses import poisson_covariance
from assay.hep.training import Training, train
from assay.numerics.compile import CompiledFunction, float64, jax_module

__all__ = [
    "BENCHMARKS",
    "PUBLISHED",
    "Benchmark",
    "classifier_std",
    "draw",
    "exact_std",
    "measured_std",
    "trained",
]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray

NAMES = ("signal", "shift", "rate", "background")
POINT = np.array([50.0, 0.0, 3.0, 1000.0])
BINS = 10
GRID = ((100, -12.0, 16.0), (90, -15.0, 15.0), (60, 0.0, 1.0))  # cells, from, to of each axis
BATCH = 2000  # events of either kind in a step
LOOKED, JUDGED = 50_000, 400_000  # events of either kind: to stop by, and to quote from


@final
@dataclass(frozen=True)
class Benchmark:
    """Which parameters are unknown, and how well others know them.

    Arguments:
        unknown: places in `NAMES`, the signal first.
        std: of each, infinite where nothing else constrains it.
    """

    unknown: tuple[int, ...]
    std: tuple[float, ...]


FREE = float("inf")
BENCHMARKS = (
    Benchmark((0,), (FREE,)),
    Benchmark((0, 1), (FREE, FREE)),
    Benchmark((0, 1, 2), (FREE, FREE, FREE)),
    Benchmark((0, 1, 2), (FREE, 0.4, 1.0)),
    Benchmark((0, 1, 2, 3), (FREE, 0.4, 1.0, 100.0)),
)
PUBLISHED = (15.51, 16.79, 16.95, 16.89, 18.68)  # INFERNO's, trained for each benchmark


def draw(key: Any, events: int) -> tuple[Any, Any]:
    """(events, 3) of the signal, and of the background at the nominal parameters."""
    keys = jax.random.split(key, 4)
    normal = [jax.random.normal(own, (events, 2), float) for own in keys[:2]]
    third = [jax.random.exponential(own, (events, 1), float) for own in keys[2:]]
    signal = jnp.concatenate([normal[0], third[0] / 2], axis=1)
    wide = normal[1] * jnp.sqrt(jnp.array([5.0, 9.0])) + jnp.array([2.0, 0.0])
    return signal, jnp.concatenate([wide, third[1] / POINT[2]], axis=1)


def log_ratio(events: Any, shift: Any, rate: Any) -> Any:
    """The logarithm of the background's density over that at the nominal parameters."""
    first, third = events[:, 0], events[:, 2]
    moved = (shift * (first - 2.0) - shift**2 / 2) / 5.0
    return moved + jnp.log(rate / POINT[2]) - (rate - POINT[2]) * third


def counts(point: Any, logits: tuple[Any, Any], events: Any, temperature: Any) -> Any:
    """(bins,) expected counts.

    Arguments:
        point: (4,), the parameters.
        logits: (events, bins), of signal and background events.
        events: (events, 3), the background's.
    """
    weights = jnp.exp(log_ratio(events, point[1], point[2]))
    signal = softmax_histogram(logits[0], temperature).yields / len(logits[0])
    # The noise of the weights' sum must not act like a number of events.
    background = softmax_histogram(logits[1], temperature, weights).yields / weights.sum()
    return point[0] * signal + point[3] * background


def std(benchmark: Benchmark, expected: Callable[[Any], Any]) -> Any:
    """The uncertainty of the number of signal events, for counts that are a function of all four parameters."""
    places = np.array(benchmark.unknown)
    point = jnp.asarray(POINT)
    covariance = poisson_covariance(
        lambda unknown: expected(point.at[places].set(unknown)),
        point[places],
        1.0 / jnp.asarray(benchmark.std) ** 2,
    )
    return jnp.sqrt(covariance[0, 0])


def _grid() -> tuple[Array, Array, Array]:
    """(cells, 3) midpoints that fill space evenly, by the third number's share of signal; densities times volumes."""
    first, second = ((np.arange(n) + 0.5) / n * (high - low) + low for n, low, high in GRID[:2])
    share = (np.arange(GRID[2][0]) + 0.5) / GRID[2][0]
    x, y, u = (part.ravel() for part in np.meshgrid(first, second, share, indexing="ij"))
    z = -np.log1p(-u) / 2
    area = (first[1] - first[0]) * (second[1] - second[0]) / GRID[2][0]
    signal = np.exp(-(x**2 + y**2) / 2) / (2 * np.pi)
    background = np.exp(-((x - 2) ** 2 / 5 + y**2 / 9) / 2) / (2 * np.pi * np.sqrt(45.0))
    return np.stack([x, y, z], axis=1), area * signal, area * background * 1.5 * np.exp(-z)


def _of_cells(benchmark: Benchmark, bins: Array, number: int) -> float:
    """The uncertainty where the cells of the grid are put into bins."""
    places, signal, background = _grid()

    def expected(point: Any) -> Any:
        moved = background * jnp.exp(log_ratio(places, point[1], point[2]))
        return jax.ops.segment_sum(point[0] * signal + point[3] * moved, bins, number)

    with float64():
        return float(std(benchmark, expected))


@cache
def exact_std(benchmark: Benchmark) -> float:
    """The least uncertainty that any summary of the events can have: each cell of a fine grid is a bin."""
    cells = len(_grid()[0])
    return _of_cells(benchmark, np.arange(cells), cells)


@cache
def classifier_std(benchmark: Benchmark) -> float:
    """That of the perfect classifier of signal and background, whose output is put into ten even bins."""
    _, signal, background = _grid()
    return _of_cells(benchmark, np.floor(BINS * signal / (signal + background)).astype(int), BINS)


def trained(
    benchmark: Benchmark,
    seed: int,
    *,
    steps: int = 500,
    learning_rate: float = 3e-3,
    temperature: tuple[float, float] = (1.0, 0.1),
    look_every: int = 100,
) -> tuple[Training, Callable[[Any, Any], Any]]:
    """Train a network to make the uncertainty small, with fresh events in each step.

    Arguments:
        temperature: of the softmax, at the begin and at the end.

    Returns: the training, whose `best` has the least uncertainty with hard bins on events that are not trained on, and
        the network as a function of its arrays and one event.
    """
    with float64():
        network = equinox.nn.MLP(3, BINS, 64, 2, key=jax.random.key(seed))
    arrays, rest = equinox.partition(network, equinox.is_array)

    def logits(parameters: Any, event: Any) -> Any:
        return equinox.combine(parameters, rest)(event)

    def loss(parameters: Any, done: Any, key: Any) -> Any:
        warmth = temperature[0] * (temperature[1] / temperature[0]) ** done
        return jnp.log(_std(benchmark, logits, parameters, draw(key, BATCH), warmth))

    look_key = jax.random.key(seed + 10_000)
    found = train(
        loss,
        arrays,
        steps=steps,
        learning_rate=learning_rate,
        seed=seed,
        look_every=look_every,
        metric=lambda parameters: measured_std(benchmark, logits, parameters, look_key, LOOKED),
    )
    return found, logits


def _std(
    benchmark: Benchmark,
    logits: Callable[[Any, Any], Any],
    parameters: Any,
    events: tuple[Any, Any],
    warmth: Any,
) -> Any:
    outputs = tuple(jax.vmap(lambda event: logits(parameters, event))(part) for part in events)
    return std(benchmark, lambda point: counts(point, (outputs[0], outputs[1]), events[1], warmth))


def measured_std(
    benchmark: Benchmark, logits: Callable[[Any, Any], Any], parameters: Any, key: Any, events: int
) -> float:
    """The uncertainty with hard bins, on fresh events."""
    program = CompiledFunction(lambda arrays, key: _std(benchmark, logits, arrays, draw(key, events), 0.0))
    return float(program(parameters, key))
