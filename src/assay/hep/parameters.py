"""The parameters of a model: which there are, in which order, where they start, and what constrains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, final

from assay.errors import ConfigurationError, UsageError
from assay.hep.workspace import Channel, ParameterSettings

__all__ = ["ParameterSet", "parameter_names", "parameter_sets"]

Constraint = Literal["none", "normal", "poisson"]

TYPES = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")
CONSTRAINTS: Mapping[str, Constraint] = {
    "histosys": "normal",
    "lumi": "normal",
    "normfactor": "none",
    "normsys": "normal",
    "shapefactor": "none",
    "shapesys": "poisson",
    "staterror": "normal",
}
PER_BIN = ("shapefactor", "shapesys", "staterror")
SETTINGS = {"none": (), "normal": ("auxdata",), "poisson": ("auxdata", "factors")}
SIGMAS_OF = ("lumi", "staterror")

GAMMA_BOUNDS = (1e-10, 10.0)
BOUNDS = {
    "histosys": (-5.0, 5.0),
    "normsys": (-5.0, 5.0),
    "normfactor": (0.0, 10.0),
    "shapefactor": (0.0, 10.0),
    "shapesys": GAMMA_BOUNDS,
    "staterror": GAMMA_BOUNDS,
}
LUMI_NEEDS = ("inits", "bounds", "auxdata", "sigmas")


@final
@dataclass(frozen=True)
class ParameterSet:
    """One name of a workspace and its one or more parameters.

    Arguments:
        name: as the modifiers call it.
        types: of the modifiers that share it.
        bins: the (channel, bin) of each parameter where there is one per bin, empty for a single one.
        start: the place of the first in the vector of parameters.
        inits, bounds, fixed: per parameter.
        constraint: "none", "normal" or "poisson".
        auxdata, factors, sigmas: what the measurement sets for the constraint, None where the templates fix it.
    """

    name: str
    types: tuple[str, ...]
    bins: tuple[tuple[str, int], ...]
    constraint: Constraint
    inits: tuple[float, ...]
    bounds: tuple[tuple[float, float], ...]
    fixed: tuple[bool, ...]
    auxdata: tuple[float, ...] | None = None
    factors: tuple[float, ...] | None = None
    sigmas: tuple[float, ...] | None = None
    start: int = 0

    @property
    def size(self) -> int:
        """How many parameters it has."""
        return len(self.inits)

    @property
    def names(self) -> tuple[str, ...]:
        """The name, or `name[0]`, `name[1]`, … where there is one per bin."""
        return tuple(f"{self.name}[{index}]" for index in range(self.size)) if self.bins else (self.name,)


def parameter_names(sets: Sequence[ParameterSet]) -> tuple[str, ...]:
    """The names of all parameters, in the order of the vector."""
    return tuple(name for item in sets for name in item.names)


def parameter_sets(
    channels: Sequence[Channel], settings: Sequence[ParameterSettings]
) -> tuple[ParameterSet, ...]:
    """The parameters of sorted channels, in pyhf's order: by type, and within it as they are first met.

    Raises:
        ConfigurationError: when one name stands for parameters that cannot be the same, or a setting has the wrong
            length or no parameter.
    """
    found: dict[str, ParameterSet] = {}
    for kind in TYPES:
        for channel in channels:
            for sample in sorted(channel.samples, key=lambda sample: sample.name):
                for name in sorted(modifier.name for modifier in sample.modifiers if modifier.type == kind):
                    _meet(found, kind, name, channel, sample.name)
        if kind == "staterror":  # pyhf gathers these by name, not as they are met
            ordered = sorted(name for name, item in found.items() if item.types == ("staterror",))
            for name in ordered:
                found[name] = found.pop(name)
    configured = {setting.name: setting for setting in settings}
    if len(configured) < len(settings):
        names = [setting.name for setting in settings]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"measurement: each parameter must be set once, got {twice!r} twice")
    unknown = [name for name in configured if name not in found]
    if unknown:
        raise ConfigurationError(
            f"measurement: a setting must be for a parameter of the model, got {unknown[0]!r}"
        )
    placed, start = [], 0
    for item in found.values():
        item = _configured(item, configured.get(item.name))
        placed.append(replace(item, start=start))
        start += item.size
    if not placed:
        raise ConfigurationError("workspace: a model must have at least one parameter, got no modifier")
    return tuple(placed)


def _meet(found: dict[str, ParameterSet], kind: str, name: str, channel: Channel, sample: str) -> None:
    """Enter a modifier, or check that it may share what is there."""
    bins = (
        tuple((channel.name, index) for index in range(len(channel.samples[0].data)))
        if kind in PER_BIN
        else ()
    )
    bound = BOUNDS.get(kind, (0.0, 10.0))
    size = len(bins) or 1
    init = 0.0 if kind in ("histosys", "normsys") else 1.0
    new = ParameterSet(
        name, (kind,), bins, CONSTRAINTS[kind], (init,) * size, (bound,) * size, (False,) * size
    )
    old = found.get(name)
    if old is None:
        found[name] = new
        return
    whose = f"{kind} {name!r} of sample {sample!r} of channel {channel.name!r}"
    if kind in old.types:
        if kind == "shapesys":
            raise ConfigurationError(
                f"workspace: {whose} must be the only one of its name, since a shapesys is not shared"
            )
        if kind == "staterror" and not set(bins) <= set(old.bins):
            # One parameter per bin of every channel that carries it.
            size = old.size + len(bins)
            found[name] = replace(
                new,
                bins=(*old.bins, *bins),
                inits=(init,) * size,
                bounds=(bound,) * size,
                fixed=(False,) * size,
            )
        elif kind == "shapefactor" and len(bins) != old.size:
            raise ConfigurationError(
                f"workspace: {whose} must have {old.size} bins, as the others of its name, got {len(bins)}"
            )
        return
    if {kind, *old.types} != {"histosys", "normsys"}:
        raise ConfigurationError(
            f"workspace: {whose} must not share its name with a {old.types[0]}: only histosys and normsys may be one parameter"
        )
    found[name] = replace(old, types=(*old.types, kind))


def _configured(item: ParameterSet, settings: ParameterSettings | None) -> ParameterSet:
    """The parameters with what a measurement sets for them."""
    if item.types == ("lumi",):
        given = settings.model_dump(exclude_none=True) if settings else {}
        for key in LUMI_NEEDS:
            if key not in given:
                raise ConfigurationError(f"measurement: the parameter 'lumi' must have {key!r} set, got none")
    if settings is None:
        return item
    changes: dict[str, object] = {}
    for key in ("inits", "bounds", "auxdata", "factors", "sigmas"):
        values = getattr(settings, key)
        if values is None:
            continue
        if len(values) != item.size:
            raise ConfigurationError(
                f"measurement: {key!r} of parameter {item.name!r} must have {item.size} entries, got {len(values)}"
            )
        allowed = key in ("inits", "bounds", *SETTINGS[item.constraint])
        if not allowed and not (key == "sigmas" and item.types[0] in SIGMAS_OF):
            raise ConfigurationError(
                f"measurement: parameter {item.name!r} is a {item.types[0]}, which has no {key!r}"
            )
        changes[key] = tuple(values)
    if settings.fixed is not None:
        changes["fixed"] = (settings.fixed,) * item.size
    changed = replace(item, **changes)  # pyright: ignore[reportArgumentType]  # the keys are those of the loop
    _check_bounds(changed)
    return changed


def _check_bounds(item: ParameterSet) -> None:
    for name, init, (lower, upper) in zip(item.names, item.inits, item.bounds, strict=True):
        if not lower < upper:
            raise ConfigurationError(
                f"measurement: the bounds of parameter {name!r} must have the lower first, got {lower} and {upper}"
            )
        if not lower <= init <= upper:
            raise ConfigurationError(
                f"measurement: parameter {name!r} must start within its bounds {lower} to {upper}, got {init}"
            )


def place(sets: Sequence[ParameterSet], name: str) -> int:
    """The place of one parameter in the vector.

    Raises:
        UsageError: when there is none of that name; it lists some that there are.
    """
    names = parameter_names(sets)
    if name not in names:
        raise UsageError(
            f"the model has no parameter {name!r}; it has {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
        )
    return names.index(name)
