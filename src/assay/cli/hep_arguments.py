"""What the commands of `assay hep` take, and the models that are made of it. JAX is imported when a model is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, final

import typer

from assay.cli.composing import made_by
from assay.errors import UsageError

__all__ = [
    "Interest", "Json", "Level", "Measurement", "Patch", "PatchFile", "Plot", "SignalPoints", "Statistic", "Value",
    "Workspace", "interest_of", "of_model", "of_signal_points",
]  # fmt: skip

PICTURES = (".png", ".svg", ".pdf")


@final
class Statistic(StrEnum):
    """The test statistics."""

    q_tilde = "q_tilde"
    q = "q"
    q0 = "q0"
    t_tilde = "t_tilde"
    t = "t"

    @property
    def quantity(self) -> str:
        """What a test of it ends in: tests of two sides have no CLs, theirs is the p-value."""
        return {"q0": "p0", "t_tilde": "p", "t": "p"}.get(self.value, "CLs")

    @property
    def of_limits(self) -> Statistic:
        """The one of an upper limit that knows the same signals: negative ones, or none."""
        return {"t_tilde": Statistic.q_tilde, "t": Statistic.q}.get(self.value, self)


def _checked_picture(plot: Path | None) -> Path | None:
    if plot is not None and plot.suffix not in PICTURES:
        raise UsageError(f"the output of a picture must end in {', '.join(PICTURES)}, got {plot}")
    if plot is not None and not plot.absolute().parent.is_dir():
        raise UsageError(f"the output of a picture must lie in a folder that is there, got {plot}")
    return plot


Workspace = Annotated[
    Path, typer.Argument(metavar="WORKSPACE.json", help="A workspace in pyhf's JSON format.")
]
Measurement = Annotated[str | None, typer.Option(help="By name; left out: the first one.")]
Interest = Annotated[str | None, typer.Option(help="Another parameter of interest than the measurement's.")]
PatchFile = Annotated[
    Path | None, typer.Option("--patchset", help="Signal points, in pyhf's patch set format.")
]
Patch = Annotated[
    str | None,
    typer.Option(
        help="The signal point, by name (left out, cls and limit take all), or a file with a JSON patch."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Plot = Annotated[
    Path | None,
    typer.Option(help="Draw a picture into this .png, .svg or .pdf file.", callback=_checked_picture),
]
Value = Annotated[float, typer.Option(help="Of the parameter of interest, that is tested.")]
Level = Annotated[float, typer.Option(help="The CLs at which a value is excluded.")]


@final
@dataclass(frozen=True)
class SignalPoints:
    """The models that a command is asked about.

    Arguments:
        models: one for each signal point; the only one where there is no choice.
        names: of the signal points; none where the command is about one model.
        labels: what the parameters of signal points are called.
        values: those of each signal point.
    """

    models: tuple[Any, ...]
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    values: tuple[tuple[float | str, ...], ...] = ()

    @property
    def interest(self) -> str:
        """The name of the parameter of interest."""
        return interest_of(self.models[0])


def interest_of(model: Any) -> str:
    """The name of a model's parameter of interest."""
    from assay.hep.parameters import parameter_names

    return parameter_names(model.layout.sets)[model.layout.interest]


def _signal_points(
    workspace: Workspace,
    measurement: Measurement = None,
    interest: Interest = None,
    patchset: PatchFile = None,
    patch: Patch = None,
) -> SignalPoints:
    """The models of the arguments that all commands share."""
    from assay.hep.build import build_model
    from assay.hep.patches import PatchSet
    from assay.hep.plain_json import read_json
    from assay.hep.workspace import Workspace as Whole

    whole = Whole.read(workspace)
    built = partial(build_model, measurement=measurement, interest=interest)
    if patchset is None and patch is not None:
        whole = whole.patched(_operations(patch))
    if patchset is None:
        return SignalPoints((built(whole),))
    patches = PatchSet.read(patchset)
    patches.verify(read_json(workspace, "a workspace"))
    if patch is not None:
        return SignalPoints((built(patches.apply(whole, patch)),))
    models = tuple(built(patches.apply(whole, name)) for name in patches.names)
    return SignalPoints(models, patches.names, patches.labels, patches.values)


def _operations(patch: str) -> Any:
    """The JSON patch of a file."""
    from assay.hep.plain_json import read_json

    if Path(patch).suffix != ".json":
        raise UsageError(
            f"--patch must name a signal point of --patchset, or without it a .json file that holds a JSON patch, got {patch!r}"
        )
    return read_json(patch, "a JSON patch")


def _model(
    workspace: Workspace,
    measurement: Measurement = None,
    interest: Interest = None,
    patchset: PatchFile = None,
    patch: Patch = None,
) -> Any:
    """The only model of the same arguments."""
    if patchset is not None and patch is None:
        raise UsageError(
            "--patch must name one signal point of --patchset, since only `cls` and `limit` take all of them, got none"
        )
    return _signal_points(workspace, measurement, interest, patchset, patch).models[0]


def of_model(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first argument, a model, is made of the arguments that all share, which it takes instead."""
    return made_by(_model, command)


def of_signal_points(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command whose first argument are `SignalPoints`."""
    return made_by(_signal_points, command)
