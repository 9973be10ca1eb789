"""What drivers that keep no model have in common: how they are built, described and told apart from a wrong observation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.drivers.abstract import AbstractDriver, Pacing
from assay.drivers.configuration import refusal
from assay.drivers.describing import describe
from assay.drivers.locating import at_key
from assay.drivers.observed import OUTPUTS
from assay.drivers.training import check_measurements
from assay.records import Measurement, ParameterValue
from assay.space.space import Space

__all__ = [
    "AbstractModelFreeDriver",
    "AbstractScalarDriver",
    "ModelFreeConfiguration",
    "check_start_points",
]


class ModelFreeConfiguration(BaseModel):
    """The keys that all of these drivers have."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    min_val: float = Field(
        default=-math.inf, ge=-math.inf, description="stop when a value this low was observed"
    )


Settings = TypeVar("Settings", bound=ModelFreeConfiguration)


class AbstractModelFreeDriver(AbstractDriver, Generic[Settings]):
    """A driver that is its validated configuration and nothing else.

    Each declares the field `settings`, and `kind`, the class of it.
    """

    kind: ClassVar[type[ModelFreeConfiguration]]
    pace: ClassVar[Pacing] = Pacing()
    settings: Settings

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The driver of a configuration.

        Raises:
            ConfigurationError: one sentence with the key, the rule, and what was got.
        """
        try:
            return cls(cls.kind.model_validate(dict(data)))  # pyright: ignore[reportCallIssue] (each is a dataclass)
        except ValidationError as error:
            raise refusal(error) from None

    def configuration(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def describe(self) -> dict[str, Any]:
        return describe("driver", self.settings)

    @property
    def pacing(self) -> Pacing:
        return self.pace


class AbstractScalarDriver(AbstractModelFreeDriver[Settings]):
    """One of them that minimises a single number."""

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        check_measurements(space, measurements, OUTPUTS)


def check_start_points(space: Space, points: Sequence[Mapping[str, ParameterValue]]) -> None:
    """Refuse points of the key `start_points` that are none of the space.

    Raises:
        ConfigurationError: with the path of the point, the rule, and what was got.
    """
    for index, point in enumerate(points):
        with at_key(f"start_points.{index}"):
            space.validate_design(point)
