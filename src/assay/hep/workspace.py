"""A workspace of HistFactory as pyhf writes it in JSON: read, checked, patched, written.

The names of keys are those of the format, since the data must pass through unchanged.

Source: pyhf's JSON schema 1.0.0; K. Cranmer et al., "HistFactory", CERN-OPEN-2012-016 (2012).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from assay.errors import ConfigurationError, UsageError
from assay.hep.plain_json import applied, broken_rule, read_json, shortened

__all__ = [
    "Binned",
    "Channel",
    "Free",
    "Histosys",
    "Lumi",
    "Measurement",
    "Modifier",
    "Normsys",
    "ParameterSettings",
    "Sample",
    "Workspace",
]


def _finite(value: Any) -> float:
    try:
        if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:  # of a whole number beyond all floats
        pass
    raise ValueError("must be a finite number")


Number = Annotated[float, BeforeValidator(_finite)]
Numbers = Annotated[list[Number], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Variations(_Part):
    hi_data: Numbers
    lo_data: Numbers


class _Factors(_Part):
    hi: Number
    lo: Number


class Histosys(_Part):
    """A correlated variation of the yields."""

    name: str
    type: Literal["histosys"]
    data: _Variations


class Normsys(_Part):
    """An uncertain scale."""

    name: str
    type: Literal["normsys"]
    data: _Factors


class Binned(_Part):
    """An uncertainty per bin: independent (shapesys), or statistical and shared by samples (staterror)."""

    name: str
    type: Literal["shapesys", "staterror"]
    data: Numbers


class Free(_Part):
    """A free factor, of the sample (normfactor) or of each bin (shapefactor)."""

    name: str
    type: Literal["normfactor", "shapefactor"]
    data: None = None


class Lumi(_Part):
    """The luminosity, whose uncertainty the measurement sets."""

    name: Literal["lumi"]
    type: Literal["lumi"]
    data: None = None


Modifier = Annotated[Histosys | Normsys | Binned | Free | Lumi, Field(discriminator="type")]


class Sample(_Part):
    """One physics process in one channel: its yield per bin and what may change it."""

    name: str
    data: Numbers
    modifiers: list[Modifier]


class Channel(_Part):
    """One binned distribution and the samples that are summed in it."""

    name: str
    samples: Annotated[list[Sample], Field(min_length=1)]


class Observation(_Part):
    """The observed counts of a channel."""

    name: str
    data: Numbers


class ParameterSettings(_Part):
    """What a measurement sets for one parameter."""

    name: str
    inits: Numbers | None = None
    bounds: Annotated[list[tuple[Number, Number]], Field(min_length=1)] | None = None
    auxdata: Numbers | None = None
    factors: Numbers | None = None
    sigmas: Numbers | None = None
    fixed: StrictBool | None = None


class MeasurementConfig(_Part):
    """The parameter of interest and the settings of parameters."""

    poi: str
    parameters: list[ParameterSettings]


class Measurement(_Part):
    """One question to a workspace."""

    name: str
    config: MeasurementConfig


class Workspace(_Part):
    """Channels, observations and measurements; checked when it is made.

    Use it to read what ATLAS, CMS and others publish, and `model` to turn it into a differentiable likelihood.

    Example:
        >>> from assay.hep.simple import uncorrelated_background
        >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51.0, 48.0])
        >>> workspace.channels[0].samples[0].name
        'signal'
        >>> Workspace.from_data(workspace.to_data()) == workspace
        True
    """

    channels: Annotated[list[Channel], Field(min_length=1)]
    observations: Annotated[list[Observation], Field(min_length=1)]
    measurements: Annotated[list[Measurement], Field(min_length=1)]
    version: Literal["1.0.0"]

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Workspace:
        """The workspace of plain data.

        Raises:
            ConfigurationError: with the names of channel, sample and modifier, the rule, and what was got.
        """
        try:
            workspace = cls.model_validate(data)
        except ValidationError as error:
            raise ConfigurationError(broken_rule("workspace", data, error)) from None
        _check_consistency(workspace)
        return workspace

    @classmethod
    def read(cls, path: str | Path) -> Workspace:
        """The workspace in a JSON file.

        Raises:
            ConfigurationError: when the file is not JSON or not a workspace.
        """
        data = read_json(path, "a workspace")
        try:
            return cls.from_data(data)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None

    def to_data(self) -> dict[str, Any]:
        """Plain data that `from_data` reads back, ready for JSON."""
        return json.loads(self.model_dump_json(exclude_none=True, round_trip=True)) | {
            "channels": [_channel_data(channel) for channel in self.channels]
        }

    def write(self, path: str | Path) -> None:
        """Write the JSON file that `read` and pyhf read."""
        Path(path).write_text(json.dumps(self.to_data(), indent=2) + "\n", encoding="utf-8")

    def patched(self, operations: Sequence[Mapping[str, Any]]) -> Workspace:
        """A new workspace with a JSON patch applied.

        Arguments:
            operations: as in RFC 6902, such as one entry of a patch set.

        Raises:
            UsageError: naming the operation whose path does not exist or whose test fails.
            ConfigurationError: when the result is no workspace.
            MissingExtraError: when jsonpatch is not installed.
        """
        return Workspace.from_data(applied(self.to_data(), operations))

    def measurement(self, name: str | None = None) -> Measurement:
        """The measurement of that name; the first one where none is named.

        Raises:
            UsageError: when there is none of that name; it lists those there are.
        """
        for measurement in self.measurements:
            if name is None or measurement.name == name:
                return measurement
        names = ", ".join(repr(measurement.name) for measurement in self.measurements)
        raise UsageError(f"the workspace has no measurement {name!r}; it has {names}")


def _channel_data(channel: Channel) -> dict[str, Any]:
    """A channel as plain data; `data: null` of free modifiers is part of the format and is kept."""
    return json.loads(channel.model_dump_json())


def _check_consistency(workspace: Workspace) -> None:
    """What the schema cannot say: unique names, equal lengths, known channels."""
    _check_unique("channel", [channel.name for channel in workspace.channels], "the workspace")
    _check_unique(
        "measurement", [measurement.name for measurement in workspace.measurements], "the workspace"
    )
    observed = {observation.name: observation.data for observation in workspace.observations}
    for channel in workspace.channels:
        whose = f"channel {channel.name!r}"
        _check_unique("sample", [sample.name for sample in channel.samples], whose)
        if channel.name not in observed:
            raise ConfigurationError(
                f"workspace: {whose} must have an observation of its name, got only those of {shortened(sorted(observed))}"
            )
        _check_counts(whose, observed[channel.name], channel)
        for sample in channel.samples:
            _check_sample(whose, sample, len(observed[channel.name]))
    unknown = sorted(set(observed) - {channel.name for channel in workspace.channels})
    if unknown:
        raise ConfigurationError(f"workspace: an observation must be that of a channel, got {unknown[0]!r}")


def _check_counts(whose: str, counts: Sequence[float], channel: Channel) -> None:
    bins = {len(sample.data) for sample in channel.samples}
    if len(bins) == 1 and len(counts) not in bins:  # else it is a sample that is wrong
        raise ConfigurationError(
            f"workspace: the observation of {whose} must have {bins.pop()} bins, as its samples have, got {len(counts)}"
        )
    if min(counts) < 0:
        raise ConfigurationError(
            f"workspace: the observation of {whose} must hold counts of at least 0, got {min(counts):g}"
        )


def _check_sample(whose: str, sample: Sample, bins: int) -> None:
    whose = f"sample {sample.name!r} of {whose}"
    if len(sample.data) != bins:
        raise ConfigurationError(
            f"workspace: {whose} must have {bins} bins, as its observation has, got {len(sample.data)}"
        )
    _check_unique("modifier", [f"{modifier.type} {modifier.name}" for modifier in sample.modifiers], whose)
    for modifier in sample.modifiers:
        what = f"{modifier.type} {modifier.name!r} of {whose}"
        lists = []
        if isinstance(modifier, Histosys):
            lists = [modifier.data.hi_data, modifier.data.lo_data]
        elif isinstance(modifier, Binned):
            lists = [modifier.data]
            if min(modifier.data) < 0:
                raise ConfigurationError(
                    f"workspace: {what} must hold uncertainties of at least 0, got {min(modifier.data)}"
                )
        elif isinstance(modifier, Normsys) and min(modifier.data.hi, modifier.data.lo) <= 0:
            raise ConfigurationError(
                f"workspace: {what} must have positive factors hi and lo, since their logarithms are interpolated, "
                f"got {modifier.data.hi} and {modifier.data.lo}"
            )
        for values in lists:
            if len(values) != bins:
                raise ConfigurationError(
                    f"workspace: {what} must have {bins} bins, as its sample has, got {len(values)}"
                )


def _check_unique(what: str, names: Sequence[str], whose: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(
                f"workspace: each {what} of {whose} must have its own name, got {name!r} twice"
            )
