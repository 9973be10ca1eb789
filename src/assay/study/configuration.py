"""The configuration of a study: its own keys here, the driver's beside the driver."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.errors import ConfigurationError

__all__ = ["StudyConfiguration"]


class StudyConfiguration(BaseModel):
    """What the study itself obeys; every key can be changed while it runs.

    Infinity stands for "no limit".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_iter: float = Field(default=math.inf, ge=0, description="evaluations after which the study is done")
    max_time: float = Field(default=math.inf, ge=0, description="seconds of running, counted from `run`")
    num_parallel: int = Field(default=1, ge=1, description="suggestions that may be open at once")
    timeout_seconds: float = Field(
        default=math.inf, gt=0, description="seconds after which an evaluation is a failure"
    )
    retries: int = Field(default=0, ge=0, description="further attempts at an evaluation that failed")
    crash_retries: int = Field(
        default=1, ge=0, description="further attempts after a crash, before it counts as a failure"
    )
    infrastructure_retries: int = Field(
        default=20, ge=0, description="further attempts after a lost worker or a cancelled job"
    )
    max_failures_in_a_row: float = Field(default=10, ge=1, description="failures in a row that end the run")

    @staticmethod
    def of(data: Mapping[str, Any]) -> StudyConfiguration:
        """Validate.

        Raises:
            ConfigurationError: one sentence with key, rule and what was got.
        """
        try:
            return StudyConfiguration.model_validate(dict(data))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(map(str, first["loc"]))
            raise ConfigurationError(
                f"the study's key {path!r}: {first['msg'].lower()}, got {first['input']!r}"
            ) from None
