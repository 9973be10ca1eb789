"""How strong the bias is: tau, so that its forces are a given fraction of the unbiased ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError

__all__ = ["TauControl", "TauState"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class TauState:
    """What the control remembers.

    Arguments:
        force, bias_force: running means of the mean norm of an atom's force, in eV/A, of the mean potential and of b.
        updates: how many structures they hold.
    """

    force: float = 0.0
    bias_force: float = 0.0
    updates: int = 0


@final
@dataclass(frozen=True)
class TauControl:
    """Adaptive strength of a bias, tau = r <|F|> / <|∇b|>.

    The means run over atoms and, with the weight 1/history of the newest, over steps; F are the **unbiased** forces, or the bias
    would feed on itself. The means are plain ones until there are `history` structures.

    Arguments:
        relative: r, the fraction of the forces that the bias adds; not negative.
        history: the steps that the means remember, at least 1.
        burn_in: the updates during which tau is 0.
        largest: the cap: right after a look the bias has hardly any force, and tau would explode.

    Example:
        >>> control = TauControl(relative=0.5, history=10, burn_in=0)
        >>> state = control.updated(TauState(), np.full((4, 3), 2.0), np.full((4, 3), -0.1))
        >>> round(control.tau(state), 6)
        10.0

    Source: C. van der Oord et al., npj Comput. Mater. 9, 168 (2023).
    """

    relative: float
    history: int = 20
    burn_in: int = 20
    largest: float = 100.0

    def __post_init__(self) -> None:
        if not self.relative >= 0.0:
            raise UsageError(f"the relative strength of a bias must not be negative, got {self.relative}")
        if self.history < 1 or self.burn_in < 0:
            raise UsageError(
                f"a control of tau needs a history of at least 1 and a burn-in of at least 0, "
                f"got {self.history} and {self.burn_in}"
            )
        if not self.largest > 0.0:
            raise UsageError(f"the largest tau must be positive, got {self.largest}")

    def updated(self, state: TauState, forces: Array, bias_forces: Array) -> TauState:
        """The memory after one more structure.

        Arguments:
            state: the memory before.
            forces: (atoms, 3), of the unbiased mean potential.
            bias_forces: (atoms, 3), of b, not multiplied by tau.
        """
        mixing = 1.0 / min(state.updates + 1, self.history)
        force, bias_force = (float(np.linalg.norm(of, axis=1).mean()) for of in (forces, bias_forces))
        return TauState(
            state.force + mixing * (force - state.force),
            state.bias_force + mixing * (bias_force - state.bias_force),
            state.updates + 1,
        )

    def tau(self, state: TauState) -> float:
        """tau for the next step."""
        if state.updates <= self.burn_in or self.relative == 0.0:
            return 0.0
        wanted = self.relative * state.force
        return self.largest if wanted >= self.largest * state.bias_force else wanted / state.bias_force
