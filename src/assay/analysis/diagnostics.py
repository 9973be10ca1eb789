"""Whether Markov chains have converged, and how many independent draws they are worth."""

from __future__ import annotations

import math

import numpy as np

from assay.errors import UsageError

__all__ = ["effective_sample_size", "r_hat", "tail_effective_sample_size"]

Array = np.ndarray

LEAST_DRAWS = 4  # in each half of a chain


def r_hat(chains: Array) -> Array:
    """How much the chains differ, rank-normalised and split: near 1 when they have forgotten their starts.

    Use it together with `effective_sample_size`; above 1.05 do not trust the chains. It is
    sqrt(((n - 1) W / n + B / n) / W) of the variances within (W) and between (B / n) half chains of n draws, the larger one
    of that of the ranks and that of the folded ranks, turned into normal scores.

    Arguments:
        chains: (chains, draws, parameters), at least 8 draws.

    Returns:
        (parameters,); NaN for a parameter that does not move.

    Example:
        >>> chains = np.random.default_rng(0).normal(size=(4, 500, 1))
        >>> bool(r_hat(chains)[0] < 1.01), bool(r_hat(chains + np.arange(4)[:, None, None])[0] > 1.5)
        (True, True)

    Source: A. Vehtari et al., Bayesian Analysis 16, 667 (2021), eqs. 1 to 4.
    """
    split = _split(chains)
    folded = np.abs(split - np.median(split, axis=(0, 1)))
    return np.maximum(_split_r_hat(_normal_scores(split)), _split_r_hat(_normal_scores(folded)))


def effective_sample_size(chains: Array) -> Array:
    """The number of independent draws that the chains are worth for their centre.

    The autocorrelation time is tau = chains * draws / effective sample size, the relative error of a mean sqrt(tau / N). From
    the autocorrelations rho_t of the rank-normalised half chains, with the variance between them, summed in pairs as long
    as the pairs are positive and falling: tau = 1 + 2 sum_t rho_t.

    Arguments:
        chains: (chains, draws, parameters), at least 8 draws.

    Returns:
        (parameters,); NaN for a parameter that does not move.

    Example:
        >>> bool(1900 < effective_sample_size(np.random.default_rng(0).normal(size=(4, 500, 1)))[0] < 2400)
        True

    Source: A. Vehtari et al., Bayesian Analysis 16, 667 (2021), eqs. 10 to 14; C. J. Geyer, Statist. Sci. 7, 473 (1992).
    """
    scores = _normal_scores(_split(chains))
    return np.array([_effective(scores[:, :, index]) for index in range(scores.shape[2])])


def tail_effective_sample_size(chains: Array) -> Array:
    """The number of independent draws that the chains are worth for their tails: the smaller one of that for being below the
    5 % and that for being below the 95 % quantile.

    Arguments and result are those of `effective_sample_size`.

    Source: A. Vehtari et al., Bayesian Analysis 16, 667 (2021), section 4.3.
    """
    split = _split(chains)
    worths = [
        [_effective((split[:, :, index] <= limit).astype(float)) for index, limit in enumerate(limits)]
        for limits in np.quantile(split, [0.05, 0.95], axis=(0, 1))
    ]
    return np.min(worths, axis=0)


def _split(chains: Array) -> Array:
    """Each chain as two, its halves: (2 chains, draws // 2, parameters)."""
    values = np.asarray(chains, dtype=float)
    half = values.shape[1] // 2 if values.ndim == 3 else 0
    if half < LEAST_DRAWS:
        raise UsageError(
            f"chains must have the shape (chains, draws, parameters) with at least {2 * LEAST_DRAWS} draws, "
            f"got {values.shape}"
        )
    return np.concatenate([values[:, :half], values[:, -half:]])


def _normal_scores(values: Array) -> Array:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(values.reshape(-1, values.shape[2]), axis=0)
    return ndtri((ranks - 0.375) / (len(ranks) + 0.25)).reshape(values.shape)


def _split_r_hat(scores: Array) -> Array:
    draws = scores.shape[1]
    within = scores.var(axis=1, ddof=1).mean(axis=0)
    between = scores.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(within > 0, np.sqrt((draws - 1) / draws + between / within), np.nan)


def _effective(scores: Array) -> float:
    """Of one parameter (chains, draws)."""
    chains, draws = scores.shape
    covariance = _autocovariance(scores)
    within = covariance[:, 0].mean() * draws / (draws - 1)
    if not within > 0:
        return math.nan
    variance = within * (draws - 1) / draws + scores.mean(axis=1).var(ddof=1)
    rho = 1.0 - (within - covariance.mean(axis=0) * draws / (draws - 1)) / variance
    rho[0] = 1.0
    pairs = rho[: draws // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    count = int(negative[0]) if negative.size else len(pairs)
    tau = 2.0 * np.minimum.accumulate(pairs[:count]).sum() - 1.0
    total = chains * draws
    # Antithetic chains may be worth more than their length, but not by more than this can be estimated.
    return total / max(tau, 1.0 / math.log10(total))


def _autocovariance(scores: Array) -> Array:
    """(chains, draws), divided by the number of draws, by Fourier transformation."""
    draws = scores.shape[1]
    centred = scores - scores.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, n=2 * draws, axis=1)
    return np.fft.irfft(np.abs(spectrum) ** 2, n=2 * draws, axis=1)[:, :draws] / draws
