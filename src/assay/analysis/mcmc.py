"""Draws from a posterior by Markov chains that stop when they are long enough.

Example:
    >>> normal = LogDensity(value=lambda x: -0.5 * ((x[:, 0] - 1) / 0.1) ** 2)
    >>> found = run_mcmc(
    ...     normal, np.array([[0.5]]), np.zeros(1), np.full(1, 2.0), generator=np.random.default_rng(0)
    ... )
    >>> found.medians.round(1).tolist(), found.stopped
    ([1.0], 'rel_error')
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.analysis.chains import Continuation, MarkovChains, SamplerName, StoppedChains
from assay.analysis.diagnostics import effective_sample_size, r_hat, tail_effective_sample_size
from assay.analysis.ensemble import MANY_WALKERS, EnsembleSampler
from assay.analysis.log_density import BoxedDensity, LogDensity
from assay.analysis.modes import Mode, find_modes
from assay.analysis.nuts import BLOCK, NutsSampler
from assay.analysis.unconstrained import Unconstrained
from assay.errors import UsageError

__all__ = ["run_mcmc"]

Array = np.ndarray

NUTS_CHAINS = 8
LEAST_WALKERS = 32
GROWTH = 1.25  # of the chains between two looks at them
AGREEMENT = (
    1.02  # R-hat below which the chains count as mixed; of 32 walkers it takes about 50 autocorrelation times
)
BURN_IN_TAUS = 5
LEAST_TAUS = 10  # autocorrelation times that each of many walkers must have gone
GROUPS = 8  # of many walkers, in which they are compared
LEAST_LOOKED_AT = 100  # of each chain
JUDGED = 64_000  # draws that are looked at; of more every second, third, ...


@final
@dataclass(frozen=True)
class _Settings:
    names: tuple[str, ...]
    sampler: SamplerName
    walkers: int
    max_iter: int
    max_time: float
    rel_error: float
    thin_chains: bool


def run_mcmc(
    log_density: LogDensity,
    starts: Array,
    lower: Array,
    upper: Array,
    *,
    names: Sequence[str] | None = None,
    sampler: SamplerName | None = None,
    num_walkers: int | None = None,
    max_iter: int = 50_000,
    max_time: float = math.inf,
    rel_error: float = 0.05,
    thin_chains: bool = False,
    multi_modal: bool = False,
    append: MarkovChains | None = None,
    max_sigma_dist: float = math.inf,
    generator: np.random.Generator,
) -> MarkovChains:
    """Draws of the parameters from their posterior.

    Use it where the posterior is not normal: for asymmetric uncertainties, correlations and several solutions. The chains
    start from the normal density that touches the highest maximum (from those of all maxima, by their mass, if
    `multi_modal`; 128 walkers of the ensemble or more are annealed from all over the box), move in coordinates without
    bounds, and stop when the relative error of a mean, sqrt(tau / N) with N draws of autocorrelation time tau, is below
    `rel_error` for every parameter for centre and tails, and the chains agree (R-hat below 1.02).

    Arguments:
        log_density: up to a constant, of points in the box; the prior is part of it. Other limits, as constraints, are where
            it is minus infinity.
        starts: (starts, d), from where the maxima are looked for: a best point, or draws of the prior.
        lower, upper: (d,), the box; sides may be infinite.
        names: of the parameters; None: x0, x1, ...
        sampler: "nuts" by gradients, "ensemble" without; None: nuts where the density brings a gradient and has one mode.
            Take the ensemble for priors with edges inside the box.
        num_walkers: chains; None: 8 for nuts, at least 32 for the ensemble.
        max_iter, max_time: the most steps of each chain (of nuts in blocks of 50), and seconds.
        rel_error: as above; 0.05 takes 400 independent draws.
        thin_chains: keep one draw for each autocorrelation time, not two.
        multi_modal: look for all maxima, and let walkers jump between them.
        append: the result of an earlier run of the same density, to go on from.
        max_sigma_dist: cut the box so many standard deviations around the highest maximum, parameter by parameter.
        generator: fixes the random numbers.

    Raises:
        UsageError: when the arguments do not fit together.
        NumericalError: when the density is zero at every start.
        MissingExtraError: without the sampler's library.
    """
    started = time.monotonic()
    starts, lower, upper = np.atleast_2d(starts), np.asarray(lower, float), np.asarray(upper, float)
    settings = _settings(
        starts, lower, upper, log_density, names, sampler, num_walkers, max_iter, max_time, rel_error,
        thin_chains, multi_modal,
    )  # fmt: skip
    if append is None:
        return _begun(
            log_density, starts, lower, upper, multi_modal, max_sigma_dist, settings, generator, started
        )
    return _continued(log_density, _checked(append, settings), settings, generator, started)


def _continued(
    log_density: LogDensity,
    earlier: Continuation,
    settings: _Settings,
    generator: np.random.Generator,
    started: float,
) -> MarkovChains:
    """The chains of an earlier run, from where they ended."""
    box = Unconstrained(earlier.lower, earlier.upper)
    density = BoxedDensity(log_density, box)
    if settings.sampler == "nuts":
        engine = NutsSampler(density, generator, earlier.tuning)
    else:
        dimension = len(settings.names)
        engine = EnsembleSampler(density.values(), dimension, settings.walkers, generator, earlier.tuning)
    return _walked(engine, earlier.chains[:, -1], earlier, box, settings, started)


def _begun(
    log_density: LogDensity,
    starts: Array,
    lower: Array,
    upper: Array,
    multi_modal: bool,
    max_sigma_dist: float,
    settings: _Settings,
    generator: np.random.Generator,
    started: float,
) -> MarkovChains:
    """New chains, from the normal densities that touch the modes."""
    box = Unconstrained(lower, upper)
    density = BoxedDensity(log_density, box)
    modes = find_modes(density.values_and_gradients(), box.outside(starts), several=multi_modal)
    if math.isfinite(max_sigma_dist):
        highest = box.inside(modes[0].position)[None]
        box = _cut(box, modes[0], max_sigma_dist)
        density = BoxedDensity(log_density, box)
        modes = find_modes(density.values_and_gradients(), box.outside(highest), several=False)
    positions = _first_positions(density, modes, settings.walkers, generator)
    if settings.sampler == "nuts":
        tuning = {"centre": modes[0].position, "factor": modes[0].factor}
        engine = NutsSampler(density, generator, tuning)
    else:
        engine = EnsembleSampler(density.values(), len(settings.names), settings.walkers, generator)
        positions = engine.settled(positions, box, modes[0])
    return _walked(engine, positions, None, box, settings, started)


def _settings(
    starts: Array,
    lower: Array,
    upper: Array,
    log_density: LogDensity,
    names: Sequence[str] | None,
    sampler: SamplerName | None,
    num_walkers: int | None,
    max_iter: int,
    max_time: float,
    rel_error: float,
    thin_chains: bool,
    multi_modal: bool,
) -> _Settings:
    dimension = starts.shape[1]
    if lower.shape != (dimension,) or upper.shape != (dimension,) or not (lower < upper).all():
        raise UsageError(
            f"the box of {dimension} parameters needs as many lower ends below as many upper ones, got {lower} and {upper}"
        )
    if not ((starts >= lower) & (starts <= upper)).all():
        raise UsageError("the starts of Markov chains must lie in the box")
    chosen = sampler or ("nuts" if log_density.has_gradient and not multi_modal else "ensemble")
    if chosen not in ("nuts", "ensemble"):
        raise UsageError(f"sampler must be 'nuts' or 'ensemble', got {sampler!r}")
    if chosen == "nuts" and multi_modal:
        raise UsageError(
            "multi_modal needs the sampler 'ensemble', whose walkers can jump between modes, got 'nuts'"
        )
    least = 2 if chosen == "nuts" else 2 * dimension + 2
    default = NUTS_CHAINS if chosen == "nuts" else max(LEAST_WALKERS, 4 * dimension)
    walkers = default if num_walkers is None else num_walkers
    if walkers < least or (chosen == "ensemble" and walkers % 2):
        raise UsageError(
            f"num_walkers of the sampler {chosen!r} must be {'even and ' if chosen == 'ensemble' else ''}at least "
            f"{least} for {dimension} parameters, got {walkers}"
        )
    for what, value in (("max_iter", max_iter), ("max_time", max_time), ("rel_error", rel_error)):
        if not value > 0:
            raise UsageError(f"{what} of run_mcmc must be positive, got {value}")
    named = tuple(names) if names is not None else tuple(f"x{index}" for index in range(dimension))
    if len(named) != dimension:
        raise UsageError(f"run_mcmc needs one name for each of {dimension} parameters, got {len(named)}")
    return _Settings(named, chosen, walkers, max_iter, max_time, rel_error, thin_chains)


def _checked(append: MarkovChains, settings: _Settings) -> Continuation:
    if append.continuation is None:
        raise UsageError(
            "chains that were mapped to other coordinates cannot be continued; keep those of the sampler"
        )
    theirs = (append.names, append.sampler, append.continuation.chains.shape[0])
    ours = (settings.names, settings.sampler, settings.walkers)
    if theirs != ours:
        raise UsageError(
            f"chains are continued with the same names, sampler and number of walkers {theirs}, got {ours}"
        )
    return append.continuation


def _cut(box: Unconstrained, mode: Mode, sigmas: float) -> Unconstrained:
    if not sigmas > 0:
        raise UsageError(f"max_sigma_dist must be positive, got {sigmas}")
    centre = box.inside(mode.position)
    reach = sigmas * box.slopes(mode.position)[0] * np.sqrt(np.diag(mode.covariance))
    return Unconstrained(np.maximum(box.lower, centre - reach), np.minimum(box.upper, centre + reach))


def _first_positions(
    density: BoxedDensity, modes: list[Mode], walkers: int, generator: np.random.Generator
) -> Array:
    """Draws of the normal densities that touch the modes, by their masses; nearer to the mode where the density is zero."""
    masses = np.array([mode.log_mass for mode in modes])
    shares = np.exp(masses - masses.max())
    chosen = generator.choice(len(modes), size=walkers, p=shares / shares.sum())
    centres = np.array([modes[index].position for index in chosen])
    moves = np.einsum(
        "pij,pj->pi",
        np.array([modes[index].factor for index in chosen]),
        generator.standard_normal(centres.shape),
    )
    values = density.values()
    for _ in range(40):
        outside = ~np.isfinite(values(centres + moves))
        if not outside.any():
            break
        moves[outside] *= -0.7  # to the other side, and nearer
    return centres + moves


def _walked(
    engine: NutsSampler | EnsembleSampler,
    positions: Array,
    earlier: Continuation | None,
    box: Unconstrained,
    settings: _Settings,
    started: float,
) -> MarkovChains:
    """Walk and look, in strides that grow with the chains, until the chains are long enough or the budget ends."""
    chains = [] if earlier is None else [earlier.chains]
    values = [] if earlier is None else [earlier.log_density]
    done = sum(part.shape[1] for part in chains)
    limit = done + settings.max_iter
    while True:
        stride = min(max(BLOCK, math.ceil((GROWTH - 1.0) * done / BLOCK) * BLOCK), limit - done)
        begun = time.monotonic()
        positions, walked, heights = engine.advance(positions, stride)
        chains, values = [np.concatenate([*chains, walked], 1)], [np.concatenate([*values, heights], 1)]
        done = chains[0].shape[1]
        now = time.monotonic()
        stopped: StoppedChains | None = None
        if done >= limit:
            stopped = "max_iter"
        elif now - started + GROWTH * (now - begun) > settings.max_time:
            stopped = "max_time"
        burn_in, tau, rhat, ess = _judged(chains[0], settings)
        if _is_long_enough(chains[0][:, burn_in:], rhat, ess, settings):
            stopped = "rel_error"
        if stopped is not None:
            break
    longest = float(np.nanmax(tau)) if np.isfinite(tau).any() else 1.0
    thin = max(1, math.ceil(longest) if settings.thin_chains else int(longest / 2))
    return MarkovChains(
        settings.names,
        box.inside(chains[0][:, burn_in::thin]),
        values[0][:, burn_in::thin],
        tau,
        rhat,
        ess,
        settings.sampler,
        done,
        burn_in,
        thin,
        engine.divergences,
        stopped,
        Continuation(chains[0], values[0], box.lower, box.upper, engine.tuning),
    )


def _judged(chains: Array, settings: _Settings) -> tuple[int, Array, Array, Array]:
    """Burn-in, and of what is left the autocorrelation time, R-hat and the effective sample size.

    The gradient-based sampler has warmed up before; the ensemble drops five autocorrelation times, half at most.
    """
    burn_in = 0
    if settings.sampler == "ensemble":
        half = chains.shape[1] // 2
        taus = settings.walkers * (chains.shape[1] - half) / effective_sample_size(_sparse(chains[:, half:]))
        burn_in = (
            min(half, math.ceil(BURN_IN_TAUS * float(np.nanmax(taus)))) if np.isfinite(taus).any() else half
        )
    kept = chains[:, burn_in:]
    ess = effective_sample_size(_sparse(kept))
    return burn_in, settings.walkers * kept.shape[1] / ess, r_hat(_sparse(_grouped(kept))), ess


def _grouped(chains: Array) -> Array:
    """Many chains as a few, the draws of the chains of a group one after another at each step.

    Each of many chains may be short, though together they are worth many draws; R-hat then compares groups of them.
    Source: C. C. Margossian et al., Bayesian Analysis (2024), arXiv:2110.13017.
    """
    count, steps, dimension = chains.shape
    if count < MANY_WALKERS:
        return chains
    members = count // GROUPS
    kept = chains[: GROUPS * members].reshape(GROUPS, members, steps, dimension)
    return kept.swapaxes(1, 2).reshape(GROUPS, members * steps, dimension)


def _sparse(chains: Array) -> Array:
    return chains[:, :: -(-chains.shape[1] // max(JUDGED // len(chains), LEAST_LOOKED_AT))]


def _is_long_enough(chains: Array, rhat: Array, ess: Array, settings: _Settings) -> bool:
    wanted = 1.0 / settings.rel_error**2
    # Short chains do not show how long their autocorrelation is.
    least = max(wanted, LEAST_TAUS * len(chains)) if len(chains) >= MANY_WALKERS else wanted
    if not (np.isfinite(ess).all() and ess.min() > least and rhat.max() < AGREEMENT):
        return False
    return bool(tail_effective_sample_size(_sparse(chains)).min() > wanted)
