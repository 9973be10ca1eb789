"""p-values by simulated experiments: no asymptotic formula, at the price of two fits for each.

An experiment is drawn from the model at the parameters that fit the observed data best while the parameter of interest
is held: at the tested value for signal plus background, at 0 for background alone (for q0 the other way round). Counts
and Poisson constraints are Poisson, normal constraints normal.

Source: G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71, 1554 (2011), section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.hep.asymptotic import Statistic, asymptotic_test, check_interest, lower_bounds, one_sided
from assay.hep.likelihood import least_discrepancy
from assay.hep.model import Data, Model, check_data
from assay.numerics.compile import CompiledFunction, jax_module

__all__ = ["ToyTest", "toy_test"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray

CHUNK = 2000
MOST_NUMBERS = 20_000_000  # in one table of a chunk, which has cells by parameters for each experiment
TOY_STATISTICS = ("q_tilde", "q", "q0")
QUANTILES = (0.022750131948179, 0.15865525393145707, 0.5, 0.8413447460685429, 0.977249868051821)


@final
@dataclass(frozen=True)
class ToyTest:
    """A hypothesis test by simulated experiments.

    Arguments:
        observed: the value of the test statistic.
        p: the share of experiments under the tested hypothesis with at least that value (CLs+b, or p0).
        p_std: its standard error.
        clb: the share of background experiments with at least that value.
        cls: p/clb; p for "q0".
        cls_std: its standard error.
        expected: (5,), of the background experiments (signal ones for "q0"): -2 to 2 standard deviations.
        tested, other: (toys,), the statistics of the experiments under the tested hypothesis and the other one.
        failed: how many fits did not reach a minimum; their experiments are left out.
    """

    observed: float
    p: float
    p_std: float
    clb: float
    cls: float
    cls_std: float
    expected: Array
    tested: Array
    other: Array
    failed: int


def toy_test(
    model: Model,
    value: float = 1.0,
    *,
    toys: int = 10_000,
    seed: int = 0,
    data: Data | None = None,
    statistic: Statistic = "q_tilde",
    progress: Callable[[int, int], None] | None = None,
) -> ToyTest:
    """Test a value of the parameter of interest by simulated experiments.

    Arguments:
        model: from `build_model`.
        value: of the parameter of interest; ignored by "q0", which tests 0.
        toys: experiments under each of the two hypotheses.
        seed: the same seed gives the same experiments, whatever the size of chunks.
        data: other data than the observed ones.
        statistic: "q_tilde", "q" or "q0".
        progress: called with the number of experiments done and their whole number.

    Raises:
        UsageError: for another statistic, or no toys.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> model = build_model(uncorrelated_background([12.0], [50.0], [3.0], [51.0]))
        >>> found = toy_test(model, toys=2000)
        >>> abs(found.cls - 0.1635) < 5 * found.cls_std
        True
    """
    if statistic not in TOY_STATISTICS:
        raise UsageError(
            f"the test statistic of toys must be one of {', '.join(TOY_STATISTICS)}, got {statistic!r}"
        )
    if toys < 1:
        raise UsageError(f"the number of toys must be at least 1, got {toys}")
    check_interest(model, statistic, [] if statistic == "q0" else [value])
    check_data(model, data)
    observed, truths = _truth_program(model.unnamed(), data, float(value), statistic)
    tested_value = 0.0 if statistic == "q0" else float(value)
    parts: list[list[Array]] = [[], []]
    table = len(model.layout.cell_bin) * model.layout.size
    chunk = min(CHUNK, toys, max(1, MOST_NUMBERS // table))
    for which in (0, 1):
        for first in range(0, toys, chunk):
            numbers = np.arange(first, first + chunk, dtype=np.uint32)
            key = np.array([seed % 2**32, which], dtype=np.uint32)
            found, decrement = _toy_program(
                model.unnamed(), truths[which], tested_value, key, numbers, statistic
            )
            kept = np.where(np.asarray(decrement) < 1e-4, np.asarray(found), np.nan)
            parts[which].append(kept[: toys - first])
            if progress is not None:
                progress(which * toys + min(first + chunk, toys), 2 * toys)
    tested, other = (np.concatenate(part) for part in parts)
    failed = int(np.isnan(tested).sum() + np.isnan(other).sum())
    return _shares(float(observed), tested[~np.isnan(tested)], other[~np.isnan(other)], failed, statistic)


def _truth(model: Model, data: Data | None, value: Any, statistic: Statistic) -> tuple[Any, Any]:
    """The observed statistic, and the parameters of the two hypotheses."""
    used = model.observed_data() if data is None else data
    found = asymptotic_test(model, used, value, statistic)
    return found.statistic, found.points[1:3]


def _toys(
    model: Model, truth: Any, value: Any, key: Any, numbers: Any, statistic: Statistic
) -> tuple[Any, Any]:
    base = jax.random.fold_in(jax.random.key(key[0]), key[1])
    return jax.vmap(lambda number: _toy(model, truth, value, jax.random.fold_in(base, number), statistic))(
        numbers
    )


_truth_program = CompiledFunction(_truth, static=(3,))
_toy_program = CompiledFunction(_toys, static=(5,))


def _toy(model: Model, truth: Any, value: Any, key: Any, statistic: Statistic) -> tuple[Any, Any]:
    """The statistic of one experiment, and how far its worse fit is from its minimum."""
    layout = model.layout
    data = _drawn(model, truth, key)
    start = truth.at[layout.interest].set(value)
    is_free = jnp.asarray(~layout.fixed)
    lower = lower_bounds(model, statistic)
    upper = jnp.asarray(layout.upper).at[layout.interest].max(value)

    def fitted(begin: Any, free: Any) -> Any:
        return least_discrepancy((model, data), begin, begin, lower, upper, free, escapes=False)

    starts = jnp.stack([truth, start])
    frees = jnp.stack([is_free, is_free.at[layout.interest].set(False)])
    found = jax.lax.map(lambda job: fitted(*job), (starts, frees))
    square = one_sided(
        2 * (found.value[1] - found.value[0]), found.point[0, layout.interest], value, statistic
    )
    return square, found.decrement.max()


def _drawn(model: Model, truth: Any, key: Any) -> Data:
    """A simulated experiment."""
    counts, measured, spread = jax.random.split(key, 3)
    expected = model.expected_data(truth)
    main = jax.random.poisson(counts, expected.main).astype(expected.main.dtype)
    poisson = jnp.asarray(model.layout.auxiliary_is_poisson)
    counted = jax.random.poisson(measured, jnp.where(poisson, expected.auxiliary, 1.0)).astype(main.dtype)
    width = jnp.where(poisson, 1.0, model.constraint_width())
    normal = expected.auxiliary + width * jax.random.normal(spread, expected.auxiliary.shape, main.dtype)
    return Data(main, jnp.where(poisson, counted, normal))


def _shares(observed: float, tested: Array, other: Array, failed: int, statistic: str) -> ToyTest:
    p, clb = float((tested >= observed).mean()), float((other >= observed).mean())
    p_std = float(np.sqrt(p * (1 - p) / len(tested)))
    quantiles = np.quantile(other, QUANTILES)
    if statistic == "q0":
        expected = np.array([(tested >= level).mean() for level in quantiles[::-1]])
        return ToyTest(observed, p, p_std, clb, p, p_std, expected, tested, other, failed)
    cls = p / clb if clb > 0 else float("nan")
    relative = np.sqrt((1 - p) / max(p * len(tested), 1e-300) + (1 - clb) / max(clb * len(other), 1e-300))
    levels = quantiles[::-1]  # few events look least like a signal: a large statistic
    expected = np.array([(tested >= level).mean() / (other >= level).mean() for level in levels])
    return ToyTest(observed, p, p_std, clb, cls, float(cls * relative), expected, tested, other, failed)
