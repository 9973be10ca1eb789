"""The bias that takes dynamics to where the belief is unsure, as a function of the variance of the energy."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from assay.errors import UsageError

__all__ = ["AbstractBias", "BoundedBias", "DeviationBias"]


class AbstractBias(ABC):
    """A bias energy b(v) of the variance v of the energy; dynamics runs on E - tau b."""

    @abstractmethod
    def value_slope(self, variance_eV2: float, atom_count: int) -> tuple[float, float]:
        """b in eV, and db/dv in 1/eV; both finite at v = 0.

        Arguments:
            variance_eV2: v, not negative.
            atom_count: of the structure.
        """


@final
@dataclass(frozen=True)
class DeviationBias(AbstractBias):
    """The standard deviation, smooth where it vanishes: b = sqrt(v + ε²).

    Use it as a rule: with an adaptive tau, what the bias adds to the forces is a fraction of them.

    Arguments:
        smoothing_eV: ε.

    Example:
        >>> DeviationBias(smoothing_eV=0.3).value_slope(0.16, 8)
        (0.5, 1.0)

    Source: C. van der Oord, M. Sachs, D. Kovács, C. Ortner and G. Csányi, npj Comput. Mater. 9, 168 (2023).
    """

    smoothing_eV: float = 1e-3

    def __post_init__(self) -> None:
        if not self.smoothing_eV > 0.0:
            raise UsageError(f"the smoothing of a bias must be positive, got {self.smoothing_eV}")

    def value_slope(self, variance_eV2: float, atom_count: int) -> tuple[float, float]:  # noqa: ARG002
        value = math.sqrt(variance_eV2 + self.smoothing_eV**2)
        return value, 0.5 / value


@final
@dataclass(frozen=True)
class BoundedBias(AbstractBias):
    """A bias that cannot exceed a height: b = A (1 - exp(-v / (N w²))), with N atoms.

    Use it with tau = 1 where a belief may be unsure without limit: the energy is lowered by A at most, and the force of the
    bias vanishes there.

    Arguments:
        height_eV: A.
        width_eV: w, the deviation of the energy by the root of the number of atoms at which the bias bends.

    Example:
        >>> value, slope = BoundedBias(2.0, 0.1).value_slope(1e6, 8)
        >>> value, slope
        (2.0, 0.0)

    Source: M. Kulichenko et al., "Uncertainty-driven dynamics for active learning", Nat. Comput. Sci. 3, 230 (2023).
    """

    height_eV: float
    width_eV: float

    def __post_init__(self) -> None:
        if not (self.height_eV > 0.0 and self.width_eV > 0.0):
            raise UsageError(
                f"height and width of a bounded bias must be positive, got {self.height_eV} and {self.width_eV}"
            )

    def value_slope(self, variance_eV2: float, atom_count: int) -> tuple[float, float]:
        scale = atom_count * self.width_eV**2
        decay = math.exp(-variance_eV2 / scale)
        return -self.height_eV * math.expm1(-variance_eV2 / scale), self.height_eV * decay / scale
