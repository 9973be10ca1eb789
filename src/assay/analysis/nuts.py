"""The no-U-turn sampler of blackjax: few steps between independent draws, by the gradient of the log density."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from importlib import import_module
from threading import Lock
from typing import Any, final

import numpy as np

from assay.analysis.log_density import BoxedDensity
from assay.analysis.unconstrained import Unconstrained
from assay.errors import missing_extra
from assay.numerics.compile import CompiledFunction, float64, jax_module

__all__ = ["BLOCK", "HostProgram", "NutsSampler", "host_program"]

Array = np.ndarray
ValueGradient = Callable[[Array], tuple[Array, Array]]

BLOCK = 50  # steps in one call of the compiled program
WINDOWS = 3  # blocks of warm-up; the covariance is learnt anew after each but the last
ACCEPTANCE = 0.8
MAX_DOUBLINGS = 8
SHRINKAGE = 10.0  # draws that the touching normal density counts as, where a covariance is learnt


@final
class NutsSampler:
    """Chains that run side by side, every step of all of them in one call of the log density.

    The sampler moves in coordinates z, y = centre + factor z, in which the density is about standard normal. A NumPy
    density is called from the compiled program, in which nothing about it is compiled: the program depends only on the
    number of chains and parameters. A density that is itself a JAX program becomes part of it.

    Arguments:
        density: with a gradient.
        generator: fixes the random numbers.
        tuning: `centre` and `factor`, (dimension,) and (dimension, dimension), of the normal density that touches a mode;
            that of an earlier run has the `step_size` (chains,) too. Without it the chains warm up first.

    Source: M. D. Hoffman and A. Gelman, J. Mach. Learn. Res. 15, 1593 (2014); A. Cabezas et al., arXiv:2402.10797.
    """

    def __init__(
        self,
        density: BoxedDensity,
        generator: np.random.Generator,
        tuning: dict[str, Array],
    ) -> None:
        self.centre, self.factor = tuning["centre"], tuning["factor"]
        self.step_size: Array | None = tuning.get("step_size")
        self.divergences = 0
        self._generator = generator
        program, box = density.density.program, density.box
        self._program = (
            partial(host_program(len(self.centre)).run, density.values_and_gradients())
            if program is None
            else _device_program(program, tuple(box.lower), tuple(box.upper))
        )

    @property
    def tuning(self) -> dict[str, Array]:
        """What chains are continued with."""
        learnt = {} if self.step_size is None else {"step_size": self.step_size}
        return {"centre": self.centre, "factor": self.factor, **learnt}

    def warm_up(self, positions: Array) -> Array:
        """Learn the step size of each chain, and the covariance from all of them; the last positions (chains, d)."""
        self.step_size = np.full(len(positions), 0.5)
        for window in range(WINDOWS):
            positions, chains, _ = self._block(positions, self.step_size, adapting=True)
            if window < WINDOWS - 1:
                self._learn(chains[:, BLOCK // 2 :].reshape(-1, len(self.centre)))
        self.divergences = 0
        return positions

    def advance(self, positions: Array, steps: int) -> tuple[Array, Array, Array]:
        """Walk on for a multiple of BLOCK: the last positions, the chains (chains, steps, d), their log densities."""
        if self.step_size is None:
            positions = self.warm_up(positions)
        step_size, parts = np.asarray(self.step_size), []
        for _ in range(-(-steps // BLOCK)):
            positions, chains, values = self._block(positions, step_size, adapting=False)
            parts.append((chains, values))
        return positions, np.concatenate([p[0] for p in parts], 1), np.concatenate([p[1] for p in parts], 1)

    def _learn(self, draws: Array) -> None:
        white = np.linalg.solve(self.factor, (draws - self.centre).T).T
        count = len(white) / 2.0  # neighbouring draws are alike
        covariance = (
            count * np.cov(white.T).reshape(2 * white.shape[1:]) + SHRINKAGE * np.eye(white.shape[1])
        ) / (count + SHRINKAGE)
        self.centre = self.centre + self.factor @ white.mean(axis=0)
        self.factor = self.factor @ np.linalg.cholesky(covariance)

    def _block(self, positions: Array, step_size: Array, *, adapting: bool) -> tuple[Array, Array, Array]:
        white = np.linalg.solve(self.factor, (positions - self.centre).T).T
        seed = int(self._generator.integers(2**31))
        result = self._program(seed, white, step_size, adapting, self.centre, self.factor)
        last, learnt, chains, values, divergent = (np.asarray(part) for part in result)
        self.divergences += int(divergent.sum())
        if adapting:
            self.step_size = learnt
        return self.centre + last @ self.factor.T, self.centre + chains @ self.factor.T, values


@final
class HostProgram:
    """A block of steps, compiled for a number of parameters and no density: it calls back for the one of the day.

    JAX would cut what crosses to float32, since its callbacks run outside of our scope; so the bits of the numbers cross.
    """

    def __init__(self, dimension: int) -> None:
        jax = jax_module()
        shape = jax.ShapeDtypeStruct((dimension + 1, 2), np.uint32)

        def value_and_gradient(point: Any) -> tuple[Any, Any]:
            bits = jax.lax.bitcast_convert_type(point, np.uint32)
            packed = jax.pure_callback(self._call, shape, bits, vmap_method="broadcast_all")
            numbers = jax.lax.bitcast_convert_type(packed, np.float64)
            return numbers[0], numbers[1:]

        @jax.custom_vjp
        def log_density(point: Any) -> Any:
            return value_and_gradient(point)[0]

        log_density.defvjp(value_and_gradient, lambda gradient, bar: (bar * gradient,))
        self.block = CompiledFunction(lambda *arguments: _sampled(log_density, *arguments))
        self._lock = Lock()
        self._function: ValueGradient | None = None
        self._error: BaseException | None = None

    def run(
        self,
        function: ValueGradient,
        seed: int,
        white: Array,
        step: Array,
        adapting: bool,
        centre: Array,
        factor: Array,
    ) -> Any:
        """The block of `_sampled` for a NumPy function of points (p, dimension) in the coordinates y."""

        def whitened(points: Array) -> tuple[Array, Array]:
            values, gradients = function(centre + points @ factor.T)
            return values, gradients @ factor

        with self._lock:
            self._function, self._error = whitened, None
            result = jax_module().block_until_ready(
                self.block(_keys(seed, len(white)), white, step, adapting)
            )
            if self._error is not None:
                raise self._error
        return result

    def _call(self, bits: Any) -> Array:
        points = np.ascontiguousarray(np.asarray(bits)).view(np.float64)[..., 0]
        flat = points.reshape(-1, points.shape[-1])
        values, gradients = np.full(len(flat), -np.inf), np.zeros_like(flat)
        if self._error is None and self._function is not None:
            try:
                values, gradients = self._function(flat)
            except BaseException as error:  # noqa: BLE001 (it would be lost in the compiled program; raised after it)
                self._error = error
        packed = np.concatenate([values[:, None], gradients], axis=1)
        return np.ascontiguousarray(packed.reshape(*points.shape[:-1], -1, 1)).view(np.uint32)


@lru_cache(maxsize=16)
def host_program(dimension: int) -> HostProgram:
    """The one program for this number of parameters."""
    return HostProgram(dimension)


@lru_cache(maxsize=16)
def _device_program(
    program: Callable[[Any], Any], lower: tuple[float, ...], upper: tuple[float, ...]
) -> Callable[..., Any]:
    jax, box = jax_module(), Unconstrained(np.array(lower), np.array(upper))

    def block(keys: Any, white: Any, step: Any, adapting: Any, centre: Any, factor: Any) -> Any:
        def log_density(point: Any) -> Any:
            y = centre + factor @ point
            value = program(box.inside(y, jax.numpy)) + box.log_volume(y, jax.numpy).sum()
            return jax.numpy.where(jax.numpy.isfinite(value), value, -jax.numpy.inf)

        return _sampled(log_density, keys, white, step, adapting)

    compiled = CompiledFunction(block)

    def run(seed: int, white: Array, step: Array, adapting: bool, centre: Array, factor: Array) -> Any:
        return compiled(_keys(seed, len(white)), white, step, adapting, centre, factor)

    return run


def _keys(seed: int, count: int) -> Any:
    jax = jax_module()
    with float64():
        return jax.random.split(jax.random.key(seed), count)


def _sampled(log_density: Callable[[Any], Any], keys: Any, white: Any, step: Any, adapting: Any) -> Any:
    """A block of all chains: the last positions, their step sizes, chains, log densities, and what diverged."""
    jax, blackjax = jax_module(), _blackjax()
    kernel = blackjax.nuts.build_kernel()
    step_size = import_module("blackjax.adaptation.step_size")
    begin, update, final_size = step_size.dual_averaging_adaptation(ACCEPTANCE)

    def chain(key: Any, start: Any, size: Any) -> Any:
        def move(carry: Any, key: Any) -> Any:
            state, adaptation = carry
            current = jax.numpy.where(adapting, jax.numpy.exp(adaptation.log_step_size), size)
            state, info = kernel(key, state, log_density, current, jax.numpy.ones(start.shape), MAX_DOUBLINGS)
            # Where every step left the support there is no rate, and the step was too long.
            adaptation = update(adaptation, jax.numpy.nan_to_num(info.acceptance_rate))
            return (state, adaptation), (state.position, state.logdensity, info.is_divergent)

        carry = blackjax.nuts.init(start, log_density), begin(size)
        (state, adaptation), trace = jax.lax.scan(move, carry, jax.random.split(key, BLOCK))
        return state.position, final_size(adaptation), *trace

    return jax.vmap(chain)(keys, white, step)


def _blackjax() -> Any:
    try:
        return import_module("blackjax")
    except ImportError:
        raise missing_extra("blackjax", "mcmc") from None
