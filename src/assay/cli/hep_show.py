"""What a workspace holds, in the names that the other commands of `assay hep` take; no model is built, nothing compiled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from assay.cli.hep_tables import column

__all__ = ["shown_lines", "workspace_data"]

Rows = Sequence[Sequence[str]]


def workspace_data(workspace: Any, measurement: str | None, patches: Any) -> dict[str, Any]:
    """The measurements, channels, parameters and signal points as plain data.

    Arguments:
        workspace: a `Workspace`.
        measurement: whose settings the parameters have; None for the first one.
        patches: a `PatchSet`; None where there is none.

    Raises:
        ConfigurationError: naming channel, sample, modifier or parameter, where no model could be built.
        UsageError: when there is no measurement of that name.
    """
    from assay.hep.parameters import parameter_sets

    chosen = workspace.measurement(measurement)
    observed = {observation.name: observation.data for observation in workspace.observations}
    channels = sorted(workspace.channels, key=lambda channel: channel.name)
    sets = parameter_sets(channels, chosen.config.parameters)
    return {
        "measurements": [
            {
                "name": one.name,
                "interest": one.config.poi,
                "sets": [some.name for some in one.config.parameters],
            }
            for one in workspace.measurements
        ],
        "channels": [
            {
                "name": channel.name,
                "bins": len(observed[channel.name]),
                "observed": sum(observed[channel.name]),
                "samples": {sample.name: sum(sample.data) for sample in channel.samples},
            }
            for channel in channels
        ],
        "parameters": [
            {
                "name": one.name,
                "types": list(one.types),
                "size": one.size,
                "constraint": one.constraint,
                "start": one.inits[0],
                "bounds": list(one.bounds[0]),
                "fixed": all(one.fixed),
            }
            for one in sets
        ],
        "signal_points": []
        if patches is None
        else [
            {"name": name, "values": dict(zip(patches.labels, values, strict=True))}
            for name, values in zip(patches.names, patches.values, strict=True)
        ],
    }


def shown_lines(data: dict[str, Any]) -> Iterator[str]:
    """The same as tables, with an empty line between them."""
    measurements = [
        (one["name"], one["interest"], ", ".join(one["sets"]) or "-") for one in data["measurements"]
    ]
    yield from _table(("measurement", "of interest", "sets"), measurements)
    channels = [
        (
            one["name"], str(one["bins"]), f"{one['observed']:.6g}",
            ", ".join(f"{name} {events:.5g}" for name, events in one["samples"].items()),
        )
        for one in data["channels"]
    ]  # fmt: skip
    yield ""
    yield from _table(("channel", "bins", "observed", "samples and their events"), channels)
    parameters = [
        (
            one["name"], str(one["size"]), "+".join(one["types"]), one["constraint"], f"{one['start']:g}",
            "fixed" if one["fixed"] else "{:g} to {:g}".format(*one["bounds"]),
        )
        for one in data["parameters"]
    ]  # fmt: skip
    yield ""
    yield from _table(("parameter", "size", "type", "constraint", "start", "bounds"), parameters)
    points = data["signal_points"]
    if points:
        labels = list(points[0]["values"])
        yield ""
        rows = [(one["name"], *(str(one["values"][label]) for label in labels)) for one in points]
        yield from _table(("signal point", *labels), rows)


def _table(heads: Sequence[str], rows: Rows) -> Iterator[str]:
    """Columns as wide as they must be."""
    columns = [column(head, [row[place] for row in rows]) for place, head in enumerate(heads)]
    for cells in zip(*columns, strict=True):
        yield "  ".join(cells).rstrip()
