"""The samplers by name, as plain data or as objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from assay.drivers.configuration import refusal
from assay.drivers.samplers_abstract import AbstractSampler
from assay.drivers.samplers_discrepancy_variance import DiscrepancyVariance
from assay.drivers.samplers_space_filling import SpaceFilling
from assay.surrogates.configuration import Entry

__all__ = ["SamplerEntry", "sampler_of"]


def _table(given: Any) -> Any:
    """A name alone as a table, and a table without a name as one of the default sampler."""
    if isinstance(given, str):
        return {"type": given}
    return {"type": "DiscrepancyVariance", **given} if isinstance(given, Mapping) else given


SamplerEntry = Annotated[
    Annotated[DiscrepancyVariance | SpaceFilling, Field(discriminator="type")], BeforeValidator(_table)
]


class _Choice(Entry):
    sampler: SamplerEntry


def sampler_of(given: AbstractSampler | str | Mapping[str, Any]) -> AbstractSampler:
    """A sampler from itself, its name, or its configuration as plain data.

    Raises:
        ConfigurationError: one sentence with the key, the rule, and what was got.

    Example:
        >>> sampler_of("Sobol").configuration()
        {'type': 'Sobol'}
    """
    if isinstance(given, AbstractSampler):
        return given
    try:
        return _Choice.model_validate({"sampler": given}).sampler
    except ValidationError as error:
        raise refusal(error) from None
