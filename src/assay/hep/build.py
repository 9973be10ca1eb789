"""From a workspace to a model: the templates as arrays, and which entry acts where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.errors import ConfigurationError, UsageError
from assay.hep.interpolation import check_codes
from assay.hep.layout import Layout
from assay.hep.model import Model
from assay.hep.parameters import ParameterSet, parameter_names, parameter_sets, place
from assay.hep.workspace import Binned, Channel, Histosys, Measurement, Normsys, Sample, Workspace

__all__ = ["build_model"]

Array = np.ndarray


def build_model(
    workspace: Workspace,
    *,
    measurement: str | None = None,
    interest: str | None = None,
    histosys: str = "code4p",
    normsys: str = "code4",
) -> Model:
    """The differentiable likelihood of a workspace.

    Arguments:
        workspace: what was published, or one of `assay.hep.simple`.
        measurement: by name; the first where none is named.
        interest: another parameter of interest than the measurement's.
        histosys: "code0", "code2" or "code4p".
        normsys: "code1" or "code4".

    Raises:
        ConfigurationError: naming channel, sample, modifier or parameter.
        UsageError: for a measurement, a parameter or an interpolation that does not exist.

    Example:
        >>> from assay.hep.simple import uncorrelated_background
        >>> model = build_model(uncorrelated_background([5.0], [50.0], [7.0], observed=[55.0]))
        >>> model.layout.size, model.nominal.tolist()
        (2, [50.0, 5.0])
    """
    _check_is_workspace(workspace)
    check_codes(histosys, normsys)
    measured = workspace.measurement(measurement)
    config = measured.config
    channels = sorted(workspace.channels, key=lambda channel: channel.name)
    sets = parameter_sets(channels, config.parameters)
    entries = _Entries(channels, sets)
    sets = _with_empty_bins_fixed(sets, entries)
    observed = {observation.name: observation.data for observation in workspace.observations}
    constrained = [item for item in sets if item.constraint != "none"]
    layout = Layout(
        channels=tuple((channel.name, len(channel.samples[0].data)) for channel in channels),
        sets=sets,
        interest=_interest(sets, interest, measured),
        histosys_code=histosys,
        normsys_code=normsys,
        cell_names=tuple(entries.cell_names),
        cell_bin=np.array(entries.cell_bin),
        factors=entries.factor_slots(sets[-1].start + sets[-1].size),
        histosys_cell=_whole(entries.histosys, 0),
        histosys_parameter=_whole(entries.histosys, 1),
        normsys_parameter=_whole(entries.normsys, 0),
        staterror_cell=_whole(entries.staterror, 0),
        staterror_parameter=_whole(entries.staterror, 1),
        shapesys_cell=_whole(entries.shapesys, 0),
        shapesys_parameter=_whole(entries.shapesys, 1),
        auxiliary_parameter=_per_parameter(
            [range(item.start, item.start + item.size) for item in constrained], int
        ),
        auxiliary_is_poisson=_true_of(constrained, lambda item: item.constraint == "poisson"),
        auxiliary_follows=_true_of(constrained, lambda item: item.auxdata is None),
        width_follows=_true_of(constrained, lambda item: _given_width(item) is None),
        lower=_per_parameter([[lower for lower, _ in item.bounds] for item in sets], float),
        upper=_per_parameter([[upper for _, upper in item.bounds] for item in sets], float),
        start=_per_parameter([item.inits for item in sets], float),
        fixed=_per_parameter([item.fixed for item in sets], bool),
    )
    return Model(
        layout=layout,
        nominal=np.array(entries.nominal),
        histosys_high=_real(entries.histosys, 2),
        histosys_low=_real(entries.histosys, 3),
        normsys_high=_real(entries.normsys, 1),
        normsys_low=_real(entries.normsys, 2),
        staterror=_real(entries.staterror, 2),
        shapesys=_real(entries.shapesys, 2),
        observed=np.concatenate([np.array(observed[channel.name], dtype=float) for channel in channels]),
        auxiliary=_per_parameter([item.auxdata or _centre(item) for item in constrained], float),
        width=_per_parameter([_given_width(item) or (1.0,) * item.size for item in constrained], float),
    )


def _check_is_workspace(given: object) -> None:
    if not isinstance(given, Workspace):
        raise UsageError(
            f"build_model takes a Workspace, got {type(given).__name__}; read one with Workspace.read(path), or make "
            f"one with Workspace.from_data(mapping)"
        )


class _Entries:
    """What is gathered in one walk over channels and samples: lists of tuples, one for each entry."""

    def __init__(self, channels: Sequence[Channel], sets: Sequence[ParameterSet]) -> None:
        self.by_name = {item.name: item for item in sets}
        self.places = {item.name: {bin_: index for index, bin_ in enumerate(item.bins)} for item in sets}
        self.cell_names: list[tuple[str, str, int]] = []
        self.cell_bin: list[int] = []
        self.nominal: list[float] = []
        self.slots: list[list[tuple[str, int]]] = []  # per cell: ("parameter" | "normsys", number)
        self.histosys: list[tuple[int, int, float, float]] = []
        self.normsys: list[tuple[int, float, float]] = []
        self.staterror: list[tuple[int, int, float]] = []
        self.shapesys: list[tuple[int, int, float]] = []
        first_bin = 0
        for channel in channels:
            for sample in sorted(channel.samples, key=lambda sample: sample.name):
                self._add(channel, sample, first_bin)
            first_bin += len(channel.samples[0].data)

    def _add(self, channel: Channel, sample: Sample, first_bin: int) -> None:
        first, bins = len(self.nominal), range(len(sample.data))
        self.nominal += sample.data
        self.cell_names += [(channel.name, sample.name, index) for index in bins]
        self.cell_bin += [first_bin + index for index in bins]
        self.slots += [[] for _ in bins]
        for modifier in sample.modifiers:
            name, start = modifier.name, self.by_name[modifier.name].start
            if isinstance(modifier, Histosys):
                pairs = zip(modifier.data.hi_data, modifier.data.lo_data, strict=True)
                self.histosys += [
                    (first + index, start, high, low) for index, (high, low) in enumerate(pairs)
                ]
                continue
            if isinstance(modifier, Normsys):
                used = [("normsys", len(self.normsys))] * len(bins)
                self.normsys.append((start, modifier.data.hi, modifier.data.lo))
            else:
                used = [("parameter", start + self._within(name, channel.name, index)) for index in bins]
            for index in bins:
                self.slots[first + index].append(used[index])
            if isinstance(modifier, Binned):
                target = self.staterror if modifier.type == "staterror" else self.shapesys
                target += [(first + index, used[index][1], size) for index, size in enumerate(modifier.data)]

    def _within(self, name: str, channel: str, index: int) -> int:
        """The place of a bin's parameter within its set; a shapefactor of other channels is shared bin by bin."""
        places = self.places[name]
        if not places:
            return 0
        return places.get((channel, index), index)

    def factor_slots(self, parameters: int) -> Array:
        """(cells, slots): numbers into [parameters, normsys entries, 1]."""
        one = parameters + len(self.normsys)
        slots = np.full((len(self.slots), max(map(len, self.slots))), one)
        for cell, used in enumerate(self.slots):
            slots[cell, : len(used)] = [
                number + (parameters if kind == "normsys" else 0) for kind, number in used
            ]
        return slots


def _interest(sets: Sequence[ParameterSet], wanted: str | None, measured: Measurement) -> int:
    """The place of the parameter of interest."""
    names = parameter_names(sets)
    if wanted is None and measured.config.poi not in names:
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise ConfigurationError(
            f"measurement {measured.name!r}: its parameter of interest must be a parameter of the model, got "
            f"{measured.config.poi!r}; name another one as `interest`, of {shown}"
        )
    return place(sets, wanted or measured.config.poi)


def _with_empty_bins_fixed(sets: tuple[ParameterSet, ...], entries: _Entries) -> tuple[ParameterSet, ...]:
    """Parameters of bins without yield or without uncertainty stand still: nothing depends on them or holds them."""
    alive = np.zeros(sets[-1].start + sets[-1].size, dtype=bool)
    total, square = np.zeros(len(alive)), np.zeros(len(alive))
    for cell, parameter, uncertainty in entries.staterror:
        total[parameter] += entries.nominal[cell]
        square[parameter] += uncertainty**2
    alive |= (total > 0) & (square > 0)
    for cell, parameter, uncertainty in entries.shapesys:
        alive[parameter] = entries.nominal[cell] > 0 and uncertainty > 0
    changed = []
    for item in sets:
        if item.types[0] in ("staterror", "shapesys"):
            dead = ~alive[item.start : item.start + item.size]
            _check_same_bins(item, entries)
            fixed = tuple(bool(now or empty) for now, empty in zip(item.fixed, dead, strict=True))
            item = replace(item, fixed=fixed)
        changed.append(item)
    return tuple(changed)


def _check_same_bins(item: ParameterSet, entries: _Entries) -> None:
    """Samples that share a staterror must carry it in the same channels, else its width means nothing."""
    if item.types != ("staterror",):
        return
    carried: dict[str, set[str]] = {}
    for cell, parameter, _ in entries.staterror:
        if item.start <= parameter < item.start + item.size:
            channel, sample, _ = entries.cell_names[cell]
            carried.setdefault(sample, set()).add(channel)
    wanted = {channel for channel, _ in item.bins}
    for sample, channels in carried.items():
        if channels != wanted:
            raise ConfigurationError(
                f"workspace: staterror {item.name!r} of sample {sample!r} must stand in every channel that has it "
                f"({', '.join(sorted(wanted))}), got {', '.join(sorted(channels))}"
            )


def _given_width(item: ParameterSet) -> tuple[float, ...] | None:
    """What a measurement sets for the width of a constraint; 1 for variations; None where the templates fix it."""
    if item.constraint == "poisson":
        return item.factors
    if item.types[0] == "staterror":
        return item.sigmas
    return item.sigmas or (1.0,) * item.size


def _centre(item: ParameterSet) -> tuple[float, ...]:
    """The nominal measurement behind a normal constraint."""
    return (1.0 if item.types[0] in ("lumi", "staterror") else 0.0,) * item.size


def _whole(entries: Sequence[tuple[Any, ...]], column: int) -> Array:
    return np.array([entry[column] for entry in entries], dtype=int)


def _real(entries: Sequence[tuple[Any, ...]], column: int) -> Array:
    return np.array([entry[column] for entry in entries], dtype=float)


def _true_of(sets: Sequence[ParameterSet], test: Callable[[ParameterSet], bool]) -> Array:
    """For each parameter of the sets, whether its set passes a test."""
    return _per_parameter([[test(item)] * item.size for item in sets], bool)


def _per_parameter(parts: Sequence[Any], kind: type) -> Array:
    return np.array([value for part in parts for value in part], dtype=kind)
