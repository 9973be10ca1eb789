"""Workspaces in a line, for those who have no JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.hep.workspace import Workspace

__all__ = ["correlated_background", "uncorrelated_background", "workspace"]


def workspace(
    channels: Mapping[str, Mapping[str, Any]],
    observed: Mapping[str, Sequence[float]],
    *,
    interest: str = "mu",
    parameters: Sequence[Mapping[str, Any]] = (),
) -> Workspace:
    """A workspace from nested mappings.

    Arguments:
        channels: by name, samples by name, each a pair (yields, modifiers); a modifier is (type, name) or
            (type, name, data), with data as in the JSON format.
        observed: counts by channel.
        interest: the parameter of interest.
        parameters: settings, as in the JSON format.

    Raises:
        ConfigurationError: as for a workspace that is read.

    Example:
        >>> made = workspace(
        ...     {"SR": {
        ...         "signal": ([5.0], [("normfactor", "mu")]),
        ...         "background": ([50.0], [("normsys", "scale", {"hi": 1.1, "lo": 0.9})]),
        ...     }},
        ...     {"SR": [55.0]},
        ... )
        >>> [sample.name for sample in made.channels[0].samples]
        ['signal', 'background']
    """
    return Workspace.from_data(
        {
            "channels": [
                {"name": channel, "samples": [_sample(name, *given) for name, given in samples.items()]}
                for channel, samples in channels.items()
            ],
            "observations": [{"name": channel, "data": list(counts)} for channel, counts in observed.items()],
            "measurements": [
                {"name": "measurement", "config": {"poi": interest, "parameters": list(parameters)}}
            ],
            "version": "1.0.0",
        }
    )


def uncorrelated_background(
    signal: Sequence[float],
    background: Sequence[float],
    uncertainty: Sequence[float],
    observed: Sequence[float],
) -> Workspace:
    """One channel, a background that is uncertain in each bin by itself (Poisson constraints)."""
    samples = {
        "background": (background, [("shapesys", "uncorr_bkguncrt", list(uncertainty))]),
        "signal": (signal, [("normfactor", "mu")]),
    }
    return workspace(
        {"singlechannel": {name: samples[name] for name in ("signal", "background")}},
        {"singlechannel": observed},
    )


def correlated_background(
    signal: Sequence[float],
    background: Sequence[float],
    high: Sequence[float],
    low: Sequence[float],
    observed: Sequence[float],
) -> Workspace:
    """One channel, a background whose bins move together (one variation of its shape)."""
    variation = {"hi_data": list(high), "lo_data": list(low)}
    return workspace(
        {
            "singlechannel": {
                "signal": (signal, [("normfactor", "mu")]),
                "background": (background, [("histosys", "correlated_bkg_uncertainty", variation)]),
            }
        },
        {"singlechannel": observed},
    )


def _sample(name: str, yields: Sequence[float], modifiers: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "name": name,
        "data": list(yields),
        "modifiers": [
            {"type": kind, "name": modifier, "data": data[0] if data else None}
            for kind, modifier, *data in modifiers
        ],
    }
