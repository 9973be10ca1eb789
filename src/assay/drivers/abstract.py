"""What a driver is: a function from the history of a study to the next suggestion.

It takes values and never the study; whatever it must remember is plain data in `Proposal.state`, which the
study writes into the journal and hands back. So a replay makes the same suggestions, bit for bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.records import Measurement, ParameterValue, Trial
from assay.space.space import Space

__all__ = ["AbstractDriver", "History", "Pacing", "Proposal", "Request"]


@dataclass(frozen=True)
class History:
    """What a driver may see: the trials of the prefix, by number, and the state of the last suggestion.

    `claimed` are the numbers that other processes are computing right now: their points are not known yet.
    """

    space: Space
    trials: tuple[Trial, ...]
    seed: int
    state: Mapping[str, Any] | None = None
    claimed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked: suggestion `number`, for this environment, with this much effort (1 is the usual)."""

    number: int
    environment: Mapping[str, float] = field(default_factory=dict)
    effort: float = 1.0


@dataclass(frozen=True)
class Proposal:
    """The answer: the point, the state that the next suggestion starts from, what a person wants to see."""

    values: Mapping[str, ParameterValue]
    state: Mapping[str, Any] | None
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pacing:
    """What a driver can do with the time that an evaluation takes.

    `in_advance`: its suggestions allow for open evaluations, so that the next may be made while one runs.
    `adapts_effort`: its search goes further where the request asks for it.
    `alone`: a suggestion depends on its number and the environment only, so that many may be made at once.
    """

    in_advance: bool = False
    adapts_effort: bool = False
    alone: bool = False


class AbstractDriver(ABC):
    """A recipe: it holds its configuration, never data."""

    @abstractmethod
    def configuration(self) -> dict[str, Any]:
        """The whole configuration as plain data; giving it back builds the same driver."""

    @abstractmethod
    def check_space(self, space: Space) -> None:
        """Refuse, with a UsageError, a space that the configuration does not fit: names of parameters in
        expressions, distributions and starting points. Called before a configuration is stored."""

    @abstractmethod
    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        """Refuse, with a UsageError, measurements that the driver could not learn from: an unknown
        `model_name` or derivative, a wrong number of outputs, no value where one is needed. Called before
        anything is stored."""

    @abstractmethod
    def suggest(self, history: History, request: Request) -> Proposal:
        """The next point."""

    @property
    @abstractmethod
    def pacing(self) -> Pacing:
        """What it can do with the time that an evaluation takes."""

    @abstractmethod
    def best(self, history: History) -> Mapping[str, Any] | None:
        """The best point so far: keys `number`, `values`, `objective` (observed), and where the driver has a
        model `mean` and `std` of the objective there; None before the first success. For noisy data the best
        is by the posterior mean."""

    @abstractmethod
    def stop_reason(self, history: History) -> str | None:
        """The sentence for the stopping rule that is met, or None."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """A nested description {name, text, members}, generated from the schema."""
