"""New yields in an old model, without building or compiling anything again: what a training does at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.hep.model import Model
from assay.numerics.compile import jax_module

__all__ = ["with_observed", "with_templates"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray


def with_templates(
    model: Model,
    channel: str,
    sample: str,
    nominal: Any,
    *,
    histosys: Mapping[str, tuple[Any, Any]] | None = None,
    normsys: Mapping[str, tuple[Any, Any]] | None = None,
    staterror: Any = None,
    shapesys: Any = None,
) -> Model:
    """The model with other templates of one sample of one channel; all may be traced.

    Arguments:
        nominal: (bins,), yields.
        histosys: the upper and lower varied yields, (bins,) each, by the name of the modifier.
        normsys: the upper and lower factors, by the name of the modifier.
        staterror, shapesys: (bins,), absolute uncertainties.

    Raises:
        UsageError: for a channel, sample or modifier that the model does not have, or a wrong number of bins.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))
        >>> other = with_templates(model, "singlechannel", "signal", np.array([10.0, 20.0]))
        >>> other.nominal.tolist()
        [50.0, 52.0, 10.0, 20.0]
    """
    cells = _cells(model, channel, sample)
    whose = f"sample {sample!r} of channel {channel!r}"
    changes: dict[str, Any] = {"nominal": _put(model.nominal, cells, nominal, f"the yields of {whose}")}
    layout = model.layout
    for name, (high, low) in (histosys or {}).items():
        entries = _entries(layout.histosys_cell, layout.histosys_parameter, cells, model, name, whose)
        for leaf, values in (("histosys_high", high), ("histosys_low", low)):
            changes[leaf] = _put(
                changes.get(leaf, getattr(model, leaf)), entries, values, f"histosys {name!r} of {whose}"
            )
    for name, (high, low) in (normsys or {}).items():
        entry = _normsys_entry(cells, model, name, whose)
        for leaf, value in (("normsys_high", high), ("normsys_low", low)):
            numbers = value[None] if isinstance(value, jax.Array) else np.array([value], dtype=float)
            changes[leaf] = _put(
                changes.get(leaf, getattr(model, leaf)), entry, numbers, f"normsys {name!r} of {whose}"
            )
    for leaf, values in (("staterror", staterror), ("shapesys", shapesys)):
        if values is None:
            continue
        entries = np.flatnonzero(np.isin(getattr(layout, f"{leaf}_cell"), cells))
        if not entries.size:
            raise UsageError(f"{whose} has no {leaf}")
        changes[leaf] = _put(getattr(model, leaf), entries, values, f"the {leaf} of {whose}")
    return replace(model, **changes)


def with_observed(model: Model, counts: Any) -> Model:
    """The model with other observed counts, (bins,) of all channels in the order of their names.

    Raises:
        UsageError: for a wrong number of bins.
    """
    return replace(
        model, observed=_put(model.observed, np.arange(model.layout.bins), counts, "the observed counts")
    )


def _cells(model: Model, channel: str, sample: str) -> Array:
    names = model.layout.cell_names
    cells = np.array([place for place, name in enumerate(names) if name[:2] == (channel, sample)], dtype=int)
    if not cells.size:
        there = ", ".join(sorted({f"{name[0]}/{name[1]}" for name in names}))
        raise UsageError(f"the model has no sample {sample!r} in a channel {channel!r}; it has {there}")
    return cells


def _start(model: Model, name: str) -> int:
    """The place of the first parameter of a name, or -1."""
    return next((item.start for item in model.layout.sets if item.name == name), -1)


def _normsys_entry(cells: Array, model: Model, name: str, whose: str) -> Array:
    """(1,): the entry of one normsys of one sample."""
    layout = model.layout
    used = layout.factors[cells[0]] - layout.size
    used = used[(used >= 0) & (used < len(layout.normsys_parameter))]
    entry = used[layout.normsys_parameter[used] == _start(model, name)]
    if not entry.size:
        raise UsageError(f"{whose} has no normsys {name!r}")
    return entry


def _entries(all_cells: Array, parameters: Array, cells: Array, model: Model, name: str, whose: str) -> Array:
    """The entries of one modifier of one sample, in the order of its bins."""
    entries = np.flatnonzero(np.isin(all_cells, cells) & (parameters == _start(model, name)))
    if not entries.size:
        raise UsageError(f"{whose} has no histosys {name!r}")
    return entries


def _put(leaf: Any, places: Array, values: Any, what: str) -> Any:
    """A leaf with other values at some places; in NumPy where nothing is traced."""
    shape = np.shape(values)
    if shape != places.shape:
        raise UsageError(f"{what} must be {len(places)} numbers, one for each bin, got shape {shape}")
    if isinstance(leaf, np.ndarray) and isinstance(values, np.ndarray | list | tuple):
        changed = leaf.copy()
        changed[places] = values
        return changed
    return jnp.asarray(leaf).at[places].set(values)
