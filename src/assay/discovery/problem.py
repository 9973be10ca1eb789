"""What an engine is given: a target to be explained by features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.space.syntax import Node

__all__ = ["Back", "Feature", "Problem"]

Array = np.ndarray
Back = Callable[[Node], Node]


@final
@dataclass(frozen=True)
class Feature:
    """Something that a law may hold: an equation in the columns, and its values (n,).

    Rational forms leave out a complement, since 1 - x is no more to them than x.
    """

    node: Node
    values: Array
    is_complement: bool = False


@final
@dataclass(frozen=True)
class Problem:
    """A target to be explained by features.

    Arguments:
        features: what may be in the law.
        target: (n,).
        back: from an equation for the target to one for the response.
        weights: (n,), of the target.
    """

    features: tuple[Feature, ...]
    target: Array
    back: Back
    weights: Array
