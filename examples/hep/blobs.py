"""Events of two numbers, a network that scores them, and a measurement with one systematic that is trained through.

The signal is a normal distribution of unit width around (-1, 1), the background one around (1, -1). One standard deviation
of a nuisance parameter carries the background to (2.5, 2), or the other way to (-2.5, -1.5). Of the signal 20 events are
expected, of the background 100; the score is put into five bins. A network that keeps signal and background apart well
may have bins that the nuisance parameter moves, and the measurement pays for it. One that is trained on the result of
the measurement knows.

Source: N. Simpson, L. Heinrich, J. Phys. Conf. Ser. 2438, 012105 (2023), section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox
import numpy as np

from assay.hep.build import build_model
from assay.hep.histograms import histogram
from assay.hep.losses import binary_cross_entropy, interest_std, log_cls, log_p0
from assay.hep.model import Model
from assay.hep.simple import correlated_background
from assay.hep.templates import with_templates
from assay.hep.training import Training, train
from assay.numerics.compile import CompiledFunction, float64, jax_module

__all__ = ["LOSSES", "MEANS", "draw", "measured", "model_of", "scores", "start", "trained", "yields"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray

MEANS = {"signal": (-1.0, 1.0), "background": (1.0, -1.0), "up": (2.5, 2.0), "down": (-2.5, -1.5)}
EXPECTED = {"signal": 20.0, "background": 100.0, "up": 100.0, "down": 100.0}
BINS = 5
LEAST = 1e-3  # events in every bin: an empty one has no likelihood
BATCH = 1000  # events of each sample in a step
LOOKED, JUDGED = 20_000, 200_000  # events of each sample: to stop by, and to quote from

_EMPTY = build_model(correlated_background(*[[1.0] * BINS] * 5))


def draw(key: Any, events: int) -> dict[str, Any]:
    """(events, 2) of each sample."""
    keys = jax.random.split(key, len(MEANS))
    return {
        name: jnp.asarray(mean) + jax.random.normal(own, (events, 2), float)
        for own, (name, mean) in zip(keys, MEANS.items(), strict=True)
    }


def start(seed: int) -> tuple[Any, Any]:
    """An untrained network of Equinox: its arrays, and the rest."""
    with float64():
        network = equinox.nn.MLP(2, "scalar", 32, 2, key=jax.random.key(seed))
    return equinox.partition(network, equinox.is_array)


def scores(arrays: Any, rest: Any, events: dict[str, Any]) -> dict[str, Any]:
    """The logits of each event."""
    network = jax.vmap(equinox.combine(arrays, rest))
    return {name: network(points) for name, points in events.items()}


def yields(logits: dict[str, Any], bandwidth: Any) -> dict[str, Any]:
    """(bins,) expected counts; the outermost bins have no far wall, so that no part of an event is lost."""
    walls = np.r_[-np.inf, np.arange(1, BINS) / BINS, np.inf]
    found = {}
    for name, some in logits.items():
        counts = histogram(jax.nn.sigmoid(some), walls, bandwidth).yields
        found[name] = EXPECTED[name] * counts / len(some) + LEAST
    return found


def model_of(expected: dict[str, Any]) -> Model:
    """The likelihood of these yields."""
    with_signal = with_templates(_EMPTY, "singlechannel", "signal", expected["signal"])
    moved = {"correlated_bkg_uncertainty": (expected["up"], expected["down"])}
    return with_templates(with_signal, "singlechannel", "background", expected["background"], histosys=moved)


def _through(number: Callable[[Model], Any]) -> Callable[[dict[str, Any], Any], Any]:
    """A loss of the scores that is a number of the measurement."""
    return lambda logits, bandwidth: number(model_of(yields(logits, bandwidth)))


def _augmented(logits: dict[str, Any], _: Any) -> Any:
    background = [logits[name] for name in ("background", "up", "down")]
    return binary_cross_entropy(logits["signal"], background)


LOSSES: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "CLs": _through(log_cls),
    "p0": _through(log_p0),
    "CLs and p0": _through(lambda model: log_cls(model) + log_p0(model)),
    "uncertainty": _through(lambda model: jnp.log(interest_std(model))),
    "cross entropy": lambda logits, _: binary_cross_entropy(logits["signal"], logits["background"]),
    "cross entropy, augmented": _augmented,
}


def _numbers(expected: dict[str, Any]) -> Any:
    model = model_of(expected)
    return jnp.stack([log_cls(model), log_p0(model), jnp.log(interest_std(model))])


_numbers_program = CompiledFunction(_numbers)


def measured(arrays: Any, rest: Any, key: Any, events: int) -> dict[str, float]:
    """What the measurement expects with hard histograms: CLs, p0 and the uncertainty of the signal's strength."""
    with float64():
        found = _numbers_program(yields(_scores_program(rest)(arrays, draw(key, events)), 0.0))
    return dict(zip(("CLs", "p0", "uncertainty"), np.exp(np.asarray(found)).tolist(), strict=True))


def _scores_program(rest: Any) -> Callable[[Any, Any], Any]:
    return CompiledFunction(lambda arrays, events: scores(arrays, rest, events))


def trained(
    loss: str,
    seed: int,
    *,
    steps: int = 600,
    learning_rate: float = 3e-3,
    bandwidth: tuple[float, float] = (0.1, 0.02),
    look_every: int = 100,
) -> tuple[Training, Any]:
    """Train a network; `best` has the least CLs of hard histograms of events that are not trained on.

    Arguments:
        loss: a key of `LOSSES`.
        bandwidth: of the histograms, at the begin and at the end.
    """
    arrays, rest = start(seed)
    number = LOSSES[loss]

    def at(parameters: Any, done: Any, key: Any) -> Any:
        width = bandwidth[0] * (bandwidth[1] / bandwidth[0]) ** done
        return number(scores(parameters, rest, draw(key, BATCH)), width)

    look = _looker(rest, jax.random.key(seed + 10_000))
    found = train(
        at, arrays, steps=steps, learning_rate=learning_rate, seed=seed, look_every=look_every, metric=look
    )
    return found, rest


def _looker(rest: Any, key: Any) -> Callable[[Any], float]:
    with float64():
        events = draw(key, LOOKED)
    program = CompiledFunction(
        lambda arrays, events: log_cls(model_of(yields(scores(arrays, rest, events), 0.0)))
    )
    return lambda arrays: float(program(arrays, events))
