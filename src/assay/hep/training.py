"""A training loop for networks, cuts, edges or any other parameters: Optax's steps in one compiled program.

A loss sees its parameters, the share of the training that is done (for annealing) and a key (for batches). What is
quoted is a metric of its own, such as a significance on hard histograms, looked at between the compiled stretches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np

from assay.errors import NumericalError, UsageError, missing_extra
from assay.numerics.compile import INLINE_PRODUCTS, float64, jax_module

__all__ = ["Training", "train"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray
Loss = Callable[[Any, Any, Any], Any]


@final
@dataclass(frozen=True)
class Training:
    """What a training came to.

    Arguments:
        parameters: the last ones.
        best: those of the lowest metric, of the lowest loss at a look without a metric.
        losses: (steps,).
        looks: (looks,), the steps after which the metric was looked at.
        metrics: (looks,), its values; the losses there without a metric.
    """

    parameters: Any
    best: Any
    losses: Array
    looks: Array
    metrics: Array


@dataclass
class _State:
    """What a checkpoint holds."""

    parameters: Any
    optimiser: Any
    best: Any
    done: int = 0
    losses: list[Array] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    metrics: list[float] = field(default_factory=list)


def train(
    loss: Loss,
    parameters: Any,
    *,
    steps: int,
    optimiser: Any = None,
    learning_rate: float = 1e-2,
    seed: int = 0,
    metric: Callable[[Any], float] | None = None,
    look_every: int = 100,
    checkpoint: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Training:
    """Make a loss small.

    Arguments:
        loss: traceable: (parameters, share done from 0 to 1, key) to a number.
        parameters: a pytree of arrays, such as the array part of an Equinox network.
        steps: of the optimiser.
        optimiser: of Optax; Adam with `learning_rate` where it is left out.
        seed: of the keys.
        metric: of the parameters, small is good, looked at every so many steps: put hard histograms here.
        look_every: steps of one compiled stretch.
        checkpoint: a file; a training that was cut off goes on from it, to the same numbers.
        progress: called with the number of steps done and their whole number.

    Raises:
        UsageError: for numbers of steps below 1.
        NumericalError: when the loss is no longer finite; the checkpoint holds the last good parameters.
        MissingExtraError: without Optax, or for a checkpoint without Equinox.

    Example:
        >>> found = train(lambda x, done, key: ((x - 3.0) ** 2).sum(), np.zeros(2), steps=400, learning_rate=0.1)
        >>> np.asarray(found.parameters).round(3).tolist()
        [3.0, 3.0]
    """
    if steps < 1 or look_every < 1:
        raise UsageError(
            f"a training needs at least 1 step and looks at least 1 step apart, got {steps} and {look_every}"
        )
    used = optimiser or _optax().adam(learning_rate)
    with float64():
        parameters = jax.tree_util.tree_map(jnp.asarray, parameters)
        state = _State(parameters, used.init(parameters), parameters)
        if checkpoint is not None and Path(checkpoint).exists():
            state = _restored(Path(checkpoint), state)
        stretch = _stretch(loss, used, steps, seed)
        while state.done < steps:
            length = min(look_every, steps - state.done)
            moved, optimiser_state, losses = stretch(state.parameters, state.optimiser, state.done, length)
            if not np.isfinite(np.asarray(losses)).all():
                place = state.done + int(np.argmin(np.isfinite(np.asarray(losses))))
                raise NumericalError(
                    f"the loss was not finite after {place} steps; lower the learning rate or guard the loss"
                )
            _advance(state, moved, optimiser_state, np.asarray(losses), metric)
            if checkpoint is not None:
                _keep(Path(checkpoint), state)
            if progress is not None:
                progress(state.done, steps)
    return Training(
        state.parameters,
        state.best,
        np.concatenate(state.losses),
        np.array(state.looks),
        np.array(state.metrics),
    )


def _stretch(loss: Loss, optimiser: Any, steps: int, seed: int) -> Callable[[Any, Any, int, int], Any]:
    """Some steps as one compiled program; the keys are those of the step's number, so that stretches change nothing."""
    optax = _optax()

    def step(carry: tuple[Any, Any], number: Any, base: Any) -> tuple[tuple[Any, Any], Any]:
        parameters, state = carry
        share = number / max(steps - 1, 1)
        value, gradient = jax.value_and_grad(loss)(parameters, share, jax.random.fold_in(base, number))
        updates, state = optimiser.update(gradient, state, parameters)
        return (optax.apply_updates(parameters, updates), state), value

    @partial(jax.jit, compiler_options=INLINE_PRODUCTS)
    def run(parameters: Any, state: Any, numbers: Any, base: Any) -> Any:
        # The key is an argument, so that the program of one seed is in the cache for all.
        scanned = partial(step, base=base)
        (parameters, state), losses = jax.lax.scan(scanned, (parameters, state), numbers)
        return parameters, state, losses

    base = jax.random.key(seed)
    return lambda parameters, state, first, length: run(
        parameters, state, jnp.arange(first, first + length), base
    )


def _advance(
    state: _State, parameters: Any, optimiser: Any, losses: Array, metric: Callable[[Any], float] | None
) -> None:
    value = float(losses[-1]) if metric is None else float(metric(parameters))
    if not state.metrics or value < min(state.metrics):
        state.best = parameters
    state.parameters, state.optimiser = parameters, optimiser
    state.done += len(losses)
    state.losses.append(losses)
    state.looks.append(state.done)
    state.metrics.append(value)


def _keep(place: Path, state: _State) -> None:
    """Write a checkpoint whole or not at all."""
    equinox = _equinox()
    losses = np.concatenate(state.losses)
    record = (
        state.parameters,
        state.optimiser,
        state.best,
        losses,
        np.array(state.looks),
        np.array(state.metrics),
    )
    beside = place.with_name(place.name + ".part")
    with beside.open("wb") as file:
        np.save(file, np.array([state.done, len(state.looks)]))
        equinox.tree_serialise_leaves(file, record)
    beside.replace(place)


def _restored(place: Path, fresh: _State) -> _State:
    equinox = _equinox()
    with place.open("rb") as file:
        done, looks = (int(number) for number in np.load(file))
        like = (
            fresh.parameters,
            fresh.optimiser,
            fresh.best,
            np.zeros(done),
            np.zeros(looks, int),
            np.zeros(looks),
        )
        parameters, optimiser, best, losses, at, metrics = equinox.tree_deserialise_leaves(file, like)
    return _State(parameters, optimiser, best, done, [losses], at.tolist(), metrics.tolist())


def _optax() -> Any:
    try:
        import optax
    except ImportError as error:
        raise missing_extra("Optax", "hep") from error
    return optax


def _equinox() -> Any:
    try:
        import equinox
    except ImportError as error:
        raise missing_extra("Equinox", "hep") from error
    return equinox
