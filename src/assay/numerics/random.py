"""Randomness that a replay finds again: a generator for (study seed, suggestion number, purpose)."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["generator"]


def generator(seed: int, number: int, purpose: str) -> np.random.Generator:
    """A generator that depends on nothing but its arguments.

    Arguments:
        seed: the study's seed, not negative.
        number: the suggestion's number, not negative.
        purpose: what the randomness is for; two purposes never share a stream.

    Example:
        >>> bool(generator(1, 2, "starts").random() == generator(1, 2, "starts").random())
        True
    """
    return np.random.default_rng([seed, number, zlib.crc32(purpose.encode())])
