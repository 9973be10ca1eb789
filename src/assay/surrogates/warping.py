"""Output warping: an increasing map of the standardised output, with parameters fitted beside the hyperparameters,
after which the data look more like a draw of a Gaussian process.

Quantiles pass through an increasing map exactly; means and variances are integrated by Gauss-Hermite quadrature.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError

__all__ = ["AbstractWarping", "IdentityWarping", "LogWarping", "SinhWarping", "warping"]

Array = np.ndarray


class AbstractWarping(ABC):
    """T(u; parameters) for one output; u is standardised."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that a state uses."""

    @property
    @abstractmethod
    def parameter_count(self) -> int:
        """The number of parameters."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """The range of each parameter."""

    @property
    @abstractmethod
    def needs_positive(self) -> bool:
        """Whether it is of positive values only, which are then scaled but not centred."""

    @abstractmethod
    def start(self, standardised: Array) -> Array:
        """Where a fit without history begins: (parameters,)."""

    @abstractmethod
    def forward(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:
        """T and log T' at each value: (values,) twice."""

    @abstractmethod
    def forward_gradient(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:
        """The derivatives of T and of log T' by the parameters: (parameters, values) twice."""

    @abstractmethod
    def inverse(self, warped: Any, parameters: Array, xp: Any = np) -> tuple[Any, Any]:
        """T⁻¹ and its derivative: the shape of `warped`, twice; `xp` is the array namespace."""

    @abstractmethod
    def log_prior(self, parameters: Array) -> tuple[float, Array]:
        """The log density of the parameters and its gradient."""


@final
@dataclass(frozen=True)
class IdentityWarping(AbstractWarping):
    """T(u) = u."""

    @property
    def name(self) -> str:
        return "identity"

    @property
    def parameter_count(self) -> int:
        return 0

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        return ()

    @property
    def needs_positive(self) -> bool:
        return False

    def start(self, standardised: Array) -> Array:  # noqa: ARG002
        return np.empty(0)

    def forward(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:  # noqa: ARG002
        return standardised, np.zeros_like(standardised)

    def forward_gradient(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:  # noqa: ARG002
        return np.empty((0, *standardised.shape)), np.empty((0, *standardised.shape))

    def inverse(self, warped: Any, parameters: Array, xp: Any = np) -> tuple[Any, Any]:  # noqa: ARG002
        return warped, xp.ones_like(warped)

    def log_prior(self, parameters: Array) -> tuple[float, Array]:
        return 0.0, np.zeros_like(parameters)


@final
@dataclass(frozen=True)
class SinhWarping(AbstractWarping):
    """T(u) = arsinh((u - a)/b), with parameters (a, log b): a line within b of a, a logarithm on both sides beyond.

    Use it for outputs that span decades, such as sums of squares. As b grows it tends to a line, which after
    standardising is the identity.

    Arguments:
        location_scale: the standard deviation of the prior of a, about -1: losses crowd near their minimum.
        log_width_location, log_width_scale: of the Gaussian prior of log b.
    """

    location_scale: float = 1.0
    log_width_location: float = 0.0
    log_width_scale: float = 2.0

    @property
    def name(self) -> str:
        return "sinh"

    @property
    def parameter_count(self) -> int:
        return 2

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        return ((-4.0, 4.0), (-9.0, 4.0))

    @property
    def needs_positive(self) -> bool:
        return False

    def start(self, standardised: Array) -> Array:
        return np.array([float(standardised.min()), 0.0])

    def forward(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:
        v = (standardised - parameters[0]) * np.exp(-parameters[1])
        return np.arcsinh(v), -0.5 * np.log1p(v * v) - parameters[1]

    def forward_gradient(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:
        inverse_width = np.exp(-parameters[1])
        v = (standardised - parameters[0]) * inverse_width
        square = 1.0 + v * v
        root = np.sqrt(square)
        return (
            np.stack([-inverse_width / root, -v / root]),
            np.stack([v * inverse_width / square, v * v / square - 1.0]),
        )

    def inverse(self, warped: Any, parameters: Array, xp: Any = np) -> tuple[Any, Any]:
        # Beyond ±300 a double overflows on the way back; no belief about real data reaches it.
        w, width = xp.clip(warped, -300.0, 300.0), xp.exp(parameters[1])
        return parameters[0] + width * xp.sinh(w), width * xp.cosh(w)

    def log_prior(self, parameters: Array) -> tuple[float, Array]:
        a = (parameters[0] + 1.0) / self.location_scale
        b = (parameters[1] - self.log_width_location) / self.log_width_scale
        gradient = np.array([-a / self.location_scale, -b / self.log_width_scale])
        return -0.5 * float(a * a + b * b), gradient


@final
@dataclass(frozen=True)
class LogWarping(AbstractWarping):
    """T(u) = log(u + e^c), with the parameter c: a logarithm above the floor e^c, a line below it.

    Use it for positive outputs that span decades and have no known least value but zero, such as rates and widths.
    Quantiles never fall below minus the floor.

    Arguments:
        log_floor_location, log_floor_scale: of the Gaussian prior of c, in units of the values' root mean square.
    """

    log_floor_location: float = -8.0
    log_floor_scale: float = 4.0

    @property
    def name(self) -> str:
        return "log"

    @property
    def parameter_count(self) -> int:
        return 1

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        return ((-30.0, 3.0),)

    @property
    def needs_positive(self) -> bool:
        return True

    def start(self, standardised: Array) -> Array:
        return np.array([np.log(np.maximum(standardised.min(), 1e-12))])

    def forward(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:
        # Later data may lie below the floor; a number so far down keeps them finite.
        warped = np.log(np.maximum(standardised + np.exp(parameters[0]), 1e-300))
        return warped, -warped

    def forward_gradient(self, standardised: Array, parameters: Array) -> tuple[Array, Array]:
        floor = np.exp(parameters[0])
        slope = floor / np.maximum(standardised + floor, 1e-300)
        return slope[None], -slope[None]

    def inverse(self, warped: Any, parameters: Array, xp: Any = np) -> tuple[Any, Any]:
        above = xp.exp(xp.clip(warped, -300.0, 300.0))
        return above - xp.exp(parameters[0]), above

    def log_prior(self, parameters: Array) -> tuple[float, Array]:
        z = (parameters - self.log_floor_location) / self.log_floor_scale
        return -0.5 * float(z @ z), -z / self.log_floor_scale


_WARPINGS: dict[str, AbstractWarping] = {
    "identity": IdentityWarping(),
    "log": LogWarping(),
    "sinh": SinhWarping(),
    "auto": SinhWarping(),
}


def warping(name: str) -> AbstractWarping:
    """The warping of that name.

    Raises:
        UsageError: when there is none.

    Example:
        >>> warping("identity").parameter_count
        0
    """
    if name not in _WARPINGS:
        raise UsageError(
            f"the warping of a Gaussian process must be one of {sorted(_WARPINGS)}, got {name!r}"
        )
    return _WARPINGS[name]
