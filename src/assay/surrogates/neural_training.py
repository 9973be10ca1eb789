"""The training of an ensemble of neural networks: all members in one JAX program.

The last layer of a member is a Bayesian linear model, which needs no training: its weights are integrated out. So a member
has its hidden layers and a ridge λ to learn, from the evidence of its rows. With D the features of its rows, ν_i = λ n_i + k_i
their noise, Λ = I + Dᵀ diag(1/ν) D and q = yᵀ (D Dᵀ + diag ν)⁻¹ y for each of K outputs, whose own scale is profiled out, it
minimises by Adam, with a rate that falls to zero as a cosine,

    (1/(n K)) Σ_outputs (log det Λ + Σ log ν_i + n log(q/n))/2 + weight_prior Σ layers².

At the start and at each checkpoint all members are tried on the rows that they do not have; the checkpoint that is best for all together is
kept. Rows are padded, so that a growing dataset compiles rarely.

Source: D. P. Kingma, J. Ba, "Adam", ICLR (2015); B. Lakshminarayanan et al., "Deep Ensembles", NeurIPS (2017); J. Snoek et al.,
"Scalable Bayesian Optimization Using Deep Neural Networks", ICML (2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.numerics.compile import bucket, compiled, jax_module, pad_rows
from assay.numerics.decompositions import cholesky
from assay.surrogates.neural_features import ActivationName, Layers, network_features

__all__ = ["TrainingRows", "trained", "training_program"]

Array = np.ndarray

CHECKPOINT_STEPS = 20
_DECAY, _DECAY_SQUARED, _FLOOR = 0.9, 0.999, 1e-10
_LOG_RIDGE_BOUNDS = (-16.0, 2.0)


@final
@dataclass(frozen=True)
class TrainingRows:
    """What the members learn from.

    Arguments:
        inputs: (rows, size), encoded.
        directions: (rows, size), the change of the inputs that a derivative row is differentiated by; 0 for a value.
        is_value: (rows,).
        targets: (rows, outputs), standardised.
        noise_factor: (rows,), n_i.
        known: (rows,), k_i.
        present: (members, rows), 1 where a member has a row, else 0.
    """

    inputs: Array
    directions: Array
    is_value: Array
    targets: Array
    noise_factor: Array
    known: Array
    present: Array

    def padded(self) -> tuple[Array, ...]:
        """The arrays with more rows, that no member has and that are no held-out rows either, up to a bucket; and which
        rows are real."""
        size = bucket(len(self.inputs))
        arrays = (self.inputs, self.directions, self.is_value, self.targets, self.noise_factor, self.known)
        return (
            *(pad_rows(array, size) for array in arrays),
            pad_rows(self.present, size, axes=(1,)),
            pad_rows(np.ones(len(self.inputs)), size),
        )


def trained(
    layers: Layers,
    ridge: float,
    rows: TrainingRows,
    *,
    activation: ActivationName,
    learning_rate: float,
    weight_prior: float,
    steps: int,
    batch: int | None,
    seed: int,
) -> tuple[Layers, dict[str, Any]]:
    """The trained hidden layers, and the course of the training.

    Arguments:
        layers, ridge: where the training begins.
        learning_rate: of the first steps.
        weight_prior: the precision of the prior of the hidden layers, for each number of the data.
        steps: their number, rounded up to whole checkpoints.
        batch: the rows of a step, drawn anew for each; None for all.
        seed: of the batches.
    """
    checkpoints = max(1, -(-steps // CHECKPOINT_STEPS))
    best, held_out, kept = training_program(
        layers,
        np.full(len(rows.present), np.log(ridge)),
        *rows.padded(),
        learning_rate,
        weight_prior,
        checkpoints,
        np.uint32(seed),
        activation,
        bool(not rows.is_value.all()),
        None if batch is None or batch >= len(rows.inputs) else batch,
    )
    numbers = tuple((np.asarray(weights), np.asarray(biases)) for weights, biases in best)
    info = {
        "steps": checkpoints * CHECKPOINT_STEPS,
        "kept_step": int(kept) * CHECKPOINT_STEPS,
        "held_out_error": float(held_out) ** 0.5,
    }
    return numbers, info


@compiled(static=(14, 15, 16))
def training_program(
    layers: Layers,
    log_ridge: Any,
    inputs: Any,
    directions: Any,
    is_value: Any,
    targets: Any,
    noise_factor: Any,
    known: Any,
    present: Any,
    real: Any,
    learning_rate: Any,
    weight_prior: Any,
    checkpoints: Any,
    seed: Any,
    activation: ActivationName,
    sloped: bool,
    batch: int | None,
) -> Any:
    """The best layers, their mean squared error on held-out rows, and their checkpoint. See `trained`."""
    jax = jax_module()
    rows = TrainingRows(inputs, directions, is_value, targets, noise_factor, known, present)
    objective = _Objective(rows, real, weight_prior, activation, sloped)
    everything = jax.numpy.arange(len(inputs))
    slope_of_loss = jax.grad(objective.loss)
    total = checkpoints * CHECKPOINT_STEPS

    def step(place: Any, carry: Any) -> Any:
        adam, key = carry
        chosen = everything
        if batch is not None:
            key, now = jax.random.split(key)
            chosen = jax.random.choice(now, len(inputs), (batch,), p=real / real.sum())
        rate = learning_rate * 0.5 * (1.0 + jax.numpy.cos(jax.numpy.pi * place / total))
        return _adam_step(adam, slope_of_loss(adam[0], chosen), rate, place + 1.0), key

    def checkpoint(place: Any, carry: Any) -> Any:
        moving, best, least, kept = carry
        begin = place * CHECKPOINT_STEPS
        moving = jax.lax.fori_loop(begin, begin + CHECKPOINT_STEPS, step, moving)
        held_out = objective.held_out_error(moving[0][0], everything)
        # Where nothing is held out the last checkpoint is kept.
        better = held_out <= least
        best = _each(lambda old, new: jax.numpy.where(better, new, old), best, moving[0][0][0])
        return moving, best, jax.numpy.minimum(held_out, least), jax.numpy.where(better, place + 1, kept)

    start = (layers, log_ridge)
    zero = _each(jax.numpy.zeros_like, start)
    moving = ((start, zero, zero), jax.random.key(seed))
    carry = (moving, layers, objective.held_out_error(start, everything), 0)
    _, best, least, kept = jax.lax.fori_loop(0, checkpoints, checkpoint, carry)
    return best, least, kept


@final
@dataclass(frozen=True)
class _Objective:
    """What the members minimise, as a function of (layers, logarithms of the ridges); to be traced.

    Arguments:
        rows: padded.
        real: (rows,), 1 for rows that are not padding.
        weight_prior: of the layers.
        activation: of the layers.
        sloped: whether there are derivative rows.
    """

    rows: TrainingRows
    real: Any
    weight_prior: Any
    activation: ActivationName
    sloped: bool

    def design(self, layers: Any, chosen: Any) -> Any:
        """(members, rows, features) of some rows."""
        jax = jax_module()

        def features(points: Any) -> Any:
            return network_features(layers, points, self.activation, jax.numpy)

        if not self.sloped:
            return features(self.rows.inputs[chosen])
        point = (self.rows.inputs[chosen],)
        values, slopes = jax.jvp(features, point, (self.rows.directions[chosen],))
        return jax.numpy.where(self.rows.is_value[chosen][:, None], values, slopes)

    def solved(self, weights: Any, chosen: Any) -> tuple[Any, Any, Any, Any]:
        """Of each member: its features, the root of Λ, the noise of the rows and the mean of its last layer."""
        jax = jax_module()
        jnp, rows = jax.numpy, self.rows
        phi = self.design(weights[0], chosen)
        noise = jnp.exp(weights[1])[:, None] * rows.noise_factor[chosen] + rows.known[chosen]
        noise = jnp.where(self.real[chosen] > 0, noise, 1.0)
        weighted = phi * (rows.present[:, chosen] / noise)[..., None]
        root = jax.vmap(cholesky)(jnp.einsum("mif,mig->mfg", weighted, phi) + jnp.eye(phi.shape[-1]))
        right = jnp.einsum("mif,ik->mfk", weighted, rows.targets[chosen])
        half = jax.scipy.linalg.solve_triangular(root, right, lower=True)
        return phi, root, noise, jax.scipy.linalg.solve_triangular(root, half, lower=True, trans=1)

    def loss(self, weights: Any, chosen: Any) -> Any:
        """The sum over members of what the text of this file says."""
        jax = jax_module()
        jnp = jax.numpy
        phi, root, noise, last = self.solved(weights, chosen)
        share = self.rows.present[:, chosen]
        count = jnp.maximum(share.sum(axis=1), 1.0)
        residual = self.rows.targets[chosen] - jnp.einsum("mif,mfk->mik", phi, last)
        quadratic = ((share / noise)[..., None] * residual**2).sum(axis=1) + (last**2).sum(axis=1)
        # One observation of size one keeps the profiled scale of constant data away from zero.
        scale = jnp.log((quadratic + 1.0) / (count[:, None] + 1.0)).mean(axis=1)
        determinant = 2.0 * jnp.log(jnp.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        evidence = 0.5 * ((determinant + (share * jnp.log(noise)).sum(axis=1)) / count + scale)
        size = sum((leaf**2).sum() for leaf in jax.tree_util.tree_leaves(weights[0]))
        return evidence.sum() + self.weight_prior * size

    def held_out_error(self, weights: Any, everything: Any) -> Any:
        """The mean squared error of the members on the rows that they lack, noisy rows weighing less."""
        jnp = jax_module().numpy
        phi, _, _, last = self.solved(weights, everything)
        error = ((self.rows.targets - jnp.einsum("mif,mfk->mik", phi, last)) ** 2).mean(axis=2)
        out = (1.0 - self.rows.present) * self.real / (1.0 + self.rows.known)
        return (out * error).sum() / jnp.maximum(out.sum(), 1e-300)


def _adam_step(state: Any, slope: Any, rate: Any, place: Any) -> Any:
    """(weights, mean slope, mean square of the slope) after one step, the `place`-th."""
    jnp = jax_module().numpy
    weights, first, second = state
    first = _each(lambda old, new: _DECAY * old + (1 - _DECAY) * new, first, slope)
    second = _each(lambda old, new: _DECAY_SQUARED * old + (1 - _DECAY_SQUARED) * new**2, second, slope)
    rate = rate * jnp.sqrt(1.0 - _DECAY_SQUARED**place) / (1.0 - _DECAY**place)
    layers, ridge = _each(
        lambda old, mean, square: old - rate * mean / (jnp.sqrt(square) + _FLOOR), weights, first, second
    )
    return (layers, jnp.clip(ridge, *_LOG_RIDGE_BOUNDS)), first, second


def _each(function: Callable[..., Any], *trees: Any) -> Any:
    """The function of each array of nested tuples."""
    return jax_module().tree_util.tree_map(function, *trees)
